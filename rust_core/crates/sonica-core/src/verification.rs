//! Stage 8: landmarks of a clip that agree with an alignment.

use crate::landmarks::Landmark;

/// How far apart in time, in frames, agreeing landmarks may be.
const FRAME_TOLERANCE: i64 = 2;
/// How far apart in frequency agreeing peaks may be, bins.
const BIN_TOLERANCE: u16 = 1;

/// Pairs of (query landmark, reference landmark) that are the same pair of peaks when the clip
/// begins at `offset_frames` of the track. Each query landmark is used at most once.
#[must_use]
pub fn matched<'a>(
    query: &'a [Landmark],
    reference: &'a [Landmark],
    offset_frames: f64,
) -> Vec<(&'a Landmark, &'a Landmark)> {
    // No track is longer than the clamp; NaN becomes 0.
    let offset = offset_frames.round().clamp(-1e9, 1e9) as i64;
    let mut out = Vec::new();
    let mut begin = 0;
    for landmark in query {
        let frame = i64::from(landmark.frame) + offset;
        while reference.get(begin).is_some_and(|r| i64::from(r.frame) < frame - FRAME_TOLERANCE) {
            begin += 1;
        }
        let near =
            reference[begin..].iter().take_while(|r| i64::from(r.frame) <= frame + FRAME_TOLERANCE);
        if let Some(partner) = near.into_iter().find(|r| same_peaks(landmark, r)) {
            out.push((landmark, partner));
        }
    }
    out
}

fn same_peaks(a: &Landmark, b: &Landmark) -> bool {
    a.anchor_bin.abs_diff(b.anchor_bin) <= BIN_TOLERANCE
        && a.target_bin.abs_diff(b.target_bin) <= BIN_TOLERANCE
        && a.frame_distance.abs_diff(b.frame_distance) <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landmark(frame: u32, anchor_bin: u16) -> Landmark {
        Landmark { frame, anchor_bin, target_bin: 100, frame_distance: 7 }
    }

    #[test]
    fn only_what_agrees_in_time_and_frequency_matches() {
        let reference = [landmark(90, 50), landmark(110, 50), landmark(111, 80)];
        let query = [landmark(9, 51), landmark(11, 60), landmark(40, 80)];
        let pairs = matched(&query, &reference, 100.3);
        assert_eq!(pairs, [(&query[0], &reference[1])]);
        assert!(matched(&query, &reference, 50.0).is_empty());
    }

    #[test]
    fn absurd_offsets_match_nothing() {
        let one = [landmark(5, 50)];
        for offset in [f64::MAX, f64::MIN, f64::NAN, -1e9] {
            assert!(matched(&one, &[], offset).is_empty());
        }
    }
}
