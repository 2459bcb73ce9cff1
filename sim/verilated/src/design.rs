//! An opened shared object: the ports, and the shim's functions that make instances.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use libloading::Library;

use crate::compile::ABI;
use crate::error::Error;
use crate::lookup::{Built, find_or_build};
use crate::model::Model;
use crate::options::{Format, Init, Options, Source};
use crate::ports::{Direction, near};

/// A port of the top module. Belongs to the design that it was looked up in: another design's model gives another port of the
/// same index, or panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Port(pub(crate) u32);

/// What is known of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortInfo {
    /// The name in Verilog.
    pub name: String,
    /// Seen from the module.
    pub direction: Direction,
    /// Bits, 1 or more.
    pub width: u32,
    /// Bytes of storage: 1, 2, 4, 8, or 0 for an array of 32-bit words.
    pub(crate) storage: u32,
}

/// One row of the shim's table.
#[repr(C)]
struct RawPort {
    name: *const c_char,
    direction: u32,
    width: u32,
    storage: u32,
}

/// The shim's functions; see `shim.cpp` for their contracts.
#[derive(Clone, Copy)]
pub(crate) struct Functions {
    pub new: unsafe extern "C" fn(c_int, c_int) -> *mut c_void,
    pub coverage: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    pub free: unsafe extern "C" fn(*mut c_void),
    pub addresses: unsafe extern "C" fn(*mut c_void, *mut *mut u8),
    pub status: unsafe extern "C" fn(*const c_void) -> c_int,
    pub message: unsafe extern "C" fn(*const c_void) -> *const c_char,
    pub eval: unsafe extern "C" fn(*mut c_void) -> c_int,
    pub tick: unsafe extern "C" fn(*mut c_void, u64, *mut u64) -> c_int,
    pub trace: unsafe extern "C" fn(*mut c_void, *const c_char, u64, u64) -> c_int,
    pub trace_end: unsafe extern "C" fn(*mut c_void),
}

/// The part of a design that its models share.
pub(crate) struct Opened {
    pub top: String,
    pub ports: Vec<PortInfo>,
    pub trace: Option<Format>,
    pub functions: Functions,
    /// Folder for the counts of its models.
    pub coverage: Option<PathBuf>,
    /// Index of the clock.
    pub clock: Option<u32>,
    // Never closed: the runtime leaves thread-local state behind in every thread that ran a model.
    _library: ManuallyDrop<Library>,
}

/// A built and opened design, from which any number of models can be made. Cheap to clone.
#[derive(Clone)]
pub struct Design {
    pub(crate) opened: Arc<Opened>,
    library: PathBuf,
    log: PathBuf,
    from_cache: bool,
}

impl Design {
    /// Builds the design, or finds it in the cache, and opens it.
    ///
    /// Threads and processes that build the same design at the same time wait for the first of them and use its result.
    pub fn build(source: &Source, options: &Options) -> Result<Design, Error> {
        let Built { library, log, from_cache } = find_or_build(source, options)?;
        let opened = Arc::new(open(&library, source, options)?);
        Ok(Design { opened, library, log, from_cache })
    }

    /// A new model in its initial state, with all inputs zero and the `initial` blocks run.
    pub fn model(&self, init: Init) -> Result<Model, Error> {
        Model::new(self.opened.clone(), init)
    }

    /// The ports in the order of Verilator's header.
    pub fn ports(&self) -> impl Iterator<Item = (Port, &PortInfo)> {
        (0..).map(Port).zip(&self.opened.ports)
    }

    /// The port of this name.
    pub fn port(&self, name: &str) -> Result<Port, Error> {
        self.opened.port(name)
    }

    /// Whether the shared object was found in the cache, so that neither Verilator nor a compiler ran.
    pub fn from_cache(&self) -> bool {
        self.from_cache
    }

    /// The shared object.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// The log of the build, with Verilator's warnings.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

impl Opened {
    pub fn port(&self, name: &str) -> Result<Port, Error> {
        if let Some(index) = self.ports.iter().position(|port| port.name == name) {
            return Ok(Port(index as u32));
        }
        let near = near(name, self.ports.iter().map(|port| port.name.as_str())).join(", ");
        let near = if near.is_empty() { near } else { format!("; near: {near}") };
        Err(Error::UnknownPort { top: self.top.clone(), name: name.into(), near })
    }
}

/// The folder for a design's counts, with its sources in `src`, if counts are wanted.
fn coverage(library: &Path, source: &Source, options: &Options) -> Result<Option<PathBuf>, Error> {
    let Some(folder) = options.coverage_folder() else { return Ok(None) };
    let folder = folder.join(library.file_stem().unwrap_or_default());
    for (name, text) in &source.files {
        let path = folder.join("src").join(name);
        let inner = path.parent().unwrap_or(&folder);
        fs::create_dir_all(inner).map_err(Error::io("create", inner))?;
        fs::write(&path, text).map_err(Error::io("write", &path))?;
    }
    Ok(Some(folder))
}

/// Opens a shared object that `find_or_build` found and reads its table of ports.
fn open(path: &Path, source: &Source, options: &Options) -> Result<Opened, Error> {
    let failed = |error: libloading::Error| Error::Load { path: path.into(), why: error.to_string() };
    // SAFETY: the file's seal was checked, so it is what this crate compiled; its initialisers are those of Verilator's runtime
    // and of the C++ library, which expect nothing of the host. Nothing is ever unloaded.
    let library = ManuallyDrop::new(unsafe { Library::new(path) }.map_err(failed)?);
    macro_rules! symbol {
        ($name:literal) => {
            // SAFETY: the shim defines a function of this name with the signature of the place that the pointer goes to.
            *unsafe { library.get($name) }.map_err(failed)?
        };
    }
    let abi: unsafe extern "C" fn() -> u32 = symbol!(b"vrs_abi");
    let ports: unsafe extern "C" fn() -> *const RawPort = symbol!(b"vrs_ports");
    let functions = Functions {
        new: symbol!(b"vrs_new"),
        coverage: symbol!(b"vrs_coverage"),
        free: symbol!(b"vrs_free"),
        addresses: symbol!(b"vrs_addresses"),
        status: symbol!(b"vrs_status"),
        message: symbol!(b"vrs_message"),
        eval: symbol!(b"vrs_eval"),
        tick: symbol!(b"vrs_tick"),
        trace: symbol!(b"vrs_trace"),
        trace_end: symbol!(b"vrs_trace_end"),
    };
    // SAFETY: both take nothing and only return constants.
    let (abi, table) = unsafe { (abi(), ports()) };
    if abi != ABI {
        return Err(Error::Load {
            path: path.into(),
            why: format!("its interface is version {abi}, not {ABI}"),
        });
    }
    // SAFETY: `table` is the shim's constant table, and the library stays open.
    let ports = unsafe { read_table(table) };
    let ports = ports
        .ok_or_else(|| Error::Load { path: path.into(), why: "its table of ports is damaged".into() })?;
    let mut opened = Opened {
        top: source.top.clone(),
        ports,
        trace: options.trace,
        functions,
        coverage: coverage(path, source, options)?,
        clock: None,
        _library: library,
    };
    if let Some(name) = &options.clock {
        let port = opened.port(name)?;
        let info = &opened.ports[port.0 as usize];
        if info.width != 1 || info.direction != Direction::Input {
            return Err(Error::BadClock { port: name.clone() });
        }
        opened.clock = Some(port.0);
    }
    Ok(opened)
}

/// Copies the shim's table of ports.
///
/// # Safety
/// `row` points to rows with valid C strings, ended by a row whose name is null.
unsafe fn read_table(mut row: *const RawPort) -> Option<Vec<PortInfo>> {
    let mut ports = Vec::new();
    // SAFETY: the table goes on until the row whose name is null; names are C strings.
    unsafe {
        while !(*row).name.is_null() {
            let name = CStr::from_ptr((*row).name).to_str().ok()?.to_string();
            let direction = Direction::from_code((*row).direction)?;
            ports.push(PortInfo { name, direction, width: (*row).width, storage: (*row).storage });
            row = row.add(1);
        }
    }
    Some(ports)
}
