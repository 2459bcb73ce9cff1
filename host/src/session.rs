//! A session: one sequence of tokens on a device. Prefill is the only entry; decoding is prefill of one token.

use crate::driver::{Counters, Driver, Row};
use crate::error::{Error, Result};
use crate::image::Image;
use ndarray::Array2;
use sterna_spec::device::Device;

/// What a prefill gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// `(token, logit)` after the last token, largest first, as many as the device selects.
    pub top_k: Vec<(u32, f32)>,
    /// Steps taken.
    pub steps: usize,
    /// Counters of these steps together.
    pub counters: Counters,
}

/// A device that holds a model and the KV cache of one sequence.
pub struct Session<'d> {
    driver: Driver<'d>,
    position: usize,
}

impl<'d> Session<'d> {
    /// Loads `image` into `device` and starts an empty sequence.
    pub fn new(device: Box<dyn Device + 'd>, image: Image) -> Result<Self> {
        Session::with_progress(device, image, |_, _| {})
    }

    /// As [`Session::new`]; `progress(bytes loaded, all bytes)` is called now and then.
    pub fn with_progress(
        device: Box<dyn Device + 'd>,
        image: Image,
        progress: impl FnMut(usize, usize),
    ) -> Result<Self> {
        Ok(Session { driver: Driver::with_progress(device, image, progress)?, position: 0 })
    }

    /// Positions used so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Forgets everything from `position` on; what lies beyond the present position stays as it is.
    pub fn rewind(&mut self, position: usize) {
        self.position = self.position.min(position);
    }

    /// The driver, for reading memory.
    pub fn driver(&mut self) -> &mut Driver<'d> {
        &mut self.driver
    }

    /// Appends `tokens` (at least one) in steps of as many rows as the device has; selects after the last one.
    pub fn prefill(&mut self, tokens: &[u32]) -> Result<Output> {
        self.prefill_with(tokens, |_| {})
    }

    /// As [`Session::prefill`]; `progress(tokens done)` is called after each step.
    pub fn prefill_with(&mut self, tokens: &[u32], mut progress: impl FnMut(usize)) -> Result<Output> {
        self.check(tokens)?;
        let rows = self.driver.image().config.rows as usize;
        let (mut counters, mut steps, mut last_row) = (Counters::default(), 0, 0);
        let last = self.position + tokens.len() - 1;
        for piece in tokens.chunks(rows) {
            counters += self.driver.step(&self.rows(piece, |position| position == last))?;
            self.position += piece.len();
            steps += 1;
            last_row = piece.len() - 1;
            progress(self.position + tokens.len() - last - 1);
        }
        let top_k = self.driver.top_k(last_row, usize::MAX)?;
        Ok(Output { top_k, steps, counters })
    }

    /// Appends `tokens` and gives all logits after each of them, `[tokens, vocab]`.
    pub fn logits(&mut self, tokens: &[u32]) -> Result<Array2<f32>> {
        self.check(tokens)?;
        let (rows, vocab) = (self.driver.image().config.rows as usize, self.driver.image().vocab);
        let mut all = Array2::zeros((tokens.len(), vocab));
        let mut outputs = all.outer_iter_mut();
        for piece in tokens.chunks(rows) {
            let step = self.rows(piece, |_| true);
            self.driver.step(&step)?;
            self.driver.store_logits(&step)?;
            for (row, mut output) in (0..piece.len()).zip(&mut outputs) {
                output.assign(&ndarray::ArrayView1::from(&self.driver.logits(row)?));
            }
            self.position += piece.len();
        }
        Ok(all)
    }

    fn rows(&self, tokens: &[u32], logits: impl Fn(usize) -> bool) -> Vec<Row> {
        let row = |(position, &token): (usize, &u32)| Row {
            token,
            position,
            sequence: 0,
            logits: logits(position),
        };
        (self.position..).zip(tokens).map(row).collect()
    }

    fn check(&self, tokens: &[u32]) -> Result<()> {
        let Image { context, vocab, .. } = *self.driver.image();
        if tokens.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if let Some(&token) = tokens.iter().find(|&&t| t as usize >= vocab) {
            return Err(Error::Token { token, vocab });
        }
        if self.position + tokens.len() > context {
            return Err(Error::ContextFull { used: self.position, context, asked: tokens.len() });
        }
        Ok(())
    }
}
