//! The prover of the mutation score tells changes that change nothing from those that do.

#[path = "../examples/mutate/prove.rs"]
mod prove;
#[path = "../examples/mutate/text.rs"]
#[allow(dead_code)] // the score draws mutants and simulates them
mod text;

use prove::{Prover, Verdict};
use sterna_spec::config::Config;

/// File, expression, what becomes of it, and the module that is compared.
const ASKED: [(&str, &str, &str, &str); 3] = [
    ("fifo_w1_", "write_at + 3'd1", "write_at - 3'd1", "read_port"),
    ("attention_fetch", "{16'd0, kv_head_q} *", "{16'd1, kv_head_q} *", "attention_fetch_b8_u8_d32_c512"),
    ("vector_lane", "{32{!right_zero}}", "{32{right_zero}}", "vector_lane"),
];

/// What comes of the last mutant in `file` that makes `to` of `from`, in `module`.
fn verdict(file: &str, from: &str, to: &str, module: &str) -> Verdict {
    let files = sterna_hdl::emit(&Config::preset("tiny").expect("preset")).expect("Verilog");
    let prover = Prover::find().unwrap_or_else(|why| panic!("{why}"));
    let all = text::all(&files);
    let chosen = all.iter().rfind(|m| m.file.starts_with(file) && m.from.contains(from) && m.to.contains(to));
    let mutant = chosen.unwrap_or_else(|| panic!("{file} has no '{from}' that becomes '{to}'"));
    let found = match module {
        "" => prover.prove(&files, mutant),
        _ => prover.within(&files, mutant, module),
    };
    found.unwrap_or_else(|e| panic!("{e}"))
}

/// The data stream, which nothing flushes, in the branch that would.
#[test]
fn what_is_never_taken_is_equal() {
    let found = verdict("reader", "16'd0", "16'd1", "");
    assert_eq!(found, Verdict::Equal { module: "reader".into(), depth: 1 });
}

/// The queue's words in memory.
#[test]
fn a_lost_word_differs() {
    let found = verdict("fifo_w1_", "push & !fetch", "push | !fetch", "read_port");
    assert!(matches!(found, Verdict::Differs { .. }), "{found}");
}

/// What shows in nothing but an address of a memory, a factor, or an input of a part: the proof cuts all three.
#[test]
fn what_is_asked_of_a_cut_part_is_compared() {
    for (file, from, to, module) in ASKED {
        let found = verdict(file, from, to, module);
        assert!(matches!(found, Verdict::Differs { .. }), "{file}: {found}");
    }
}
