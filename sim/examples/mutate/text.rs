//! Single changes of emitted Verilog, and how many of them become one design: each changed expression is a choice between itself and
//! the change, by the number on the input `mutant` of the top.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The top module, whose input `mutant` chooses.
pub const TOP: &str = "sterna";

/// One mutant.
#[derive(Clone, Debug)]
pub struct Mutant {
    pub file: String,
    /// Line of the emitted file, from 1.
    pub line: usize,
    pub kind: &'static str,
    /// The expression, and what becomes of it.
    pub from: String,
    pub to: String,
    /// Byte range of the expression in the file.
    range: (usize, usize),
}

impl Mutant {
    /// Name of the block: the file's up to its first `_` or `.`, and one name for arithmetic and ports.
    pub fn block(&self) -> &str {
        let stem = self.file.split(['_', '.']).next().unwrap_or_default();
        match stem {
            _ if is_arithmetic(&self.file) => "fp",
            "read" => "reader",
            "write" => "writer",
            TOP => "top",
            _ => stem,
        }
    }

    /// The module that it is in.
    pub fn module(&self) -> &str {
        self.file.trim_end_matches(".v")
    }

    /// The text of its file, with the expression as a choice by the signal `choice`.
    pub fn behind(&self, text: &str, choice: &str) -> String {
        let Mutant { from, to, range, .. } = self;
        format!("{}{choice} ? ({to}) : ({from}){}", &text[..range.0], &text[range.1..])
    }
}

/// Whether a file is one of the modules of `blocks/fp`.
pub fn is_arithmetic(file: &str) -> bool {
    file.starts_with("f32_") || file.starts_with("int")
}

/// Instances of the top in which a module's work is, by module.
pub fn homes(files: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let module = |file: &String| file.strip_suffix(".v").map(String::from);
    // instances in a module: what they are of, and their names
    let inside = |text: &str| -> Vec<(String, String)> {
        let instance = |line: &str| {
            let (of, name) = line.strip_prefix("    ")?.strip_suffix(" (")?.split_once(' ')?;
            files.contains_key(&format!("{of}.v")).then(|| (of.to_string(), name.trim().to_string()))
        };
        text.lines().filter_map(instance).collect()
    };
    let tree: BTreeMap<String, Vec<(String, String)>> =
        files.iter().filter_map(|(file, text)| Some((module(file)?, inside(text)))).collect();
    let mut homes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut left: Vec<(String, String)> = tree.get(TOP).cloned().unwrap_or_default();
    while let Some((of, home)) = left.pop() {
        if homes.entry(of.clone()).or_default().insert(home.clone()) {
            left.extend(tree.get(&of).into_iter().flatten().map(|(of, _)| (of.clone(), home.clone())));
        }
    }
    homes
}

/// An expression that may change.
struct Site {
    range: (usize, usize),
    /// Bits of the target, if it is an assignment to a whole signal.
    width: Option<u32>,
    condition: bool,
    /// In the top: the target belongs to the observation port, as all registers there.
    observed: bool,
}

/// All single changes of the files.
pub fn all(files: &BTreeMap<String, String>) -> Vec<Mutant> {
    let mut found = Vec::new();
    for (file, text) in files.iter().filter(|(name, _)| name.ends_with(".v")) {
        // what is observed is no part of the design
        let observed = |site: &&Site| *file == format!("{TOP}.v") && site.observed;
        for site in sites(text).iter().filter(|site| !observed(site)) {
            let from = &text[site.range.0..site.range.1];
            let line = text[..site.range.0].lines().count().max(1);
            found.extend(changes(from, site).into_iter().map(|(kind, to)| Mutant {
                file: file.clone(),
                line,
                kind,
                from: from.into(),
                to,
                range: site.range,
            }));
        }
    }
    found
}

/// `count` of them, drawn block by block in turn.
pub fn draw(all: Vec<Mutant>, count: usize, seed: u64) -> Vec<Mutant> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut blocks: BTreeMap<String, Vec<Mutant>> = BTreeMap::new();
    for mutant in all {
        blocks.entry(mutant.block().into()).or_default().push(mutant);
    }
    blocks.values_mut().for_each(|list| list.shuffle(&mut rng));
    let mut drawn = Vec::new();
    while drawn.len() < count && blocks.values().any(|list| !list.is_empty()) {
        let room = count - drawn.len();
        let next: Vec<Mutant> = blocks.values_mut().filter_map(Vec::pop).take(room).collect();
        drawn.extend(next);
    }
    drawn
}

/// The files with all mutants in them; number `i + 1` on `mutant` makes the `i`-th real, 0 none.
pub fn together(files: &BTreeMap<String, String>, mutants: &[Mutant]) -> BTreeMap<String, String> {
    let mut files = files.clone();
    for (name, text) in &mut files {
        let mut places: BTreeMap<(usize, usize), Vec<(usize, &str)>> = BTreeMap::new();
        for (i, mutant) in mutants.iter().enumerate().filter(|(_, mutant)| mutant.file == *name) {
            places.entry(mutant.range).or_default().push((i + 1, &mutant.to));
        }
        let own = *name == format!("{TOP}.v");
        let selector = if own { "mutant".to_string() } else { format!("{TOP}.mutant") };
        for ((from, to), choices) in places.into_iter().rev() {
            let mut choice = String::new();
            for (number, changed) in choices {
                let _ = write!(choice, "({selector} == 16'd{number}) ? ({changed}) : ");
            }
            let whole = format!("{choice}({})", &text[from..to]);
            text.replace_range(from..to, &whole);
        }
        if own {
            *text = text.replacen("(\n", "(\n    input wire [15:0] mutant,\n", 1);
        }
    }
    files
}

/// Right sides of assignments and conditions of `if`.
fn sites(text: &str) -> Vec<Site> {
    let widths = widths(text);
    let (mut found, mut start) = (Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let trimmed = line.trim_start();
        if trimmed.starts_with("//") || trimmed.starts_with("wire _unused_ok") {
            continue;
        }
        let begin = at + line.len() - trimmed.len();
        if let Some(cond) = line.find("if (") {
            let open = at + cond + 4;
            if let Some(close) = closing(&text[open..]) {
                found.push(Site {
                    range: (open, open + close),
                    width: None,
                    condition: true,
                    observed: true,
                });
            }
        }
        let (target, sign) = match (trimmed.split_once(" <= "), trimmed.split_once(" = ")) {
            (Some((target, _)), _) if !target.contains("(") && !target.contains("= ") => (target, " <= "),
            (_, Some((target, _))) if target.starts_with("wire ") || target.starts_with("assign ") => {
                (target, " = ")
            }
            _ => match trimmed.trim_end() {
                // the expression begins on the next line
                whole if whole.ends_with(" <=") => (&whole[..whole.len() - 3], " <="),
                whole if whole.ends_with(" =") && !whole.contains('(') => (&whole[..whole.len() - 2], " ="),
                _ => continue,
            },
        };
        let from = begin + target.len() + sign.len();
        let Some(end) = text[from..].find(';') else { continue };
        let skip = text[from..from + end].len() - text[from..from + end].trim_start().len();
        let name = target.rsplit(' ').next().unwrap_or_default();
        let range = (from + skip, from + end);
        let observed = name.starts_with("seen_") || name.starts_with("probe_");
        found.push(Site { range, width: widths.get(name).copied(), condition: false, observed });
    }
    found
}

/// Where the parenthesis that is open at the start closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    text.char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        (depth == 0).then_some(at)
    })
}

/// Bits of unsigned signals by name.
fn widths(text: &str) -> BTreeMap<&str, u32> {
    let declared = |line: &'_ str| {
        let (_, shape) = line.split_once('[')?;
        let (high, rest) = shape.split_once(":0] ")?;
        let kind = line.trim_start();
        let plain = ["reg [", "wire [", "output wire ["].iter().any(|start| kind.starts_with(start));
        let name = rest.split([' ', ';', ',', '=']).next()?;
        let memory = rest.contains(&format!("{name} ["));
        let width = high.parse::<u32>().ok().filter(|_| plain && !memory)? + 1;
        Some((name.as_ptr() as usize - text.as_ptr() as usize, name.len(), width))
    };
    text.lines().filter_map(declared).map(|(at, len, width)| (&text[at..at + len], width)).collect()
}

/// The changes of one expression, each with its kind.
fn changes(from: &str, site: &Site) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut push = |kind, at: usize, len: usize, new: &str| {
        found.push((kind, format!("{}{new}{}", &from[..at], &from[at + len..])));
    };
    const OPERATORS: [(&str, &str); 13] = [
        (" & ", " | "),
        (" | ", " & "),
        (" ^ ", " & "),
        (" + ", " - "),
        (" - ", " + "),
        (" == ", " != "),
        (" != ", " == "),
        (" < ", " >= "),
        (" <= ", " < "),
        (" > ", " >= "),
        (" >= ", " > "),
        (" << ", " >> "),
        (" >> ", " << "),
    ];
    for (old, new) in OPERATORS {
        from.match_indices(old).for_each(|(at, _)| push("operator", at, old.len(), new));
    }
    for (at, _) in from.match_indices("'d") {
        let digits =
            from[at + 2..].len() - from[at + 2..].trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if let Ok(value) = from[at + 2..at + 2 + digits].parse::<u64>() {
            push("constant", at + 2, digits, &(value ^ 1).to_string());
        }
    }
    for (at, _) in from.match_indices(['!', '~']) {
        let next = from[at + 1..].chars().next().unwrap_or(' ');
        if next.is_alphabetic() || next == '(' {
            push("polarity", at, 1, "");
        }
    }
    for (at, word) in words(from) {
        let handshake = ["valid", "ready", "taken", "room", "full", "free", "held"];
        let ends = handshake.iter().any(|end| word.ends_with(end));
        let beside = from[..at].ends_with("& ") || from[at + word.len()..].starts_with(" &");
        if ends && beside {
            push("handshake", at, word.len(), "1'd1");
        }
    }
    if site.condition {
        found.push(("polarity", format!("!({from})")));
    }
    if let Some(width) = site.width.filter(|w| *w > 1 && may_narrow(from)) {
        let low = width.div_ceil(2);
        found.push(("width", format!("({from}) & {{{}'d0, {{{low}{{1'd1}}}}}}", width - low)));
    }
    found
}

/// Whether an expression without its upper half is another one, and a sign in it stays what it is.
fn may_narrow(from: &str) -> bool {
    from.starts_with(|c: char| !c.is_ascii_digit()) && !from.contains("signed") && !from.contains(">>>")
}

/// Names in an expression.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    for part in text.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == '\'')) {
        let word = part.trim_end_matches(|c: char| !(c.is_alphanumeric() || c == '_' || c == '\''));
        if word.starts_with(|c: char| c.is_alphabetic()) && !text[at + word.len()..].starts_with('[') {
            found.push((at, word));
        }
        at += part.len();
    }
    found
}
