//! Sessions with a device as files: recorded once, played back without the device, or run again on another one and compared.
//!
//! ```text
//! gzip of:  "STRNREC1"
//!           length u32, JSON: {"device": name, "config": the device's configuration}
//!           calls: operation u8, then for
//!             1 read register    offset u32, value u32
//!             2 write register   offset u32, value u32
//!             3 read memory      address u64, length u32, bytes
//!             4 write memory     address u64, length u32, bytes
//!             5 wait             -
//!             6 reserve memory   bytes u64
//!             a failed call has 128 more and then, behind its arguments, length u32 and the message
//!           0, number of calls u64
//! ```
//!
//! All numbers are little-endian. A file without its end was cut off and is refused.

mod format;
mod player;
mod recorder;

pub use format::{Call, Operation, Recording};
pub use player::{Outcome, Player, rerun};
pub use recorder::{Recorder, Tape};
