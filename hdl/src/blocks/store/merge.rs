//! Pieces of one beat, gathered.
//!
//! ```text
//! fast clock   pieces --> [held: the beat that is gathered] --> [out: the one that is offered] --> w
//! slow clock   pieces --> [held: the beat that is gathered, then offered] --> w
//! ```

use super::Sizes;
use crate::dsl::*;

/// Cycles without a word after which an unfinished beat leaves.
const QUIET: u64 = 7;

/// Gathers pieces of one beat and offers the beat; 1 while it holds something.
pub(super) fn merge<'m>(m: &'m Module, z: &Sizes, pieces: Source<'m>) -> Sig<'m> {
    let w = m.stream_out("w", u(9 * z.beat + 32), "beats: data, strobes, address");
    let offered = m.reg("offered", u(1), Some(0), "a beat is offered");
    let out = (!z.slow).then(|| m.reg("out", u(9 * z.beat + 32), None, "the beat that is offered"));
    if let Some(out) = out {
        w.set(offered.q(), out.q());
    }
    let held = m.reg("held", u(1), Some(0), "a beat is gathered");
    let beat = m.reg("held_beat", u(z.place), None, "its address");
    let strb = m.reg("held_strb", u(z.beat), None, "its bytes that are written");
    let data = m.reg("held_data", u(8 * z.beat), None, "its bytes");
    let quiet = m.reg("quiet", u(count_width(QUIET as usize)), None, "cycles without a word");

    let there = pieces.valid;
    let (words, mask) = (pieces.data.bits(0, 8 * z.beat), pieces.data.bits(8 * z.beat, z.beat));
    let (place, same) = (pieces.data.bits(9 * z.beat, z.place), pieces.data.msb());
    let same = if z.slow { m.node("same", same & place.eq(beat.q()) & !offered.q()) } else { same };
    let wanted = held.q() & mux(there, !same, quiet.q().eq(QUIET));
    let leaves = if z.slow { offered.q() & w.ready } else { wanted & (!offered.q() | w.ready) };
    let leaves = m.node("leaves", leaves);
    let joins = m.node("joins", there & (!held.q() | same | leaves));
    pieces.ready.set(joins);
    let whole = cat_lsb(&[data.q(), strb.q(), beat.q().zext(32)]);
    if let Some(out) = out {
        offered.when(leaves, 1);
        offered.when(w.ready, 0);
        out.when(leaves, whole);
    } else {
        offered.when(leaves, 0);
        offered.when(wanted, 1);
        w.set(offered.q(), whole);
    }
    held.when(joins, 1);
    held.when(leaves, 0);
    beat.when(joins, place);
    let fresh = leaves | !held.q();
    strb.when(joins, mux(fresh, mask, mask | strb.q()));
    let byte = |i: u32| mux(mask.bit(i), words.word(i, 8), data.q().word(i, 8));
    data.when(joins, m.cat_lsb(&(0..z.beat).map(byte).collect::<Vec<_>>()));
    quiet.when(there, 0);
    quiet.when(quiet.q().ne(QUIET), quiet.q().wrapping_add(1));
    held.q() | offered.q()
}
