//! What an author of a module can do wrong: one sentence each, with both sides and their widths.

use super::bits::Ty;
use std::fmt;

/// A fault in a module. `module` is always the name of the module that contains it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("module `{module}`: {what} needs equal widths, but `{left}` is {lt} and `{right}` is {rt}; extend the narrower one with `.ext({})`", lt.width.max(rt.width))]
    Width { module: String, what: String, left: String, lt: Ty, right: String, rt: Ty },
    #[error(
        "module `{module}`: {what} mixes signs, `{left}` is {lt} and `{right}` is {rt}; convert one with `.as_signed()` or `.as_unsigned()`"
    )]
    Sign { module: String, what: String, left: String, lt: Ty, right: String, rt: Ty },
    #[error("module `{module}`: `{target}` is {tt} but is given `{value}`, which is {vt}; cut it with `.trunc({})`", tt.width)]
    Narrow { module: String, target: String, tt: Ty, value: String, vt: Ty },
    #[error(
        "module `{module}`: {what} must be 1 bit wide, but `{sig}` is {ty}; reduce it with `.any()` or compare it"
    )]
    Condition { module: String, what: String, sig: String, ty: Ty },
    #[error("module `{module}`: bits {lo} to {hi} of `{sig}` do not exist, it is {ty}")]
    Slice { module: String, sig: String, ty: Ty, lo: u32, hi: u32 },
    #[error("module `{module}`: {what} of `{sig}` ({ty}) to {width} bits goes the wrong way")]
    Resize { module: String, what: String, sig: String, ty: Ty, width: u32 },
    #[error("module `{module}`: the value {value} for {what} does not fit {ty}")]
    Range { module: String, what: String, value: String, ty: Ty },
    #[error("module `{module}`: {what}: `{sig}` is {have} bits wide, it must be {want}")]
    Exact { module: String, what: String, sig: String, have: u32, want: u32 },
    #[error("module `{module}`: {what} has no bits; a width is at least 1")]
    Zero { module: String, what: String },
    #[error("module `{module}`: {kind} `{name}` is never driven; drive it once")]
    Undriven { module: String, kind: String, name: String },
    #[error("module `{module}`: {kind} `{name}` is driven twice, by `{first}` and by `{second}`")]
    Twice { module: String, kind: String, name: String, first: String, second: String },
    #[error("module `{module}`: combinational loop {}; put a register in it", path.join(" -> "))]
    Loop { module: String, path: Vec<String> },
    #[error(
        "module `{module}`: `{name}` is a reserved word of Verilog or SystemVerilog; choose another name"
    )]
    Reserved { module: String, name: String },
    #[error(
        "module `{module}`: `{name}` is not an identifier; use letters, digits and `_`, starting with a letter"
    )]
    Identifier { module: String, name: String },
    #[error("module `{module}`: the name `{name}` is used by {first} and by {second}")]
    Duplicate { module: String, name: String, first: String, second: String },
    #[error("module `{module}`: instance `{instance}` of `{child}` has no {dir} `{port}`; it has {}", has.join(", "))]
    Port { module: String, instance: String, child: String, dir: String, port: String, has: Vec<String> },
    #[error(
        "module `{module}`: `{port}` of instance `{instance}` of `{child}` is an {is}, it cannot be used as an {wanted}"
    )]
    Direction { module: String, instance: String, child: String, port: String, is: String, wanted: String },
    #[error("module `{module}`: `{sig}` belongs to module `{other}`; pass it through ports")]
    Foreign { module: String, sig: String, other: String },
    #[error(
        "modules `{first}` and `{second}` contain different modules that are both named `{name}`; put the parameters into the name"
    )]
    Conflict { name: String, first: String, second: String },
    #[error(
        "module `{module}`: bits {bits} of {kind} `{name}` are read by nothing; remove them or say `m.unused(\"why\", ..)`"
    )]
    Unused { module: String, kind: String, name: String, bits: String },
    #[error("module `{module}`: state machine `{fsm}` has no state `{state}`; it has {}", has.join(", "))]
    State { module: String, fsm: String, state: String, has: Vec<String> },
    #[error("module `{module}`: {what}")]
    Shape { module: String, what: String },
}

/// Every fault found, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors(pub Vec<Error>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (i, e) in self.0.iter().enumerate() {
            write!(f, "{}{e}", if i > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}
