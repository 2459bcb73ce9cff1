//! The printer: Verilog-2001 text of a module and all modules below it.

mod clocked;
mod expr;
mod frame;
mod names;
mod print;

use super::check;
use super::error::{Error, Errors};
use super::module::Module;
use std::collections::BTreeMap;

/// Files of `top` and all modules below it, by file name; one module a file. The same module gives the same bytes.
pub fn emit(top: &Module) -> Result<BTreeMap<String, String>, Errors> {
    check::check(top)?;
    let mut all = Emission::default();
    all.module(top, &top.name());
    if !all.errors.is_empty() {
        return Err(Errors(all.errors));
    }
    Ok(all.modules.into_iter().map(|(name, (text, _))| (format!("{name}.v"), text)).collect())
}

/// Text of `top` alone, for goldens.
pub fn verilog(top: &Module) -> Result<String, Errors> {
    let mut files = emit(top)?;
    Ok(files.remove(&format!("{}.v", top.name())).unwrap_or_default())
}

#[derive(Default)]
struct Emission {
    /// Text, and the path of the first instance, by module name.
    modules: BTreeMap<String, (String, String)>,
    seen: std::collections::HashSet<*const Module>,
    errors: Vec<Error>,
}

impl Emission {
    fn module(&mut self, m: &Module, path: &str) {
        if !self.seen.insert(m) {
            return;
        }
        for x in &m.get().insts {
            self.module(&x.child, &format!("{path}.{}", x.name));
        }
        let (text, errors) = print::module(m);
        let name = m.name();
        match self.modules.get(&name) {
            Some((known, first)) if *known != text => {
                let (first, second) = (first.clone(), path.to_string());
                self.errors.push(Error::Conflict { name, first, second });
            }
            Some(_) => {}
            None => {
                self.errors.extend(errors);
                self.modules.insert(name, (text, path.to_string()));
            }
        }
    }
}
