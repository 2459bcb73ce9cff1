//! How far logits are from the reference's, over a text.

use crate::statistics::{argmax, divergence, log_softmax};
use ndarray::{Array2, ArrayView1};

/// Sums over the positions of a text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scores {
    /// Positions compared.
    pub positions: usize,
    /// Positions whose next token is known.
    pub predicted: usize,
    /// Negative log likelihood of the next tokens, nats.
    loss: f64,
    divergence: f64,
    /// Largest divergence of a position, nats.
    pub worst: f64,
    agree: usize,
    /// Largest difference of a logit.
    pub logit_error: f32,
    /// Largest magnitude of the reference's logits.
    pub logit_range: f32,
    /// The most by which the reference prefers its own likeliest token over the other's, in logits.
    pub regret: f32,
}

impl Scores {
    /// Adds the positions of `tokens`: logits `[tokens, vocab]` of the reference and of the other.
    pub fn add(&mut self, reference: &Array2<f32>, other: &Array2<f32>, tokens: &[u32]) {
        for (index, (r, o)) in reference.outer_iter().zip(other.outer_iter()).enumerate() {
            self.position(r, o, tokens.get(index + 1).copied());
        }
    }

    fn position(&mut self, reference: ArrayView1<f32>, other: ArrayView1<f32>, next: Option<u32>) {
        let (r, o) = (reference.to_vec(), other.to_vec());
        let (want, have) = (log_softmax(r.iter().copied()), log_softmax(o.iter().copied()));
        if let Some(logarithm) = next.and_then(|token| have.get(token as usize)) {
            self.predicted += 1;
            self.loss -= logarithm;
        }
        let distance = divergence(&want, &have);
        self.positions += 1;
        self.divergence += distance;
        self.worst = self.worst.max(distance);
        let (best, chosen) = (argmax(&r), argmax(&o));
        self.agree += usize::from(best == chosen);
        self.regret = self.regret.max(r[best] - r[chosen]);
        self.logit_error = r.iter().zip(&o).fold(self.logit_error, |m, (r, o)| m.max((r - o).abs()));
        self.logit_range = r.iter().fold(self.logit_range, |m, r| m.max(r.abs()));
    }

    /// `exp` of the mean loss of a next token; none if no next token was known.
    pub fn perplexity(&self) -> Option<f64> {
        (self.predicted > 0).then(|| (self.loss / self.predicted as f64).exp())
    }

    /// Mean Kullback-Leibler divergence from the reference, nats.
    pub fn mean_divergence(&self) -> f64 {
        self.divergence / self.positions.max(1) as f64
    }

    /// Share of positions with the same likeliest token.
    pub fn agreement(&self) -> f64 {
        self.agree as f64 / self.positions.max(1) as f64
    }
}

/// Perplexity in llama.cpp's manner: the text in pieces of the context's length, of which the second half counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Perplexity {
    count: usize,
    sum: f64,
    squares: f64,
}

impl Perplexity {
    /// First position of a piece of `context` tokens whose prediction counts.
    pub fn first(context: usize) -> usize {
        context / 2
    }

    /// Adds a piece: its tokens and the logits `[tokens, vocab]` after each. The logits after position `i` predict token `i + 1`.
    pub fn add(&mut self, logits: &Array2<f32>, tokens: &[u32]) {
        let first = Self::first(tokens.len());
        for (row, &next) in logits.outer_iter().zip(&tokens[1..]).skip(first) {
            let loss = -log_softmax(row.to_vec().into_iter())[next as usize];
            self.count += 1;
            self.sum += loss;
            self.squares += loss * loss;
        }
    }

    /// Predictions that count.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The perplexity.
    pub fn value(&self) -> f64 {
        (self.sum / self.count.max(1) as f64).exp()
    }

    /// Its standard error.
    pub fn error(&self) -> f64 {
        let n = self.count.max(2) as f64;
        let variance = (self.squares / n - (self.sum / n).powi(2)).max(0.0);
        self.value() * (variance / (n - 1.0)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn equal_logits_have_no_distance() {
        let logits = arr2(&[[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]]);
        let mut scores = Scores::default();
        scores.add(&logits, &logits, &[0, 2]);
        assert_eq!((scores.mean_divergence(), scores.agreement(), scores.logit_error), (0.0, 1.0, 0.0));
        let loss = -log_softmax([1.0, 2.0, 3.0].into_iter())[2];
        assert!((scores.perplexity().unwrap() - loss.exp()).abs() < 1e-12);
    }

    #[test]
    fn distances_are_what_they_say() {
        let (reference, other) = (arr2(&[[1.0, 2.0], [2.0, 1.0]]), arr2(&[[2.0, 1.5], [2.0, 1.0]]));
        let mut scores = Scores::default();
        scores.add(&reference, &other, &[0, 0]);
        assert_eq!(
            (scores.agreement(), scores.logit_error, scores.logit_range, scores.regret),
            (0.5, 1.0, 2.0, 1.0)
        );
        assert!(scores.worst > 0.0 && (scores.mean_divergence() - scores.worst / 2.0).abs() < 1e-12);
    }

    #[test]
    fn perplexity_counts_the_second_half() {
        // four tokens of two equally likely ones: predictions of tokens 3 only, as in llama.cpp
        let mut perplexity = Perplexity::default();
        perplexity.add(&Array2::zeros((4, 2)), &[0, 1, 0, 1]);
        assert_eq!(perplexity.count(), 1);
        assert!((perplexity.value() - 2.0).abs() < 1e-12);
    }
}
