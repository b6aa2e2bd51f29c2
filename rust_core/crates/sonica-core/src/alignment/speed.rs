//! Clips that play faster or slower than their recording: alignments along lines of other slopes.
//!
//! At speed `s` row `i` of a clip meets the passage `lag + i + (s - 1) * (i - middle)` query
//! strides after the passage's first row: a line that turns about the clip's middle row, so that
//! the best lag hardly depends on the speed. All whole lags are tried at a few speeds, then the
//! best line is moved until no other near it fits better.

use super::{Background, NEIGHBOUR_WEIGHT, PHASES, SequenceFit, Similarities};
use crate::params::{EDGE_FRAMES, QUERY_STRIDE_FRAMES, REFERENCE_STRIDE_FRAMES, WINDOW_FRAMES};

/// How much faster or slower than its recording a clip is looked for.
const SPEED_RANGE: f64 = 0.06;
/// Most speeds tried on either side of 1, however long the clip.
const SPEED_STEPS_MAX: usize = 12;
/// What another speed than 1 must add to the square of the significance: four standard
/// deviations, so that a clip at its own speed is said to have speed 1 and nothing near it.
const SPEED_PENALTY: f32 = 16.0;
/// Rows this many query strides apart have nothing in common.
const REACH: f64 = 1.5;
/// Rows of zeros before and after the rows of a clip.
const MARGIN: usize = 2;
/// Times the best line is moved; every time half as far as before.
const MOVES: usize = 4;
/// From the first frame of a row of the query to the middle of its window, query strides.
const ROW_MIDDLE: f64 = (WINDOW_FRAMES / 2 - EDGE_FRAMES) as f64 / QUERY_STRIDE_FRAMES as f64;

/// The best alignment of a clip within a passage whose first row is row `first_row` of its
/// track, at any speed near 1; nothing when they have no active windows in common.
#[must_use]
pub fn best_fit(
    similarities: &Similarities,
    background: &Background,
    first_row: usize,
) -> Option<SequenceFit> {
    let pairs = Pairs::new(similarities, background)?;
    let mut best = pairs.moved(pairs.best_lag(1.0)?, 0.0);
    let (steps, step) = speeds(pairs.rows);
    let start = (0..=2 * steps)
        .filter_map(|at| pairs.best_lag(1.0 + step * (at as f64 - steps as f64)))
        .max_by(|a, b| a.significance.total_cmp(&b.significance));
    if let Some(start) = start.filter(|_| steps > 0) {
        let free = pairs.moved(start, step);
        let significance = (free.significance.powi(2) - SPEED_PENALTY).max(0.0).sqrt();
        if significance > best.significance {
            best = Line { significance, ..free };
        }
    }
    pairs.fit(best, similarities, first_row)
}

/// How well the same rows, embedded in another way, fit along the line of an alignment: their
/// significance and their mean cosine. Half a query stride to either side counts as the same
/// line, as finely as the shortest clips are placed. Nothing when too few rows meet there.
#[must_use]
pub fn along(
    fit: &SequenceFit,
    similarities: &Similarities,
    background: &Background,
    first_row: usize,
) -> Option<(f32, f32)> {
    let pairs = Pairs::new(similarities, background)?;
    let (speed, begin) = (fit.speed_factor, (first_row * REFERENCE_STRIDE_FRAMES) as f64);
    let lag = (fit.offset_frames - begin) / QUERY_STRIDE_FRAMES as f64 + pairs.begins_before(speed);
    let near = [-0.5, 0.5].map(|add| pairs.line(lag + add, speed));
    let best = near.into_iter().fold(pairs.line(lag, speed), better);
    let fit = pairs.fit(best, similarities, first_row)?;
    best.significance.is_finite().then_some((fit.significance, fit.mean_cosine))
}

/// How many speeds are tried on either side of 1, and the distance between them: so fine that
/// either end of the clip is at most a quarter of a query stride off at the nearest of them.
fn speeds(query_rows: usize) -> (usize, f64) {
    let step = (1.0 / query_rows as f64).max(SPEED_RANGE / SPEED_STEPS_MAX as f64);
    ((SPEED_RANGE / step) as usize, step)
}

#[derive(Clone, Copy)]
struct Line {
    /// Query strides from the passage's first row to the clip's.
    lag: f64,
    speed: f64,
    significance: f32,
}

/// All pairs of a row of the clip and a row of the passage, one column for each row of the
/// passage. Rows of the clip run backwards in it, between margins of zeros: then the pairs of a
/// column lie on successive lags.
struct Pairs {
    rows: usize,
    columns: usize,
    middle: f64,
    /// Cosines above the background, in standard deviations; 0 where a window has no signal.
    excess: Vec<f32>,
    /// 1 where both windows have signal, else 0.
    active: Vec<f32>,
    least_weight: f32,
}

impl Pairs {
    fn new(similarities: &Similarities, background: &Background) -> Option<Self> {
        let (rows, columns) = (similarities.query_rows, similarities.passage_rows);
        let middle = rows.checked_sub(1)? as f64 / 2.0;
        let zeros = vec![0.0; columns * (rows + 2 * MARGIN)];
        let least_weight = similarities.least_weight();
        let (excess, active) = (zeros.clone(), zeros);
        let mut pairs = Self { rows, columns, middle, excess, active, least_weight };
        for (row, (mean, spread)) in background.rows.iter().enumerate() {
            for (column, cosine) in similarities.row(row).iter().enumerate() {
                let Some(cosine) = cosine else { continue };
                let pair = column * pairs.height() + MARGIN + rows - 1 - row;
                pairs.excess[pair] = (cosine - mean) / spread;
                pairs.active[pair] = 1.0;
            }
        }
        Some(pairs)
    }

    /// Pairs of one column, margins included.
    fn height(&self) -> usize {
        self.rows + 2 * MARGIN
    }

    /// How far the line of a speed lies, at a row of the clip, from that of speed 1 and the same
    /// lag, whole query strides.
    fn drift(&self, row: usize, speed: f64) -> isize {
        ((speed - 1.0) * (row as f64 - self.middle)).round() as isize
    }

    /// The best of all whole lags at one speed.
    fn best_lag(&self, speed: f64) -> Option<Line> {
        let last = self.rows - 1;
        // The first and the last lag remain empty: every other one has two neighbours.
        let shift = last + 1 + self.drift(last, speed).unsigned_abs();
        let lags = 2 * shift + PHASES * self.columns;
        let (mut excess, mut weight) = (vec![0.0; lags], vec![0.0; lags]);
        let mut row = 0;
        while row <= last {
            // A run of rows that drifted alike lies on successive lags.
            let drift = self.drift(row, speed);
            let end = (row..=last).find(|&row| self.drift(row, speed) != drift);
            let end = end.unwrap_or(self.rows);
            let lag = shift.saturating_add_signed(-drift) + 1 - end;
            for column in 0..self.columns {
                let begin = column * self.height() + MARGIN + self.rows - end;
                let run = begin..begin + end - row;
                add(&mut excess[lag + PHASES * column..], &self.excess[run.clone()]);
                add(&mut weight[lag + PHASES * column..], &self.active[run]);
            }
            row = end;
        }
        let blend = |of: &[f32], share: f32| of[1] + share * (of[0] + of[2]);
        let scores = excess.windows(3).zip(weight.windows(3)).map(|(excess, weight)| {
            let weight = blend(weight, NEIGHBOUR_WEIGHT * NEIGHBOUR_WEIGHT);
            self.significance(blend(excess, NEIGHBOUR_WEIGHT), weight)
        });
        let (before, best) = scores.enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        best.is_finite().then(|| {
            let lag = (before + 1) as f64 - shift as f64;
            // Drift was rounded to whole strides: the line may lie half of one to either side.
            let near = [-0.5, 0.5].map(|add| self.line(lag + add, speed));
            near.into_iter().fold(self.line(lag, speed), better)
        })
    }

    /// The best line near another one; its speed is moved by `speed_step` at first.
    fn moved(&self, start: Line, speed_step: f64) -> Line {
        let mut best = start;
        let mut steps = [(0.5, 0.0), (0.0, speed_step)];
        for _ in 0..MOVES {
            for (lag, speed) in steps.iter_mut().filter(|step| **step != (0.0, 0.0)) {
                let from = best;
                let at =
                    |factor: f64| self.line(from.lag + factor * *lag, from.speed + factor * *speed);
                let (before, after) = (at(-1.0), at(1.0));
                let top = peak(before.significance, from.significance, after.significance);
                best = [before, after, at(top)].into_iter().fold(best, better);
                *lag /= 2.0;
                *speed /= 2.0;
            }
        }
        best
    }

    fn line(&self, lag: f64, speed: f64) -> Line {
        let (mut excess, mut squares) = (0.0, 0.0);
        self.visit(lag, speed, |pair, weight| {
            excess += weight * self.excess[pair];
            squares += weight * weight * self.active[pair];
        });
        Line { lag, speed, significance: self.significance(excess, squares) }
    }

    /// Calls `consume` with the pairs near a line, those in the margins too, and the weight the
    /// distance of each from the line deserves.
    fn visit(&self, lag: f64, speed: f64, mut consume: impl FnMut(usize, f32)) {
        let begin = (self.rows - 1 + MARGIN) as f64;
        let end = (self.height() - MARGIN) as f64 + 0.5;
        for column in 0..self.columns {
            let ahead = (PHASES * column) as f64 - lag - self.middle;
            let depth = begin - self.middle - ahead / speed;
            if !(0.5..end).contains(&depth) {
                continue;
            }
            let nearest = (depth + 0.5) as i32 as usize;
            for near in nearest - 1..=nearest + 1 {
                let distance = (near as f64 - depth) * speed;
                consume(column * self.height() + near, weight(distance));
            }
        }
    }

    fn significance(&self, excess: f32, weight: f32) -> f32 {
        let enough = weight > 0.0 && weight >= self.least_weight;
        if enough { excess / weight.sqrt() } else { f32::NEG_INFINITY }
    }

    /// How long before its lag a clip begins: windows meet middle on middle, at another speed
    /// their first frames do not. Query strides.
    fn begins_before(&self, speed: f64) -> f64 {
        (speed - 1.0) * (self.middle + ROW_MIDDLE)
    }

    fn fit(
        &self,
        line: Line,
        similarities: &Similarities,
        first_row: usize,
    ) -> Option<SequenceFit> {
        let (mut sum, mut squares, mut rows) = (0.0, 0.0, None);
        self.visit(line.lag, line.speed, |pair, weight| {
            let row = (self.rows - 1 + MARGIN).wrapping_sub(pair % self.height());
            let cosine = similarities.row(row).get(pair / self.height()).copied().flatten();
            let (Some(cosine), true) = (cosine, weight > 0.0) else { return };
            sum += weight * cosine;
            squares += weight * weight;
            let (first, last) = rows.unwrap_or((row, row));
            rows = Some((row.min(first), row.max(last)));
        });
        let begin = line.lag - self.begins_before(line.speed);
        Some(SequenceFit {
            offset_frames: (first_row * REFERENCE_STRIDE_FRAMES) as f64
                + begin * QUERY_STRIDE_FRAMES as f64,
            speed_factor: line.speed,
            significance: line.significance,
            mean_cosine: (sum / squares).clamp(-1.0, 1.0),
            query_rows: rows?,
        })
    }
}

fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

fn better(a: Line, b: Line) -> Line {
    if b.significance > a.significance { b } else { a }
}

/// What a pair of rows is worth at this distance from the line, query strides: the cosine of
/// windows that far apart, near enough (0.3 at one stride).
fn weight(distance: f64) -> f32 {
    let near = (1.0 - (distance / REACH).powi(2)).max(0.0);
    (near * near) as f32
}

/// Where between -1 and 1 the parabola through three values peaks; 0 when it does not.
fn peak(before: f32, middle: f32, after: f32) -> f64 {
    let bend = before - 2.0 * middle + after;
    let shift = 0.5 * (before - after) / bend;
    if bend < 0.0 && shift.is_finite() { f64::from(shift.clamp(-1.0, 1.0)) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprint;
    use crate::params::FRAME_SECONDS;
    use crate::testing::{fingerprint, glide, noisy};

    const FIRST_ROW: usize = 100;
    const PASSAGE_ROWS: usize = 60;

    fn reference(seed: u64) -> Fingerprint {
        fingerprint(&glide(seed, (0..PASSAGE_ROWS).map(|row| (PHASES * row) as f64)))
    }

    /// Rows of a clip of track 0 that begins `offset_frames` after the passage does.
    fn clip(offset_frames: f64, speed: f64, rows: usize) -> Fingerprint {
        let place = |row: usize| {
            offset_frames / QUERY_STRIDE_FRAMES as f64 + speed * (row as f64 + ROW_MIDDLE)
                - ROW_MIDDLE
        };
        fingerprint(&glide(0, (0..rows).map(place)))
    }

    fn passages() -> Vec<Fingerprint> {
        (0..10).map(reference).collect()
    }

    fn fit(clip: &Fingerprint, passages: &[Fingerprint]) -> SequenceFit {
        let all: Vec<Similarities> = passages.iter().map(|p| Similarities::new(clip, p)).collect();
        let fit = best_fit(&all[0], &Background::new(clip.rows(), &all), FIRST_ROW);
        fit.unwrap_or_else(|| unreachable!("all rows are active"))
    }

    fn offset_ms(fit: &SequenceFit, expected_frames: f64) -> f64 {
        let begin = (FIRST_ROW * REFERENCE_STRIDE_FRAMES) as f64 + expected_frames;
        1e3 * (fit.offset_frames - begin) * FRAME_SECONDS
    }

    #[test]
    fn speed_and_beginning_of_a_warped_clip_are_found() {
        let passages = passages();
        for rows in [39, 78, 117] {
            for (seed, speed) in [0.94, 0.97, 1.03, 1.06].into_iter().enumerate() {
                let offset = 230.0 + 3.7 * seed as f64;
                let heard = noisy(seed as u64, 0.5, &clip(offset, speed, rows));
                let found = fit(&heard, &passages);
                assert!(
                    offset_ms(&found, offset).abs() < 20.0,
                    "{rows} rows at {speed}: {found:?}"
                );
                let drift_ms = (found.speed_factor - speed) * rows as f64 * 128.0;
                assert!(drift_ms.abs() < 40.0, "{rows} rows at {speed}: {found:?}");
            }
        }
    }

    #[test]
    fn a_clip_at_its_own_speed_keeps_it() {
        let passages = passages();
        for rows in [8, 16, 39, 117] {
            for seed in 0..30 {
                let noise = [0.0, 1.0, 2.0][seed as usize % 3];
                let offset = 200.0 + 1.3 * seed as f64;
                let found = fit(&noisy(seed, noise, &clip(offset, 1.0, rows)), &passages);
                assert!((found.speed_factor - 1.0).abs() < f64::EPSILON, "{rows}: {found:?}");
                assert!(noise > 0.0 || offset_ms(&found, offset).abs() < 20.0, "{found:?}");
            }
        }
    }

    #[test]
    fn a_short_clip_has_no_speed() {
        assert_eq!(speeds(15).0, 0);
        assert_eq!(speeds(39).0, 2);
        assert_eq!(speeds(usize::MAX).0, SPEED_STEPS_MAX);
    }

    #[test]
    fn without_common_signal_there_is_no_fit() {
        let mut silent = reference(1);
        silent.active.fill(false);
        for (clip, passage) in [
            (&silent, &reference(1)),
            (&reference(1), &silent),
            (&fingerprint(&[]), &reference(1)),
            (&reference(1), &fingerprint(&[])),
        ] {
            let all = [Similarities::new(clip, passage)];
            let background = Background::new(clip.rows(), &all);
            assert_eq!(best_fit(&all[0], &background, 0), None);
        }
    }
}
