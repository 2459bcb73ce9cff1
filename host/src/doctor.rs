//! What is wrong with a machine, a line or a device: one check after the other, each passed, failed or passed over, with the remedy.
//!
//! | file | what it checks |
//! |---|---|
//! | `tools.rs` | programs that simulate, synthesize and load: there or not, and what for |
//! | `ports.rs` | serial ports: who may use them |
//! | `device.rs` | a device: what it is, and all that follows |
//! | `memory.rs` | its memory, without changing it |
//! | `clock.rs` | its clock against this machine's |
//! | `line.rs` | how fast the line is, and its errors |
//! | `selftest.rs` | a small random model on it, compared with the golden model |

pub mod clock;
pub mod device;
pub mod line;
pub mod memory;
pub mod ports;
pub mod selftest;
pub mod tools;

use serde::Serialize;
use std::fmt;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail,
    /// Not checked, and why.
    Skip,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Check {
    fn new(outcome: Outcome, name: &str, found: impl Into<String>, remedy: Option<String>) -> Self {
        Check { name: name.into(), outcome, found: found.into(), remedy }
    }

    /// All is well.
    pub fn pass(name: &str, found: impl Into<String>) -> Self {
        Check::new(Outcome::Pass, name, found, None)
    }

    /// Something is wrong.
    pub fn fail(name: &str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Check::new(Outcome::Fail, name, found, Some(remedy.into()))
    }

    /// Something is wrong: a sentence whose remedy stands behind a semicolon.
    pub fn error(name: &str, sentence: &str) -> Self {
        let (found, remedy) = match sentence.split_once("; ") {
            Some((found, remedy)) => (found, Some(remedy.into())),
            None => (sentence, None),
        };
        Check::new(Outcome::Fail, name, found, remedy)
    }

    /// Not checked.
    pub fn skip(name: &str, why: impl Into<String>, remedy: Option<&str>) -> Self {
        Check::new(Outcome::Skip, name, why, remedy.map(Into::into))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Pass => "pass",
            Outcome::Fail => "FAIL",
            Outcome::Skip => "skip",
        };
        write!(f, "{outcome}  {:<14} {}", self.name, self.found)?;
        self.remedy.iter().try_for_each(|remedy| write!(f, "; {remedy}"))
    }
}
