//! Stages 7 to 9 in a row: passages of candidate recordings in, ranked answers out.

use crate::alignment::{self, Background, SequenceFit, Similarities};
use crate::decision::{Decision, Evidence};
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::landmarks::Landmark;
use crate::params::{
    AlgorithmVersion, EDGE_FRAMES, FRAME_SECONDS, MAX_ROWS, QUERY_STRIDE_FRAMES, WINDOW_FRAMES,
    WINDOW_SECONDS,
};
use crate::second_opinion::{Panel, RivalOpinions, SecondOpinion};
use crate::verification::{self, Peaks};

/// Share of the best significance from which another track that holds the same recording makes
/// an answer ambiguous.
const SHARED_SHARE: f32 = 0.7;
/// Fewest landmarks from which two passages can be called the same recording.
const SHARED_LANDMARKS_MIN: usize = 6;

/// A slice of a registered fingerprint.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The track.
    pub track_number: u64,
    /// Row of the track's fingerprint the slice begins with.
    pub first_row: usize,
    /// The slice; its landmarks keep the frames of the whole track.
    pub fingerprint: Fingerprint,
}

/// One recording a clip may have been taken from.
#[derive(Debug, Clone, PartialEq)]
pub struct Alignment {
    /// The track.
    pub track_number: u64,
    /// Time in the track at which the clip begins, seconds.
    pub track_offset_seconds: f64,
    /// Time in the clip at which the matching passage begins, seconds.
    pub clip_offset_seconds: f64,
    /// Length of the matching passage, seconds.
    pub matched_duration_seconds: f64,
    /// How many times faster than the recording the clip plays.
    pub speed_factor: f64,
    /// Calibrated probability that the clip was taken from this recording.
    pub score: f64,
    /// Whether another recording shares the passage and cannot be told apart.
    pub ambiguous: bool,
    /// What the score was made of.
    pub evidence: Evidence,
    /// Whether the score passes the gate.
    pub accepted: bool,
}

/// Compares a clip with passages of candidate recordings; best first, one answer a track.
///
/// # Errors
/// `InvalidArgument` when a passage lies beyond the rows a track may have, or when a fingerprint is
/// not of the version.
pub fn align(
    version: AlgorithmVersion,
    query: &Fingerprint,
    duration_seconds: f64,
    passages: &[&Passage],
) -> Result<Vec<Alignment>> {
    if let Some(passage) = passages.iter().find(|p| p.first_row >= MAX_ROWS) {
        return Err(Error::invalid(format!(
            "passage of track {} begins at row {}; a track has at most {MAX_ROWS}",
            passage.track_number, passage.first_row
        )));
    }
    let fingerprints = passages.iter().map(|passage| &passage.fingerprint);
    if let Some(other) = fingerprints.chain([query]).find(|f| f.version != version) {
        return Err(Error::invalid(format!(
            "a fingerprint is of version {}; all must be of version {}",
            other.version.number(),
            version.number()
        )));
    }
    let mut fits = best_fits(version, query, passages);
    fits.sort_by(|a, b| b.sequence.significance.total_cmp(&a.sequence.significance));
    let decision = Decision::new(version);
    let mut answers: Vec<Alignment> = (0..fits.len())
        .map(|rank| answer(query, duration_seconds, &fits[rank], &rivals(&fits, rank), &decision))
        .collect();
    answers.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(answers)
}

/// The best alignment of one track, with the landmarks that agree.
struct Fit<'a> {
    passage: &'a Passage,
    sequence: SequenceFit,
    second: SecondOpinion,
    landmark_count: usize,
    shifted_landmark_count: usize,
    peak_count: usize,
}

/// What the other tracks have to say against one of them.
#[derive(Default)]
struct Rivals {
    best: Option<SequenceFit>,
    mean_landmark_count: f32,
    mean_shifted_landmark_count: f32,
    mean_peak_count: f32,
    mean_significance: f32,
    significance_spread: f32,
    second: RivalOpinions,
    shared: bool,
}

fn best_fits<'a>(
    version: AlgorithmVersion,
    query: &Fingerprint,
    passages: &[&'a Passage],
) -> Vec<Fit<'a>> {
    let best_fit = match version {
        AlgorithmVersion::V1 => alignment::best_fit,
        AlgorithmVersion::V2 | AlgorithmVersion::V3 | AlgorithmVersion::V4 => {
            alignment::speed::best_fit
        }
    };
    let similarities: Vec<Similarities> =
        passages.iter().map(|p| Similarities::new(query, &p.fingerprint)).collect();
    let background = Background::new(query.rows(), &similarities);
    let panel = version
        .has_second_opinion()
        .then(|| Panel::new(query, passages.iter().map(|passage| &passage.fingerprint)));
    let mut best: Vec<Fit<'a>> = Vec::new();
    for (at, (&passage, similarities)) in passages.iter().zip(&similarities).enumerate() {
        let fit = best_fit(similarities, &background, passage.first_row);
        let Some(sequence) = fit else { continue };
        let opinion = |panel: &Panel| panel.opinion(at, passage.first_row, &sequence);
        let second = panel.as_ref().map(opinion).unwrap_or_default();
        let fit = Fit {
            passage,
            sequence,
            second,
            landmark_count: 0,
            shifted_landmark_count: 0,
            peak_count: 0,
        };
        match best.iter_mut().find(|known| known.passage.track_number == passage.track_number) {
            Some(known) if known.sequence.significance >= sequence.significance => {}
            Some(known) => *known = fit,
            None => best.push(fit),
        }
    }
    let peaks = Peaks::of(&query.landmarks);
    for fit in &mut best {
        let landmarks = &fit.passage.fingerprint.landmarks;
        let SequenceFit { offset_frames, speed_factor, .. } = fit.sequence;
        fit.landmark_count =
            verification::matched(&query.landmarks, landmarks, offset_frames, speed_factor).len();
        fit.shifted_landmark_count = verification::count_at_any_pitch(
            &query.landmarks,
            landmarks,
            offset_frames,
            speed_factor,
        );
        fit.peak_count = peaks.count_on(&Peaks::of(landmarks), offset_frames, speed_factor);
    }
    best
}

/// What the tracks other than `fits[rank]` say; one that holds the same recording is no rival,
/// but makes the answer ambiguous when it fits as well.
fn rivals(fits: &[Fit<'_>], rank: usize) -> Rivals {
    let own = &fits[rank];
    let mut out = Rivals::default();
    let (mut others, mut squares) = (0.0f32, 0.0);
    for other in fits.iter().enumerate().filter(|(at, _)| *at != rank).map(|(_, fit)| fit) {
        let significance = other.sequence.significance;
        if significance >= SHARED_SHARE * own.sequence.significance && same_recording(own, other) {
            out.shared = true;
            continue;
        }
        out.mean_landmark_count += other.landmark_count as f32;
        out.mean_shifted_landmark_count += other.shifted_landmark_count as f32;
        out.mean_peak_count += other.peak_count as f32;
        out.mean_significance += significance;
        squares += significance * significance;
        others += 1.0;
        out.second.add(other.second);
        if out.best.is_none_or(|best| best.significance < significance) {
            out.best = Some(other.sequence);
        }
    }
    others = others.max(1.0);
    out.mean_landmark_count /= others;
    out.mean_shifted_landmark_count /= others;
    out.mean_peak_count /= others;
    out.mean_significance /= others;
    out.significance_spread = (squares / others - out.mean_significance.powi(2)).max(0.0).sqrt();
    out
}

/// Whether two passages hold the same sound where the clip lies: their own landmarks agree.
fn same_recording(a: &Fit<'_>, b: &Fit<'_>) -> bool {
    let place = |row: usize| {
        a.sequence.offset_frames + a.sequence.speed_factor * (row * QUERY_STRIDE_FRAMES) as f64
    };
    let begin = place(a.sequence.query_rows.0);
    let end = place(a.sequence.query_rows.1) + WINDOW_FRAMES as f64;
    let within = |landmark: &&Landmark| (begin..end).contains(&f64::from(landmark.frame));
    let landmarks: Vec<Landmark> =
        a.passage.fingerprint.landmarks.iter().filter(within).copied().collect();
    // How a clip taken from the one track at its own speed would play against the other.
    let speed = b.sequence.speed_factor / a.sequence.speed_factor;
    let shift = b.sequence.offset_frames - a.sequence.offset_frames * speed;
    let others = &b.passage.fingerprint.landmarks;
    let agreeing = verification::matched(&landmarks, others, shift, speed).len();
    landmarks.len() >= SHARED_LANDMARKS_MIN && agreeing * 4 >= landmarks.len()
}

fn answer(
    query: &Fingerprint,
    duration_seconds: f64,
    fit: &Fit<'_>,
    rivals: &Rivals,
    decision: &Decision,
) -> Alignment {
    let evidence = evidence(query, fit, rivals);
    let score = decision.score(&evidence);
    let (first, last) = fit.sequence.query_rows;
    let begin = (first * QUERY_STRIDE_FRAMES).saturating_sub(EDGE_FRAMES) as f64 * FRAME_SECONDS;
    let end =
        ((last * QUERY_STRIDE_FRAMES) as f64 - EDGE_FRAMES as f64) * FRAME_SECONDS + WINDOW_SECONDS;
    Alignment {
        track_number: fit.passage.track_number,
        track_offset_seconds: fit.sequence.offset_frames * FRAME_SECONDS,
        clip_offset_seconds: begin,
        matched_duration_seconds: (end.min(duration_seconds) - begin).max(0.0),
        speed_factor: fit.sequence.speed_factor,
        score,
        ambiguous: rivals.shared,
        evidence,
        accepted: decision.accepts(score),
    }
}

fn evidence(query: &Fingerprint, fit: &Fit<'_>, rivals: &Rivals) -> Evidence {
    let SequenceFit { mean_cosine, significance, .. } = fit.sequence;
    let (rival_cosine, rival_significance) =
        rivals.best.map_or((0.0, 0.0), |best| (best.mean_cosine, best.significance));
    Evidence {
        mean_cosine,
        cosine_margin: mean_cosine - rival_cosine,
        significance,
        significance_margin: significance - rival_significance,
        rival_mean: rivals.mean_significance,
        rival_spread: rivals.significance_spread,
        aligned_landmark_count: fit.landmark_count,
        chance_landmark_count: rivals.mean_landmark_count,
        shifted_landmark_count: fit.shifted_landmark_count,
        chance_shifted_landmark_count: rivals.mean_shifted_landmark_count,
        aligned_peak_count: fit.peak_count,
        chance_peak_count: rivals.mean_peak_count,
        second_significance: fit.second.significance,
        second_margin: fit.second.significance - rivals.second.best(),
        second_rival_mean: rivals.second.mean(),
        second_rival_spread: rivals.second.spread(),
        second_cosine: fit.second.mean_cosine,
        clip_landmark_count: query.landmarks.len(),
        active_row_count: query.active.iter().filter(|&&active| active).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::testing::{fingerprint, walk};

    fn passage(track_number: u64, seed: u64) -> Passage {
        let rows: Vec<_> = walk(seed, 240).into_iter().step_by(4).collect();
        Passage { track_number, first_row: 10, fingerprint: fingerprint(&rows) }
    }

    fn run(query: &Fingerprint, passages: &[Passage]) -> Result<Vec<Alignment>> {
        let passages: Vec<&Passage> = passages.iter().collect();
        align(AlgorithmVersion::V1, query, 5.0, &passages)
    }

    #[test]
    fn the_right_track_wins_clearly() {
        let passages: Vec<Passage> = (1..20).map(|number| passage(number, number)).collect();
        let clip = fingerprint(&walk(7, 240)[40..80]);
        let found = run(&clip, &passages).unwrap_or_default();
        assert_eq!(found.len(), 19);
        let best = &found[0];
        assert_eq!(best.track_number, 7);
        let offset_seconds = (160.0 + 160.0) * FRAME_SECONDS;
        assert!((best.track_offset_seconds - offset_seconds).abs() < 0.07, "{best:?}");
        assert!(best.score > 0.9 && best.accepted && !best.ambiguous, "{best:?}");
        assert!(found[1].score < 0.1 && !found[1].accepted);
        assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    }

    #[test]
    fn a_stranger_is_not_accepted() {
        let passages: Vec<Passage> = (1..20).map(|number| passage(number, number)).collect();
        let clip = fingerprint(&walk(77, 240)[40..80]);
        assert!(run(&clip, &passages).is_ok_and(|found| found.iter().all(|a| !a.accepted)));
    }

    #[test]
    fn one_answer_a_track() {
        let passages = [passage(5, 1), passage(5, 2), passage(5, 3)];
        let clip = fingerprint(&walk(2, 240)[40..80]);
        assert!(run(&clip, &passages).is_ok_and(|found| found.len() == 1));
    }

    #[test]
    fn two_copies_of_a_recording_are_ambiguous_not_rivals() {
        let marks: Vec<Landmark> = (0..40)
            .map(|n| Landmark {
                frame: 300 + 5 * n,
                anchor_bin: 30 + (n * 37 % 200) as u16,
                target_bin: 40 + (n * 53 % 200) as u16,
                frame_distance: 1 + (n % 20) as u16,
            })
            .collect();
        let mut copies = [passage(1, 1), passage(2, 1)];
        for copy in &mut copies {
            copy.fingerprint.landmarks.clone_from(&marks);
        }
        let passages: Vec<Passage> =
            copies.into_iter().chain((3..20).map(|number| passage(number, number))).collect();
        let clip = fingerprint(&walk(1, 240)[40..80]);
        let found = run(&clip, &passages).unwrap_or_default();
        assert!(found[..2].iter().all(|a| a.ambiguous && a.accepted && a.track_number < 3));
        assert!(!found[2].ambiguous);
    }

    #[test]
    fn a_second_opinion_is_given_for_every_candidate() {
        let with_second = |of: Fingerprint, second: &[_]| {
            let version = AlgorithmVersion::V4;
            Fingerprint { version, second_vectors: second.to_vec(), ..of }
        };
        let passages: Vec<Passage> = (1..20)
            .map(|number| {
                let plain = passage(number, number);
                let second: Vec<_> = walk(100 + number, 240).into_iter().step_by(4).collect();
                Passage { fingerprint: with_second(plain.fingerprint, &second), ..plain }
            })
            .collect();
        let passages: Vec<&Passage> = passages.iter().collect();
        let clip = with_second(fingerprint(&walk(7, 240)[40..80]), &walk(107, 240)[40..80]);
        let found = align(AlgorithmVersion::V4, &clip, 5.0, &passages).unwrap_or_default();
        assert_eq!((found.len(), found[0].track_number), (19, 7));
        let (best, rivals) = (found[0].evidence, &found[1..]);
        let largest = rivals.iter().map(|rival| rival.evidence.second_significance);
        let largest = largest.fold(f32::NEG_INFINITY, f32::max);
        assert!(best.second_significance > 10.0 && best.second_cosine > 0.8, "{best:?}");
        assert!((best.second_significance - best.second_margin - largest).abs() < 1e-5);
        assert!(best.second_rival_mean.abs() < 2.0 && best.second_rival_spread < 3.0, "{best:?}");
        assert!(rivals.iter().all(|rival| rival.evidence.second_margin < -5.0));
    }

    #[test]
    fn versions_are_never_compared() {
        let passages = [passage(1, 1)];
        let clip = fingerprint(&walk(1, 8));
        for version in [AlgorithmVersion::V2, AlgorithmVersion::V4] {
            let other = Fingerprint { version, ..clip.clone() };
            let refused = run(&other, &passages).map_err(|e| e.kind());
            assert_eq!(refused, Err(ErrorKind::InvalidArgument));
            let refused = align(version, &other, 1.0, &[&passages[0]]).map_err(|e| e.to_string());
            assert!(refused.is_err_and(|text| text.contains("of version 1; all must be")));
        }
    }

    #[test]
    fn a_passage_beyond_all_rows_is_refused() {
        let far = Passage { first_row: MAX_ROWS, ..passage(1, 1) };
        let refused = run(&fingerprint(&walk(1, 8)), &[far]);
        assert_eq!(refused.map_err(|e| e.kind()), Err(ErrorKind::InvalidArgument));
        let none: Result<Vec<Alignment>> = run(&fingerprint(&walk(1, 8)), &[]);
        assert_eq!(none, Ok(Vec::new()));
    }
}
