//! How often a head in two passes selects other tokens than the exact head (docs/decisions/0010-two-passes.md):
//! `cargo run --release -p sterna-host --no-default-features --example draft [SHAPE] [STATES]`.
//!
//! States are random, shaped by the last norm's gain and rounded to int8 codes; heads are those of the compiler. The first pass keeps
//! the 64 best tokens, and with each the other rows of its block of 4.

use ndarray::{Array2, ArrayView1, s};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use sterna_host::compile::head::Head;
use sterna_host::shapes::Shape;
use sterna_host::tensors::Floats;

/// Pairs that the device keeps, and rows of a block, on `kv260`.
const KEPT: usize = 64;
const BLOCK: usize = 4;
/// Pairs that a sampler looks at.
const SAMPLED: usize = 40;
/// States at a time.
const BATCH: usize = 250;

fn main() {
    if let Err(problem) = run() {
        eprintln!("error: {problem}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or("bitnet_b1_58-large".into());
    let count: usize = args.next().map_or(Ok(10_000), |n| n.parse())?;
    let model = Shape::find(&name)?.model(0);
    let exact = Head::new(model.head(), &model.weights.final_norm, None);
    println!("{name}: {count} states, {} tokens, exact head of {} planes", model.config.vocab, exact.planes);
    let drafts: Vec<Head> = (1..exact.planes).map(|planes| Head::quantize(model.head(), planes)).collect();
    let truth = weights(model.head(), &exact);
    let mut missed = vec![[0usize; 3]; drafts.len()];
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let states: Vec<_> = (0..count)
        .step_by(BATCH)
        .map(|at| states(&mut random, BATCH.min(count - at), &model.weights.final_norm))
        .collect();
    let wanted = |x: &Array2<f32>| {
        let kept = top(&x.dot(&truth.t()), KEPT);
        x.outer_iter().zip(kept).map(|(state, kept)| refine(&state, &kept, &truth)).collect::<Vec<_>>()
    };
    let wanted: Vec<_> = states.iter().map(wanted).collect();
    for (draft, missed) in drafts.iter().zip(&mut missed) {
        let coarse = weights(model.head(), draft);
        for (x, wanted) in states.iter().zip(&wanted) {
            for ((state, first), wanted) in x.outer_iter().zip(top(&x.dot(&coarse.t()), KEPT)).zip(wanted) {
                let alone = first[0] != wanted[0];
                let found = refine(&state, &first, &truth);
                missed[0] += usize::from(found[0] != wanted[0]);
                missed[1] += usize::from(found[..SAMPLED] != wanted[..SAMPLED]);
                missed[2] += usize::from(alone);
            }
        }
        println!(
            "first pass of {} planes: other first token in {}, other {SAMPLED} tokens in {}; without the second pass another first \
             token in {}",
            draft.planes, missed[0], missed[1], missed[2]
        );
    }
    Ok(())
}

/// The head as numbers.
fn weights(rows: &Floats, head: &Head) -> Array2<f32> {
    let mut all = Array2::zeros((rows.rows(), rows.columns()));
    let mut codes = vec![0; rows.columns()];
    for (row, mut to) in all.outer_iter_mut().enumerate() {
        head.codes(row, &mut codes);
        to.iter_mut().zip(&codes).for_each(|(to, &code)| *to = f32::from(code) * head.scales[row]);
    }
    all
}

fn states(random: &mut ChaCha8Rng, count: usize, gain: &[f32]) -> Array2<f32> {
    let mut all = Array2::from_shape_fn((count, gain.len()), |(_, i)| {
        gain[i] * (0..4).map(|_| random.random_range(-1.0f32..1.0)).sum::<f32>() * 0.75f32.sqrt()
    });
    for mut state in all.outer_iter_mut() {
        let scale = 127.0 / state.fold(0.0f32, |m, x| m.max(x.abs()));
        state.mapv_inplace(|x| (x * scale).round_ties_even() / scale);
    }
    all
}

/// The best tokens of each state, best first.
fn top(logits: &Array2<f32>, count: usize) -> Vec<Vec<usize>> {
    let best = |row: ArrayView1<f32>| {
        let mut ids: Vec<usize> = (0..row.len()).collect();
        let order = |a: &usize, b: &usize| row[*b].total_cmp(&row[*a]).then(a.cmp(b));
        ids.select_nth_unstable_by(count, order);
        ids.truncate(count);
        ids.sort_by(order);
        ids
    };
    logits.outer_iter().map(best).collect()
}

/// The best tokens by their exact logits among the blocks of `first`.
fn refine(state: &ArrayView1<f32>, first: &[usize], truth: &Array2<f32>) -> Vec<usize> {
    let blocks: BTreeSet<usize> = first.iter().map(|id| id / BLOCK).collect();
    let ids =
        blocks.iter().flat_map(|block| block * BLOCK..(block + 1) * BLOCK).filter(|&id| id < truth.nrows());
    let mut all: Vec<_> = ids.map(|id| (truth.slice(s![id, ..]).dot(state), id)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    all.into_iter().map(|(_, id)| id).collect()
}
