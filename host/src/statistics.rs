//! Distributions over tokens and how far they are apart.

/// Natural logarithms of probabilities, in f64.
pub fn log_softmax(logits: impl Iterator<Item = f32> + Clone) -> Vec<f64> {
    let largest = logits.clone().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.clone().map(|l| f64::from(l - largest).exp()).sum();
    logits.map(|l| f64::from(l - largest) - total.ln()).collect()
}

/// Kullback-Leibler divergence of `other` from `from`, in nats; both are logarithms of probabilities.
pub fn divergence(from: &[f64], other: &[f64]) -> f64 {
    from.iter().zip(other).map(|(f, o)| f.exp() * (f - o)).sum()
}

/// Index of the largest element; the first of equal ones.
pub fn argmax<T: Copy + PartialOrd>(values: &[T]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_of_known_distributions() {
        let logs = |p: [f64; 2]| p.map(f64::ln);
        let d = divergence(&logs([0.5, 0.5]), &logs([0.25, 0.75]));
        assert!((d - 0.5 * (2.0f64).ln() - 0.5 * (2.0f64 / 3.0).ln()).abs() < 1e-12, "{d}");
        assert_eq!(divergence(&logs([0.3, 0.7]), &logs([0.3, 0.7])), 0.0);
    }

    #[test]
    fn softmax_survives_large_logits() {
        let p = log_softmax([1000.0, 1000.0].into_iter());
        assert!((p[0] - 0.5f64.ln()).abs() < 1e-12);
        assert_eq!(argmax(&[1, 3, 3, 2]), 1);
    }
}
