//! Stage 6: neighbours of the query's rows vote for (track, offset); the best become candidates.
//!
//! Searching costs more than all else, and rows of a query overlap: of a long clip not every one is
//! searched with. Alignment later compares them all.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::params::{MAX_ROWS, QUERY_STRIDE_FRAMES, REFERENCE_STRIDE_FRAMES};

/// Stands for "no neighbour" in a list of point ids.
pub const NO_POINT: u64 = u64::MAX;
/// Bits of a point id that hold the row; the rest hold the track number.
const ROW_BITS: u32 = 20;
/// Largest track number a point id can hold.
pub const TRACK_NUMBER_MAX: u64 = (1 << (63 - ROW_BITS)) - 1;
/// Votes this close together, in frames, speak for the same alignment: half a reference stride,
/// the farthest a row of the query can be from its nearest row of the reference.
const VOTE_WIDTH_FRAMES: i64 = (REFERENCE_STRIDE_FRAMES / 2) as i64;
/// Most alignments kept of one track; music repeats itself.
const ALIGNMENTS_PER_TRACK: usize = 3;

/// Active rows each of which is searched with; of up to twice as many, every second one.
const ROWS_ALL_SEARCHED: usize = 24;
/// Of more rows, every third one: every fourth would lie on the same place of the reference's
/// coarser grid each time.
const SEARCH_STRIDE_MAX: usize = 3;

/// A place in a track a clip may have been taken from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The track.
    pub track_number: u64,
    /// Where the clip begins in the track, frames; negative when before it.
    pub offset_frames: i64,
    /// Sum of the votes; larger is surer.
    pub vote_score: f32,
}

/// The id of one row of one track in the vector index.
///
/// # Errors
/// `InvalidArgument` when the track number or the row does not fit.
pub fn point_id(track_number: u64, row: usize) -> Result<u64> {
    if track_number > TRACK_NUMBER_MAX || row >= MAX_ROWS {
        return Err(Error::invalid(format!(
            "track {track_number}, row {row}: at most {TRACK_NUMBER_MAX} and {}",
            MAX_ROWS - 1
        )));
    }
    Ok(track_number << ROW_BITS | row as u64)
}

/// Which rows of a query the index is searched with: of those that are active, all of the first 3 s,
/// every second of up to 6 s, every third of more.
#[must_use]
pub fn searched_rows(active: &[bool]) -> Vec<bool> {
    let count = active.iter().filter(|&&row| row).count();
    let stride = count.div_ceil(ROWS_ALL_SEARCHED).clamp(1, SEARCH_STRIDE_MAX);
    let mut seen = 0;
    let searched = |&is_active: &bool| {
        seen += usize::from(is_active);
        is_active && (seen - 1).is_multiple_of(stride)
    };
    active.iter().map(searched).collect()
}

#[derive(Clone, Copy)]
struct Vote {
    offset: i64,
    weight: f32,
}

/// Candidates from the neighbours of each row of a query, best first.
///
/// `point_ids` and `scores` are row-major with `neighbours` entries a row, best first; row `i`
/// belongs to row `i` of the query's fingerprint.
///
/// # Errors
/// `InvalidArgument` when the lengths disagree or a score of a neighbour is not finite.
pub fn vote(
    point_ids: &[u64],
    scores: &[f32],
    neighbours: usize,
    max_candidates: usize,
) -> Result<Vec<Candidate>> {
    if point_ids.len() != scores.len() || (neighbours == 0 && !point_ids.is_empty()) {
        return Err(Error::invalid(format!(
            "{} point ids and {} scores in rows of {neighbours}",
            point_ids.len(),
            scores.len()
        )));
    }
    let mut votes: HashMap<u64, Vec<Vote>> = HashMap::new();
    let rows = point_ids.chunks(neighbours.max(1)).zip(scores.chunks(neighbours.max(1)));
    for (row, (ids, similarities)) in rows.enumerate() {
        collect(row, ids, similarities, &mut votes)?;
    }
    let mut candidates: Vec<Candidate> =
        votes.into_iter().flat_map(|(track, votes)| alignments(track, votes)).collect();
    candidates.sort_by(|a, b| {
        (b.vote_score.total_cmp(&a.vote_score))
            .then(a.track_number.cmp(&b.track_number))
            .then(a.offset_frames.cmp(&b.offset_frames))
    });
    candidates.truncate(max_candidates);
    Ok(candidates)
}

/// One row's votes. A neighbour weighs as much as it is nearer than the row's last one: in a
/// dense part of the space being near means little.
fn collect(
    row: usize,
    ids: &[u64],
    similarities: &[f32],
    votes: &mut HashMap<u64, Vec<Vote>>,
) -> Result<()> {
    let found = || ids.iter().zip(similarities).filter(|(id, _)| **id != NO_POINT);
    if found().any(|(_, similarity)| !similarity.is_finite()) {
        return Err(Error::invalid(format!("row {row} has a neighbour whose score is not finite")));
    }
    let farthest = found().map(|(_, &similarity)| similarity).fold(1.0, f32::min);
    let clip_frame = (row * QUERY_STRIDE_FRAMES) as i64;
    for (&id, &similarity) in found() {
        let track_frame = (id & ((1 << ROW_BITS) - 1)) as i64 * REFERENCE_STRIDE_FRAMES as i64;
        let vote = Vote { offset: track_frame - clip_frame, weight: similarity - farthest + 0.01 };
        votes.entry(id >> ROW_BITS).or_default().push(vote);
    }
    Ok(())
}

/// The best alignments of one track: where most votes fall within `VOTE_WIDTH_FRAMES`.
fn alignments(track_number: u64, mut votes: Vec<Vote>) -> Vec<Candidate> {
    votes.sort_by_key(|vote| vote.offset);
    let mut peaks: Vec<Candidate> = Vec::new();
    let (mut begin, mut sum) = (0, 0.0);
    for end in 0..votes.len() {
        sum += votes[end].weight;
        while votes[end].offset - votes[begin].offset > VOTE_WIDTH_FRAMES {
            sum -= votes[begin].weight;
            begin += 1;
        }
        let middle = i64::midpoint(votes[begin].offset, votes[end].offset);
        peaks.push(Candidate { track_number, offset_frames: middle, vote_score: sum });
    }
    peaks.sort_by(|a, b| b.vote_score.total_cmp(&a.vote_score));
    let mut kept: Vec<Candidate> = Vec::with_capacity(ALIGNMENTS_PER_TRACK);
    for peak in peaks {
        if kept.len() == ALIGNMENTS_PER_TRACK {
            break;
        }
        let far = |other: &Candidate| {
            other.offset_frames.abs_diff(peak.offset_frames) > REFERENCE_STRIDE_FRAMES as u64
        };
        if kept.iter().all(far) {
            kept.push(peak);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn id(track: u64, row: usize) -> u64 {
        track << ROW_BITS | row as u64
    }

    #[test]
    fn a_diagonal_outvotes_scattered_neighbours() {
        // Rows 0, 4, 8 of the query are one reference row apart; track 7 is hit along the line.
        let mut ids = Vec::new();
        let mut scores = Vec::new();
        for row in 0..9 {
            ids.extend([id(9, 50 * row + 3), id(7, 100 + row / 4), id(8, 3)]);
            scores.extend([0.9, if row % 4 == 0 { 0.8 } else { 0.4 }, 0.3]);
        }
        let best = vote(&ids, &scores, 3, 10).map(|c| c[0]);
        assert!(best.is_ok_and(|c| c.track_number == 7 && c.offset_frames.abs_diff(1_600) <= 8));
    }

    #[test]
    fn long_clips_are_searched_with_fewer_of_their_rows() {
        let places = |active: &[bool]| -> Vec<usize> {
            let searched = searched_rows(active);
            assert_eq!(searched.len(), active.len());
            (0..active.len()).filter(|&row| searched[row]).collect()
        };
        assert_eq!(places(&[true; 24]), (0..24).collect::<Vec<_>>());
        assert_eq!(places(&[true; 25]), (0..25).step_by(2).collect::<Vec<_>>());
        assert_eq!(places(&[true; 49]), (0..49).step_by(3).collect::<Vec<_>>());
        assert_eq!(places(&[true; 400]).len(), 134);
        let halves: Vec<bool> = (0..60).map(|row| row >= 30).collect();
        assert_eq!(places(&halves), (30..60).step_by(2).collect::<Vec<_>>());
        assert!(places(&[false; 60]).is_empty() && places(&[]).is_empty());
    }

    #[test]
    fn missing_neighbours_are_skipped() {
        let found = vote(&[NO_POINT; 4], &[f32::NAN; 4], 2, 10);
        assert_eq!(found, Ok(Vec::new()));
        assert_eq!(vote(&[], &[], 0, 10), Ok(Vec::new()));
    }

    #[test]
    fn bad_arguments_are_refused() {
        let kind = |r: Result<Vec<Candidate>>| r.map_err(|e| e.kind());
        let bad = Err(ErrorKind::InvalidArgument);
        assert_eq!(kind(vote(&[1], &[], 1, 1)), bad);
        assert_eq!(kind(vote(&[1], &[f32::NAN], 1, 1)), bad);
        assert_eq!(kind(vote(&[1], &[0.0], 0, 1)), bad);
    }

    #[test]
    fn point_ids_hold_track_and_row() {
        assert_eq!(point_id(3, 5), Ok(3 << 20 | 5));
        assert!(point_id(TRACK_NUMBER_MAX + 1, 0).is_err());
        assert!(point_id(0, MAX_ROWS).is_err());
    }
}
