//! What a bad line does to bytes: drops, flips and doubles some of them, by a seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// About one of so many bytes, in each direction; 0: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Is lost.
    pub drop: u32,
    /// Has one bit flipped.
    pub flip: u32,
    /// Arrives twice.
    pub double: u32,
}

impl Rates {
    /// All kinds at one rate.
    pub fn all(rate: u32) -> Rates {
        Rates { drop: rate, flip: rate, double: rate }
    }
}

/// The line.
pub(super) struct Noise {
    rates: Rates,
    rng: ChaCha8Rng,
    spoiled: u64,
}

impl Noise {
    pub fn new(rates: Rates, seed: u64) -> Noise {
        Noise { rates, rng: ChaCha8Rng::seed_from_u64(seed), spoiled: 0 }
    }

    /// Bytes that were spoiled.
    pub fn spoiled(&self) -> u64 {
        self.spoiled
    }

    /// What arrives of a byte: it, another one, none or two.
    pub fn carry(&mut self, byte: u8) -> impl Iterator<Item = u8> + use<> {
        let mut one_of = |rate: u32| rate > 0 && self.rng.random_range(0..rate) == 0;
        let (drop, flip, double) =
            (one_of(self.rates.drop), one_of(self.rates.flip), one_of(self.rates.double));
        let byte = if flip { byte ^ 1 << self.rng.random_range(0..8) } else { byte };
        self.spoiled += u64::from(drop || flip || double);
        let count = match (drop, double) {
            (true, _) => 0,
            (_, true) => 2,
            _ => 1,
        };
        std::iter::repeat_n(byte, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 60,000 bytes: how many arrive, and how many of them are others.
    fn carried(rates: Rates) -> (usize, usize) {
        let mut noise = Noise::new(rates, 1);
        let all: Vec<u8> = (0..60_000).flat_map(|_| noise.carry(7)).collect();
        (all.len(), all.iter().filter(|byte| **byte != 7).count())
    }

    #[test]
    fn about_one_of_so_many_bytes_is_spoiled() {
        let near = |have: usize, want: usize| have.abs_diff(want) < want / 4;
        assert_eq!(carried(Rates::default()), (60_000, 0));
        let drop = carried(Rates { drop: 100, ..Rates::default() });
        assert!(near(60_000 - drop.0, 600) && drop.1 == 0, "{drop:?}");
        let flip = carried(Rates { flip: 100, ..Rates::default() });
        assert!(flip.0 == 60_000 && near(flip.1, 600), "{flip:?}");
        let double = carried(Rates { double: 100, ..Rates::default() });
        assert!(near(double.0 - 60_000, 600) && double.1 == 0, "{double:?}");
    }
}
