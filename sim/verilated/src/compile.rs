//! From source texts to the bytes of a shared object: Verilator, the shim, the C++ compiler, the linker.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::cache::{Cache, unsealed};
use crate::error::Error;
use crate::lookup::tool_key;
use crate::options::{Format, Options, Source};
use crate::ports::{read_header, shim_prelude};
use crate::tools::{Cxx, Step, Verilator};

/// The C++ side, after its prelude.
pub(crate) const SHIM: &str = include_str!("shim.cpp");
/// Checked when a shared object is opened.
pub(crate) const ABI: u32 = 2;
/// Bytes of generated C++ that are compiled as one unit: each unit pays about a second for the headers.
const UNIT_BYTES: u64 = 600_000;

/// The names that Verilator lists in `Vdut_classes.mk`.
#[derive(Debug, Default, PartialEq)]
struct Classes {
    fast: Vec<String>,
    slow: Vec<String>,
    runtime: Vec<String>,
}

impl Classes {
    fn read(makefile: &str) -> Classes {
        let mut classes = Classes::default();
        let mut variable = "";
        for line in makefile.lines() {
            let line = line.trim();
            if let Some((name, _)) = line.split_once("+=") {
                variable = name.trim();
                continue;
            }
            let word = line.trim_end_matches('\\').trim();
            if word.is_empty() || word.starts_with('#') || word.contains('=') {
                continue;
            }
            match variable {
                "VM_CLASSES_FAST" | "VM_SUPPORT_FAST" => classes.fast.push(word.into()),
                "VM_CLASSES_SLOW" | "VM_SUPPORT_SLOW" => classes.slow.push(word.into()),
                "VM_GLOBAL_FAST" | "VM_GLOBAL_SLOW" => classes.runtime.push(word.into()),
                _ => {}
            }
        }
        classes
    }
}

/// One build in its own folder.
pub(crate) struct Builder<'a> {
    pub source: &'a Source,
    pub options: &'a Options,
    pub verilator: Verilator,
    pub cxx: Cxx,
    pub cache: &'a Cache,
    pub folder: PathBuf,
    /// Where the folder goes if the build fails.
    pub failed: PathBuf,
    pub log: Mutex<String>,
}

impl Builder<'_> {
    /// The bytes of the shared object.
    pub fn shared_object(&self) -> Result<Vec<u8>, Error> {
        for (name, text) in &self.source.files {
            self.write(&format!("src/{name}"), text)?;
        }
        self.verilate()?;
        let ports = read_header(&self.source.top, &self.read("obj/Vdut.h")?)?;
        let trace = match self.options.trace {
            None => 0,
            Some(Format::Vcd) => 1,
            Some(Format::Fst) => 2,
        };
        self.write("obj/shim.cpp", &(shim_prelude(&ports, trace, ABI) + SHIM))?;
        let mut classes = Classes::read(&self.read("obj/Vdut_classes.mk")?);
        classes.fast.insert(0, "shim".into());
        let mut units = self.units("fast", &classes.fast, &self.options.opt_flag())?;
        units.extend(self.units("slow", &classes.slow, "-O0")?);
        // The runtime takes longest: first in line.
        let mut jobs: Vec<Job> = classes.runtime.into_iter().map(Job::Runtime).collect();
        jobs.extend(units);
        let objects: Vec<String> = jobs.iter().map(Job::object).collect();
        self.run_all(&jobs)?;
        self.link(objects)?;
        let path = self.folder.join("model.so");
        fs::read(&path).map_err(Error::io("read", path))
    }

    fn verilate(&self) -> Result<(), Error> {
        let mut words = vec![self.verilator.program.clone()];
        words
            .extend(["--cc", "--prefix", "Vdut", "--Mdir", "obj", "-Isrc", "--top-module"].map(String::from));
        words.push(self.source.top.clone());
        words.extend(self.options.verilator_flags());
        words.extend(self.source.compiled().map(|name| format!("src/{name}")));
        let root = self.verilator.needs_root.then(|| ("VERILATOR_ROOT", self.verilator.root.clone()));
        let environment = root.into_iter().collect();
        let step = Step { words, folder: self.folder.clone(), environment };
        let (good, text) = self.run(&step)?;
        if good {
            return Ok(());
        }
        // With fatal warnings the only %Error counts them: the first warning says more.
        let errors = if self.options.warnings == crate::Warnings::Log {
            &["%Error"][..]
        } else {
            &["%Error", "%Warning"]
        };
        let first = first_line(&text, |line| errors.iter().any(|start| line.starts_with(start)));
        Err(Error::Verilator { first, command: step.line(), log: self.failed.join("build.log") })
    }

    /// Groups generated files into translation units that include them.
    fn units(&self, kind: &str, classes: &[String], optimise: &str) -> Result<Vec<Job>, Error> {
        let mut texts = vec![String::new()];
        let mut bytes = 0;
        for class in classes {
            let path = self.folder.join(format!("obj/{class}.cpp"));
            let size = fs::metadata(&path).map_err(Error::io("read", &path))?.len();
            if bytes > 0 && bytes + size > UNIT_BYTES {
                texts.push(String::new());
                bytes = 0;
            }
            bytes += size;
            if let Some(text) = texts.last_mut() {
                *text += &format!("#include \"{class}.cpp\"\n");
            }
        }
        let mut jobs = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let name = format!("{kind}_{index}");
            self.write(&format!("obj/{name}.cpp"), text)?;
            jobs.push(Job::Unit { step: self.compiler(&format!("obj/{name}.cpp"), &name, optimise), name });
        }
        Ok(jobs)
    }

    fn compiler(&self, input: &str, name: &str, optimise: &str) -> Step {
        let mut words = self.cxx.words.clone();
        words.push(optimise.into());
        words.extend(self.options.cxx_flags());
        words.push("-Iobj".into());
        for folder in ["include", "include/vltstd"] {
            words.push(format!("-I{}", self.verilator.root.join(folder).display()));
        }
        words.extend(["-c".into(), input.into(), "-o".into(), format!("{name}.o")]);
        Step { words, folder: self.folder.clone(), environment: Vec::new() }
    }

    fn link(&self, objects: Vec<String>) -> Result<(), Error> {
        let mut words = self.cxx.words.clone();
        words.extend(["-shared", "-pthread", "-o", "model.so"].map(String::from));
        words.extend(objects);
        if self.options.trace == Some(Format::Fst) {
            // Verilators with a writer of their own, in place of GTKWave's, do not bring lz4 along.
            let own_writer = self.verilator.root.join("include/fstcpp").is_dir();
            words.extend(own_writer.then(|| "-llz4".into()));
            words.push("-lz".into());
        }
        self.compile(&Step { words, folder: self.folder.clone(), environment: Vec::new() })
    }

    /// Runs the jobs on as many threads as the options allow; returns the first failure.
    fn run_all(&self, jobs: &[Job]) -> Result<(), Error> {
        let wanted = match self.options.jobs {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            jobs => jobs,
        };
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        let work = || {
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = self.run_job(job) {
                    next.store(jobs.len(), Ordering::Relaxed); // start nothing more
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..wanted.min(jobs.len()) {
                scope.spawn(work);
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn run_job(&self, job: &Job) -> Result<(), Error> {
        match job {
            Job::Unit { step, .. } => self.compile(step),
            Job::Runtime(name) => self.runtime(name),
        }
    }

    /// Puts an object of Verilator's runtime into the build folder, from the cache if it is there.
    fn runtime(&self, name: &str) -> Result<(), Error> {
        let mut key = tool_key(self.options, &self.verilator, &self.cxx);
        key.add(name);
        let key = key.hex();
        let cached = self.cache.root.join("runtime").join(format!("{key}.o"));
        let _lock = self.cache.lock(&key)?;
        let object = self.folder.join(format!("{name}.o"));
        if let Some(bytes) = unsealed(&cached) {
            return fs::write(&object, bytes).map_err(Error::io("write", &object));
        }
        let input = self.verilator.root.join("include").join(format!("{name}.cpp"));
        self.compile(&self.compiler(&input.to_string_lossy(), name, &self.options.opt_flag()))?;
        let bytes = fs::read(&object).map_err(Error::io("read", &object))?;
        self.cache.store(&self.folder, &cached, &bytes)
    }

    /// Runs the C++ compiler.
    fn compile(&self, step: &Step) -> Result<(), Error> {
        let (good, text) = self.run(step)?;
        if good {
            return Ok(());
        }
        let log = self.failed.join("build.log");
        if self.options.trace == Some(Format::Fst) {
            let missing = |(_, signs): &(_, [&str; 2])| signs.iter().any(|sign| text.contains(sign));
            let libraries = [
                (("zlib", "zlib1g-dev"), ["zlib.h: No such", "find -lz:"]),
                (("lz4", "liblz4-dev"), ["lz4.h: No such", "find -llz4"]),
            ];
            if let Some(((library, package), _)) = libraries.into_iter().find(missing) {
                return Err(Error::NoFstLibrary { library, package, log });
            }
        }
        let first = first_line(&text, |line| line.contains("error") || line.contains("undefined reference"));
        Err(Error::Compile { first, command: step.line(), log })
    }

    /// Runs a command, logs it, and returns whether it succeeded and what it printed.
    fn run(&self, step: &Step) -> Result<(bool, String), Error> {
        let output = step.run()?;
        let text =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        *log += &format!("$ {}\n{text}", step.line());
        if !output.status.success() {
            *log += &format!("{}\n", output.status);
        }
        Ok((output.status.success(), text))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.folder.join(name);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        fs::write(&path, text).map_err(Error::io("write", &path))
    }

    fn read(&self, name: &str) -> Result<String, Error> {
        let path = self.folder.join(name);
        fs::read_to_string(&path).map_err(Error::io("read", &path))
    }
}

/// One object file to make.
enum Job {
    /// A part of Verilator's runtime.
    Runtime(String),
    /// A part of the model.
    Unit { name: String, step: Step },
}

impl Job {
    fn object(&self) -> String {
        let (Job::Runtime(name) | Job::Unit { name, .. }) = self;
        format!("{name}.o")
    }
}

/// The first line that `tells`, else the first line, else a placeholder.
fn first_line(text: &str, tells: impl Fn(&str) -> bool) -> String {
    let found = text.lines().find(|line| tells(line)).or_else(|| text.lines().next());
    found.unwrap_or("it printed nothing").trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_read_in_both_indentations() {
        let text = "VM_TRACE = 1\nVM_CLASSES_FAST += \\\n\tVdut \\\n\tVdut__0 \\\n\n# Generated\nVM_SUPPORT_SLOW += \\\n  Vdut__Syms__Slow \\\n\nVM_GLOBAL_FAST += \\\n  verilated \\\n\n# end\n";
        let classes = Classes::read(text);
        assert_eq!(classes.fast, ["Vdut", "Vdut__0"]);
        assert_eq!(classes.slow, ["Vdut__Syms__Slow"]);
        assert_eq!(classes.runtime, ["verilated"]);
    }
}
