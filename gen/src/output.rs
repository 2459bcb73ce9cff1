//! The files of a configuration, as text: Verilog, the register table in its forms, and the configuration itself.

use std::collections::BTreeMap;

use sterna_spec::config::Config;

use crate::error::Error;
use crate::registers;
use crate::source::schema;

/// Every file by name.
///
/// # Errors
/// If the hardware cannot be elaborated.
pub fn files(config: &Config) -> Result<BTreeMap<String, String>, Error> {
    let failed = |why: String| Error::Emit { name: config.name.clone(), why };
    let mut files = sterna_hdl::emit(config).map_err(|e| failed(e.to_string()))?;
    files.insert("config.toml".into(), schema(config));
    for (name, text) in registers::files(config) {
        files.insert(name.into(), text);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_pure() {
        let config = Config::preset("tiny").unwrap();
        assert_eq!(files(&config).unwrap(), files(&config).unwrap());
    }
}
