//! A running model: ports and clock.

use std::ffi::{CStr, CString, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::design::{Design, Opened, Port, PortInfo};
use crate::error::Error;
use crate::options::{Init, Options, Source};
use crate::ports::Direction;

/// Values of the shim's `VrsStatus`.
const FINISHED: c_int = 1;
const FAILED: c_int = 2;

/// How a port is stored in the model.
#[derive(Clone, Copy)]
enum Storage {
    Bits8,
    Bits16,
    Bits32,
    Bits64,
    /// An array of this many 32-bit words, least significant first.
    Words(u32),
}

/// What `set` and `get` need of a port, in one place.
#[derive(Clone, Copy)]
struct Slot {
    address: *mut u8,
    storage: Storage,
    settable: bool,
    /// Bits.
    width: u32,
    /// The bits of a `u64` that fit the port.
    mask: u64,
}

/// An instance of a design.
///
/// ## When inputs are sampled and outputs are valid
///
/// One cycle of [`tick`](Model::tick) evaluates the model with the clock at 0, then with the clock at 1:
///
/// - Inputs set before `tick` reach all combinational logic in the evaluation at 0 and are sampled by the rising edge. Logic on the
///   falling edge sees them too, at the start of the cycle.
/// - After `tick` the clock is 1. Registers hold their new values, and every output, combinational ones included, is that of the new
///   registers and of the inputs set before `tick`.
/// - After an input has changed, outputs that depend on it combinationally are valid once [`eval`](Model::eval) has run (or the next
///   `tick`, which also clocks). `eval` without a change of an input changes nothing.
///
/// In a trace, cycle `n` spans the times `10 n` (clock 0) to `10 n + 9`, with the rising edge at `10 n + 5`.
///
/// ## Threads and randomness
///
/// A model can be moved between threads, and models can run in different threads at the same time. Initial values depend on the
/// seed alone. `$random` at run time shares Verilator's one generator per thread, which is reseeded whenever a model of the same
/// design is made: it is reproducible only while one model runs and none is made.
///
/// What the model prints (`$display`) goes to the process's standard output.
pub struct Model {
    slots: Box<[Slot]>,
    pub(crate) instance: *mut c_void,
    cycle: u64,
    finished: bool,
    pub(crate) opened: Arc<Opened>,
}

// SAFETY: the instance, its VerilatedContext and the port storage are reached through this value alone, and the shim sets the
// runtime's thread-local state anew on each call, so it may run in any one thread at a time. (`Sync` is not claimed.)
unsafe impl Send for Model {}

impl Model {
    /// Builds or finds the design, opens it and makes a model with `options.init`.
    pub fn load(source: &Source, options: &Options) -> Result<Model, Error> {
        Design::build(source, options)?.model(options.init)
    }

    pub(crate) fn new(opened: Arc<Opened>, init: Init) -> Result<Model, Error> {
        let functions = opened.functions;
        let clock = opened.clock.map_or(-1, |index| index as c_int);
        // SAFETY: seed and clock are in the ranges that the shim names; it always returns an instance.
        let instance = unsafe { (functions.new)(init.seed(), clock) };
        let mut model = Model { slots: Box::default(), instance, cycle: 0, finished: false, opened };
        // SAFETY: `instance` is live.
        let status = unsafe { (functions.status)(instance) };
        model.accept(status)?;
        let mut addresses = vec![std::ptr::null_mut(); model.opened.ports.len()];
        // SAFETY: the instance was made whole (the status says so); the shim writes one address for each port of its table.
        unsafe { (functions.addresses)(instance, addresses.as_mut_ptr()) };
        model.slots = model
            .opened
            .ports
            .iter()
            .zip(addresses)
            .map(|(port, address)| Slot::new(port, address))
            .collect();
        Ok(model)
    }

    /// The port of this name; look ports up once, not in each cycle.
    pub fn port(&self, name: &str) -> Result<Port, Error> {
        self.opened.port(name)
    }

    /// Name, direction and width of a port.
    pub fn info(&self, port: Port) -> &PortInfo {
        &self.opened.ports[port.0 as usize]
    }

    /// The ports in the order of Verilator's header.
    pub fn ports(&self) -> impl Iterator<Item = (Port, &PortInfo)> {
        (0..).map(Port).zip(&self.opened.ports)
    }

    /// Sets an input of any width to `value`; bits from 64 up become 0. Nothing is evaluated.
    #[inline]
    pub fn set(&mut self, port: Port, value: u64) -> Result<(), Error> {
        let slot = self.slots[port.0 as usize];
        if value & !slot.mask != 0 || !slot.settable {
            return Err(self.refusal(port, || format!("{value:#x}")));
        }
        // SAFETY: `address` is the aligned storage of the port in the live model and has the type that `storage` says; `&mut self`
        // keeps evaluation and other access away.
        unsafe {
            match slot.storage {
                Storage::Bits8 => *slot.address = value as u8,
                Storage::Bits16 => *slot.address.cast::<u16>() = value as u16,
                Storage::Bits32 => *slot.address.cast::<u32>() = value as u32,
                Storage::Bits64 => *slot.address.cast::<u64>() = value,
                Storage::Words(count) => {
                    let words = std::slice::from_raw_parts_mut(slot.address.cast::<u32>(), count as usize);
                    words.fill(0);
                    words[0] = value as u32;
                    words[1] = (value >> 32) as u32;
                }
            }
        }
        Ok(())
    }

    /// The value of a port; of a port wider than 64 bits, its low 64 bits.
    #[inline]
    pub fn get(&self, port: Port) -> u64 {
        let slot = self.slots[port.0 as usize];
        // SAFETY: as in `set`, for reading; arrays of words have 3 or more.
        unsafe {
            match slot.storage {
                Storage::Bits8 => u64::from(*slot.address),
                Storage::Bits16 => u64::from(*slot.address.cast::<u16>()),
                Storage::Bits32 => u64::from(*slot.address.cast::<u32>()),
                Storage::Bits64 => *slot.address.cast::<u64>(),
                Storage::Words(_) => {
                    let words = slot.address.cast::<u32>();
                    u64::from(*words) | u64::from(*words.add(1)) << 32
                }
            }
        }
    }

    /// Sets an input from 32-bit words, least significant first: as many as its width needs.
    #[inline]
    pub fn set_wide(&mut self, port: Port, words: &[u32]) -> Result<(), Error> {
        self.check_words(port, words.len())?;
        let Slot { address, storage, settable, width, .. } = self.slots[port.0 as usize];
        let used = width % 32;
        let spare = words.last().is_some_and(|last| used != 0 && last >> used != 0);
        if spare || !settable {
            return Err(self.refusal(port, || hexadecimal(words)));
        }
        if let Storage::Words(count) = storage {
            // SAFETY: as in `set`; `check_words` made the lengths equal.
            unsafe { std::slice::from_raw_parts_mut(address.cast::<u32>(), count as usize) }
                .copy_from_slice(words);
            return Ok(());
        }
        let high = words.get(1).copied().unwrap_or(0);
        self.set(port, u64::from(words[0]) | u64::from(high) << 32)
    }

    /// Writes the value of a port to 32-bit words, least significant first: as many as its width needs.
    #[inline]
    pub fn get_wide(&self, port: Port, words: &mut [u32]) -> Result<(), Error> {
        self.check_words(port, words.len())?;
        let slot = self.slots[port.0 as usize];
        if let Storage::Words(count) = slot.storage {
            // SAFETY: as in `get`; `check_words` made the lengths equal.
            words.copy_from_slice(unsafe {
                std::slice::from_raw_parts(slot.address.cast::<u32>(), count as usize)
            });
        } else {
            let value = self.get(port);
            words.iter_mut().zip([value as u32, (value >> 32) as u32]).for_each(|(word, part)| *word = part);
        }
        Ok(())
    }

    /// Propagates changed inputs through combinational logic (and clocks, where a clock was changed by `set`).
    pub fn eval(&mut self) -> Result<(), Error> {
        // SAFETY: `instance` is live.
        let status = unsafe { (self.opened.functions.eval)(self.instance) };
        self.accept(status)
    }

    /// Runs `count` cycles of the clock and returns how many ran: fewer if the model executed `$finish`. See [`Model`] for what is
    /// sampled when.
    pub fn tick(&mut self, count: u64) -> Result<u64, Error> {
        if self.opened.clock.is_none() {
            return Err(Error::NoClock { top: self.opened.top.clone() });
        }
        let before = self.cycle;
        // SAFETY: `instance` is live and has a clock.
        let status = unsafe { (self.opened.functions.tick)(self.instance, count, &mut self.cycle) };
        self.accept(status)?;
        Ok(self.cycle - before)
    }

    /// Cycles run since the start.
    pub fn cycle(&self) -> u64 {
        self.cycle
    }

    /// Whether the model executed `$finish`; `tick` then runs no further cycle.
    pub fn finished(&self) -> bool {
        self.finished
    }

    /// Turns the shim's status into a flag or an error.
    fn accept(&mut self, status: c_int) -> Result<(), Error> {
        self.finished |= status == FINISHED;
        if status != FAILED {
            return Ok(());
        }
        // SAFETY: `instance` is live; its message is a C string that is copied before any further call.
        let message = unsafe { CStr::from_ptr((self.opened.functions.message)(self.instance)) };
        let message = message.to_string_lossy().into_owned();
        Err(Error::Stopped { top: self.opened.top.clone(), cycle: self.cycle, message })
    }

    /// Why a port cannot be set to a value.
    #[cold]
    fn refusal(&self, port: Port, value: impl Fn() -> String) -> Error {
        let PortInfo { name, direction, width, .. } = self.info(port).clone();
        match direction {
            Direction::Output => Error::NotInput { port: name },
            _ => Error::Width { port: name, width, value: value() },
        }
    }

    #[inline]
    fn check_words(&self, port: Port, got: usize) -> Result<(), Error> {
        if got == self.slots[port.0 as usize].width.div_ceil(32) as usize {
            return Ok(());
        }
        let PortInfo { name, width, .. } = self.info(port).clone();
        Err(Error::Words { port: name, width, expected: width.div_ceil(32) as usize, got })
    }
}

/// Counts files that this process has written.
static COUNTED: AtomicUsize = AtomicUsize::new(0);

impl Model {
    /// Leaves the counts of a design with coverage in its folder; what cannot be written is not counted.
    fn write_coverage(&mut self) {
        let Some(folder) = &self.opened.coverage else { return };
        let number = COUNTED.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{number}.dat", std::process::id()));
        if let Ok(path) = CString::new(path.as_os_str().as_encoded_bytes()) {
            // SAFETY: `instance` is live and `path` a C string that the shim only reads.
            unsafe { (self.opened.functions.coverage)(self.instance, path.as_ptr()) };
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.write_coverage();
        // SAFETY: `instance` is live, and nothing uses it or the port storage afterwards.
        unsafe { (self.opened.functions.free)(self.instance) }
    }
}

impl Slot {
    fn new(port: &PortInfo, address: *mut u8) -> Slot {
        let storage = match port.storage {
            1 => Storage::Bits8,
            2 => Storage::Bits16,
            4 => Storage::Bits32,
            8 => Storage::Bits64,
            _ => Storage::Words(port.width.div_ceil(32)),
        };
        let mask = u64::MAX >> (64 - port.width.min(64));
        Slot { address, storage, settable: port.direction != Direction::Output, width: port.width, mask }
    }
}

/// Words, least significant first, as one hexadecimal number.
fn hexadecimal(words: &[u32]) -> String {
    let digits: String = words.iter().rev().map(|word| format!("{word:08x}")).collect();
    format!("0x{}", digits.trim_start_matches('0'))
}
