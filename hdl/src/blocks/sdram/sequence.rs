//! Initialization and refresh.
//!
//! ```text
//!  POWER ─► CLEAR (refreshes) ─► MODE ─► RESUME ─► RUN ─► REFRESH ─┐
//!  waits    all rows closed                 ▲                      │
//!                                           └──────────────────────┘
//! ```
//!
//! The counter of the refresh interval runs on whatever happens, so that a refresh that had to wait does not delay those
//! behind it.

use super::shape::{Shape, Timer};
use crate::dsl::{Module, Sig, count_width, mux, u};

/// What the sequence does in this cycle.
pub(super) struct Sequence<'m> {
    /// No segment may move on, no row may be opened or closed.
    pub hold: Sig<'m>,
    /// PRECHARGE of all banks.
    pub close: Sig<'m>,
    /// REFRESH.
    pub refresh: Sig<'m>,
    /// LOAD MODE REGISTER.
    pub mode: Sig<'m>,
    /// Initialized.
    pub ready: Sig<'m>,
}

impl<'m> Sequence<'m> {
    /// `quiet`: nothing has moved since `hold`, and all rows may be closed.
    pub fn new(m: &'m Module, shape: &Shape, quiet: Sig<'m>) -> Sequence<'m> {
        let t = shape.t;
        let states = ["POWER", "CLEAR", "MODE", "RESUME", "RUN", "REFRESH"];
        let state = m.fsm("state", &states, "initialization, then between refreshes");
        let width = count_width(t.power_up.max(t.refresh) as usize);
        let interval = m.reg("interval", u(width), Some(t.power_up.into()), "cycles until a refresh is due");
        let elapsed = m.node("elapsed", !interval.q().any());
        interval.when(elapsed, t.refresh - 1);
        interval.set(interval.q().wrapping_sub(1));
        let due = m.reg("due", u(1), Some(0), "a refresh is due");
        let pause = Timer::new(m, "pause", t.rfc.max(t.rp).max(t.mrd), "cycles until the next step");
        let times = shape.initial_refreshes;
        let count =
            m.reg("count", u(count_width(times as usize)), Some(0), "refreshes of the initialization");

        let (power, clear) = (state.is("POWER"), state.is("CLEAR"));
        let close = m.node("close_all", power & elapsed | state.is("RUN") & due.q() & quiet);
        let refresh = m.node("refresh", (clear | state.is("REFRESH")) & pause.over);
        let mode = m.node("load_mode", state.is("MODE") & pause.over);
        let last = m.node("last", pause.over & count.q().eq(times - 1));
        state.from("POWER").goto(elapsed, "CLEAR");
        state.from("CLEAR").goto(last, "MODE");
        state.from("MODE").goto(mode, "RESUME");
        state.from("RESUME").goto(pause.over, "RUN");
        state.from("RUN").goto(due.q() & quiet, "REFRESH");
        state.from("REFRESH").goto(refresh, "RESUME");
        count.when(clear & refresh, count.q().wrapping_add(1));
        due.when(elapsed & !power, 1);
        due.when(refresh & !clear, 0);
        pause.start(close, t.rp - 1);
        pause.start(refresh & clear, t.rfc - 1);
        pause.start(refresh, t.rfc.saturating_sub(2)); // RESUME takes a cycle
        pause.start(mode, t.mrd.saturating_sub(2));
        pause.run();

        let ready = m.reg("initialized", u(1), Some(0), "initialized");
        ready.when(state.is("RUN"), 1);
        let hold = m.node("hold", mux(state.is("RUN"), due.q(), m.u(1, 1)));
        Sequence { hold, close, refresh, mode, ready: ready.q() }
    }
}
