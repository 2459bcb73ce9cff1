//! The register block: an AXI4-Lite slave made from [`sterna_spec::registers::table`].
//!
//! ```text
//!   s_axi ─► write: registers ─► start, program_*, rows, row_info, port_base, ...
//!         ◄─ read: registers, status, counters, top k
//! ```
//!
//! Every access answers OKAY; addresses without a register read as 0 and ignore writes. The first error of a step
//! stays in ERROR until cleared.

use std::collections::{BTreeMap, BTreeSet};

use sterna_spec::config::Config;
use sterna_spec::registers::{self, Access, COUNTERS, ErrorCode, control, offset, table};

use super::axi::{self, LiteSlave};
use crate::dsl::{Module, Reg, Sig, mux, u};

/// Bits of an address.
const ADDRESS_BITS: u32 = registers::SPACE.trailing_zeros();

/// Cycles from the address of a read to its data.
const READ_CYCLES: u32 = 2 + CHOOSING.len() as u32;

/// Bits of a word address that choose in a cycle, lowest first. The first ones choose among words that lie all over the device.
const CHOOSING: [u32; 3] = [2, 2, ADDRESS_BITS - 2 - 4];

/// A register of the table that the host writes.
struct Writable<'m> {
    offset: u32,
    reg: Reg<'m>,
}

/// The register block.
///
/// Outputs: `start`, `clear`, `program_base`, `program_beats`, `rows` (5), `result_base`, `result_stride`,
/// `kv_scale_beats`, `kv_data_beats`, `port_base` (64 for each port), `row_info` (128 for each row), `irq`,
/// `rd_row`, `rd_index`. Inputs: `busy`, `done`, `error_valid`, `error_code`, `counters`, `rd_id`, `rd_logit`.
pub fn registers(config: &Config) -> Module {
    let m = Module::new("registers", "Registers of the accelerator behind AXI4-Lite.");
    let bus = axi::lite_slave(&m, "s_axi", ADDRESS_BITS);
    let busy = m.input("busy", u(1), "a step is running");
    let done = m.input("done", u(1), "one cycle: the step has ended");
    let (address, data, mask) = write_channel(&m, &bus);

    let writable = writable(&m, config, address, data, mask);
    let act = |bit: u32| address.eq(offset::CONTROL / 4) & (data & mask).bit(bit.trailing_zeros());
    let asked = m.node("asked", act(control::START) & mask.any());
    let clear = m.node("clear_now", act(control::CLEAR) & mask.any());
    let start = m.reg("start_step", u(1), Some(0), "starts a step");
    start.set(asked & !busy);
    m.output("start", u(1), "one cycle: start a step").set(start.q());

    let ended = m.reg("ended", u(1), Some(0), "a step has ended since the last start");
    ended.when(done, 1);
    ended.when(clear | start.q(), 0);
    let error = error_register(&m, clear, asked & busy);
    let status = m.cat_lsb(&[busy | start.q(), ended.q(), error.any()]);
    let status = m.node("status", status).doc("busy, done, error");
    outputs(&m, config, &writable);
    let find = |at: u32| writable.iter().find(|w| w.offset == at).map(|w| w.reg.q());
    let enable = find(offset::IRQ_ENABLE).map_or(m.u(1, 0), |r| r.bit(0));
    m.output("irq", u(1), "done or error, if enabled").set(enable & (ended.q() | error.any()));
    read_channel(&m, config, &bus, &writable, &[(offset::STATUS, status), (offset::ERROR, error)]);
    m
}

/// Accepts address and data together. Returns the word address, the data and the mask of written bits, zero in
/// cycles without a write.
fn write_channel<'m>(m: &'m Module, bus: &LiteSlave<'m>) -> (Sig<'m>, Sig<'m>, Sig<'m>) {
    let answer = m.reg("answer", u(1), Some(0), "a write response is offered");
    let taken = m.node("write_taken", bus.aw_valid & bus.w_valid & !answer.q());
    bus.aw_ready.set(taken);
    bus.w_ready.set(taken);
    bus.b_valid.set(answer.q());
    answer.when(taken, 1);
    answer.when(bus.b_ready, 0);
    m.unused("word addresses", bus.aw_addr.bits(0, 2));
    let bytes: Vec<_> = (0..4).map(|i| (bus.w_strb.bit(i) & taken).repeat(8)).collect();
    let mask = m.node("write_mask", m.cat_lsb(&bytes)).doc("bits to write, 0 without a write");
    let address = m.node("write_word", bus.aw_addr.bits(2, ADDRESS_BITS - 2));
    (address, bus.w_data, mask)
}

fn writable<'m>(
    m: &'m Module,
    config: &Config,
    address: Sig<'m>,
    data: Sig<'m>,
    mask: Sig<'m>,
) -> Vec<Writable<'m>> {
    let one = |r: registers::Register| {
        let reg = m.reg(&format!("{}_q", r.name.to_lowercase()), u(32), Some(0), &r.doc);
        let merged = (reg.q() & !mask) | (data & mask);
        reg.when(address.eq(r.offset / 4), merged);
        Writable { offset: r.offset, reg }
    };
    table(config).into_iter().filter(|r| r.access == Access::ReadWrite).map(one).collect()
}

/// ERROR: the first error since it was cleared.
fn error_register<'m>(m: &'m Module, clear: Sig<'m>, busy_start: Sig<'m>) -> Sig<'m> {
    let valid = m.input("error_valid", u(1), "one cycle: an error");
    let code = m.input("error_code", u(32), "code, block, detail");
    let error = m.reg("error", u(32), Some(0), "the first error");
    error.when(clear, 0);
    error.when(valid & !error.q().any(), code);
    let busy_code = ErrorCode::Busy as u32 | 4 << 8;
    error.when(busy_start & !error.q().any(), m.u(32, busy_code));
    error.q()
}

fn outputs(m: &Module, config: &Config, writable: &[Writable<'_>]) {
    let at = |offset: u32| writable.iter().find(|w| w.offset == offset).map(|w| w.reg.q());
    let words = |first: u32, count: u32| {
        let all: Vec<_> = (0..count).filter_map(|i| at(first + 4 * i)).collect();
        m.cat_lsb(&all)
    };
    let one = |name: &str, offset: u32, doc: &str| {
        m.output(name, u(32), doc).set(words(offset, 1));
    };
    one("program_base", offset::PROGRAM_BASE, "first beat of the step stream");
    one("program_beats", offset::PROGRAM_BEATS, "beats of the step stream");
    one("rows", offset::ROWS, "rows of the step");
    one("result_base", offset::RESULT_BASE, "first beat of the logits");
    one("result_stride", offset::RESULT_STRIDE, "beats from one row's logits to the next");
    one("kv_scale_beats", offset::KV_SCALE_BEATS, "beats of one array of KV scales");
    one("kv_data_beats", offset::KV_DATA_BEATS, "beats of one array of KV codes");
    m.output("port_base", u(64 * config.ports), "base addresses of the ports")
        .set(words(offset::PORT_BASE, 2 * config.ports));
    m.output("row_info", u(128 * config.rows), "row descriptors").set(words(offset::ROW, 4 * config.rows));
}

fn read_channel<'m>(
    m: &'m Module,
    config: &Config,
    bus: &LiteSlave<'m>,
    writable: &[Writable<'m>],
    status: &[(u32, Sig<'m>)],
) {
    let counters = m.input("counters", u(32 * COUNTERS.len() as u32), "the counters");
    let id = m.input("rd_id", u(32), "id of the selected pair");
    let logit = m.input("rd_logit", u(32), "logit of the selected pair");
    // address, some cycles of choosing while the selection memory is read, one to choose between the two
    let address = m.reg("read_address", u(ADDRESS_BITS - 2), None, "word to read");
    let steps = m.reg("reading", u(READ_CYCLES), Some(0), "cycles since the address, as a bit");
    let offered = m.reg("offered", u(1), Some(0), "read data is offered");
    let data = m.reg("read_data", u(32), None, "read data");
    let ready = m.node("read_ready", !steps.q().any() & !offered.q());
    bus.ar_ready.set(ready);
    let taken = m.node("read_taken", ready & bus.ar_valid);
    m.unused("word addresses", bus.ar_addr.bits(0, 2));
    address.when(taken, bus.ar_addr.bits(2, ADDRESS_BITS - 2));
    steps.set(m.cat_lsb(&[taken, steps.q().bits(0, READ_CYCLES - 1)]));
    offered.when(steps.q().msb(), 1);
    offered.when(bus.r_ready, 0);
    bus.r_valid.set(offered.q());
    bus.r_data.set(data.q());

    let place = address.q().bits(1, 10);
    m.output("rd_index", u(6), "pair to read").set(place.bits(0, 6));
    m.output("rd_row", u(4), "row of the pair").set(place.bits(6, 4));
    let constants = registers::identity(config);
    let mut arms: Vec<(u32, Sig<'m>)> = constants.map(|(at, value)| (at / 4, m.u(32, value))).to_vec();
    arms.extend(status.iter().map(|&(at, value)| (at / 4, value.zext(32))));
    arms.extend(writable.iter().map(|w| (w.offset / 4, w.reg.q())));
    arms.extend((0..COUNTERS.len() as u32).map(|i| (offset::COUNTER / 4 + i, counters.word(i, 32))));
    let word = word_of(m, address.q(), &arms);
    let pair = m.delay("pair", mux(address.q().bit(0), logit, id), "selection of the address");
    // kept while it waits: what it was read from may change
    data.when(steps.q().msb(), mux(address.q().msb(), pair, word));
}

/// The word at `address`, with a register behind each part of the choice.
fn word_of<'m>(m: &'m Module, mut address: Sig<'m>, arms: &[(u32, Sig<'m>)]) -> Sig<'m> {
    let mut words: BTreeMap<u32, Sig<'m>> = arms.iter().copied().collect();
    for (stage, bits) in CHOOSING.into_iter().enumerate() {
        let groups: BTreeSet<u32> = words.keys().map(|at| at >> bits).collect();
        let choose = |of: u32| {
            let own = words.range(of << bits..(of + 1) << bits);
            let own: Vec<_> = own.map(|(at, word)| (at & ((1 << bits) - 1), *word)).collect();
            let word = address.bits(0, bits).case(&own, m.u(32, 0));
            (of, m.delay(&format!("word_{stage}_{of}"), word, "word of a group of addresses"))
        };
        words = groups.into_iter().map(choose).collect();
        if address.width() > bits {
            let rest = address.bits(bits, address.width() - bits);
            address = m.delay(&format!("rest_{stage}"), rest, "bits of the address that have yet to choose");
        }
    }
    words[&0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsl::Sim;

    fn write(sim: &mut Sim, at: u32, value: u32, strobes: u32) {
        for (port, value) in
            [("awvalid", 1), ("wvalid", 1), ("awaddr", at), ("wdata", value), ("wstrb", strobes)]
        {
            sim.set(&format!("s_axi_{port}"), value);
        }
        assert_eq!(sim.get("s_axi_awready"), 1);
        sim.tick();
        sim.set("s_axi_awvalid", 0);
        sim.set("s_axi_wvalid", 0);
        sim.set("s_axi_bready", 1);
        assert_eq!(sim.get("s_axi_bvalid"), 1);
        sim.tick();
        sim.set("s_axi_bready", 0);
    }

    fn read(sim: &mut Sim, at: u32) -> u32 {
        sim.set("s_axi_arvalid", 1);
        sim.set("s_axi_araddr", at);
        while sim.get("s_axi_arready") == 0 {
            sim.tick();
        }
        sim.tick();
        sim.set("s_axi_arvalid", 0);
        while sim.get("s_axi_rvalid") == 0 {
            sim.tick();
        }
        let data = sim.get("s_axi_rdata") as u32;
        sim.set("s_axi_rready", 1);
        sim.tick();
        sim.set("s_axi_rready", 0);
        data
    }

    #[test]
    fn every_register_of_the_table_behaves() {
        let config = Config { rows: 3, ports: 2, ..Config::preset("tiny").unwrap() };
        let mut sim = Sim::new(&registers(&config)).unwrap();
        sim.reset();
        assert_eq!(read(&mut sim, offset::ID), registers::ID);
        assert_eq!(read(&mut sim, offset::CONFIG_HASH), config.hash() as u32);
        let table = table(&config);
        let pattern = |at: u32| at.wrapping_mul(0x9e37_79b9) ^ 0x5555;
        let host = |r: &&registers::Register| r.access == Access::ReadWrite;
        table.iter().filter(host).for_each(|r| write(&mut sim, r.offset, pattern(r.offset), 15));
        for r in table.iter().filter(host) {
            assert_eq!(read(&mut sim, r.offset), pattern(r.offset), "{}", r.name);
        }
        write(&mut sim, offset::ROWS, 0xffff_ffff, 0b0010);
        assert_eq!(read(&mut sim, offset::ROWS), pattern(offset::ROWS) | 0xff00);
        assert_eq!(read(&mut sim, 0x3c), 0, "no register here");
    }

    #[test]
    fn read_data_stays_while_it_waits() {
        let mut sim = Sim::new(&registers(&Config::preset("tiny").unwrap())).unwrap();
        sim.reset();
        sim.set("counters", 7);
        sim.set("s_axi_arvalid", 1);
        sim.set("s_axi_araddr", offset::COUNTER);
        sim.tick();
        sim.set("s_axi_arvalid", 0);
        (0..READ_CYCLES).for_each(|_| sim.tick());
        for counter in [8, 9, 10] {
            assert_eq!((sim.get("s_axi_rvalid"), sim.get("s_axi_rdata")), (1, 7), "AXI4-Lite, A3.2.1");
            sim.set("counters", counter);
            sim.tick();
        }
    }

    #[test]
    fn start_done_error_and_interrupt() {
        let config = Config::preset("tiny").unwrap();
        let mut sim = Sim::new(&registers(&config)).unwrap();
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
}
