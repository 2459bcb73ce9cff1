//! Every register of the table by its access, what becomes of errors, and that answers stay while they wait.

use sterna_spec::registers::COUNTERS;

use super::*;
use crate::dsl::Sim;

fn write(sim: &mut Sim, at: u32, value: u32, strobes: u32) {
    for (port, value) in [("awvalid", 1), ("wvalid", 1), ("awaddr", at), ("wdata", value), ("wstrb", strobes)]
    {
        sim.set(&format!("s_axi_{port}"), value);
    }
    // the memory behind a slow read is being filled after reset
    while sim.get("s_axi_awready") == 0 {
        sim.tick();
    }
    sim.tick();
    sim.set("s_axi_awvalid", 0);
    sim.set("s_axi_wvalid", 0);
    sim.set("s_axi_bready", 1);
    assert_eq!(sim.get("s_axi_bvalid"), 1);
    sim.tick();
    sim.set("s_axi_bready", 0);
}

/// Reads, and does something in every cycle of it.
fn read_while(sim: &mut Sim, at: u32, mut each: impl FnMut(&mut Sim)) -> u32 {
    let mut until = |sim: &mut Sim, port: &str| loop {
        each(sim);
        let high = sim.is_high(port);
        if high {
            break;
        }
        sim.tick();
    };
    sim.set("s_axi_arvalid", 1);
    sim.set("s_axi_araddr", at);
    until(sim, "s_axi_arready");
    sim.tick();
    sim.set("s_axi_arvalid", 0);
    until(sim, "s_axi_rvalid");
    let data = sim.get("s_axi_rdata") as u32;
    sim.set("s_axi_rready", 1);
    sim.tick();
    sim.set("s_axi_rready", 0);
    data
}

/// With a slow clock all counters have their turns.
fn read(sim: &mut Sim, at: u32) -> u32 {
    let turns = sim.bits("counters").width() == 32;
    read_while(sim, at, |sim| {
        if turns {
            sim.set("turn", sim.cycle() % 16);
        }
    })
}

fn config(clock_mhz: u32) -> Config {
    Config { clock_mhz, ..Config::preset("tiny").unwrap() }
}

#[test]
fn every_register_of_the_table_behaves() {
    [100, 54].into_iter().for_each(|clock| behaves(&Config { rows: 3, ports: 2, ..config(clock) }));
}

fn behaves(config: &Config) {
    let mut sim = Sim::seeded(&registers(config), 1).unwrap();
    // power-up: anything is in the registers, and the clock runs before the reset
    (0..200).for_each(|_| sim.tick());
    sim.reset();
    assert_eq!(read(&mut sim, offset::ID), registers::ID);
    assert_eq!(read(&mut sim, offset::CONFIG_HASH), config.hash() as u32);
    let table = table(config);
    let pattern = |at: u32| at.wrapping_mul(0x9e37_79b9) ^ 0x5555;
    let host = |r: &&registers::Register| r.access == Access::ReadWrite;
    table.iter().filter(host).for_each(|r| write(&mut sim, r.offset, pattern(r.offset), 15));
    for r in table.iter().filter(host) {
        assert_eq!(read(&mut sim, r.offset), pattern(r.offset), "{}", r.name);
    }
    write(&mut sim, offset::ROWS, 0xffff_ffff, 0b0010);
    assert_eq!(read(&mut sim, offset::ROWS), pattern(offset::ROWS) | 0xff00);
    for at in [0x3c, 0x7c, offset::CONTROL, 0x238, 0x240, 0x800 + offset::ROWS, 0x1000 + offset::ID] {
        write(&mut sim, at, !control::START, 15);
        assert_eq!(read(&mut sim, at), 0, "no register here");
    }
    sim.set("rd_id", 0x1234_5678);
    sim.set("rd_logit", 0x9abc_def0u32);
    assert_eq!(read(&mut sim, offset::TOPK), 0x1234_5678);
    assert_eq!(read(&mut sim, offset::TOPK + 4), 0x9abc_def0);
    assert_eq!(read(&mut sim, offset::VERSION), registers::VERSION);
    sim.reset();
    table.iter().filter(host).for_each(|r| assert_eq!(read(&mut sim, r.offset), 0, "{} after reset", r.name));
}

#[test]
fn read_data_stays_while_it_waits() {
    for config in [config(100), config(54)] {
        let mut sim = Sim::new(&registers(&config)).unwrap();
        sim.reset();
        sim.set("counters", 7);
        sim.set("s_axi_araddr", offset::COUNTER);
        sim.set("s_axi_arvalid", 1);
        while !sim.is_high("s_axi_arready") {
            sim.tick();
        }
        sim.tick();
        sim.set("s_axi_arvalid", 0);
        if !config.fast_clock() {
            sim.set("turn", offset::COUNTER / 4 % 16);
        }
        while !sim.is_high("s_axi_rvalid") {
            sim.tick();
        }
        for counter in [8, 9, 10] {
            assert_eq!((sim.get("s_axi_rvalid"), sim.get("s_axi_rdata")), (1, 7), "AXI4-Lite, A3.2.1");
            sim.set("counters", counter);
            sim.tick();
        }
    }
}

/// With a slow clock, a counter is read when it has its turn.
#[test]
fn counters_are_told_apart() {
    let config = config(54);
    let mut sim = Sim::new(&registers(&config)).unwrap();
    sim.reset();
    for i in 0..COUNTERS.len() as u32 {
        let mut turn = 5;
        let value = read_while(&mut sim, offset::COUNTER + 4 * i, |sim| {
            turn = (turn + 1) % 16;
            sim.set("turn", turn);
            sim.set("counters", 100 + turn);
        });
        assert_eq!(value, 100 + i);
    }
}

#[test]
fn start_done_error_and_interrupt() {
    [100, 54].into_iter().for_each(|clock| runs(&config(clock)));
}

fn runs(config: &Config) {
    let mut sim = Sim::new(&registers(config)).unwrap();
    sim.reset();
    write(&mut sim, offset::IRQ_ENABLE, 1, 15);
    write(&mut sim, offset::CONTROL, control::START, 15);
    sim.set("busy", 1);
    assert_eq!(read(&mut sim, offset::STATUS), 1);
    write(&mut sim, offset::CONTROL, control::START, 15);
    assert_eq!(read(&mut sim, offset::ERROR), ErrorCode::Busy as u32 | 4 << 8);
    assert_eq!(sim.get("irq"), 1);
    sim.set("error_code", 0x123);
    sim.set("error_valid", 1);
    sim.set("done", 1);
    sim.tick();
    sim.set("error_valid", 0);
    sim.set("done", 0);
    sim.set("busy", 0);
    assert_eq!(read(&mut sim, offset::ERROR), ErrorCode::Busy as u32 | 4 << 8, "the first error stays");
    assert_eq!(read(&mut sim, offset::STATUS), 6);
    write(&mut sim, offset::CONTROL, control::CLEAR, 15);
    assert_eq!(read(&mut sim, offset::STATUS), 0);
    assert_eq!(sim.get("irq"), 0);
}
