//! Stage 8: landmarks of a clip that agree with an alignment.

use crate::landmarks::Landmark;

/// How far apart in time, in frames, agreeing landmarks may be.
const FRAME_TOLERANCE: i64 = 2;
/// How far apart in frequency agreeing peaks may be, bins.
const BIN_TOLERANCE: u16 = 1;

/// Pairs of (query landmark, reference landmark) that are the same pair of peaks when the clip
/// begins at `offset_frames` of the track and plays `speed_factor` times faster. Each query
/// landmark is used at most once.
#[must_use]
pub fn matched<'a>(
    query: &'a [Landmark],
    reference: &'a [Landmark],
    offset_frames: f64,
    speed_factor: f64,
) -> Vec<(&'a Landmark, &'a Landmark)> {
    // No track is longer than the clamp; NaN becomes 0.
    let offset = offset_frames.round().clamp(-1e9, 1e9) as i64;
    let mut out = Vec::new();
    let mut begin = 0;
    for landmark in query {
        let frame = (f64::from(landmark.frame) * speed_factor).round() as i64 + offset;
        while reference.get(begin).is_some_and(|r| i64::from(r.frame) < frame - FRAME_TOLERANCE) {
            begin += 1;
        }
        let near =
            reference[begin..].iter().take_while(|r| i64::from(r.frame) <= frame + FRAME_TOLERANCE);
        if let Some(partner) = near.into_iter().find(|r| same_peaks(landmark, r, speed_factor)) {
            out.push((landmark, partner));
        }
    }
    out
}

/// Whether two pairs of peaks agree. Where speed changed the pitch too, only low peaks do.
fn same_peaks(query: &Landmark, reference: &Landmark, speed_factor: f64) -> bool {
    let frame_distance = (f64::from(query.frame_distance) * speed_factor).round() as u16;
    query.anchor_bin.abs_diff(reference.anchor_bin) <= BIN_TOLERANCE
        && query.target_bin.abs_diff(reference.target_bin) <= BIN_TOLERANCE
        && frame_distance.abs_diff(reference.frame_distance) <= 1
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
        let pairs = matched(&query, &reference, 100.3, 1.0);
        assert_eq!(pairs, [(&query[0], &reference[1])]);
        assert!(matched(&query, &reference, 50.0, 1.0).is_empty());
    }

    #[test]
    fn landmarks_of_a_faster_clip_match_where_they_drifted_to() {
        let reference: Vec<Landmark> = (0..40).map(|n| landmark(500 + 50 * n, 50)).collect();
        let heard = |n: u32| landmark((f64::from(50 * n) / 1.05).round() as u32, 50);
        let query: Vec<Landmark> = (0..20).map(heard).collect();
        let steady = matched(&query, &reference, 500.0, 1.0).len();
        assert!(steady < 3, "{steady}");
        assert_eq!(matched(&query, &reference, 500.0, 1.05).len(), 20);
    }

    #[test]
    fn absurd_offsets_and_speeds_match_nothing() {
        let one = [landmark(5, 50)];
        for offset in [f64::MAX, f64::MIN, f64::NAN, -1e9] {
            assert!(matched(&one, &[], offset, offset).is_empty());
        }
    }
}
