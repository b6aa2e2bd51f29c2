//! A row of values times a matrix with one column for each number of an embedding.

use fearless_simd::{Level, Simd, dispatch, f32x16, prelude::*};

use crate::half;
use crate::params::DIMENSION;

/// Numbers that are computed at once.
const LANES: usize = 16;

/// A matrix of `DIMENSION` columns.
pub struct Projection {
    rows: Vec<[f32; DIMENSION]>,
}

impl Projection {
    /// Reads row-major little-endian binary16; what is no whole row is left out.
    #[must_use]
    pub fn from_f16le(bytes: &[u8]) -> Self {
        let values: Vec<f32> = half::values(bytes).collect();
        Self { rows: values.as_chunks::<DIMENSION>().0.to_vec() }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Adds each value times its row to `sum`; the first value belongs to row `first_row`, and
    /// values without a row count nothing.
    ///
    /// Products are rounded and added in the order of the rows, so the result has the same bits
    /// whatever instructions `level` stands for.
    pub fn add(&self, level: Level, first_row: usize, values: &[f32], sum: &mut [f32; DIMENSION]) {
        let rows = self.rows.get(first_row..).unwrap_or_default();
        dispatch!(level, simd => add_rows(simd, rows, values, sum));
    }
}

#[inline(always)]
fn add_rows<S: Simd>(
    simd: S,
    rows: &[[f32; DIMENSION]],
    values: &[f32],
    sum: &mut [f32; DIMENSION],
) {
    let (lanes, _) = sum.as_chunks_mut::<LANES>();
    let mut sums: [f32x16<S>; DIMENSION / LANES] =
        std::array::from_fn(|at| f32x16::simd_from(simd, lanes[at]));
    for (value, row) in values.iter().zip(rows) {
        let value = f32x16::splat(simd, *value);
        for (sum, weights) in sums.iter_mut().zip(row.as_chunks::<LANES>().0) {
            *sum += value * f32x16::simd_from(simd, *weights);
        }
    }
    for (lanes, sum) in lanes.iter_mut().zip(sums) {
        *lanes = sum.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Projection {
        let halves = (0..3 * DIMENSION).map(|n| half::from_f32((n % 37) as f32 / 16.0 - 1.0));
        Projection::from_f16le(&halves.flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
    }

    #[test]
    fn every_value_adds_its_row() {
        let mut sum = [1.0; DIMENSION];
        matrix().add(Level::new(), 1, &[2.0, -0.5], &mut sum);
        let rows = matrix().rows;
        for (at, value) in sum.iter().enumerate() {
            assert!((value - (1.0 + 2.0 * rows[1][at] - 0.5 * rows[2][at])).abs() < 1e-6);
        }
    }

    #[test]
    fn values_without_a_row_count_nothing() {
        let sum = |first_row: usize, values: &[f32]| {
            let mut sum = [0.0; DIMENSION];
            matrix().add(Level::new(), first_row, values, &mut sum);
            sum.map(f32::to_bits)
        };
        assert_eq!(sum(2, &[3.0, 7.0]), sum(2, &[3.0]));
        assert_eq!(sum(4, &[1.0]), [0; DIMENSION]);
    }
}
