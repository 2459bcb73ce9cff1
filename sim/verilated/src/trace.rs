//! Traces of a window of cycles.

use std::ffi::CString;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use crate::error::Error;
use crate::model::Model;
use crate::options::Format;

impl Model {
    /// Traces all signals in the cycles of the half-open range `cycles`, counted from the start of the model, to a file.
    ///
    /// The file is opened now, whole once the last of the cycles has run, and closed then, by [`trace_end`](Model::trace_end), by
    /// the next `trace`, or on drop. Only cycles of [`tick`](Model::tick) are traced. The design must have been built with
    /// [`Options::trace`](crate::Options::trace) of this format.
    pub fn trace(&mut self, path: impl AsRef<Path>, format: Format, cycles: Range<u64>) -> Result<(), Error> {
        let path = path.as_ref();
        if self.opened.trace != Some(format) {
            let built = self.opened.trace.map_or("without tracing".into(), |built| format!("for {built:?}"));
            return Err(Error::TraceFormat { asked: format, built });
        }
        let refuse = |why: String| Err(Error::Trace { path: path.into(), why });
        if cycles.start >= cycles.end || cycles.end <= self.cycle() {
            return refuse(format!(
                "the window {cycles:?} holds no cycle from the current one, {}, on",
                self.cycle()
            ));
        }
        // Created here first, as this gives the reason when it fails.
        if let Err(error) = File::create(path) {
            return refuse(error.to_string());
        }
        let Ok(name) = CString::new(path.as_os_str().as_encoded_bytes()) else {
            return refuse("the path holds a zero byte".into());
        };
        // SAFETY: `instance` is live and `name` a C string that the shim copies.
        let status =
            unsafe { (self.opened.functions.trace)(self.instance, name.as_ptr(), cycles.start, cycles.end) };
        if status == 0 { Ok(()) } else { refuse("Verilator's writer cannot open it".into()) }
    }

    /// Closes the trace file, if one is open.
    pub fn trace_end(&mut self) {
        // SAFETY: `instance` is live.
        unsafe { (self.opened.functions.trace_end)(self.instance) }
    }
}
