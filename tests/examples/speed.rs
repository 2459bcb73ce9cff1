//! Compares the model of speed with simulations: `cargo run --release -p sterna-tests --example speed [CONFIGURATION]`.
//!
//! Prints a table in Markdown, as `docs/results/model.md` has it. Each configuration is built once, some 30 to 60 s. With the name of a
//! configuration and of a test it prints where the two part; with `held-out`, points that nothing was chosen by.

use sterna_tests::speed::{held_out, points};

fn main() {
    let only = std::env::args().nth(1);
    let test = std::env::args().nth(2);
    if let (Some(only), Some(test)) = (&only, &test) {
        return detail(only, test);
    }
    println!("| configuration | memory | shape | planes | test | simulated | predicted | error |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut worst = 0f64;
    let all = match only.as_deref() {
        Some("held-out") => held_out(),
        Some(name) => points().into_iter().filter(|point| point.config.name == name).collect(),
        None => points(),
    };
    for point in all {
        match point.compare() {
            Ok(result) => {
                worst = worst.max(result.error().abs());
                println!(
                    "| {} | {} | {} | {} | {} | {} | {:.0} | {:+.1} % |",
                    point.config.name,
                    point.memory,
                    point.shape.name,
                    point.planes,
                    point.test.name(),
                    result.simulated,
                    result.predicted,
                    100.0 * result.error()
                );
            }
            Err(error) => println!("{}: {error}", point.config.name),
        }
    }
    println!("\nlargest error: {:.1} %", 100.0 * worst);
}

/// Instructions that nothing runs beside, and how far simulation and model are at the end of each.
fn detail(config: &str, test: &str) {
    let mut all = points();
    all.retain(|point| point.config.name == config && point.test.name() == test);
    for mut point in all {
        point.config.probe = true;
        match point.compare() {
            Ok(result) => {
                for (what, simulated, predicted) in result.timeline {
                    println!(
                        "{simulated:>8} {predicted:>10.0} {:>8.0}  {what}",
                        predicted - simulated as f64
                    );
                }
                println!("{:>8} {:>10.0}", result.simulated, result.predicted);
            }
            Err(error) => println!("{error}"),
        }
    }
}
