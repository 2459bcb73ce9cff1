//! Progress of things that take longer than a second; only on a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// A bar that appears after a second and vanishes when dropped.
pub struct Progress {
    what: &'static str,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Starts counting; `what` names the work.
    pub fn new(what: &'static str) -> Self {
        Progress { what, started: Instant::now(), bar: None }
    }

    /// A spinner for work of unknown length; turns by itself until dropped.
    pub fn spinner(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { what, started: Instant::now(), bar: Some(bar) }
    }

    /// A spinner says something else.
    #[cfg(feature = "sim")]
    pub fn say(&self, what: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(what);
        }
    }

    /// `done` of `total` are done.
    pub fn at(&mut self, done: usize, total: usize) {
        if self.bar.is_none() && self.started.elapsed() > Duration::from_secs(1) {
            // indicatif draws to standard error, and not at all unless that is a terminal
            let bar = ProgressBar::new(total as u64).with_message(self.what);
            if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
                bar.set_style(style);
            }
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
