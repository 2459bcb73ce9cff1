//! The score: by block, and every survivor.

use std::collections::{BTreeMap, BTreeSet};

use crate::prove::Verdict;
use crate::suite::DIFFERS;
use crate::text::{Mutant, TOP};

/// One mutant and what became of it.
#[derive(Clone, Debug)]
pub struct Line {
    mutant: Mutant,
    /// Why it was killed; `None` if it survives.
    killed: Option<String>,
    /// The results are the same, but a counter differs: another number of cycles, or of beats.
    counted: bool,
    /// What the prover found, if it was asked.
    pub proof: Option<Verdict>,
}

impl Line {
    /// `said` is what its process said, `unchanged` what the design without a mutant counted.
    pub fn new(mutant: &Mutant, said: &str, unchanged: &str) -> Line {
        let killed = said.strip_prefix("killed ").map(String::from);
        let counted = said.strip_prefix("survives ").is_some_and(|counters| counters != unchanged);
        Line { mutant: mutant.clone(), killed, counted, proof: None }
    }

    /// Whether nothing shows it.
    pub fn survives(&self) -> bool {
        self.killed.is_none() && !self.counted
    }

    /// Whether it is proven to change nothing.
    pub fn proven(&self) -> bool {
        self.proof.as_ref().is_some_and(Verdict::proven)
    }

    /// The block that was named, if the golden model differs: an instance of the top.
    pub fn named(&self) -> Option<&str> {
        let why = self.killed.as_deref()?;
        why.split_once(DIFFERS)?.1.split(':').next()
    }

    /// One line of progress.
    pub fn told(&self) -> String {
        let Mutant { file, line, kind, .. } = &self.mutant;
        let what = match &self.killed {
            Some(why) => format!("killed: {why:.80}"),
            None if self.counted => "seen in the counters".into(),
            None => format!("SURVIVES: `{}` became `{}`", self.mutant.from, self.mutant.to),
        };
        format!("{kind} {file}:{line} {what}")
    }
}

/// All of them.
pub struct Score {
    /// Instances of the top that hold each module.
    pub homes: BTreeMap<String, BTreeSet<String>>,
    pub seed: u64,
    pub lines: Vec<Line>,
}

impl Score {
    /// Mutants that a result, a rule of a bus or an error showed.
    pub fn killed(&self) -> usize {
        self.lines.iter().filter(|line| line.killed.is_some()).count()
    }

    /// Mutants that the counters alone showed: each run is repeated cycle by cycle, so they are a result, too.
    pub fn in_counters(&self) -> usize {
        self.lines.iter().filter(|line| line.counted).count()
    }

    /// Mutants that show, one way or the other.
    pub fn shown(&self) -> usize {
        self.killed() + self.in_counters()
    }

    /// Mutants that are proven to change nothing.
    pub fn proven(&self) -> usize {
        self.lines.iter().filter(|line| line.proven()).count()
    }

    /// How many show, of all and of those that are not proven equal.
    fn share(&self) -> String {
        let (shown, all) = (self.shown(), self.lines.len());
        let share = |of: usize| format!("{shown} of {of}, {:.1} %", 100.0 * shown as f64 / of.max(1) as f64);
        format!("Shown: {}; of those that are not proven equal {}.", share(all), share(all - self.proven()))
    }

    /// Whether the instance of the top that was named holds the mutant; nothing if none was named, or the mutant is in the top itself.
    fn right(&self, line: &Line) -> Option<bool> {
        let module = line.mutant.file.trim_end_matches(".v");
        let named = line.named().filter(|_| module != TOP)?;
        Some(self.homes.get(module).is_some_and(|homes| homes.contains(named)))
    }

    /// How often the right block was named: by the mutant's block, and the wrong ones.
    fn blame(&self) -> String {
        let mut groups: BTreeMap<String, [usize; 2]> = BTreeMap::new();
        let mut wrong = String::new();
        for line in &self.lines {
            let Some(right) = self.right(line) else { continue };
            for key in [line.mutant.block(), "~all"] {
                let group = groups.entry(key.into()).or_default();
                *group = [group[0] + 1, group[1] + usize::from(right)];
            }
            if !right {
                let Mutant { file, line: at, .. } = &line.mutant;
                wrong += &format!("- {file}:{at}: {}\n", line.killed.as_deref().unwrap_or_default());
            }
        }
        let row = |(name, [all, right]): (String, [usize; 2])| {
            format!("| {:<10} | {all:>7} | {right:>11} |\n", name.trim_start_matches('~'))
        };
        let head = "|            | differ  | right block |\n|------------|--------:|------------:|\n";
        format!("{head}{}\n{wrong}", groups.into_iter().map(row).collect::<String>())
    }

    fn by(&self, key: impl Fn(&Line) -> String) -> String {
        let mut groups: BTreeMap<String, [usize; 4]> = BTreeMap::new();
        for line in &self.lines {
            let group = groups.entry(key(line)).or_default();
            group[0] += 1;
            group[1] += usize::from(line.killed.is_some());
            group[2] += usize::from(line.counted);
            group[3] += usize::from(line.proven());
        }
        let all = [self.lines.len(), self.killed(), self.in_counters(), self.proven()];
        let rows = groups.into_iter().chain([("all".to_string(), all)]);
        let row = |(name, [all, killed, counted, proven]): (String, [usize; 4])| {
            format!(
                "| {name:<10} | {all:>7} | {killed:>6} | {counted:>11} | {:>8} | {proven:>12} |\n",
                all - killed - counted
            )
        };
        let head = "|            | applied | killed | in counters | survived | proven equal |\n|------------|--------:|-------:|------------:|---------:|-------------:|\n";
        head.to_string() + &rows.map(row).collect::<String>()
    }

    /// As Markdown: by block, by kind, and the survivors.
    pub fn markdown(&self) -> String {
        let blocks = self.by(|line| line.mutant.block().into());
        let kinds = self.by(|line| line.mutant.kind.into());
        let row = |line: &Line| {
            let Mutant { file, line: at, kind, from, to, .. } = &line.mutant;
            let one = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let proof = line.proof.as_ref().map_or(String::new(), |proof| format!("; {proof}"));
            format!("- {file}:{at} ({kind}): `{}` became `{}`{proof}\n", one(from), one(to))
        };
        let survivors: String = self.lines.iter().filter(|line| line.survives()).map(row).collect();
        let share = self.share();
        format!("Seed {}. {share}\n\n{blocks}\n{kinds}\n{survivors}\n{}", self.seed, self.blame())
    }

    /// As JSON: an array of the mutants.
    pub fn json(&self) -> String {
        let line = |line: &Line| {
            let Mutant { file, line: at, kind, from, to, .. } = &line.mutant;
            serde_json::json!({
                "block": line.mutant.block(), "file": file, "line": at, "kind": kind, "from": from, "to": to,
                "killed": line.killed, "in_counters": line.counted,
                "proof": line.proof.as_ref().map(ToString::to_string), "proven": line.proven(),
                "named": line.named(), "right": self.right(line),
            })
        };
        serde_json::to_string_pretty(&self.lines.iter().map(line).collect::<Vec<_>>()).unwrap_or_default()
    }
}
