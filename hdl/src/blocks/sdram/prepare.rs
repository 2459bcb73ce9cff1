//! The segment behind those that are under way: closes and opens rows for it.
//!
//! Takes a segment, looks its row up in the next cycle, and closes and opens as needed; a segment in an open row passes in two
//! cycles. Rows stay open until another row of their bank is wanted; with a slow clock a LUT RAM holds their numbers.

use super::control::{Beat, Stage};
use super::sequence::Sequence;
use super::shape::{Segment, Shape, Timer};
use crate::dsl::{MemStyle, Module, Reg, Sig, Source, u};

/// One bank: which row is open, and how long it must stay so.
struct Bank<'m> {
    open: Reg<'m>,
    row: Option<Reg<'m>>,
    keep: Timer<'m>,
}

/// Cycles from a command to the first PRECHARGE of its bank.
struct Keep {
    activate: u32,
    read: u32,
    write: u32,
}

impl Keep {
    /// tRAS, and so much more that tRC is over when tRP is; READ and WRITE come tRCD after ACTIVE at the earliest.
    fn new(shape: &Shape) -> Keep {
        let t = shape.t;
        let activate = t.ras.max(t.rc.saturating_sub(t.rp));
        let rest = activate.saturating_sub(t.rcd);
        Keep { activate, read: shape.burst.max(rest), write: (shape.burst - 1 + t.wr).max(rest) }
    }
}

/// What `prepare` does in this cycle.
pub(super) struct Prepare<'m> {
    /// The segment moves on to `next`.
    pub go: Sig<'m>,
    /// {column, bank, left, write, tag} of the segment.
    pub parts: [Sig<'m>; 5],
    /// PRECHARGE of `bank`.
    pub close: Sig<'m>,
    /// ACTIVE of `row` in `bank`.
    pub activate: Sig<'m>,
    pub bank: Sig<'m>,
    pub row: Sig<'m>,
    /// All rows may be closed, and nothing is on its way.
    pub rested: Sig<'m>,
}

impl<'m> Prepare<'m> {
    /// `ahead`: the segments under way; `room`: the first of them may be taken over.
    pub fn new(
        m: &'m Module,
        shape: &Shape,
        from: Source<'m>,
        (ahead, room): (&[&Stage<'m>], Sig<'m>),
        beat: &Beat<'m>,
        sequence: &Sequence<'m>,
    ) -> Prepare<'m> {
        let valid = m.reg("prepare_valid", u(1), Some(0), "there is a segment");
        let held = m.reg("prepare", u(shape.segment_bits()), None, "the segment");
        let segment = Segment::unpack(shape, held.q());
        let column = segment.beat.bits(0, shape.column_bits);
        let bank = m.node("bank", segment.beat.bits(shape.column_bits, shape.bank_bits));
        let row = m.node("row", segment.beat.bits(shape.column_bits + shape.bank_bits, shape.row_bits));
        let banks = banks(m, shape);
        let of_bank = |all: Vec<Sig<'m>>, width| m.cat_lsb(&all).word_dyn(bank, width);

        let checked = m.reg("checked", u(1), Some(0), "`hit` and `occupied` are those of the segment");
        let hit = m.reg("hit", u(1), None, "its row is open");
        let occupied = m.reg("occupied", u(1), None, "some row of its bank is open");
        let wait = Timer::new(m, "spacing", shape.t.rp.max(shape.t.rcd), "cycles until its next step");
        let able = m.node("able", valid.q() & checked.q() & wait.over & !sequence.hold);
        let go = m.node("prepare_go", able & hit.q() & room);
        let used = ahead.iter().map(|stage| stage.valid.q() & stage.bank.q().eq(bank));
        let used = used.reduce(|a, b| a | b).unwrap_or(m.u(1, 0));
        let used = m.node("used", used).doc("a segment ahead needs the bank's row");
        let rested = of_bank(banks.iter().map(|b| b.keep.over).collect(), 1);
        let miss = if shape.burst > 1 { able & !hit.q() & !beat.any } else { able & !hit.q() };
        let miss = m.node("miss", miss);
        let close = m.node("close", miss & occupied.q() & !used & rested);
        let activate = m.node("activate", miss & !occupied.q());

        let ready = m.node("room", !valid.q() | go);
        from.ready.set(ready);
        let load = m.node("load", from.valid & ready);
        valid.when(load, 1);
        valid.when(go, 0);
        held.when(load, from.data);
        checked.when(load | sequence.close, 0);
        checked.when(valid.q(), 1);
        let is_open = m.node("is_open", of_bank(banks.iter().map(|b| b.open.q()).collect(), 1));
        let registers: Vec<Sig<'m>> = banks.iter().filter_map(|b| b.row).map(Reg::q).collect();
        let open_row = if registers.is_empty() {
            let rows = m.mem("rows", shape.row_bits, banks.len(), MemStyle::Lut, "the open rows");
            rows.write(activate, bank, row);
            rows.read_async("open_row", bank)
        } else {
            of_bank(registers, shape.row_bits)
        };
        hit.when(!checked.q(), is_open & open_row.eq(row));
        hit.when(activate, 1);
        occupied.when(!checked.q(), is_open);
        occupied.when(close, 0);
        wait.start(close, shape.t.rp - 1);
        wait.start(activate, shape.t.rcd.saturating_sub(1 + ahead.len() as u32)); // they take a cycle each
        wait.run();

        for (i, b) in banks.iter().enumerate() {
            let mine = bank.eq(i);
            b.open.when(sequence.close | close & mine, 0);
            b.open.when(activate & mine, 1);
            b.row.iter().for_each(|own| own.when(activate & mine, row));
            let keep = Keep::new(shape);
            b.keep.start(activate & mine, keep.activate - 1);
            b.keep.start(beat.read & beat.bank.eq(i), keep.read - 1);
            b.keep.start(beat.write & beat.bank.eq(i), keep.write - 1);
            b.keep.run();
        }
        let rested = banks.iter().fold(wait.over, |all, b| all & b.keep.over);
        let parts = [column, bank, segment.left, segment.write, segment.tag];
        Prepare { go, parts, close, activate, bank, row, rested }
    }
}

fn banks<'m>(m: &'m Module, shape: &Shape) -> Vec<Bank<'m>> {
    let keep = Keep::new(shape);
    let most = keep.activate.max(keep.read).max(keep.write);
    let bank = |i| Bank {
        open: m.reg(&format!("open{i}"), u(1), Some(0), "a row of the bank is open"),
        row: (!shape.slow).then(|| m.reg(&format!("row{i}"), u(shape.row_bits), None, "the row")),
        keep: Timer::new(m, &format!("keep{i}"), most, "cycles that it must stay open"),
    };
    (0..1 << shape.bank_bits).map(bank).collect()
}
