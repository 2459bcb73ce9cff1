//! The walk through a program: when each instruction starts, what it waits for, when it is over.

use std::collections::VecDeque;

use sterna_spec::isa::{DstKind, Instruction, Vector};
use sterna_spec::layout::beats;
use sterna_spec::stream::Outlined;

use super::machine::Machine;
use super::supply::Supply;
use super::{Row, attention, vector};

/// VECTORs that wait in the sequencer's queue at most.
const QUEUE: usize = 6;
/// Cycles from the start of a step to the fetch of its first instruction.
const PRIME: f64 = 2.0;
/// Cycles between the requests of a GATHER's rows.
const GATHER_ROW: f64 = 5.0;
/// Rounds after which the reads beside a matrix are all found.
const READ_ROUNDS: usize = 8;
/// Cycles of a step's end: the last instruction, and the check that all is quiet.
const FINISH: f64 = 4.0;

/// Where a step stands.
pub(super) struct Walk<'a> {
    m: &'a Machine,
    rows: &'a [Row],
    asking: usize,
    stream: Supply,
    data: Supply,
    /// When the next instruction is known.
    known: f64,
    /// When the next VECTOR can begin, and the last six began.
    free: f64,
    launched: VecDeque<f64>,
    /// Intervals in which accumulators are read, and the share of the engine's cycles that this takes.
    reads: Vec<(f64, f64, f64)>,
    /// A matrix came since the last VECTOR.
    behind: bool,
    /// When the first activation code comes, and the cycles from one word to the next, of the last VECTOR that makes codes.
    codes: (f64, f64),
    /// When all that was written is acknowledged.
    drained: f64,
    /// The ATTN that VECTORs run beside, its number, and the beats of its data behind the first, which have come at a time.
    pending: Option<(attention::Begun, usize, f64, f64)>,
    /// When query codes come: of so many words, the last one's time and the cycles from one to the next.
    queries: Vec<(f64, f64, f64)>,
    /// The last ATTN, once it is known when it is over.
    over: Option<attention::Over>,
    /// When each instruction so far was over.
    ends: Vec<f64>,
}

impl<'a> Walk<'a> {
    /// The cycles after which each instruction of `program` is over; the last one's are those of the step.
    pub(super) fn ends(m: &'a Machine, program: &[Outlined], beats: usize, rows: &'a [Row]) -> Vec<f64> {
        let depth = |beats: u32| f64::from(beats);
        let mut stream = Supply::new(m.rate, depth(m.config.prefetch_beats), m.latency);
        stream.ask(0.0, beats as f64, 0.0);
        let mut walk = Walk {
            m,
            rows,
            asking: rows.iter().filter(|row| row.logits).count(),
            stream,
            data: Supply::new(m.rate, depth(m.config.kv_beats), m.latency),
            known: 0.0,
            free: 0.0,
            launched: VecDeque::new(),
            reads: Vec::new(),
            behind: false,
            codes: (0.0, 0.0),
            drained: 0.0,
            pending: None,
            queries: Vec::new(),
            over: None,
            ends: Vec::with_capacity(program.len()),
        };
        walk.fetch(PRIME);
        for each in program {
            if walk.step(each) {
                break;
            }
        }
        walk.ends
    }

    /// The next instruction is fetched from `time` on.
    fn fetch(&mut self, time: f64) {
        self.known = self.stream.take(time, self.m.instruction(), 1.0, 1.0) + 1.0;
    }

    /// When nothing of the vector unit is left.
    fn idle(&self) -> f64 {
        self.free + 1.0
    }

    /// One instruction; whether it ends the step.
    fn step(&mut self, each: &Outlined) -> bool {
        match each.instruction {
            Instruction::Vector(Vector { after: 0, .. }) => {}
            Instruction::Vector(_) => self.resolve(),
            _ => self.attended(),
        }
        match each.instruction {
            Instruction::Vector(v) => self.vector(&v),
            Instruction::Matmul { blocks, chunks, planes, beside, .. } => {
                self.matmul(f64::from(blocks), f64::from(chunks), f64::from(planes), beside);
            }
            Instruction::Load { words, beside, .. } => self.load(usize::from(words), beside),
            Instruction::Gather { words, .. } => self.gather(usize::from(words)),
            Instruction::Attn { segments, window, beside, .. } => {
                self.attention(&each.heads, (segments, window), beside);
            }
            Instruction::End { body } => {
                let at = self.known.max(self.idle());
                if !body || self.asking == 0 {
                    self.ends.push(at.max(self.drained) + FINISH + self.stream.flush(at));
                    return true;
                }
                self.ends.push(at);
                self.fetch(at + 1.0);
            }
        }
        false
    }

    fn vector(&mut self, v: &Vector) {
        let mut at = if self.behind { self.known.max(self.idle()) } else { self.known };
        let heads = self.over.as_ref().filter(|_| v.after > 0).map_or(&[][..], |over| &over.heads);
        if let Some((_, done)) = heads.iter().find(|(heads, _)| *heads >= v.after.into()) {
            at = at.max(done + 2.0);
        }
        if self.launched.len() == QUEUE
            && let Some(oldest) = self.launched.pop_front()
        {
            at = at.max(oldest + 2.0);
        }
        let cost = vector::cost(&self.m.config, v, self.rows.len(), self.asking);
        let begin = (at + 1.0).max(self.free);
        self.launched.push_back(begin);
        self.free = begin + cost.all;
        if v.dst_kind == DstKind::Act {
            self.codes = (begin + cost.word.0, cost.word.1);
        }
        if v.dst_kind == DstKind::Query {
            let words = f64::from(v.n) * f64::from(v.rep);
            self.queries.push((
                f64::from(v.dst) + words,
                begin + cost.word.0 + cost.word.1 * words,
                cost.word.1,
            ));
        }
        if cost.reads > 0.0 {
            self.reads.push((begin, begin + cost.issue, cost.reads));
        }
        if cost.stores {
            self.drained = self.free + self.m.write;
        }
        self.behind = false;
        self.ends.push(self.free);
        self.fetch(at + 1.0);
    }

    /// Tables of the first chunk are waited for; then a chunk takes its beats, or with two banks its tables if
    /// these take longer.
    fn matmul(&mut self, blocks: f64, chunks: f64, planes: f64, beside: bool) {
        let at = if beside { self.known } else { self.known.max(self.idle()) };
        let build = self.m.build();
        // a chunk's tables follow its codes
        let coded = |chunks: f64| {
            let words = chunks * self.m.config.chunk() as f64 / f64::from(self.m.config.lanes);
            self.codes.0 + self.codes.1 * words.ceil()
        };
        let start = (at + 2.0).max(coded(1.0)) + build;
        let last_start = if planes > 1.0 { 0.0 } else { coded(chunks) + build };
        let chunks = chunks * planes;
        let beats = chunks * blocks;
        let cycles = if self.m.config.table_banks == 1 {
            let chunk = blocks + build;
            let all = chunks * chunk - build;
            all + self.stolen(start, all) * blocks / chunk
        } else {
            f64::max((chunks - 1.0) * blocks.max(build) + blocks, beats + self.stolen(start, beats))
        };
        let last = self.stream.take(start, beats, beats / cycles, 1.0).max(last_start + blocks);
        self.reads.retain(|(_, end, _)| *end > last);
        let end = last + self.m.sum_stage() + 1.0;
        self.behind = true;
        self.ends.push(end);
        self.fetch(end + 2.0);
    }

    /// Cycles in which accumulators are read, from `start` on, beside so many others.
    fn stolen(&self, start: f64, others: f64) -> f64 {
        let reads = |until: f64| -> f64 {
            let overlap =
                |(begin, end, share): &(f64, f64, f64)| (end.min(until) - begin.max(start)).max(0.0) * share;
            self.reads.iter().map(overlap).sum()
        };
        // the time that reads take holds further ones
        (0..READ_ROUNDS).fold(0.0, |stolen, _| reads(start + others + stolen))
    }

    fn load(&mut self, words: usize, beside: bool) {
        let at = if beside { self.known } else { self.known.max(self.idle()) };
        let beats = beats(&self.m.config, 4 * words * self.m.config.lanes as usize) as f64;
        let end = self.stream.take(at + 2.0, beats, beats / beats.max(words as f64), 1.0);
        self.ends.push(end);
        self.fetch(end + 1.0);
    }

    fn gather(&mut self, words: usize) {
        let at = self.known.max(self.idle());
        let row = beats(&self.m.config, 4 * words * self.m.config.lanes as usize) as f64;
        let (mut asked, mut end) = (at + 2.0, at + 2.0);
        for _ in self.rows {
            asked += GATHER_ROW;
            let others = self.stream.under_way(asked, self.m.ahead_of(row * self.rows.len() as f64));
            self.data.ask(asked, row, others);
            end = self.data.take(end.max(asked), row, row / row.max(words as f64), 1.0);
        }
        self.behind = false;
        self.ends.push(end);
        self.fetch(at + 1.0);
        self.known = self.known.max(end + 1.0);
    }

    fn attention(&mut self, heads: &[u8], fields: (u16, u16), beside: bool) {
        let at = self.known.max(self.idle()).max(self.drained);
        let beats = attention::beats(self.m, heads, self.rows, fields.0, fields.1);
        let streams = (&mut self.stream, &mut self.data);
        let (begun, loaded) = attention::begin(self.m, streams, at + 1.0, (heads, self.rows), fields);
        // data go first
        let first = beats.min(f64::from(self.m.config.kv_beats));
        let served = begun.asked + first / self.m.rate;
        self.stream.wait(begun.asked, 1.0);
        self.stream.wait(served, 0.0);
        self.behind = false;
        self.pending = Some((begun, self.ends.len(), beats - first, served));
        self.ends.push(at);
        self.fetch(loaded + 2.0);
        if !beside {
            self.queries.clear();
            self.attended();
        }
    }

    /// Waits for the end of the last ATTN.
    fn attended(&mut self) {
        self.resolve();
        if let Some(over) = self.over.take() {
            self.known = self.known.max(over.end + 2.0);
        }
    }

    /// The ATTN that is pending runs to its end.
    fn resolve(&mut self) {
        let Some((begun, number, beats, at)) = self.pending.take() else { return };
        let queries = std::mem::take(&mut self.queries);
        let coded = |words: f64| {
            let of = queries.iter().find(|(end, ..)| *end >= words);
            of.map_or(0.0, |(end, last, each)| last - (end - words) * each)
        };
        let over = attention::over(&mut self.data, &begun, coded);
        // the stream has what the data leave of the memory
        let share = 1.0 - (beats / self.m.rate / (over.end - at).max(1.0)).min(1.0);
        self.stream.wait(over.end, share);
        self.ends[number] = over.end;
        self.over = Some(over);
    }
}
