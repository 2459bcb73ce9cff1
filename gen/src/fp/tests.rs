//! Vectors made from this machine's own arithmetic, wrong ones among them, and random operands on every engine.

use super::*;
use clap::ValueEnum;
use sterna_hdl::blocks::fp::Pace;

/// Vectors as an IEEE 754 implementation prints them: this machine's own, tininess detected before rounding in binary64.
fn vectors(op: Op, count: usize) -> String {
    let line = |[a, b]: [u32; 2]| {
        let (x, y) = (f32::from_bits(a), f32::from_bits(b));
        let tiny = |exact: f64| exact != 0.0 && exact.abs() < f64::from(f32::MIN_POSITIVE);
        match op {
            Op::F32Add => format!("{a:08X} {b:08X} {:08X} 00\n", (x + y).to_bits()),
            Op::F32Mul => {
                let under = tiny(f64::from(x) * f64::from(y));
                format!("{a:08X} {b:08X} {:08X} {:02X}\n", (x * y).to_bits(), u32::from(under) << 1)
            }
            Op::F32Le => format!("{a:08X} {b:08X} {} 00\n", u32::from(x <= y)),
            Op::I32ToF32 => format!("{a:08X} {:08X} 00\n", (a as i32 as f32).to_bits()),
            _ => {
                let rounded = f64::from(x).round_ties_even();
                let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&rounded);
                let (value, exceptions) = if fits { (rounded as i32, 0) } else { (i32::MIN, 16) };
                format!("{a:08X} {value:08X} {exceptions:02X}\n")
            }
        }
    };
    operands::pairs(count, 7).into_iter().map(line).collect()
}

const WITH_VECTORS: [Op; 5] = [Op::F32Add, Op::F32Mul, Op::F32Le, Op::I32ToF32, Op::F32ToI32];

/// The definition and the hardware description give what this machine's arithmetic says.
#[test]
fn vectors_of_this_machine_agree() {
    for op in WITH_VECTORS {
        let text = vectors(op, 20_000);
        for engine in [Engine::Golden, Engine::Evaluator(Pace::Fast), Engine::Evaluator(Pace::Slow)] {
            let report = check_vectors(op, engine, text.as_bytes()).expect("vectors");
            assert!(report.different == 0 && report.compared > 20_000, "{}", report.text());
            assert_eq!(report.outside > 0, op.arity() == 2, "{}", report.text());
        }
    }
}

/// A wrong last bit, and a result that should have been flushed, are found and named.
#[test]
fn wrong_vectors_are_found() {
    let text = "3F800000 3F800000 40000001 01\n\n3F800000 00000001 3F800000 00\n";
    let report = check_vectors(Op::F32Add, Engine::Golden, text.as_bytes()).expect("vectors");
    assert_eq!(
        report.text(),
        "f32_add on golden: 1 compared, 1 differ, 1 with a subnormal operand left out\n  \
         3f800000 3f800000: expected 40000001, got 40000000\n"
    );
    assert!(report.result(false).is_err());
    // 2^-126 x (1 - 2^-24): tiny before rounding, not after it
    let text = "00800000 3F7FFFFF 00800000 00\n";
    assert_eq!(check_vectors(Op::F32Mul, Engine::Golden, text.as_bytes()).expect("vectors").different, 1);
    let text = text.replace(" 00\n", " 03\n");
    assert_eq!(check_vectors(Op::F32Mul, Engine::Golden, text.as_bytes()).expect("vectors").different, 0);
}

#[test]
fn bad_lines_are_named() {
    let says =
        |op, text: &str| check_vectors(op, Engine::Golden, text.as_bytes()).expect_err("bad").to_string();
    assert_eq!(says(Op::F32Add, "1 2 3\n"), "line 1: 3 words, but a vector of f32_add has 4");
    assert_eq!(says(Op::F32Add, "\n1 2 3 xyz\n"), "line 2: 'xyz' is no hexadecimal word of 32 bits");
    assert_eq!(
        says(Op::F32Add, "1 2 3 123456789\n"),
        "line 1: '123456789' is no hexadecimal word of 32 bits"
    );
    assert!(says(Op::F32Mul, "").contains("testfloat_gen -rnear_even -tininessbefore f32_mul"));
    assert!(says(Op::Exp2, "").contains("--all or --random"));
    let all = |op, engine| {
        check_operands(op, engine, Operands::All, &Progress::new(|_| ())).expect_err("bad").to_string()
    };
    assert!(all(Op::F32Add, Engine::Rtl(Pace::Fast)).contains("2^64"));
    assert!(all(Op::Exp2, Engine::Golden).contains("itself"));
}

/// Evaluator and Verilog equal the definition on random operands, a part of a batch among them.
#[test]
fn random_operands_agree() {
    let quiet = Progress::new(|_| ());
    for pace in Pace::ALL {
        for op in Op::value_variants() {
            let operands = Operands::Random { count: 70_000, seed: 3 };
            let report = check_operands(*op, Engine::Evaluator(pace), operands, &quiet).expect("evaluator");
            assert!(report.different == 0 && report.compared > 70_000, "{}", report.text());
        }
        let operands = Operands::Random { count: 200_000, seed: 4 };
        let report = check_operands(Op::F32Mul, Engine::Rtl(pace), operands, &quiet).expect("Verilog");
        assert!(report.different == 0 && report.compared > 200_000, "{}", report.text());
    }
}
