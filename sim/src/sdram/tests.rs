//! Commands by hand: data comes when the data sheet says, and rules that traffic of a controller does not reach are checked.

use sterna_spec::sdram::SDR_256M_X16;

use super::*;

const NOP: Pins = Pins {
    cke: true,
    cs_n: false,
    ras_n: true,
    cas_n: true,
    we_n: true,
    ba: 0,
    a: 0,
    dqm: 0,
    dq_out: 0,
    dq_oe: false,
};
const ACTIVE: Pins = Pins { ras_n: false, ..NOP };
const READ: Pins = Pins { cas_n: false, ..NOP };
const WRITE: Pins = Pins { cas_n: false, we_n: false, dq_oe: true, ..NOP };
const PRECHARGE_ALL: Pins = Pins { ras_n: false, we_n: false, a: 1 << 10, ..NOP };
const REFRESH: Pins = Pins { ras_n: false, cas_n: false, ..NOP };

/// A chip at 100 MHz whose bursts have two words.
fn ready() -> Sdram {
    let mut chip = Sdram::new(&SDR_256M_X16, 100_000_000);
    idle(&mut chip, 20_000);
    chip.edge(&PRECHARGE_ALL).unwrap();
    for _ in 0..8 {
        idle(&mut chip, 8);
        chip.edge(&REFRESH).unwrap();
    }
    idle(&mut chip, 8);
    chip.edge(&Pins { ras_n: false, cas_n: false, we_n: false, a: 0x31, ..NOP }).unwrap();
    idle(&mut chip, 2);
    assert!(chip.ready());
    chip
}

fn idle(chip: &mut Sdram, cycles: u32) {
    (0..cycles).for_each(|_| assert!(chip.edge(&NOP).is_ok()));
}

fn broken(chip: &mut Sdram, pins: &Pins) -> String {
    chip.edge(pins).unwrap_err().to_string()
}

#[test]
fn a_word_comes_the_latency_after_its_command() {
    let mut chip = ready();
    chip.bytes_mut()[0x400..0x404].copy_from_slice(&[0x11, 0x22, 0x33, 0x44]);
    chip.edge(&Pins { ba: 1, ..ACTIVE }).unwrap();
    idle(&mut chip, 3);
    chip.edge(&Pins { ba: 1, ..READ }).unwrap();
    idle(&mut chip, 1);
    assert_eq!(chip.edge(&NOP).unwrap(), 0x2211);
    assert_eq!(chip.edge(&NOP).unwrap(), 0x4433);
}

#[test]
fn masked_bytes_stay() {
    let mut chip = ready();
    chip.bytes_mut()[..4].copy_from_slice(&[1, 2, 3, 4]);
    chip.edge(&ACTIVE).unwrap();
    idle(&mut chip, 3);
    chip.edge(&Pins { dq_out: 0xaabb, dqm: 2, ..WRITE }).unwrap();
    chip.edge(&Pins { dq_out: 0xccdd, dqm: 1, dq_oe: true, ..NOP }).unwrap();
    assert_eq!(chip.bytes()[..4], [0xbb, 2, 3, 0xcc]);
}

#[test]
fn a_row_must_be_open_and_only_one() {
    let mut chip = ready();
    assert!(broken(&mut chip, &READ).contains("READ while no row of bank 0 is open"));
    let mut chip = ready();
    chip.edge(&ACTIVE).unwrap();
    idle(&mut chip, 20);
    assert!(broken(&mut chip, &ACTIVE).contains("ACTIVE while a row of bank 0 is open"));
    assert!(broken(&mut chip, &REFRESH).contains("REFRESH while a row of bank 0 is open"));
}

#[test]
fn nobody_talks_while_the_other_does() {
    let mut chip = ready();
    chip.edge(&ACTIVE).unwrap();
    idle(&mut chip, 3);
    chip.edge(&READ).unwrap();
    idle(&mut chip, 3);
    assert!(broken(&mut chip, &WRITE).contains("WRITE from READ"));
    let mut chip = ready();
    assert!(broken(&mut chip, &Pins { dq_oe: true, ..NOP }).contains("no WRITE is under way"));
    chip.edge(&ACTIVE).unwrap();
    idle(&mut chip, 3);
    assert!(broken(&mut chip, &Pins { dq_oe: false, ..WRITE }).contains("does not drive dq"));
}

#[test]
fn what_is_not_modelled_is_refused() {
    for (pins, why) in [
        (Pins { cke: false, ..NOP }, "CKE is low"),
        (Pins { we_n: false, ..NOP }, "BURST TERMINATE"),
        (Pins { ras_n: false, cas_n: false, we_n: false, a: 0x39, ..NOP }, "mode register"),
        (Pins { a: 8192, ..ACTIVE }, "ACTIVE of row 8192"),
    ] {
        let text = broken(&mut ready(), &pins);
        assert!(text.contains(why), "{text}");
    }
    let mut chip = ready();
    chip.edge(&ACTIVE).unwrap();
    idle(&mut chip, 3);
    assert!(broken(&mut chip, &Pins { a: 1 << 10, ..READ }).contains("auto precharge"));
}
