//! The detection of I2_S layouts: synthetic matrices with and without structure, and the trained ones of the shipped model.

use crate::seeded;
use rand::{Rng, RngExt};
use safetensors::SafeTensors;
use std::path::Path;
use sterna_host::ggml::detect::{Detection, detect};
use sterna_host::ggml::i2s::{Layout, encode};
use sterna_host::ggml::{self, Type};
use sterna_host::gguf::{Gguf, Writer, i2s_layout};

/// A matrix whose columns and rows differ in their share of zeros by `spread`, and gains that follow the columns' shares
/// with noise of the same size.
fn matrix(rng: &mut impl Rng, rows: usize, columns: usize, spread: f32) -> (Vec<i8>, Vec<f32>) {
    let mut around = |middle: f32| middle + spread * (2.0 * rng.random::<f32>() - 1.0);
    let column_zeros: Vec<f32> = (0..columns).map(|_| around(0.35)).collect();
    let gains: Vec<f32> = column_zeros.iter().map(|&z| around(z + 1.0)).collect();
    let row_zeros: Vec<f32> = (0..rows).map(|_| around(0.0)).collect();
    let mut codes = Vec::with_capacity(rows * columns);
    for row in &row_zeros {
        for column in &column_zeros {
            let zero = rng.random::<f32>() < row + column;
            codes.push(if zero {
                0
            } else if rng.random() {
                1
            } else {
                -1
            });
        }
    }
    (codes, gains)
}

fn found(layout: Layout, codes: &[i8], columns: usize, gains: Option<&[f32]>) -> Detection {
    detect(&encode(layout, codes, columns, 1.0).unwrap(), columns, gains).unwrap()
}

#[test]
fn structure_and_gains_tell_all_layouts() {
    let mut rng = seeded(2);
    for (rows, columns) in [(256, 256), (512, 384), (2000, 640), (640, 192)] {
        let (codes, gains) = matrix(&mut rng, rows, columns, 0.1);
        for layout in Layout::ALL {
            let detection = found(layout, &codes, columns, Some(&gains));
            assert!(detection.decided(), "{rows} x {columns} {layout}: {detection:?}");
            assert_eq!(detection.layout(), layout, "{rows} x {columns}: {detection:?}");
        }
    }
}

#[test]
fn without_gains_only_four_rows_stand_out() {
    let mut rng = seeded(3);
    let (codes, _) = matrix(&mut rng, 512, 512, 0.1);
    let four = found(Layout::FourRows, &codes, 512, None);
    assert_eq!((four.layout(), four.decided()), (Layout::FourRows, true), "{four:?}");
    // x86 and ARM differ by a permutation of columns, which has nothing to tell by itself
    for layout in [Layout::X86, Layout::Arm] {
        let detection = found(layout, &codes, 512, None);
        assert_eq!((detection.layout(), detection.decided()), (Layout::X86, false), "{detection:?}");
        let [x86, arm, four] = detection.scores();
        assert!((x86 - arm).abs() < 1e-6 && x86 > four + 20.0, "{detection:?}");
    }
    // unless rows start inside blocks
    let (codes, _) = matrix(&mut rng, 512, 192, 0.1);
    for layout in Layout::ALL {
        let detection = found(layout, &codes, 192, None);
        assert_eq!((detection.layout(), detection.decided()), (layout, true), "{detection:?}");
    }
}

#[test]
fn random_matrices_are_undecided() {
    let mut rng = seeded(4);
    let (mut all, mut most) = (Detection::default(), 0.0f64);
    for i in 0..600 {
        let columns = [128, 192, 256][i % 3];
        let (codes, gains) = matrix(&mut rng, 64, columns, 0.0);
        let gains: Vec<f32> = gains.iter().map(|_| rng.random()).collect();
        let gains = (i % 2 == 0).then_some(&gains[..]);
        let detection = found(Layout::ALL[i % 2], &codes, columns, gains);
        assert_eq!((detection.decided(), detection.layout()), (false, Layout::X86), "{detection:?}");
        most = most.max(detection.confidence());
        all.add(&detection);
    }
    // the threshold leaves chance room, but not so much that it never speaks
    println!("chance reaches {most:.1} standard deviations");
    assert!((1.0..3.0).contains(&most));
    assert!(!all.decided(), "{all:?}");
}

#[test]
fn a_shape_rules_layouts_out() {
    let (codes, gains) = matrix(&mut seeded(5), 130, 512, 0.1);
    let detection = found(Layout::X86, &codes, 512, Some(&gains));
    assert_eq!(detection.scores()[2], f64::NEG_INFINITY);
    assert_eq!((detection.layout(), detection.decided()), (Layout::X86, true), "{detection:?}");
    // 64 elements in 1 row: only ARM fits
    let detection = found(Layout::Arm, &[1; 64], 64, None);
    assert_eq!((detection.layout(), detection.decided()), (Layout::Arm, true), "{detection:?}");
}

/// Matrices of the shipped model with the norm in front of each, as Hugging Face and GGUF name them.
const TRAINED: [(&str, &str, &str, &str); 7] = [
    ("self_attn.q_proj", "input_layernorm", "attn_q", "attn_norm"),
    ("self_attn.k_proj", "input_layernorm", "attn_k", "attn_norm"),
    ("self_attn.v_proj", "input_layernorm", "attn_v", "attn_norm"),
    ("self_attn.o_proj", "self_attn.attn_sub_norm", "attn_output", "attn_sub_norm"),
    ("mlp.gate_proj", "post_attention_layernorm", "ffn_gate", "ffn_norm"),
    ("mlp.up_proj", "post_attention_layernorm", "ffn_up", "ffn_norm"),
    ("mlp.down_proj", "mlp.ffn_sub_norm", "ffn_down", "ffn_sub_norm"),
];

struct Trained {
    name: String,
    columns: usize,
    codes: Vec<i8>,
    norm: String,
    gains: Vec<f32>,
}

/// The ternary matrices of the shipped model.
fn trained() -> Vec<Trained> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/stories/model.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut all = Vec::new();
    for layer in 0..4 {
        for (matrix, norm, gguf, gguf_norm) in TRAINED {
            let packed = tensors.tensor(&format!("model.layers.{layer}.{matrix}.weight")).unwrap();
            let code = |bits: u32| packed.data().iter().map(move |b| (b >> bits & 3) as i8 - 1);
            let stored = tensors.tensor(&format!("model.layers.{layer}.{norm}.weight")).unwrap();
            let mut gains = vec![0.0; stored.shape()[0]];
            ggml::decode(Type::BF16, stored.data(), &mut gains).unwrap();
            all.push(Trained {
                name: format!("blk.{layer}.{gguf}.weight"),
                columns: packed.shape()[1],
                codes: [0, 2, 4, 6].into_iter().flat_map(code).collect(),
                norm: format!("blk.{layer}.{gguf_norm}.weight"),
                gains,
            });
        }
    }
    all
}

#[test]
fn the_layout_of_the_shipped_model_is_found() {
    let model = trained();
    for layout in Layout::ALL {
        let mut total = Detection::default();
        let mut single = 0;
        for t in &model {
            let detection = found(layout, &t.codes, t.columns, Some(&t.gains));
            println!("{:<26} {layout:<8} {:5.1} {:.1?}", t.name, detection.confidence(), detection.scores());
            assert!(!detection.decided() || detection.layout() == layout, "{}: {detection:?}", t.name);
            single += usize::from(detection.decided());
            total.add(&detection);
        }
        println!("{layout}: {single} of {} alone, together {:.1}", model.len(), total.confidence());
        assert!(total.confidence() > 10.0 && total.layout() == layout, "{layout}: {total:?}");
    }
}

#[test]
fn the_layout_of_a_file_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = trained();
    model.sort_by(|a, b| a.name.cmp(&b.name));
    for layout in Layout::ALL {
        let path = dir.path().join("model.gguf");
        let mut writer = Writer::new();
        let mut norms: Vec<_> = model.iter().map(|t| (&t.norm, &t.gains)).collect();
        norms.sort_by_key(|(name, _)| *name);
        norms.dedup_by_key(|(name, _)| *name);
        for (name, gains) in norms {
            writer.tensor(name, Type::F32, &[gains.len()], |_, out| {
                ggml::encode(Type::F32, gains, out).unwrap();
                Ok(())
            });
        }
        for t in &model {
            let shape = [t.codes.len() / t.columns, t.columns];
            writer.tensor(&t.name, Type::I2_S, &shape, |_, out| {
                out.copy_from_slice(&encode(layout, &t.codes, t.columns, 1.0).unwrap());
                Ok(())
            });
        }
        writer.write(&path).unwrap();
        let detection = i2s_layout(&Gguf::open(&path).unwrap()).unwrap().unwrap();
        assert_eq!((detection.layout(), detection.decided()), (layout, true), "{detection:?}");
        // every matrix of the first block and one of the second, each with its own norm
        let mut expected = Detection::default();
        model[..8].iter().for_each(|t| expected.add(&found(layout, &t.codes, t.columns, Some(&t.gains))));
        assert_eq!(detection, expected);
    }
}
