//! The first activation code that differs between the device and the reference: where an explanation of different logits starts.

use crate::compile::Options;
use crate::compile::axis::Axis;
use crate::compile::plan::Plan;
use crate::error::{Error, Result};
use crate::image::Image;
use crate::model::Model;
use crate::reference::{GROUPS, Quantized, Reference};
use crate::session::Session;
use std::cell::RefCell;
use std::rc::Rc;
use sterna_spec::device::{Device, DeviceError};
use sterna_spec::golden::{Golden, Write};
use sterna_spec::isa::DstKind;

/// One code that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Flip {
    /// Token of the text.
    pub position: usize,
    /// Layer.
    pub layer: usize,
    /// The matrices that the codes are for.
    pub group: &'static str,
    /// Element of the vector.
    pub element: usize,
    /// What the reference rounds.
    pub value: f32,
    /// The reference's code.
    pub reference: i8,
    /// The device's code.
    pub device: i8,
    /// How many codes of the text differ, and how many there are.
    pub count: (usize, usize),
}

/// Runs `tokens` on the golden model of the image's device and on the reference. The first flip is that of the lowest layer and
/// group, then of the earliest position: later ones may only follow from it. None if all codes are equal.
pub fn first_flip(model: &Model, image: &Image, tokens: &[u32]) -> Result<Option<Flip>> {
    let mut reference = Reference::new(model);
    reference.record();
    reference.hidden(tokens);
    let want = reference.take_record();
    let options = Options { context: image.context, ..Options::default() };
    let plan = Plan::new(&model.config, &image.config, &options).map_err(Error::Limits)?;
    let have = device_codes(image, tokens)?;
    let mut first = None;
    let (mut different, mut all) = (0, 0);
    for (index, quantized) in want.iter().enumerate() {
        let (layer, group) = (index / GROUPS.len(), index % GROUPS.len());
        let axis = [&plan.hidden, &plan.queries, &plan.hidden, &plan.ffn][group];
        for position in 0..tokens.len() {
            let Some(codes) = have.get(position).and_then(|p| p.get(index)) else { continue };
            all += axis.len;
            for (element, device) in differences(axis, quantized, codes, position) {
                different += 1;
                first.get_or_insert(Flip {
                    position,
                    layer,
                    group: GROUPS[group],
                    element,
                    value: quantized.scaled[(position, element)],
                    reference: quantized.codes[(position, element)],
                    device,
                    count: (0, 0),
                });
            }
        }
    }
    Ok(first.map(|flip| Flip { count: (different, all), ..flip }))
}

/// Elements and the device's codes where they differ at a position.
fn differences(axis: &Axis, want: &Quantized, codes: &[i8], position: usize) -> Vec<(usize, i8)> {
    let differs = |(place, &code): (usize, &i8)| {
        let element = axis.source(place)?;
        (want.codes[(position, element)] != code).then_some((element, code))
    };
    codes.iter().enumerate().filter_map(differs).collect()
}

/// Activation codes of the golden model of the image's device: for each token, for each quantized vector of the body, the vector
/// with its padding.
pub fn device_codes(image: &Image, tokens: &[u32]) -> Result<Vec<Vec<Vec<i8>>>> {
    let golden = Recorded(Rc::new(RefCell::new(Golden::new(&image.config))));
    let log = golden.0.clone();
    let mut session = Session::new(Box::new(golden), image.clone())?;
    let mut all = Vec::new();
    for piece in tokens.chunks(image.config.rows as usize) {
        log.borrow_mut().record(true);
        session.prefill(piece)?;
        let writes = log.borrow_mut().take_log();
        all.extend((0..piece.len()).map(|row| vectors(&writes, row as u32)));
    }
    Ok(all)
}

/// The activation vectors of a row, in the order of their instructions.
fn vectors(writes: &[Write], row: u32) -> Vec<Vec<i8>> {
    let mut vectors: Vec<(u32, Vec<i8>)> = Vec::new();
    for write in writes.iter().filter(|w| w.kind == DstKind::Act as u8 && w.row == row) {
        match vectors.last_mut() {
            Some((instruction, codes)) if *instruction == write.instruction => {
                codes.extend(write.data.iter().map(|&d| d as i8));
            }
            _ => vectors.push((write.instruction, write.data.iter().map(|&d| d as i8).collect())),
        }
    }
    vectors.into_iter().map(|(_, codes)| codes).collect()
}

/// A golden model that is also looked at from outside.
struct Recorded(Rc<RefCell<Golden>>);

impl Device for Recorded {
    fn read_register(&mut self, offset: u32) -> std::result::Result<u32, DeviceError> {
        self.0.borrow_mut().read_register(offset)
    }

    fn write_register(&mut self, offset: u32, value: u32) -> std::result::Result<(), DeviceError> {
        self.0.borrow_mut().write_register(offset, value)
    }

    fn read_memory(&mut self, address: u64, bytes: &mut [u8]) -> std::result::Result<(), DeviceError> {
        self.0.borrow_mut().read_memory(address, bytes)
    }

    fn write_memory(&mut self, address: u64, bytes: &[u8]) -> std::result::Result<(), DeviceError> {
        self.0.borrow_mut().write_memory(address, bytes)
    }

    fn wait(&mut self) -> std::result::Result<(), DeviceError> {
        self.0.borrow_mut().wait()
    }

    fn reserve_memory(&mut self, bytes: u64) -> std::result::Result<(), DeviceError> {
        self.0.borrow_mut().reserve_memory(bytes)
    }
}
