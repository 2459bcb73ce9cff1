//! What needs no chip: texts and refusals. The traffic is in `sim/tests/sdram`, where the model of a chip is.

use sterna_spec::config::Config;
use sterna_spec::sdram::{CHIPS, GW2AR_18, SDR_256M_X16};

use super::*;
use crate::dsl::emit;

fn tiny() -> Config {
    Config::preset("tiny").unwrap()
}

#[test]
fn every_chip_and_clock_has_a_controller() {
    for chip in CHIPS {
        for hz in [20_000_000, 60_000_000, 100_000_000, 133_000_000] {
            emit(&sdram(&tiny(), chip, hz, 0)).unwrap_or_else(|e| panic!("{e}"));
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |config: &Config, chip, hz| sdram(config, chip, hz, 0).check().unwrap_err().to_string();
    insta::assert_snapshot!(refused(&Config { port_bytes: 32, ..tiny() }, &SDR_256M_X16, 100_000_000));
    insta::assert_snapshot!(refused(&Config { port_bytes: 64, ..tiny() }, &GW2AR_18, 100_000_000));
    insta::assert_snapshot!(refused(&tiny(), &GW2AR_18, 1_000_000));
}
