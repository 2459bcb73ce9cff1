//! How a dimension of the model lies in the device's words: the device works on whole words, a model's sizes need not be whole.
//!
//! Padding is zero in weights, gains and rows, so it adds nothing to any product, sum or maximum. The two halves of a head are
//! padded each for itself, because rotary embeddings turn element `i` against `i + d/2`.

use std::ops::Range;

/// A dimension and its padded form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Elements of the model.
    pub len: usize,
    /// Elements on the device.
    pub padded: usize,
    /// Elements that stay together, and the padded room that they get.
    run: usize,
    room: usize,
}

impl Axis {
    /// `len` elements, padded at the end to a multiple of `unit`.
    pub fn plain(len: usize, unit: usize) -> Self {
        let padded = len.next_multiple_of(unit);
        Axis { len, padded, run: len, room: padded }
    }

    /// `count` heads of `size` elements, each padded to `padded`, half by half.
    pub fn heads(count: usize, size: usize, padded: usize) -> Self {
        if size == padded {
            return Axis::plain(count * size, 1);
        }
        Axis { len: count * size, padded: count * padded, run: size / 2, room: padded / 2 }
    }

    /// The model's element at a padded place, if there is one.
    pub fn source(&self, place: usize) -> Option<usize> {
        let (run, offset) = (place / self.room, place % self.room);
        (offset < self.run).then_some(run * self.run + offset)
    }

    /// Lays out a whole vector of the model. `to` is as long as the padded dimension; padding stays as it is.
    pub fn scatter<T: Copy>(&self, from: &[T], to: &mut [T]) {
        for (from, to) in from.chunks(self.run).zip(to.chunks_mut(self.room)) {
            to[..from.len()].copy_from_slice(from);
        }
    }

    /// A whole vector of the model with its padding.
    pub fn padded(&self, from: &[f32]) -> Vec<f32> {
        let mut to = vec![0.0; self.padded];
        self.scatter(from, &mut to);
        to
    }

    /// All places in tiles of whole `unit`s: equal ones, at most as long as `most`, and up to `short` of `least` at the end, fewer where no
    /// such length would be left for the others.
    pub fn tiles(&self, unit: usize, [least, most]: [usize; 2], short: usize) -> Vec<Range<usize>> {
        let last = (self.padded / least).saturating_sub(1).min(short);
        let end = self.padded - last * least;
        let equal = end.div_ceil(end.div_ceil(most)).next_multiple_of(unit);
        let starts = (0..end).step_by(equal).chain((end..self.padded).step_by(least));
        let ends = starts.clone().skip(1).chain([self.padded]);
        starts.zip(ends).map(|(start, end)| start..end).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_dimensions_are_padded_at_the_end() {
        let axis = Axis::plain(5, 4);
        assert_eq!((axis.padded, axis.source(4), axis.source(5)), (8, Some(4), None));
        assert_eq!(axis.padded(&[1.0, 2.0, 3.0, 4.0, 5.0]), [1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn halves_of_heads_are_padded_each() {
        let axis = Axis::heads(2, 4, 8);
        assert_eq!(
            axis.padded(&[1., 2., 3., 4., 5., 6., 7., 8.]),
            [1., 2., 0., 0., 3., 4., 0., 0., 5., 6., 0., 0., 7., 8., 0., 0.]
        );
        let sources: Vec<_> = (0..16).map(|place| axis.source(place)).collect();
        let back: Vec<_> = sources.iter().flatten().copied().collect();
        assert_eq!(back, (0..8).collect::<Vec<_>>());
        assert_eq!(sources[5], Some(3));
    }

    #[test]
    fn tiles_end_with_short_ones() {
        let axis = Axis::plain(100, 4);
        assert_eq!(axis.tiles(4, [8, 40], 1), [0..32, 32..64, 64..92, 92..100]);
        assert_eq!(axis.tiles(4, [8, 40], 2), [0..28, 28..56, 56..84, 84..92, 92..100]);
        assert_eq!(axis.tiles(4, [40, 60], 2), [0..60, 60..100], "too little for two");
        let one = axis.tiles(4, [60, 200], 2);
        assert_eq!((one.len(), &one[0]), (1, &(0..100)));
    }

    #[test]
    fn whole_heads_stay_as_they_are() {
        let axis = Axis::heads(3, 4, 4);
        assert_eq!(
            (0..12).map(|p| axis.source(p)).collect::<Vec<_>>(),
            (0..12).map(Some).collect::<Vec<_>>()
        );
    }
}
