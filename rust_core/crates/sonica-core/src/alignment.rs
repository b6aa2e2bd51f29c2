//! Stage 7: whole sequences of embeddings compared at every alignment of a clip and a passage.
//!
//! The rows of the query are four times denser than those of the reference, so at each offset
//! that is a multiple of the query's stride every fourth row of the query falls on a row of the
//! reference: one diagonal. The diagonals next to it are blurred looks at the same alignment
//! and count with the weight they deserve. Cosines are measured against what the same row of
//! the query has with all candidates, because rows differ in how near everything is to them.

pub mod speed;

use fearless_simd::{Level, Simd, dispatch, f32x8, prelude::*};

use crate::embedding::Embedding;
use crate::fingerprint::Fingerprint;
use crate::params::{DIMENSION, QUERY_STRIDE_FRAMES, REFERENCE_STRIDE_FRAMES};

/// Rows of the query between two rows of the reference.
const PHASES: usize = REFERENCE_STRIDE_FRAMES / QUERY_STRIDE_FRAMES;
/// Weight of the diagonals one query stride away: the mean cosine of windows 128 ms apart.
const NEIGHBOUR_WEIGHT: f32 = 0.3;
/// Weight one full diagonal and its two neighbours have together, per pair of rows.
const FULL_WEIGHT: f32 = 1.0 + 2.0 * NEIGHBOUR_WEIGHT * NEIGHBOUR_WEIGHT;
/// Least share of a clip that must lie on the passage.
const LEAST_OVERLAP: f32 = 0.25;
/// Cosines of unrelated windows spread like this; stands in where candidates are few.
const PRIOR_SPREAD: f32 = 0.2;
/// How many cosines the prior counts for.
const PRIOR_COUNT: f32 = 20.0;

/// Cosines of every row of a clip with every row of a passage.
pub struct Similarities {
    query_rows: usize,
    passage_rows: usize,
    /// Row-major; `None` where either window carries no signal.
    cosines: Vec<Option<f32>>,
}

/// What cosines each row of a clip has with all that is not its recording.
pub struct Background {
    rows: Vec<(f32, f32)>,
}

/// How well a clip fits a passage at its best alignment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SequenceFit {
    /// Where the clip begins in the track, frames; finer than one query stride.
    pub offset_frames: f64,
    /// How many times faster than the recording the clip plays.
    pub speed_factor: f64,
    /// How far the cosines lie above the background, in standard deviations.
    pub significance: f32,
    /// Mean cosine of the windows that fall together.
    pub mean_cosine: f32,
    /// First and last row of the query that has a partner.
    pub query_rows: (usize, usize),
}

/// Embeddings, and whether the window of each carries signal.
type Rows<'a> = (&'a [Embedding], &'a [bool]);

#[derive(Clone, Copy)]
struct Diagonal {
    excess: f32,
    cosine: f32,
    count: f32,
    first: usize,
    last: usize,
}

impl Similarities {
    /// Compares all rows with all rows.
    #[must_use]
    pub fn new(query: &Fingerprint, passage: &Fingerprint) -> Self {
        Self::of((&query.vectors, &query.active), (&passage.vectors, &passage.active))
    }

    /// Compares the second embeddings of all rows.
    #[must_use]
    pub fn second(query: &Fingerprint, passage: &Fingerprint) -> Self {
        Self::of((&query.second_vectors, &query.active), (&passage.second_vectors, &passage.active))
    }

    fn of(query: Rows<'_>, passage: Rows<'_>) -> Self {
        let (query_rows, passage_rows) = (query.0.len(), passage.0.len());
        let mut cosines = vec![None; query_rows * passage_rows];
        dispatch!(Level::new(), simd => compare(simd, query, passage, &mut cosines));
        Self { query_rows, passage_rows, cosines }
    }

    fn row(&self, index: usize) -> &[Option<f32>] {
        let begin = index * self.passage_rows;
        self.cosines.get(begin..begin + self.passage_rows).unwrap_or_default()
    }

    /// Least weight an alignment must have, so that enough of the clip lies on the passage.
    fn least_weight(&self) -> f32 {
        let has_signal = |&row: &usize| self.row(row).iter().any(Option::is_some);
        let active = (0..self.query_rows).filter(has_signal).count();
        LEAST_OVERLAP * FULL_WEIGHT * active as f32 / PHASES as f32
    }
}

impl Background {
    /// Mean and spread, for each row of a clip, of its cosines with all passages.
    #[must_use]
    pub fn new(query_rows: usize, passages: &[Similarities]) -> Self {
        let row = |index: usize| {
            let (mut count, mut sum, mut squares) = (PRIOR_COUNT, 0.0, 0.0);
            for cosine in passages.iter().flat_map(|passage| passage.row(index)).flatten() {
                count += 1.0;
                sum += cosine;
                squares += cosine * cosine;
            }
            let mean = sum / count;
            squares += PRIOR_COUNT * (PRIOR_SPREAD * PRIOR_SPREAD + mean * mean);
            (mean, (squares / count - mean * mean).max(1e-4).sqrt())
        };
        Self { rows: (0..query_rows).map(row).collect() }
    }
}

/// The best alignment of a clip at its own speed within a passage whose first row is row
/// `first_row` of its track; nothing when they have no active windows in common.
#[must_use]
pub fn best_fit(
    similarities: &Similarities,
    background: &Background,
    first_row: usize,
) -> Option<SequenceFit> {
    // Lag `l` pairs row `i` of the clip with row `j` of the passage: l = PHASES * j - i + shift.
    let shift = similarities.query_rows.checked_sub(1)?;
    let diagonals = diagonals(similarities, background, shift);
    let least = similarities.least_weight();
    let scores: Vec<f32> =
        (0..diagonals.len()).map(|lag| significance(&diagonals, lag, least)).collect();
    let (best, &significance) =
        scores.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    if !significance.is_finite() {
        return None;
    }
    let lag = best as f64 + peak_shift(&scores, best);
    let (cosine, weight) = blend(&diagonals, best, |diagonal| diagonal.cosine);
    let around = diagonals.get(best.saturating_sub(1)..best + 2).unwrap_or(&diagonals);
    let paired = || around.iter().filter(|diagonal| diagonal.count > 0.0);
    Some(SequenceFit {
        offset_frames: (first_row * REFERENCE_STRIDE_FRAMES) as f64
            + (lag - shift as f64) * QUERY_STRIDE_FRAMES as f64,
        speed_factor: 1.0,
        significance,
        mean_cosine: (cosine / weight).clamp(-1.0, 1.0),
        query_rows: (
            paired().map(|diagonal| diagonal.first).min()?,
            paired().map(|diagonal| diagonal.last).max()?,
        ),
    })
}

fn diagonals(similarities: &Similarities, background: &Background, shift: usize) -> Vec<Diagonal> {
    let none = Diagonal { excess: 0.0, cosine: 0.0, count: 0.0, first: usize::MAX, last: 0 };
    let mut out = vec![none; shift + PHASES * similarities.passage_rows];
    for (i, (mean, spread)) in background.rows.iter().enumerate() {
        for (j, cosine) in similarities.row(i).iter().enumerate() {
            let Some(cosine) = cosine else { continue };
            let diagonal = &mut out[PHASES * j + shift - i];
            diagonal.excess += (cosine - mean) / spread;
            diagonal.cosine += cosine;
            diagonal.count += 1.0;
            diagonal.first = diagonal.first.min(i);
            diagonal.last = diagonal.last.max(i);
        }
    }
    out
}

/// A quantity summed over a diagonal and its neighbours, and the sum of the squared weights.
fn blend(diagonals: &[Diagonal], lag: usize, of: impl Fn(&Diagonal) -> f32) -> (f32, f32) {
    let centre = &diagonals[lag];
    let (mut sum, mut weight) = (of(centre), centre.count);
    for neighbour in [lag.checked_sub(1), Some(lag + 1)].into_iter().flatten() {
        if let Some(diagonal) = diagonals.get(neighbour) {
            sum += NEIGHBOUR_WEIGHT * of(diagonal);
            weight += NEIGHBOUR_WEIGHT * NEIGHBOUR_WEIGHT * diagonal.count;
        }
    }
    (sum, weight)
}

fn significance(diagonals: &[Diagonal], lag: usize, least_weight: f32) -> f32 {
    let (excess, weight) = blend(diagonals, lag, |diagonal| diagonal.excess);
    if weight > 0.0 && weight >= least_weight { excess / weight.sqrt() } else { f32::NEG_INFINITY }
}

/// Where between its neighbours a peak lies, by the parabola through the three, in (-0.5, 0.5).
fn peak_shift(values: &[f32], at: usize) -> f64 {
    let neighbours = (at.checked_sub(1).and_then(|i| values.get(i)), values.get(at + 1));
    let (Some(&left), Some(&right)) = neighbours else { return 0.0 };
    let shift = 0.5 * (left - right) / (left - 2.0 * values[at] + right);
    if shift.is_finite() { f64::from(shift.clamp(-0.5, 0.5)) } else { 0.0 }
}

#[inline(always)]
fn compare<S: Simd>(simd: S, query: Rows<'_>, passage: Rows<'_>, cosines: &mut [Option<f32>]) {
    let rows = query.0.iter().zip(query.1);
    for ((row, active), cosines) in rows.zip(cosines.chunks_mut(passage.0.len().max(1))) {
        let others = passage.0.iter().zip(passage.1);
        for ((other, other_active), cosine) in others.zip(cosines) {
            *cosine = (*active && *other_active).then(|| lane_dot(simd, row, other));
        }
    }
}

/// Inner product of two embeddings; the same bits on every processor.
#[must_use]
pub fn dot(a: &[f32; DIMENSION], b: &[f32; DIMENSION]) -> f32 {
    dispatch!(Level::new(), simd => lane_dot(simd, a, b))
}

#[inline(always)]
fn lane_dot<S: Simd>(simd: S, a: &[f32; DIMENSION], b: &[f32; DIMENSION]) -> f32 {
    let (a, _) = a.as_chunks::<8>();
    let (b, _) = b.as_chunks::<8>();
    let mut sums = f32x8::splat(simd, 0.0);
    for (a, b) in a.iter().zip(b) {
        sums += f32x8::simd_from(simd, *a) * f32x8::simd_from(simd, *b);
    }
    <[f32; 8]>::from(sums).iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{fingerprint, walk};

    fn fit(query: &Fingerprint, passage: &Fingerprint, first_row: usize) -> Option<SequenceFit> {
        let other = fingerprint(&walk(99, 20));
        let all = [Similarities::new(query, passage), Similarities::new(query, &other)];
        best_fit(&all[0], &Background::new(query.rows(), &all), first_row)
    }

    #[test]
    fn a_clip_is_found_where_it_was_cut() {
        // Every fourth row of the query is a row of the reference; the others lie between.
        let track = walk(1, 200);
        let reference = fingerprint(&track.iter().copied().step_by(4).collect::<Vec<_>>());
        let clip = fingerprint(&track[61..100]);
        let found = fit(&clip, &reference, 1_000);
        let found = found.unwrap_or_else(|| unreachable!("the clip is part of the track"));
        assert!((found.offset_frames - (16_000.0 + 4.0 * 61.0)).abs() < 2.0, "{found:?}");
        assert!(found.mean_cosine > 0.8 && found.significance > 5.0, "{found:?}");
        assert!(found.query_rows.0 <= 3 && found.query_rows.1 >= 35, "{found:?}");
    }

    #[test]
    fn a_clip_may_begin_before_its_track() {
        let track = walk(2, 80);
        let reference = fingerprint(&track.iter().copied().step_by(4).collect::<Vec<_>>());
        let clip = fingerprint(&[walk(3, 12), track[..40].to_vec()].concat());
        let found = fit(&clip, &reference, 0);
        assert!(found.is_some_and(|f| (f.offset_frames + 48.0).abs() < 2.0), "{found:?}");
    }

    #[test]
    fn without_common_signal_there_is_no_fit() {
        let mut silent = fingerprint(&walk(4, 10));
        silent.active.fill(false);
        let track = fingerprint(&walk(4, 10));
        assert_eq!(fit(&silent, &track, 0), None);
        assert_eq!(fit(&track, &silent, 0), None);
        assert_eq!(fit(&fingerprint(&[]), &track, 0), None);
        assert_eq!(fit(&track, &fingerprint(&[]), 0), None);
    }
}
