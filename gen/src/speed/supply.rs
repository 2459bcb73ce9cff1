//! One of the reader's two streams as a fluid: beats flow in as memory and queue allow, and are taken as a unit can.
//!
//! ```text
//! memory ─[latency]─► queue of `depth` beats ─► unit: at most `pace` beats a cycle
//! ```
//!
//! Times are cycles of a step, real numbers: what a burst or a refresh shifts within the queue is not modelled.

/// A stream from memory.
#[derive(Clone, Debug)]
pub(super) struct Supply {
    /// Beats a cycle that memory delivers while it can.
    rate: f64,
    /// Beats that the queue holds.
    depth: f64,
    /// Cycles from a free place in the queue to the beat that fills it.
    latency: f64,
    /// Beats in the queue.
    level: f64,
    /// The level is that of this time.
    now: f64,
    /// From this time on beats arrive; nothing is asked for while it is infinite.
    flows: f64,
    /// Beats that memory still has to deliver.
    left: f64,
}

impl Supply {
    pub(super) fn new(rate: f64, depth: f64, latency: f64) -> Supply {
        Supply { rate, depth, latency, level: 0.0, now: 0.0, flows: f64::INFINITY, left: 0.0 }
    }

    /// Asks for `beats` more at `time`, behind `others` of another stream that memory was asked for before.
    pub(super) fn ask(&mut self, time: f64, beats: f64, others: f64) {
        self.wait(time, 1.0);
        if self.left <= 0.0 || self.flows.is_infinite() {
            self.flows = time + self.latency.max(others / self.rate);
        }
        self.left += beats;
    }

    /// Beats that were asked for and have not arrived, of `most` that can be on their way: memory answers in order, so the other stream
    /// waits for them.
    pub(super) fn under_way(&mut self, time: f64, most: f64) -> f64 {
        self.wait(time, 1.0);
        if self.flows.is_infinite() { 0.0 } else { (self.depth - self.level).min(self.left).min(most) }
    }

    /// Lets time go by; `share` of the memory is this stream's.
    pub(super) fn wait(&mut self, until: f64, share: f64) {
        if until > self.now.max(self.flows) {
            let most = (self.depth - self.level).min(self.left);
            let flow = (self.rate * share * (until - self.now.max(self.flows))).min(most);
            self.level += flow;
            self.left -= flow;
            if self.level >= self.depth {
                self.flows = f64::INFINITY;
            }
        }
        self.now = self.now.max(until);
    }

    /// Takes `beats` from `start` on at `pace` beats a cycle at most; the time when the last is taken.
    pub(super) fn take(&mut self, start: f64, beats: f64, pace: f64, share: f64) -> f64 {
        self.wait(start, share);
        let mut need = beats;
        let mut time = start;
        if self.flows.is_infinite() {
            self.flows = time + self.latency;
        }
        while need > 1e-9 {
            let arriving = time >= self.flows && self.left > 1e-9;
            let mut flow = if arriving { self.rate * share } else { 0.0 };
            if self.level >= self.depth {
                flow = flow.min(pace);
            }
            let taken = if self.level > 1e-9 { pace } else { pace.min(flow) };
            let mut step = if taken > 0.0 { need / taken } else { f64::INFINITY };
            if time < self.flows && self.left > 1e-9 {
                step = step.min(self.flows - time);
            }
            let net = flow - taken;
            if net < 0.0 && self.level > 1e-9 {
                step = step.min(self.level / -net);
            } else if net > 0.0 {
                step = step.min((self.depth - self.level) / net);
            }
            if flow > 0.0 {
                step = step.min(self.left / flow);
            }
            if !step.is_finite() {
                // nothing is left to come: a program that takes more than it has is none
                return time + need / pace;
            }
            need -= taken * step;
            self.level = (self.level + net * step).clamp(0.0, self.depth);
            self.left = (self.left - flow * step).max(0.0);
            time += step;
        }
        self.now = time;
        time
    }

    /// Cycles in which what is on its way and in the queue is thrown away, a beat a cycle, from `time` on.
    pub(super) fn flush(&mut self, time: f64) -> f64 {
        self.wait(time, 1.0);
        if self.left <= 0.0 {
            return self.level;
        }
        let under_way = if self.flows.is_infinite() { 0.0 } else { self.latency };
        self.level.max(under_way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supply(rate: f64) -> Supply {
        let mut supply = Supply::new(rate, 100.0, 10.0);
        supply.ask(0.0, 1e6, 0.0);
        supply
    }

    #[test]
    fn the_first_beats_come_after_the_latency_and_then_at_the_memorys_rate() {
        assert_eq!(supply(0.5).take(0.0, 50.0, 1.0, 1.0), 110.0);
        assert_eq!(supply(0.5).take(0.0, 50.0, 1.0, 0.5), 210.0);
    }

    #[test]
    fn a_full_queue_runs_dry_later() {
        let mut s = supply(0.5);
        s.wait(1000.0, 1.0);
        // ten beats before memory goes on, 90 that shrink by a half a cycle, the rest at the memory's rate
        assert_eq!(s.take(1000.0, 300.0, 1.0, 1.0), 1000.0 + 10.0 + 180.0 + 220.0);
    }

    #[test]
    fn memory_answers_in_order() {
        let mut data = Supply::new(1.0, 100.0, 10.0);
        let others = supply(1.0).under_way(50.0, 32.0);
        data.ask(50.0, 4.0, others);
        assert_eq!((others, data.take(50.0, 4.0, 1.0, 1.0)), (32.0, 86.0));
        assert_eq!(supply(1.0).under_way(500.0, 32.0), 0.0, "the queue is full");
    }

    #[test]
    fn a_fast_memory_is_taken_at_the_units_pace() {
        assert_eq!(supply(1.0).take(20.0, 40.0, 0.25, 1.0), 180.0);
    }
}
