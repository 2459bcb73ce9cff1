//! The next instruction.
//!
//! ```text
//! p ─► next instruction, whole ─► queue, insn        with a fast clock
//! p ─┬───────────────────────────► queue, insn       with a slow one: each beat goes where it belongs as it arrives
//!    └─► what is looked at of it
//! ```

use sterna_spec::config::Config;
use sterna_spec::isa::{INSTRUCTION_BYTES, Op, field};

use super::late;
use crate::blocks::field_of;
use crate::dsl::{Module, Reg, Sig, Source, index_width, mux, u};

/// Whether the beats of an instruction go where they belong as they arrive.
pub(super) fn in_beats(config: &Config) -> bool {
    !config.fast_clock() && config.instruction_beats() > 1
}

/// The instruction that comes next, and whether it is complete.
pub(super) struct Next<'m> {
    pub insn: Sig<'m>,
    /// With [`in_beats`], the beats of it that arrive, a bit each.
    pub beats: Option<Sig<'m>>,
    pub valid: Sig<'m>,
    /// It is complete, and what was found out about it is in registers.
    pub known: Sig<'m>,
    /// The fetcher takes a beat if there is one.
    pub fetching: Sig<'m>,
}

/// Collects the beats of an instruction from `p` while `enable`; `taken` makes room for the one after it. `active`: what is not for
/// the queue waits, if it goes there at once.
pub(super) fn fetch<'m>(
    m: &'m Module,
    config: &Config,
    p: &Source<'m>,
    [enable, active]: [Sig<'m>; 2],
    [clear, taken]: [Sig<'m>; 2],
) -> Next<'m> {
    let beats = config.instruction_beats();
    let bits = 8 * INSTRUCTION_BYTES as u32;
    let insn = m.reg("next_instruction", u(bits), None, "the instruction that comes next");
    let valid = m.reg("next_valid", u(1), Some(0), "it is complete");
    let goes = in_beats(config).then(|| m.wire("goes", u(1)).doc("the beat that comes has its place"));
    let fetches = enable & !valid.q();
    let fetching = m.node("fetching", goes.map_or(fetches, |goes| fetches & goes.sig()));
    let arrives = m.node("arrives", fetching & p.valid);
    let mut each = None;
    let last = if beats == 1 {
        insn.when(arrives, p.data.bits(0, bits));
        if config.beat_bits() > bits {
            m.unused("padding after an instruction", p.data.bits(bits, config.beat_bits() - bits));
        }
        m.u(1, 1)
    } else {
        if goes.is_none() {
            let kept = insn.q().bits(config.beat_bits(), bits - config.beat_bits());
            insn.when(arrives, m.cat_lsb(&[kept, p.data]));
        }
        let part = m.reg("part", u(index_width(beats)), Some(0), "beats of it that have arrived");
        part.when(clear, 0);
        part.when(arrives, part.q().wrapping_add(1));
        if let Some(goes) = goes {
            goes.set(!active | field_of(insn.q(), field::OP).eq(Op::Vector as u32) | !part.q().any());
            let beat = |k: usize| arrives & part.q().eq(k);
            let mask = m.node("beats_arrive", m.cat_lsb(&(0..beats).map(beat).collect::<Vec<_>>()));
            replace(m, insn, mask, p.data.repeat(beats as u32));
            each = Some(mask);
        }
        part.q().eq(beats - 1)
    };
    valid.when(clear | taken, 0);
    valid.when(arrives & last, 1);
    let known = late(m, "next_known", valid.q() & !(clear | taken), "it was looked at");
    Next { insn: insn.q(), beats: each, valid: valid.q(), known, fetching }
}

/// Of the parts of `data`, those of which a bit of `mask` is 1 enter the register.
pub(super) fn replace<'m>(m: &'m Module, reg: Reg<'m>, mask: Sig<'m>, data: Sig<'m>) {
    let bits = data.width() / mask.width();
    let part = |k: u32| mux(mask.bit(k), data.word(k, bits), reg.q().word(k, bits));
    reg.set(m.cat_lsb(&(0..mask.width()).map(part).collect::<Vec<_>>()));
}
