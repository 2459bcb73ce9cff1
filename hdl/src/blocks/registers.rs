//! The register block: an AXI4-Lite slave made from [`sterna_spec::registers::table`].
//!
//! ```text
//!   s_axi ─► write: registers ─► start, program_*, rows, row_info, port_base, ...
//!         ◄─ read: registers, status, counters, top k          (read.rs)
//! ```
//!
//! Every access answers OKAY; addresses without a register read as 0 and ignore writes. The first error of a step
//! stays in ERROR until cleared.

mod read;

use sterna_spec::config::Config;
use sterna_spec::registers::{self, Access, ErrorCode, control, offset, table};

use super::axi::{self, LiteSlave};
use crate::dsl::{Module, Reg, Sig, u};
use read::{Kept, read_channel};

/// Bits of an address.
const ADDRESS_BITS: u32 = registers::SPACE.trailing_zeros();

/// A register of the table that the host writes.
struct Writable<'m> {
    offset: u32,
    reg: Reg<'m>,
}

/// The register block.
///
/// Outputs: `start`, `clear`, `program_base`, `program_beats`, `rows` (5), `result_base`, `result_stride`,
/// `kv_scale_beats`, `kv_data_beats`, `port_base` (64 for each port), `row_info` (128 for each row), `irq`,
/// `rd_row`, `rd_index`. Inputs: `busy`, `done`, `error_valid`, `error_code`, `counters` (and `turn`, see [`super::counters`]),
/// `rd_id`, `rd_logit`.
pub fn registers(config: &Config) -> Module {
    let m = Module::new("registers", "Registers of the accelerator behind AXI4-Lite.");
    let bus = axi::lite_slave(&m, "s_axi", ADDRESS_BITS);
    let busy = m.input("busy", u(1), "a step is running");
    let done = m.input("done", u(1), "one cycle: the step has ended");
    let kept = (!config.fast_clock()).then(|| Kept::new(&m, config));
    let (address, data, mask) = write_channel(&m, &bus, kept.as_ref());

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
    let status = [(offset::STATUS, status), (offset::ERROR, error)];
    if let Some(kept) = &kept {
        kept.write(&writable, address, [data, mask]);
    }
    read_channel(&m, config, &bus, &writable, &status, kept.as_ref());
    m
}

/// Accepts address and data together. Returns the word address, the data and the mask of written bits, zero in
/// cycles without a write.
fn write_channel<'m>(
    m: &'m Module,
    bus: &LiteSlave<'m>,
    kept: Option<&Kept<'m>>,
) -> (Sig<'m>, Sig<'m>, Sig<'m>) {
    let answer = m.reg("answer", u(1), Some(0), "a write response is offered");
    let taken = bus.aw_valid & bus.w_valid & !answer.q();
    let taken = m.node("write_taken", kept.map_or(taken, |kept| taken & kept.ready()));
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

#[cfg(test)]
mod tests;
