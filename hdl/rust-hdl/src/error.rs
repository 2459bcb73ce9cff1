//! What can be wrong with a core.

use thiserror::Error;

/// Why a configuration cannot be a block.
#[derive(Debug, Error)]
pub enum Error {
    /// The configuration is not legal.
    #[error("'{name}' is not a legal configuration: {why}")]
    Config {
        /// Its name.
        name: String,
        /// All that is wrong.
        why: String,
    },
    /// The type has other ports than the configuration: address bits, data bits, strobes, masters.
    #[error(
        "the ports of '{name}' are those of Core<{}>, not of Core<{}>; write the first",
        list(needed),
        list(given)
    )]
    Ports {
        /// Name of the configuration.
        name: String,
        /// What it has.
        needed: [usize; 4],
        /// What the type has.
        given: [usize; 4],
    },
    /// The hardware cannot be made from a legal configuration.
    #[error("the Verilog of '{name}' cannot be emitted: {why}")]
    Emit {
        /// Name of the configuration.
        name: String,
        /// What the elaboration said.
        why: String,
    },
}

fn list(sizes: &[usize; 4]) -> String {
    sizes.map(|size| size.to_string()).join(", ")
}
