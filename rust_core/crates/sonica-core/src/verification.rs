//! Stage 8: landmarks of a clip that agree with an alignment.

use crate::landmarks::Landmark;

/// How far apart in time, in frames, agreeing landmarks may be.
const FRAME_TOLERANCE: i64 = 2;
/// The same for single peaks, of which more agree by chance.
const PEAK_FRAME_TOLERANCE: i64 = 1;
/// How far apart in frequency agreeing peaks may be, bins.
const BIN_TOLERANCE: u16 = 1;
/// Steps of pitch that are told apart, on a logarithmic scale: one bin at 1 kHz.
const PITCH_STEP: f64 = 0.008;
/// Steps up or down a clip may have been moved, ten per cent in all.
const PITCH_STEPS: i32 = 12;

/// Pairs of (query landmark, reference landmark) that are the same pair of peaks when the clip
/// begins at `offset_frames` of the track and plays `speed_factor` times faster. Each query
/// landmark is used at most once. Where speed changed the pitch too, only low peaks agree.
#[must_use]
pub fn matched<'a>(
    query: &'a [Landmark],
    reference: &'a [Landmark],
    offset_frames: f64,
    speed_factor: f64,
) -> Vec<(&'a Landmark, &'a Landmark)> {
    let mut out = Vec::new();
    each_in_time(query, reference, offset_frames, speed_factor, |landmark, near| {
        let mut near = near.filter(|reference| same_bins(landmark, reference, 1.0));
        out.extend(near.next().map(|reference| (landmark, reference)));
    });
    out
}

/// Most landmarks of the query that are in the reference at one pitch, whichever it is: the clip
/// may sound up to ten per cent higher or lower than its recording.
#[must_use]
pub fn count_at_any_pitch(
    query: &[Landmark],
    reference: &[Landmark],
    offset_frames: f64,
    speed_factor: f64,
) -> usize {
    // A pitch between two steps is heard as either, so steps are counted two by two.
    let mut counts = [0; 2 * PITCH_STEPS as usize + 2];
    each_in_time(query, reference, offset_frames, speed_factor, |landmark, near| {
        let steps = near.filter_map(|reference| pitch_step(landmark, reference));
        let heard = steps.fold(0_u32, |heard, step| heard | 0b11 << (step + PITCH_STEPS));
        for (at, count) in counts.iter_mut().enumerate() {
            *count += (heard >> at & 1) as usize;
        }
    });
    counts.into_iter().max().unwrap_or(0)
}

/// The spectral peaks landmarks are pairs of, in order of time, each once.
pub struct Peaks(Vec<(u32, u16)>);

impl Peaks {
    /// The peaks of some landmarks.
    #[must_use]
    pub fn of(landmarks: &[Landmark]) -> Self {
        let both = |l: &Landmark| {
            let target_frame = l.frame.saturating_add(u32::from(l.frame_distance));
            [(l.frame, l.anchor_bin), (target_frame, l.target_bin)]
        };
        let mut peaks: Vec<(u32, u16)> = landmarks.iter().flat_map(both).collect();
        peaks.sort_unstable();
        peaks.dedup();
        Self(peaks)
    }

    /// How many of these peaks of a clip lie on peaks of the reference, at this alignment. Noise
    /// that drowns one peak of each pair leaves no landmark but half of the peaks.
    #[must_use]
    pub fn count_on(&self, reference: &Self, offset_frames: f64, speed_factor: f64) -> usize {
        let offset = offset_frames.round().clamp(-1e9, 1e9) as i64;
        let mut begin = 0;
        let on_reference = |&&(frame, bin): &&(u32, u16)| {
            let frame = (f64::from(frame) * speed_factor).round() as i64 + offset;
            let at = |index: usize| reference.0.get(index).map(|peak| i64::from(peak.0));
            while at(begin).is_some_and(|at| at < frame - PEAK_FRAME_TOLERANCE) {
                begin += 1;
            }
            let near = reference.0[begin..].iter();
            near.take_while(|peak| i64::from(peak.0) <= frame + PEAK_FRAME_TOLERANCE)
                .any(|peak| peak.1.abs_diff(bin) <= BIN_TOLERANCE)
        };
        self.0.iter().filter(on_reference).count()
    }
}

/// Calls back with every landmark of the query and those of the reference that agree in time.
fn each_in_time<'a>(
    query: &'a [Landmark],
    reference: &'a [Landmark],
    offset_frames: f64,
    speed_factor: f64,
    mut each: impl FnMut(&'a Landmark, &mut dyn Iterator<Item = &'a Landmark>),
) {
    // No track is longer than the clamp; NaN becomes 0.
    let offset = offset_frames.round().clamp(-1e9, 1e9) as i64;
    let mut begin = 0;
    for landmark in query {
        let frame = (f64::from(landmark.frame) * speed_factor).round() as i64 + offset;
        while reference.get(begin).is_some_and(|r| i64::from(r.frame) < frame - FRAME_TOLERANCE) {
            begin += 1;
        }
        let distance = (f64::from(landmark.frame_distance) * speed_factor).round() as u16;
        let mut near = reference[begin..]
            .iter()
            .take_while(|r| i64::from(r.frame) <= frame + FRAME_TOLERANCE)
            .filter(|r| r.frame_distance.abs_diff(distance) <= 1);
        each(landmark, &mut near);
    }
}

/// Whether both peaks agree when the query sounds `pitch` times higher than the reference.
fn same_bins(query: &Landmark, reference: &Landmark, pitch: f64) -> bool {
    let heard = |bin: u16| (f64::from(bin) * pitch).round() as u16;
    query.anchor_bin.abs_diff(heard(reference.anchor_bin)) <= BIN_TOLERANCE
        && query.target_bin.abs_diff(heard(reference.target_bin)) <= BIN_TOLERANCE
}

/// How many steps higher than the reference the query sounds, if by the same at both peaks.
fn pitch_step(query: &Landmark, reference: &Landmark) -> Option<i32> {
    let sum = |landmark: &Landmark| f64::from(landmark.anchor_bin) + f64::from(landmark.target_bin);
    let pitch = sum(query) / sum(reference);
    let step = (pitch.ln() / PITCH_STEP).round();
    (step.abs() <= f64::from(PITCH_STEPS) && same_bins(query, reference, pitch))
        .then_some(step as i32)
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
    fn landmarks_of_a_clip_a_semitone_higher_agree_at_that_pitch() {
        let reference: Vec<Landmark> =
            (0..40).map(|n| landmark(500 + 3 * n, 90 + n as u16)).collect();
        let up = |bin: u16| (f64::from(bin) * 1.059).round() as u16;
        let heard = |l: &Landmark| Landmark {
            frame: l.frame - 500,
            anchor_bin: up(l.anchor_bin),
            target_bin: up(l.target_bin),
            ..*l
        };
        let query: Vec<Landmark> = reference.iter().map(heard).collect();
        assert!(matched(&query, &reference, 500.0, 1.0).is_empty());
        assert!(count_at_any_pitch(&query, &reference, 500.0, 1.0) >= 36);
        assert!(count_at_any_pitch(&query, &reference, 560.0, 1.0) <= 4);
        assert_eq!(count_at_any_pitch(&reference, &reference, 0.0, 1.0), 40);
    }

    #[test]
    fn peaks_agree_where_noise_broke_the_pairs() {
        let reference: Vec<Landmark> = (0..40).map(|n| landmark(500 + 50 * n, 50)).collect();
        // Every pair of the clip has lost its second peak.
        let broken = |n: u32| Landmark { target_bin: 300, ..landmark(50 * n, 51) };
        let query: Vec<Landmark> = (0..20).map(broken).collect();
        assert!(matched(&query, &reference, 500.0, 1.0).is_empty());
        let (clip, track) = (Peaks::of(&query), Peaks::of(&reference));
        assert_eq!((clip.0.len(), track.0.len()), (40, 80));
        assert_eq!(clip.count_on(&track, 500.0, 1.0), 20);
        assert_eq!(clip.count_on(&track, 510.0, 1.0), 0);
        assert_eq!(clip.count_on(&Peaks::of(&[]), f64::NAN, f64::INFINITY), 0);
    }

    #[test]
    fn absurd_offsets_and_speeds_match_nothing() {
        let one = [landmark(5, 50)];
        for offset in [f64::MAX, f64::MIN, f64::NAN, -1e9] {
            assert!(matched(&one, &[], offset, offset).is_empty());
            assert!(matched(&one, &one, offset, offset).len() <= 1);
            assert!(count_at_any_pitch(&one, &one, offset, offset) <= 1);
        }
    }
}
