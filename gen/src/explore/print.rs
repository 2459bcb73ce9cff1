//! The table, and the same for programs.

use serde_json::json;
use sterna_spec::config::TableKind;

use super::{Explored, Judged, PROMPT};

/// Most configurations that the table shows beside those that are named.
const SHOWN: usize = 20;

const HEAD: [&str; 13] = [
    "",
    "",
    "tokens/s",
    "first token",
    "rows",
    "trits a cycle",
    "tables",
    "lanes",
    "slots x width",
    "LUT",
    "DSP",
    "BRAM36, URAM",
    "fullest",
];

fn cells(number: usize, j: &Judged) -> [String; 13] {
    let (c, cost) = (&j.config, &j.cost);
    let kind = if c.table_kind == TableKind::Full { "full" } else { "signed" };
    [
        if j.named { "*" } else { "" }.into(),
        number.to_string(),
        format!("{:.1}", j.tokens_per_second),
        format!("{:.4} s", j.seconds_to_first_token),
        c.rows.to_string(),
        format!("{} = {}x{}x{}", c.lookups * c.tables * c.group, c.lookups, c.tables, c.group),
        kind.into(),
        c.lanes.to_string(),
        format!("{} x {}", c.slots, c.attention_width),
        cost.lut.to_string(),
        cost.dsp.to_string(),
        format!("{}, {}", cost.bram18.div_ceil(2), cost.uram),
        format!("{:.0} % {}", j.fill, j.fullest),
    ]
}

impl Explored {
    /// For people.
    pub fn table(&self) -> String {
        let numbered = self.found.iter().enumerate().map(|(at, judged)| (at + 1, judged));
        let shown = numbered.filter(|(number, judged)| *number <= SHOWN || judged.named);
        let lines: Vec<_> =
            [HEAD.map(String::from)].into_iter().chain(shown.map(|(n, judged)| cells(n, judged))).collect();
        let width = |i: usize| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0);
        let widths: [usize; 13] = std::array::from_fn(width);
        let mut text = String::new();
        for line in &lines {
            let row = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            text += row.collect::<Vec<_>>().join("  ").trim_end();
            text += "\n";
        }
        let ([all, fit], order) = (self.looked_at, &self.order);
        let best = self.found.iter().filter(|judged| judged.best).count();
        let named =
            if order.also.is_empty() { "the preset" } else { "the preset and those that were asked for" };
        text + &format!(
            "\n{} on {}, part {}: {all} legal configurations, {fit} take {} % of the part or less, {best} of them are beaten by none. * {}.\n\
             tokens/s: one sequence behind {} tokens, all planes of the head; first token: of a prompt of {PROMPT}. Modelled, not simulated.\n",
            order.shape, order.board, self.part.name, order.fill, named, order.context
        )
    }

    /// For programs.
    pub fn json(&self) -> String {
        let ([all, fit], order) = (self.looked_at, &self.order);
        let value = json!({
            "shape": order.shape, "board": order.board, "context": order.context, "prompt": PROMPT,
            "part": self.part.name, "fill_limit": order.fill, "legal": all, "fitting": fit, "configurations": self.found,
        });
        serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
    }
}
