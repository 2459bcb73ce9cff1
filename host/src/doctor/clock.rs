//! The device's clock against this machine's.

use super::Check;
use crate::serial::Serial;
use std::time::{Duration, Instant};
use sterna_spec::device::DeviceError;

/// What a clock may be off, as a share: crystals and PLLs are far better.
const TOLERANCE: f64 = 0.01;
/// A clock slower than this share of what the design was built for is that of a simulation: a part's own would, with its baud rate
/// off by as much, never have come this far.
const SIMULATED: f64 = 1.0 / 16.0;
/// Time between two looks at the counter, which wraps after 4 s at 1 GHz.
const SPAN: Duration = Duration::from_millis(500);

/// Measures how fast the bridge's counter CYCLES counts.
pub fn clock(device: &mut Serial) -> Check {
    const NAME: &str = "clock";
    let nominal = f64::from(device.facts().clock_hz);
    let [least, most] = match measure(device) {
        Ok(bounds) => bounds,
        Err(e) => return Check::error(NAME, &e.to_string()),
    };
    let text = |hz: f64| format!("{:.3} MHz", hz / 1e6);
    let found = format!(
        "the bridge's counter CYCLES counts at {} to {}, built for {}",
        text(least),
        text(most),
        text(nominal)
    );
    if least <= nominal * (1.0 + TOLERANCE) && nominal * (1.0 - TOLERANCE) <= most {
        return Check::pass(NAME, found);
    }
    if most < nominal * SIMULATED {
        return Check::skip(NAME, format!("{found}: a simulated board"), None);
    }
    Check::fail(NAME, found, "check oscillator and PLL")
}

/// Bounds of the frequency: each look happened at some time between question and answer.
fn measure(device: &mut Serial) -> Result<[f64; 2], DeviceError> {
    let mut look = || Ok::<_, DeviceError>((Instant::now(), device.cycles()?, Instant::now()));
    let (asked, first, answered) = look()?;
    std::thread::sleep(SPAN);
    let (asked_again, second, answered_again) = look()?;
    let cycles = f64::from(second.wrapping_sub(first));
    let rate = |span: Duration| cycles / span.as_secs_f64().max(1e-9);
    Ok([rate(answered_again - asked), rate(asked_again - answered)])
}
