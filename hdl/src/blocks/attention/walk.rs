//! The order of the passes' K and V, and of a pass's slots.
//!
//! ```text
//! turns   K(0) K(1) V(0) K(2) V(1) .. V(n-1)    for those who ask for beats and those who take them
//! slots   row by row, head by head              for those who load slots and those who empty them
//! ```

use super::shape::{COUNT_BITS, NUMBER_BITS, Shape};
use crate::dsl::{Module, Sig, u};

/// Whose beats come next.
pub(super) struct Turns<'m> {
    /// K, or V, of a pass comes next; neither while that is unknown.
    pub is_key: Sig<'m>,
    pub is_value: Sig<'m>,
    /// Nothing comes any more.
    pub over: Sig<'m>,
    /// The turn that was picked: number of the pass, and whether it is V's.
    pub number: Sig<'m>,
    pub of_value: Sig<'m>,
    /// Number of the pass whose V is next.
    pub value: Sig<'m>,
}

/// `pick` takes the next turn, `end` ends it.
pub(super) fn turns<'m>(m: &'m Module, start: Sig<'m>, pick: Sig<'m>, end: Sig<'m>) -> Turns<'m> {
    let planned = m.input("planned", u(NUMBER_BITS), "passes that are planned");
    let complete = m.input("complete", u(1), "no more passes will be planned");
    let of_value = m.reg("of_value", u(1), None, "the turn is V's");
    let counter = |name: &str, step: Sig<'m>, doc: &str| {
        let count = m.reg(name, u(NUMBER_BITS), Some(0), doc);
        count.when(start, 0);
        count.when(step, count.q().wrapping_add(1));
        count.q()
    };
    let keys = counter("key_pass", end & !of_value.q(), "pass whose K is next");
    let values = counter("value_pass", end & of_value.q(), "pass whose V is next");
    let ahead = keys.wrapping_sub(values).named("ahead");
    let two = m.node("two_ahead", ahead.eq(2));
    let no_more = m.node("no_more_keys", complete & keys.eq(planned));
    let is_key = m.node("key_next", keys.ne(planned) & !two);
    let is_value = m.node("value_next", two | no_more & ahead.any());
    of_value.when(pick, is_value);
    let number = m.reg("number_now", u(NUMBER_BITS), None, "pass of the turn");
    number.when(pick, is_value.mux(values, keys));
    let over = m.node("turns_over", no_more & !ahead.any());
    Turns { is_key, is_value, over, number: number.q(), of_value: of_value.q(), value: values }
}

/// A planned pass as slots.
pub(super) struct Pass<'m> {
    /// First row, number of rows, query heads of each.
    pub row: Sig<'m>,
    pub rows: Sig<'m>,
    pub count: Sig<'m>,
}

/// One slot after the other.
pub(super) struct Slots<'m> {
    pub slot: Sig<'m>,
    pub row: Sig<'m>,
    /// Rows from this one to the last.
    pub left: Sig<'m>,
    /// Which of the pass's query heads.
    pub column: Sig<'m>,
    pub last: Sig<'m>,
}

/// `begin`: the first slot is next; `step`: the present slot is done.
pub(super) fn slots<'m>(
    m: &'m Module,
    shape: &Shape,
    pass: &Pass<'m>,
    begin: Sig<'m>,
    step: Sig<'m>,
) -> Slots<'m> {
    let slot = m.reg("slot", u(shape.slot_bits()), None, "slot");
    let row = m.reg("slot_row", u(shape.row_bits()), None, "its row");
    let left = m.reg("rows_left", u(shape.group_rows_bits()), None, "rows from it to the last");
    let column = m.reg("column", u(COUNT_BITS), None, "which of the pass's query heads it has");
    let row_ends = m.node("row_ends", (column.q() + 1u8).eq(pass.count));
    slot.when(begin, 0);
    slot.when(step, slot.q().wrapping_add(1));
    column.when(begin | step & row_ends, 0);
    column.when(step, column.q().wrapping_add(1));
    row.when(begin, pass.row);
    row.when(step & row_ends, row.q().wrapping_add(1));
    left.when(begin, pass.rows);
    left.when(step & row_ends, left.q().wrapping_sub(1));
    let last = m.node("last_slot", row_ends & left.q().eq(1));
    Slots { slot: slot.q(), row: row.q(), left: left.q(), column: column.q(), last }
}
