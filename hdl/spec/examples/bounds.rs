//! Largest error of the elementary functions over all 2^32 arguments, in units of the last place of the exact result.
//!
//! Run with `cargo run --release -p sterna-spec --example bounds`; about a minute on two cores.

use sterna_spec::numbers::{exp2, recip, rsqrt};

/// Error in units of the last place, and whether a result that must be exact (zero, infinity, NaN) is.
fn error(got: f32, exact: f64) -> f64 {
    const TINY: f64 = f32::MIN_POSITIVE as f64;
    if exact.is_nan() || got.is_nan() {
        return if exact.is_nan() && got.to_bits() == 0x7fc0_0000 { 0.0 } else { f64::INFINITY };
    }
    let magnitude = exact.abs();
    if magnitude < TINY || magnitude >= 2f64.powi(128) {
        let limit = if magnitude < TINY { 0.0 } else { f32::INFINITY };
        return if got.to_bits() == limit.copysign(exact as f32).to_bits() { 0.0 } else { f64::INFINITY };
    }
    let exponent = (magnitude.to_bits() >> 52) as i32 - 1023;
    (f64::from(got) - exact).abs() / 2f64.powi(exponent - 23)
}

/// Largest error and its argument over `from..=to`.
fn worst(function: fn(f32) -> f32, reference: fn(f64) -> f64, from: u32, to: u32) -> (f64, u32) {
    (from..=to).fold((0.0, from), |best, bits| {
        let x = sterna_spec::numbers::ftz(f32::from_bits(bits));
        let e = error(function(f32::from_bits(bits)), reference(f64::from(x)));
        if e > best.0 { (e, bits) } else { best }
    })
}

fn main() {
    type Row = (&'static str, fn(f32) -> f32, fn(f64) -> f64);
    let rows: [Row; 3] = [
        ("recip", recip, |x| 1.0 / x),
        ("rsqrt", rsqrt, |x| if x == 0.0 { f64::INFINITY } else { 1.0 / x.sqrt() }),
        ("exp2", exp2, |x| if x < -126.0 { 0.0 } else { x.exp2() }),
    ];
    for (name, function, reference) in rows {
        let halves = [(0, 0x7fff_ffff), (0x8000_0000, 0xffff_ffff)];
        let threads =
            halves.map(|(from, to)| std::thread::spawn(move || worst(function, reference, from, to)));
        for (thread, sign) in threads.into_iter().zip(["positive", "negative"]) {
            match thread.join() {
                Ok((ulp, bits)) => {
                    println!("{name:5} {sign}: {ulp:.4} ulp at 0x{bits:08x} ({:e})", f32::from_bits(bits))
                }
                Err(_) => println!("{name:5} {sign}: the search failed"),
            }
        }
    }
}
