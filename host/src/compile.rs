//! The program compiler: a model and a device in, a memory image out.
//!
//! | file | what it does |
//! |---|---|
//! | `plan.rs` | places values in the device's memories; reports every limit that the model breaks |
//! | `layer.rs` | the instructions of a layer |
//! | `norm.rs` | from values to activation codes |
//! | `axis.rs` | pads the model's dimensions to the device's words |
//! | `attention.rs` | from the joined query, key and value matrix to the heads' outputs |
//! | `head.rs` | quantizes the head to planes; its instructions |
//! | `tables.rs` | embedding and rotary rows |
//! | `listing.rs` | reads a program back |

mod attention;
pub mod axis;
pub mod head;
pub mod layer;
pub mod listing;
mod norm;
pub mod plan;
pub mod tables;

use crate::error::{Error, Result};
use crate::image::{Image, Map, Region, port_bases, row_beats};
use crate::model::Model;
use crate::refine::Refine;
use head::Head;
use layer::Emitter;
use plan::Plan;
use sterna_spec::config::Config;
use sterna_spec::isa::{Instruction, MAX_PLANES};
use sterna_spec::layout::KvLayout;
use sterna_spec::stream::{Outlined, StreamBuilder};

/// Name of the part of a step that only rows which ask for logits need.
pub const HEAD: &str = "head";

/// What is chosen when a model is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Positions of a sequence.
    pub context: usize,
    /// Sequences whose KV caches fit the image.
    pub sequences: usize,
    /// Balanced ternary planes of the head: 4 hold +-40, 5 hold +-121. None: 4 if they hold it as well as 5, else 5.
    pub planes: Option<u8>,
    /// Planes of a first pass over all tokens, after which the selected ones alone get those of the head: [`crate::refine`].
    /// None: one pass.
    pub draft: Option<u8>,
}

impl Default for Options {
    fn default() -> Self {
        Options { context: 256, sequences: 1, planes: None, draft: None }
    }
}

/// Compiles `model` for `device`. An error lists every limit that the model breaks.
pub fn compile(model: &Model, device: &Config, options: &Options) -> Result<Image> {
    compile_with(model, device, options, |_, _| {})
}

/// As [`compile`]; `progress(done, all)` is called after each layer and after each of the two heads.
pub fn compile_with(
    model: &Model,
    device: &Config,
    options: &Options,
    mut progress: impl FnMut(usize, usize),
) -> Result<Image> {
    let plan = Plan::new(&model.config, device, options).map_err(Error::Limits)?;
    let kv_layout = KvLayout::new(device, plan.head_size, options.context);
    // growing by doubling would take twice the memory in between
    let mut bytes = Vec::with_capacity(size_at_least(model, device));
    tables::embedding(device, &model.weights.embedding, &plan.hidden, &mut bytes);
    let embedding = Region { base: 0, beats: bytes.len() / device.beat_bytes() };
    tables::rotary(device, &model.config, options.context, plan.head_size, &mut bytes);
    let rotary = Region { base: embedding.end(), beats: bytes.len() / device.beat_bytes() - embedding.end() };

    let out = StreamBuilder::behind(device, bytes);
    let mut emitter = Emitter {
        out,
        model: &model.config,
        device,
        plan,
        kv: kv_layout,
        parts: Vec::new(),
        gain: 0,
        second_half: true,
    };
    let head = Head::new(model.head(), &model.weights.final_norm, options.planes);
    let draft = options.draft.map(|planes| Head::quantize(model.head(), planes));
    let all = model.config.layers + 2;
    emitter.step(model, draft.as_ref().unwrap_or(&head), embedding, rotary, &mut |done| progress(done, all));
    let step = Region { base: rotary.end(), beats: emitter.out.beats() };
    emitter.logits(&head);
    progress(all, all);
    let logits = Region { base: step.end(), beats: emitter.out.beats() - step.beats };
    let (parts, bytes) = (emitter.parts, emitter.out.into_bytes());
    let most =
        |_| Refine::new(device, model.config.vocab, &bytes[logits.base * device.beat_bytes()..]).most_beats();
    let refine = Region { base: logits.end(), beats: options.draft.map_or(0, most) };

    let padded_vocab = model.config.vocab.next_multiple_of(device.lanes as usize);
    let result_stride = row_beats(device, padded_vocab);
    let kv_stride = model.config.layers * model.config.kv_heads * kv_layout.area_beats();
    let kv = Region { base: refine.end(), beats: options.sequences * kv_stride };
    let result = Region { base: kv.end(), beats: device.rows as usize * result_stride };
    let image = Image {
        config: device.clone(),
        port_bases: port_bases(device, result.end()),
        map: Map { embedding, rotary, step, logits, refine, kv, kv_stride, kv_layout, result, result_stride },
        bytes,
        parts,
        context: options.context,
        sequences: options.sequences,
        vocab: model.config.vocab,
    };
    check_addresses(image)
}

/// The step's instructions without the weights, made by the same code in milliseconds: what a model of the hardware's speed walks
/// through. Without `options.planes` the head has five planes.
///
/// # Errors
/// Every limit of the device that the model breaks.
pub fn outline(model: &Model, device: &Config, options: &Options) -> Result<Vec<Outlined>> {
    let plan = Plan::new(&model.config, device, options).map_err(Error::Limits)?;
    let kv = KvLayout::new(device, plan.head_size, options.context);
    let embedding = Region { base: 0, beats: model.config.vocab * row_beats(device, plan.hidden.padded) };
    let rotary =
        Region { base: embedding.end(), beats: options.context * row_beats(device, 2 * plan.head_size) };
    let planes = options.draft.or(options.planes).unwrap_or(MAX_PLANES as u8);
    let head = Head::unread(model.head(), planes);
    let mut emitter = Emitter {
        out: StreamBuilder::outline(device),
        model: &model.config,
        device,
        plan,
        kv,
        parts: Vec::new(),
        gain: 0,
        second_half: true,
    };
    emitter.step(model, &head, embedding, rotary, &mut |_| {});
    Ok(emitter.out.outlined())
}

/// Bytes of embedding and weights, and a bit more.
fn size_at_least(model: &Model, device: &Config) -> usize {
    let c = &model.config;
    let weights: usize = model.matrices().map(|(_, m)| m.outputs() * m.inputs()).sum();
    let trits = weights + 2 * MAX_PLANES * c.vocab * c.hidden;
    let a_beat = device.lookups as usize * device.chunk();
    4 * c.vocab * c.hidden + trits / a_beat * device.beat_bytes() / 20 * 21
}

/// Refuses an image that 32-bit beat numbers or the bus cannot reach.
fn check_addresses(image: Image) -> Result<Image> {
    let (bytes, bits) = (image.memory_bytes(), image.config.address_bits);
    let mut problems = Vec::new();
    if bits < 64 && bytes >> bits != 0 {
        let remedy = "use a device with a larger address_bits, or a smaller context (-c)";
        problems.push(format!("the image takes {bytes} bytes but addresses have {bits} bits; {remedy}"));
    }
    if u32::try_from(image.map.result.end()).is_err() {
        let (beats, beat) = (image.map.result.end(), image.config.beat_bytes());
        let remedy = "use a device with wider beats, or a smaller context (-c)";
        problems
            .push(format!("the image takes {beats} beats of {beat} bytes but 2^32 is the most; {remedy}"));
    }
    if problems.is_empty() { Ok(image) } else { Err(Error::Limits(problems)) }
}

impl Emitter<'_> {
    /// The whole step: rows in, layers, body end, head.
    fn step(
        &mut self,
        model: &Model,
        head: &Head,
        embedding: Region,
        rotary: Region,
        progress: &mut dyn FnMut(usize),
    ) {
        self.part("embedding");
        let rotary_words = 2 * self.plan.head;
        let (addr, stride) = (embedding.base as u32, row_beats(self.device, self.plan.hidden.padded) as u32);
        let (dst, words) = (self.plan.x, self.words(self.plan.hidden.padded));
        self.out.push(Instruction::Gather {
            words,
            by_position: false,
            shared: false,
            dst,
            row_stride: 0,
            addr,
            stride,
        });
        let (addr, stride) = (rotary.base as u32, row_beats(self.device, 2 * self.plan.head_size) as u32);
        let (dst, words, row_stride) = (self.plan.rotary, rotary_words, rotary_words as u8);
        self.out.push(Instruction::Gather {
            words,
            by_position: true,
            shared: true,
            dst,
            row_stride,
            addr,
            stride,
        });
        let layers = &model.weights.layers;
        let hidden = self.plan.hidden.clone();
        if let Some(first) = layers.first() {
            self.load_gain(Some((&first.input_norm, &hidden)));
            self.norm(self.plan.x, &hidden, 0..hidden.padded, false);
        }
        for (index, layer) in layers.iter().enumerate() {
            self.layer(index, layer, layers.get(index + 1));
            progress(index + 1);
        }
        self.part(HEAD);
        let gain = &model.weights.final_norm;
        self.load_gain(Some((gain, &hidden)));
        self.norm(self.plan.x, &hidden, 0..hidden.padded, true);
        self.codes(Some(gain), &hidden, 1.0, true);
        self.head(head, false);
        progress(model.config.layers + 1);
        self.out.push(Instruction::End { body: false });
    }

    /// The head once more, with logits to memory. It runs on the activation codes that a whole step left behind.
    fn logits(&mut self, head: &Head) {
        self.part("head with logits");
        self.head(head, true);
        self.out.push(Instruction::End { body: false });
    }
}
