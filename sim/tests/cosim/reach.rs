//! What `make coverage` found that no other test here reached: the interrupt, and errors of a device of several rows.

use sterna_sim::{SimDevice, Stalls};
use sterna_spec::config::Config;
use sterna_spec::device::Device;
use sterna_spec::registers::{ErrorCode, control, offset, status};

use crate::bench::{Bench, Row, four_rows, one_row, options};
use crate::program::layer;

const FINE: Row = Row { token: 1, position: 4, logits: true };

/// A device with a program in it.
fn ready(config: &Config) -> (Bench, SimDevice) {
    let config = Config { probe: true, ..config.clone() };
    let bench = Bench::new(&config);
    let mut device = SimDevice::new(&config, &options(31, Stalls::all(20))).unwrap();
    bench.prepare(&mut device, 31).unwrap();
    bench.load(&mut device, &layer(&config, 31)).unwrap();
    (bench, device)
}

#[test]
fn the_interrupt_rises_at_the_end_and_falls_when_cleared() {
    for config in [one_row(), four_rows()] {
        let (bench, mut device) = ready(&config);
        let mut step = |rows: &[Row], enable: u32, code: u32| {
            device.write_register(offset::IRQ_ENABLE, enable).unwrap();
            assert_eq!(device.read_register(offset::IRQ_ENABLE).unwrap(), enable);
            assert_eq!(device.output("irq").unwrap(), 0, "before the step");
            bench.start(&mut device, rows).unwrap();
            device.wait().unwrap();
            // whatever is at the end of a step has had its time
            device.run(4).unwrap();
            assert_eq!(device.output("irq").unwrap(), u64::from(enable), "{} {code}", config.name);
            assert_eq!(device.read_register(offset::ERROR).unwrap() & 0xff, code);
            device.write_register(offset::CONTROL, control::CLEAR).unwrap();
            device.run(4).unwrap();
            assert_eq!(device.output("irq").unwrap(), 0, "cleared");
        };
        step(&[FINE], 1, 0);
        step(&[FINE], 0, 0);
        step(&[Row { position: 512, ..FINE }], 1, ErrorCode::Position as u32);
        step(&[FINE], 1, 0);
    }
}

#[test]
fn several_rows_have_the_errors_of_one() {
    let (bench, mut device) = ready(&four_rows());
    let wrong = Row { position: 512, ..FINE };
    for rows in [&[FINE, wrong][..], &[wrong, FINE, FINE, FINE]] {
        assert_eq!(bench.step(&mut device, rows).unwrap() & 0xff, ErrorCode::Position as u32);
        assert_eq!(bench.step(&mut device, &[FINE; 4]).unwrap(), 0);
    }
    for rows in [0, 5] {
        device.write_register(offset::ROWS, rows).unwrap();
        device.write_register(offset::CONTROL, control::START).unwrap();
        device.wait().unwrap();
        assert_eq!(
            device.read_register(offset::ERROR).unwrap() & 0xff,
            ErrorCode::Rows as u32,
            "{rows} rows"
        );
        device.write_register(offset::CONTROL, control::CLEAR).unwrap();
        assert_eq!(bench.step(&mut device, &[FINE; 4]).unwrap(), 0, "after {rows} rows");
    }
    device.write_register(offset::CONTROL, control::START).unwrap();
    device.write_register(offset::CONTROL, control::START).unwrap();
    device.wait().unwrap();
    assert_eq!(device.read_register(offset::ERROR).unwrap() & 0xff, ErrorCode::Busy as u32);
    assert_eq!(device.read_register(offset::STATUS).unwrap(), status::DONE | status::ERROR);
}
