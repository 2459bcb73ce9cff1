//! Compares the model of speed with simulations: `cargo run --release -p sterna-tests --example speed [CONFIGURATION]`.
//!
//! Prints a table in Markdown, as `docs/results/model.md` has it. Each configuration is built once, some 30 to 60 s.

use sterna_tests::speed::points;

fn main() {
    let only = std::env::args().nth(1);
    println!("| configuration | memory | shape | planes | test | simulated | predicted | error |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut worst = 0f64;
    for point in points().into_iter().filter(|p| only.as_ref().is_none_or(|name| *name == p.config.name)) {
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
