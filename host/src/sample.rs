//! Choosing the next token from the logits that the device selected.
//!
//! Candidates are the pairs that the device returns, so no token beyond its `top_k` (at most 64) can be chosen, and probabilities
//! are those among the candidates. The order of the filters: top-k, temperature, min-p, top-p.

use crate::error::{Error, Result};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// How tokens are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// 0 always takes the largest logit; 1 leaves the model's distribution as it is.
    pub temperature: f32,
    /// Candidates with the largest logits that are kept.
    pub top_k: usize,
    /// Smallest total probability of the kept candidates, largest first; 1 keeps all.
    pub top_p: f32,
    /// Candidates less probable than this share of the most probable one are dropped; 0 keeps all.
    pub min_p: f32,
    /// Equal seeds and settings give equal tokens.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { temperature: 0.0, top_k: 64, top_p: 1.0, min_p: 0.0, seed: 0 }
    }
}

/// A sampler with its random state.
#[derive(Debug)]
pub struct Sampler {
    settings: Settings,
    random: ChaCha8Rng,
}

impl Sampler {
    /// Checks the settings.
    pub fn new(settings: Settings) -> Result<Self> {
        let Settings { temperature, top_k, top_p, min_p, seed } = settings;
        let checks = [
            (
                "temp",
                temperature.to_string(),
                "a finite number, 0 or more",
                temperature.is_finite() && temperature >= 0.0,
            ),
            ("top-k", top_k.to_string(), "at least 1", top_k >= 1),
            ("top-p", top_p.to_string(), "above 0 and at most 1", top_p > 0.0 && top_p <= 1.0),
            ("min-p", min_p.to_string(), "at least 0 and below 1", (0.0..1.0).contains(&min_p)),
        ];
        for (name, value, range, ok) in checks {
            if !ok {
                return Err(Error::Setting { name, value, range: range.into() });
            }
        }
        Ok(Sampler { settings, random: ChaCha8Rng::seed_from_u64(seed) })
    }

    /// The next token. `candidates` are `(token, logit)`, largest first; an error if there are none.
    pub fn next(&mut self, candidates: &[(u32, f32)]) -> Result<u32> {
        let kept = &candidates[..candidates.len().min(self.settings.top_k)];
        let Some(&(best, largest)) = kept.first() else {
            let problem = "every logit is NaN, so no token can be chosen; the model or the device is damaged";
            return Err(Error::Device(problem.into()));
        };
        if self.settings.temperature == 0.0 {
            return Ok(best);
        }
        let inverse = 1.0 / f64::from(self.settings.temperature);
        let weight = |logit: f32| (f64::from(logit - largest) * inverse).exp();
        let weights: Vec<f64> = kept.iter().map(|&(_, logit)| weight(logit)).collect();
        let count = self.kept(&weights);
        let total: f64 = weights[..count].iter().sum();
        let mut left = self.random.random::<f64>() * total;
        for (&(token, _), weight) in kept[..count].iter().zip(&weights) {
            left -= weight;
            if left < 0.0 {
                return Ok(token);
            }
        }
        Ok(kept[count - 1].0)
    }

    /// How many of the sorted weights (the first is 1) pass min-p and top-p; at least one.
    fn kept(&self, weights: &[f64]) -> usize {
        let floor = f64::from(self.settings.min_p);
        let count = weights.iter().take_while(|&&w| w >= floor).count().max(1);
        let enough = f64::from(self.settings.top_p) * weights[..count].iter().sum::<f64>();
        let mut sum = 0.0;
        let reached = weights[..count].iter().position(|w| {
            sum += w;
            sum >= enough
        });
        reached.map_or(count, |last| last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: [(u32, f32); 4] = [(7, 2.0), (3, 1.0), (9, 0.0), (1, -3.0)];

    fn sample(settings: Settings, count: usize) -> Vec<u32> {
        let mut sampler = Sampler::new(settings).unwrap();
        (0..count).map(|_| sampler.next(&FOUR).unwrap()).collect()
    }

    #[test]
    fn zero_temperature_is_greedy() {
        assert_eq!(sample(Settings::default(), 3), [7, 7, 7]);
    }

    #[test]
    fn equal_seeds_give_equal_tokens() {
        let warm = Settings { temperature: 1.0, seed: 5, ..Settings::default() };
        assert_eq!(sample(warm, 50), sample(warm, 50));
        assert_ne!(sample(warm, 50), sample(Settings { seed: 6, ..warm }, 50));
    }

    #[test]
    fn frequencies_follow_the_softmax() {
        let tokens = sample(Settings { temperature: 1.0, ..Settings::default() }, 20_000);
        let total: f64 = FOUR.iter().map(|(_, l)| f64::from(*l).exp()).sum();
        for (token, logit) in FOUR {
            let share = tokens.iter().filter(|&&t| t == token).count() as f64 / 20_000.0;
            let want = f64::from(logit).exp() / total;
            assert!((share - want).abs() < 0.015, "token {token}: {share} instead of {want}");
        }
    }

    #[test]
    fn filters_drop_the_tail() {
        let warm = Settings { temperature: 1.0, ..Settings::default() };
        let seen = |settings| {
            let mut tokens = sample(settings, 500);
            tokens.sort_unstable();
            tokens.dedup();
            tokens
        };
        assert_eq!(seen(warm), [1, 3, 7, 9]);
        assert_eq!(seen(Settings { top_k: 2, ..warm }), [3, 7]);
        // probabilities are 0.66, 0.24, 0.09, 0.004
        assert_eq!(seen(Settings { top_p: 0.7, ..warm }), [3, 7]);
        assert_eq!(seen(Settings { top_p: 0.6, ..warm }), [7]);
        assert_eq!(seen(Settings { min_p: 0.1, ..warm }), [3, 7, 9]);
    }

    #[test]
    fn settings_have_ranges() {
        let bad = |settings| Sampler::new(settings).unwrap_err().to_string();
        let ok = Settings::default();
        let all = [
            bad(Settings { temperature: -1.0, ..ok }),
            bad(Settings { temperature: f32::NAN, ..ok }),
            bad(Settings { top_k: 0, ..ok }),
            bad(Settings { top_p: 0.0, ..ok }),
            bad(Settings { min_p: 1.0, ..ok }),
            Sampler::new(ok).unwrap().next(&[]).unwrap_err().to_string(),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }
}
