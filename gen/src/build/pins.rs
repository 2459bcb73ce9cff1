//! Ports of a top module against the pins of its board: each bit of a port has one pin, each pin one bit.

use std::collections::{BTreeMap, BTreeSet};

use sterna_spec::boards::{Board, Family};

/// Name of a board's file of pins.
pub fn file(board: &Board) -> String {
    let kind = match board.family {
        Family::Ecp5 => "lpf",
        Family::Gowin => "cst",
    };
    format!("{}.{kind}", board.name)
}

/// Checks a board's file of pins against the text of its top module.
///
/// # Errors
/// One sentence with the first bit without a pin, pin without a bit, or pin that stands for two.
pub fn check(board: &Board, top: &str) -> Result<(), String> {
    let named = match board.family {
        Family::Ecp5 => located(board.pins, "LOCATE COMP", " SITE "),
        Family::Gowin => located(board.pins, "IO_LOC", " "),
    };
    let mut owner = BTreeMap::new();
    for (bit, pin) in &named {
        if let Some(other) = owner.insert(pin.as_str(), bit) {
            return Err(format!("constraints of '{}': pin {pin} is both {other} and {bit}", board.name));
        }
    }
    let placed: BTreeSet<&str> = named.iter().map(|(bit, _)| bit.as_str()).collect();
    if placed.len() < named.len() {
        return Err(format!("constraints of '{}': a port has two pins", board.name));
    }
    let bits = bits(board, top);
    let missing = bits.iter().find(|bit| !placed.contains(bit.as_str()));
    if let Some(bit) = missing {
        return Err(format!("constraints of '{}': port {bit} has no pin", board.name));
    }
    let surplus = placed.iter().find(|bit| !bits.contains(**bit));
    surplus.map_or(Ok(()), |bit| Err(format!("constraints of '{}': {bit} is no port of the top", board.name)))
}

/// Pairs of port and pin of the lines that begin with `word`; `between` parts the two.
fn located(text: &str, word: &str, between: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter_map(|line| line.strip_prefix(word));
    let pairs = lines.filter_map(|line| line.split(';').next()?.trim().split_once(between));
    let bare = |x: &str| x.trim().trim_matches('"').to_string();
    pairs.map(|(port, pin)| (bare(port), bare(pin))).collect()
}

/// Every bit of every port of the top, `name` or `name[i]`; memory in the package has no pins.
fn bits(board: &Board, top: &str) -> BTreeSet<String> {
    let inside = |name: &str| board.family == Family::Gowin && name.contains("_sdram_");
    let mut all = BTreeSet::new();
    for line in top.lines().map(str::trim) {
        let Some(rest) = ["input ", "output ", "inout "].iter().find_map(|word| line.strip_prefix(word))
        else {
            continue;
        };
        let words = rest.split("//").next().unwrap_or_default().trim().trim_end_matches(',');
        let name = words.split_whitespace().last().unwrap_or_default();
        let high =
            words.split_once('[').and_then(|(_, range)| range.split(':').next()?.trim().parse::<u32>().ok());
        match high {
            _ if inside(name) => {}
            None => drop(all.insert(name.to_string())),
            Some(high) => all.extend((0..=high).map(|i| format!("{name}[{i}]"))),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use sterna_hdl::board;
    use sterna_spec::boards::BOARDS;
    use sterna_spec::config::Config;

    fn top_of(board: &Board) -> String {
        let config = Config::preset(board.preset).unwrap();
        board::files(board, &config).unwrap().remove(&format!("{}.v", board::top(board))).unwrap()
    }

    #[test]
    fn every_port_of_every_board_has_a_pin_and_every_pin_a_port() {
        for board in BOARDS {
            let top = top_of(board);
            check(board, &top).unwrap();
            assert!(bits(board, &top).len() >= 4 + board.leds as usize, "{}", board.name);
        }
    }

    #[test]
    fn pins_have_a_standard_and_the_oscillator_its_frequency() {
        for board in BOARDS.iter().filter(|board| board.family == Family::Ecp5) {
            let sites = located(board.pins, "LOCATE COMP", " SITE ").into_iter().map(|(port, _)| port);
            let standards =
                located(board.pins, "IOBUF PORT", " IO_TYPE=LVCMOS33").into_iter().map(|(port, _)| port);
            assert_eq!(sites.collect::<BTreeSet<_>>(), standards.collect::<BTreeSet<_>>(), "{}", board.name);
            let frequency = format!("FREQUENCY PORT \"clk\" {} MHZ;", board.oscillator_hz / 1_000_000);
            assert!(board.pins.contains(&frequency), "{}", board.name);
        }
    }

    #[test]
    fn a_bit_on_the_line_is_within_a_percent_and_a_half() {
        for board in BOARDS {
            let config = Config::preset(board.preset).unwrap();
            let rate = f64::from(config.clock_mhz * 1_000_000) / f64::from(board::bit_cycles(board, &config));
            let off = (rate / f64::from(board.baud) - 1.0).abs();
            assert!(off < 0.015, "{}: {rate} baud instead of {}", board.name, board.baud);
        }
    }

    #[test]
    fn faults_are_named() {
        let board = Board::find("ulx3s-85f").unwrap();
        let top = top_of(board);
        let fault = |from: &str, to: &str| {
            assert!(board.pins.contains(from));
            let pins: &'static str = board.pins.replacen(from, to, 1).leak();
            check(&Board { pins, ..*board }, &top).unwrap_err()
        };
        let all = [
            fault("LOCATE COMP \"uart_tx\"", "# \"uart_tx\""),
            fault("\"uart_tx\"", "\"uart_ty\""),
            fault("SITE \"L4\"", "SITE \"M1\""),
            fault("LOCATE COMP \"uart_tx\" SITE \"L4\"", "LOCATE COMP \"uart_rx\" SITE \"L4\""),
            fault("sdram_dq[15]", "sdram_dq[16]"),
            check(board, &top.replace("led,", "led,\n    input wire spare,")).unwrap_err(),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        constraints of 'ulx3s-85f': port uart_tx has no pin
        constraints of 'ulx3s-85f': port uart_tx has no pin
        constraints of 'ulx3s-85f': pin M1 is both uart_rx and uart_tx
        constraints of 'ulx3s-85f': a port has two pins
        constraints of 'ulx3s-85f': port sdram_dq[15] has no pin
        constraints of 'ulx3s-85f': port spare has no pin
        ");
    }
}
