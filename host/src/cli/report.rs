//! What a run cost: for people and as JSON.

use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;
use sterna_host::devices::Choice;
use sterna_host::driver::Counters;
use sterna_host::session::Output;
use sterna_spec::config::Config;

/// Prefill or decode.
#[derive(Debug, Default)]
pub struct Part {
    /// Tokens that went in.
    pub tokens: usize,
    /// Steps of the device.
    pub steps: usize,
    /// What it counted.
    pub counters: Counters,
}

impl Part {
    /// Adds the steps of one prefill of `tokens` tokens.
    pub fn add(&mut self, tokens: usize, output: &Output) {
        self.tokens += tokens;
        self.steps += output.steps;
        self.counters += output.counters;
    }

    fn cycles(&self) -> u64 {
        self.counters.get("CYCLES")
    }

    /// Tokens a second at the configuration's clock.
    fn speed(&self, config: &Config) -> f64 {
        self.tokens as f64 * f64::from(config.clock_mhz) * 1e6 / self.cycles().max(1) as f64
    }

    /// Beats read of those that the ports could have delivered.
    fn utilization(&self) -> f64 {
        self.counters.beats_read() as f64 / self.cycles().max(1) as f64
    }

    fn bytes(&self, config: &Config) -> u64 {
        self.counters.beats_read() * config.beat_bytes() as u64
    }
}

/// One run.
pub struct Report<'a> {
    /// The device.
    pub device: &'a Choice,
    /// Its dimensions.
    pub config: &'a Config,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Generated tokens.
    pub tokens: Vec<u32>,
    /// Generated text.
    pub text: String,
    /// The prompt's steps.
    pub prefill: Part,
    /// The other steps.
    pub decode: Part,
    /// Time from start to end.
    pub wall: Duration,
}

impl Report<'_> {
    /// The object that `--json` prints. Numbers that come from cycles are null on a device without cycles.
    pub fn json(&self) -> Value {
        json!({
            "device": self.device.kind.name(),
            "preset": self.config.name,
            "clock_mhz": self.config.clock_mhz,
            "prompt_tokens": self.prompt_tokens,
            "tokens": self.tokens,
            "text": self.text,
            "prefill": self.part(&self.prefill),
            "decode": self.part(&self.decode),
            "wall_seconds": self.wall.as_secs_f64(),
        })
    }

    fn part(&self, part: &Part) -> Value {
        let counted = |value: Value| if self.device.has_cycles { value } else { Value::Null };
        let causes: serde_json::Map<_, _> =
            part.counters.causes().map(|(name, cycles)| (name.to_lowercase(), cycles.into())).collect();
        json!({
            "tokens": part.tokens,
            "steps": part.steps,
            "cycles": counted(part.cycles().into()),
            "bytes_read": counted(part.bytes(self.config).into()),
            "memory_utilization": counted(part.utilization().into()),
            "tokens_per_second": counted(part.speed(self.config).into()),
            "stalls": counted(causes.into()),
        })
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.config;
        writeln!(f, "device   {}, preset {}", self.device.kind.name(), config.name)?;
        for (name, part) in [("prefill", &self.prefill), ("decode", &self.decode)] {
            write!(f, "{name:<8} {} tokens in {} steps", part.tokens, part.steps)?;
            if !self.device.has_cycles || part.tokens == 0 {
                writeln!(f)?;
                continue;
            }
            let (cycles, each) = (part.cycles(), part.cycles() / part.tokens as u64);
            writeln!(f, ", {cycles} cycles, {each} a token")?;
            let (bytes, share) = (part.bytes(config) as f64 / 1e6, 100.0 * part.utilization());
            writeln!(f, "         {bytes:.2} MB read, {share:.1} % of what the ports can deliver")?;
            let (speed, clock) = (part.speed(config), config.clock_mhz);
            writeln!(f, "         {speed:.1} tokens/s at {clock} MHz ({})", self.device.kind.counted())?;
            write!(f, "         cycles by cause:")?;
            for (cause, count) in part.counters.causes().filter(|(_, count)| *count > 0) {
                write!(f, " {} {:.1} %", cause.to_lowercase(), 100.0 * count as f64 / cycles.max(1) as f64)?;
            }
            writeln!(f)?;
        }
        let note = if self.device.has_cycles { "" } else { " (this device has no cycles)" };
        write!(f, "wall     {:.2} s for {} tokens{note}", self.wall.as_secs_f64(), self.tokens.len())
    }
}
