//! Stage 9: all evidence for an alignment becomes one calibrated probability.
//!
//! A logistic model for each version; every term but the number of rows can only speak for an
//! answer. What a term is worth depends on how long the clip is: version 4 has weights for
//! short clips and for long ones, and what lies between them for clips in between. All numbers are
//! fitted by `rust_core/fitting` on music that is in no evaluation.

use crate::params::AlgorithmVersion;

static MODEL_V1: &str = include_str!("../data/decision-v1.txt");
static MODEL_V2: &str = include_str!("../data/decision-v2.txt");
static MODEL_V3: &str = include_str!("../data/decision-v3.txt");
static MODEL_V4: &str = include_str!("../data/decision-v4.txt");

/// Evidence for one alignment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Mean cosine of the aligned windows.
    pub mean_cosine: f32,
    /// `mean_cosine` less that of the best other recording.
    pub cosine_margin: f32,
    /// How far the cosines lie above the background, in standard deviations.
    pub significance: f32,
    /// `significance` less that of the best other recording.
    pub significance_margin: f32,
    /// Mean `significance` of the other recordings.
    pub rival_mean: f32,
    /// Standard deviation of the `significance` of the other recordings.
    pub rival_spread: f32,
    /// Landmarks of the clip found in the recording.
    pub aligned_landmark_count: usize,
    /// Landmarks of the clip found by chance, on average, in the other recordings.
    pub chance_landmark_count: f32,
    /// Landmarks of the clip found in the recording at one pitch, whichever it is.
    pub shifted_landmark_count: usize,
    /// The same by chance, on average, in the other recordings.
    pub chance_shifted_landmark_count: f32,
    /// Spectral peaks of the clip found in the recording.
    pub aligned_peak_count: usize,
    /// The same by chance, on average, in the other recordings.
    pub chance_peak_count: f32,
    /// How far the cosines of the second embeddings lie above their background at this alignment,
    /// in standard deviations; this and what follows is 0 in versions without a second opinion.
    pub second_significance: f32,
    /// `second_significance` less the largest of another recording.
    pub second_margin: f32,
    /// Mean `second_significance` of the other recordings.
    pub second_rival_mean: f32,
    /// Standard deviation of the `second_significance` of the other recordings.
    pub second_rival_spread: f32,
    /// Mean cosine of the second embeddings of the aligned windows.
    pub second_cosine: f32,
    /// Landmarks of the clip.
    pub clip_landmark_count: usize,
    /// Windows of the clip that carry signal.
    pub active_row_count: usize,
}

/// Evidence as a model sees it; `fitting/decision.py` computes the same.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Term {
    SignificanceMargin,
    SignificanceMarginPerRootRow,
    Significance,
    SignificancePerRootRow,
    LandmarkExcess,
    LogRows,
    /// Landmarks at any one pitch against chance.
    ShiftedLandmarkExcess,
    /// Spectral peaks against chance.
    PeakExcess,
    /// How far the significance lies above that of the rivals, in their standard deviations.
    Prominence,
    /// How far it lies above that of the best rival, in the same unit.
    RivalGap,
    MeanCosine,
    /// `Prominence` in both opinions, as one.
    JointProminence,
    /// `RivalGap` in both opinions, as one.
    JointRivalGap,
    /// `RivalGap` in the second opinion, or 0.
    SecondRivalGap,
}

use Term::{
    JointProminence, JointRivalGap, LandmarkExcess, LogRows, MeanCosine, PeakExcess, Prominence,
    RivalGap, SecondRivalGap, ShiftedLandmarkExcess, Significance, SignificanceMargin,
    SignificanceMarginPerRootRow, SignificancePerRootRow,
};

/// Terms of a model, in the order of its file.
const FIRST_TERMS: [Term; 6] = [
    SignificanceMargin,
    SignificanceMarginPerRootRow,
    Significance,
    SignificancePerRootRow,
    LandmarkExcess,
    LogRows,
];
const V3_TERMS: [Term; 8] = [
    SignificanceMargin,
    SignificanceMarginPerRootRow,
    LogRows,
    ShiftedLandmarkExcess,
    PeakExcess,
    Prominence,
    RivalGap,
    MeanCosine,
];
const V4_TERMS: [Term; 10] = [
    SignificanceMargin,
    SignificanceMarginPerRootRow,
    ShiftedLandmarkExcess,
    PeakExcess,
    Prominence,
    RivalGap,
    MeanCosine,
    JointProminence,
    JointRivalGap,
    SecondRivalGap,
];

/// Rivals are few in a small catalogue: their spread is taken as if some more of spread 1 were
/// among so many.
const RIVAL_PRIOR_SHARE: f64 = 0.2;

/// Active rows up to which the weights of short clips hold alone (1 s), and from which those of
/// long ones do (3 s).
const SHORT_ROWS: f64 = 4.0;
const LONG_ROWS: f64 = 19.0;

/// A fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    of_short: Weights,
    /// None where clips of all lengths share their weights.
    of_long: Option<Weights>,
    gate: f64,
}

/// What the terms are worth at one length of clips.
#[derive(Debug, Clone, PartialEq)]
struct Weights {
    bias: f64,
    terms: Vec<(Term, f64)>,
}

impl Decision {
    /// The model of a version.
    #[must_use]
    pub fn new(version: AlgorithmVersion) -> Self {
        match version {
            AlgorithmVersion::V1 => Self::read(MODEL_V1, &FIRST_TERMS, false),
            AlgorithmVersion::V2 => Self::read(MODEL_V2, &FIRST_TERMS, false),
            AlgorithmVersion::V3 => Self::read(MODEL_V3, &V3_TERMS, false),
            AlgorithmVersion::V4 => Self::read(MODEL_V4, &V4_TERMS, true),
        }
    }

    /// Reads the bias and the weight of each term, twice for two lengths, and the gate, one number
    /// a line.
    fn read(text: &str, terms: &[Term], two_lengths: bool) -> Self {
        // A line that is missing, too many or no number becomes NaN: nothing is accepted.
        let mut numbers = text.lines().map(|line| line.parse().unwrap_or(f64::NAN));
        let mut next = || numbers.next().unwrap_or(f64::NAN);
        let mut weights =
            || Weights { bias: next(), terms: terms.iter().map(|&term| (term, next())).collect() };
        let of_short = weights();
        let of_long = two_lengths.then(&mut weights);
        let gate = next();
        Self { of_short, of_long, gate: if numbers.next().is_none() { gate } else { f64::NAN } }
    }

    /// The probability, in [0, 1], that the clip was taken from the recording at this alignment.
    #[must_use]
    pub fn score(&self, evidence: &Evidence) -> f64 {
        let mut logit = self.of_short.logit(evidence);
        if let Some(of_long) = &self.of_long {
            let rows = (evidence.active_row_count as f64).clamp(SHORT_ROWS, LONG_ROWS);
            let share = (rows / SHORT_ROWS).ln() / (LONG_ROWS / SHORT_ROWS).ln();
            logit += share * (of_long.logit(evidence) - logit);
        }
        let probability = 1.0 / (1.0 + (-logit).exp());
        if probability.is_finite() { probability } else { 0.0 }
    }

    /// Whether a score is high enough to answer.
    #[must_use]
    pub fn accepts(&self, score: f64) -> bool {
        score > self.gate
    }
}

impl Weights {
    fn logit(&self, evidence: &Evidence) -> f64 {
        self.bias
            + self.terms.iter().map(|(term, weight)| term.value(evidence) * weight).sum::<f64>()
    }
}

impl Term {
    fn value(self, evidence: &Evidence) -> f64 {
        let rows = (evidence.active_row_count as f64).max(1.0);
        let significance = f64::from(evidence.significance);
        let margin = f64::from(evidence.significance_margin);
        let excess = |aligned: usize, chance: f32| {
            ((aligned as f64 + 1.0) / (f64::from(chance) + 1.0)).ln().max(0.0)
        };
        let spread = |rivals: f32| {
            ((1.0 - RIVAL_PRIOR_SHARE) * f64::from(rivals).powi(2) + RIVAL_PRIOR_SHARE).sqrt()
        };
        let prominence =
            (significance - f64::from(evidence.rival_mean)) / spread(evidence.rival_spread);
        let rival_gap = margin / spread(evidence.rival_spread);
        let second_ahead = f64::from(evidence.second_significance - evidence.second_rival_mean);
        let second_prominence = second_ahead / spread(evidence.second_rival_spread);
        let second_gap = f64::from(evidence.second_margin) / spread(evidence.second_rival_spread);
        match self {
            Self::SignificanceMargin => margin,
            Self::SignificanceMarginPerRootRow => margin / rows.sqrt(),
            Self::Significance => significance,
            Self::SignificancePerRootRow => significance / rows.sqrt(),
            Self::LandmarkExcess => {
                excess(evidence.aligned_landmark_count, evidence.chance_landmark_count)
            }
            Self::LogRows => rows.ln(),
            Self::ShiftedLandmarkExcess => {
                excess(evidence.shifted_landmark_count, evidence.chance_shifted_landmark_count)
            }
            Self::PeakExcess => excess(evidence.aligned_peak_count, evidence.chance_peak_count),
            Self::Prominence => prominence,
            Self::RivalGap => rival_gap,
            Self::MeanCosine => f64::from(evidence.mean_cosine),
            Self::JointProminence => joint(prominence, second_prominence),
            Self::JointRivalGap => joint(rival_gap, second_gap),
            Self::SecondRivalGap => second_gap.max(0.0),
        }
    }
}

/// What two opinions in standard deviations say together. One below 0 says nothing: the second
/// opinion knows nothing of clips at another speed or pitch, and must not speak against them.
fn joint(first: f64, second: f64) -> f64 {
    first.max(0.0).hypot(second.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Evidence = Evidence {
        mean_cosine: 0.5,
        cosine_margin: 0.2,
        significance: 12.0,
        significance_margin: 6.0,
        rival_mean: 4.0,
        rival_spread: 1.0,
        aligned_landmark_count: 10,
        chance_landmark_count: 1.0,
        shifted_landmark_count: 12,
        chance_shifted_landmark_count: 3.0,
        aligned_peak_count: 12,
        chance_peak_count: 2.0,
        second_significance: 8.0,
        second_margin: 3.0,
        second_rival_mean: 2.0,
        second_rival_spread: 1.0,
        second_cosine: 0.4,
        clip_landmark_count: 200,
        active_row_count: 35,
    };

    fn models() -> [Decision; 4] {
        AlgorithmVersion::ALL.map(Decision::new)
    }

    #[test]
    fn every_model_is_complete() {
        for model in models() {
            assert!((0.5..1.0).contains(&model.gate));
            for weights in [Some(model.of_short), model.of_long].into_iter().flatten() {
                assert!(weights.bias.is_finite());
                for (term, weight) in weights.terms {
                    // More rows may speak for or against.
                    assert!(weight >= 0.0 || (term == LogRows && weight.is_finite()));
                }
            }
        }
    }

    #[test]
    fn better_evidence_never_lowers_the_score() {
        for (model, rows) in models().iter().flat_map(|m| [0, 2, 4, 9, 19, 35, 200].map(|r| (m, r)))
        {
            let plain = Evidence { active_row_count: rows, ..PLAIN };
            let better = [
                Evidence { significance: 20.0, ..plain },
                Evidence { significance_margin: 15.0, ..plain },
                Evidence { aligned_landmark_count: 60, ..plain },
                Evidence { chance_landmark_count: 0.0, ..plain },
                Evidence { shifted_landmark_count: 60, ..plain },
                Evidence { chance_shifted_landmark_count: 0.0, ..plain },
                Evidence { aligned_peak_count: 60, ..plain },
                Evidence { chance_peak_count: 0.0, ..plain },
                Evidence { rival_mean: 2.0, ..plain },
                Evidence { rival_spread: 0.5, ..plain },
                Evidence { mean_cosine: 0.9, ..plain },
                Evidence { second_significance: 20.0, ..plain },
                Evidence { second_margin: 15.0, ..plain },
                Evidence { second_rival_mean: 0.0, ..plain },
                Evidence { second_rival_spread: 0.5, ..plain },
            ];
            assert!(better.iter().all(|evidence| model.score(evidence) >= model.score(&plain)));
        }
    }

    #[test]
    fn weights_change_with_the_logarithm_of_the_rows() {
        // Short clips are judged by the first term alone, long ones by the second.
        let model = Decision::read("-1\n1\n0\n-3\n0\n2\n0.9", &[RivalGap, MeanCosine], true);
        let logit = |rows| {
            let score = model.score(&Evidence { active_row_count: rows, ..PLAIN });
            (score / (1.0 - score)).ln()
        };
        let (short, long) = (-1.0 + 6.0, -3.0 + 2.0 * 0.5);
        for (rows, wanted) in [(1, short), (4, short), (19, long), (300, long)] {
            assert!((logit(rows) - wanted).abs() < 1e-9, "{rows}");
        }
        let share = (9.0_f64 / 4.0).ln() / (19.0_f64 / 4.0).ln();
        assert!((logit(9) - (short + share * (long - short))).abs() < 1e-9);
    }

    #[test]
    fn a_second_opinion_never_speaks_against_an_answer() {
        let silent = Evidence {
            second_significance: 0.0,
            second_margin: 0.0,
            second_rival_mean: 0.0,
            ..PLAIN
        };
        let against = Evidence {
            second_significance: -5.0,
            second_margin: -9.0,
            second_rival_mean: 4.0,
            ..PLAIN
        };
        let for_it = Evidence { second_significance: 30.0, second_margin: 20.0, ..PLAIN };
        for term in [JointProminence, JointRivalGap, SecondRivalGap] {
            let (said, unsaid) = (term.value(&against), term.value(&silent));
            assert_eq!(said.to_bits(), unsaid.to_bits(), "{term:?}");
            assert!(term.value(&for_it) > 2.0 * unsaid + 1.0, "{term:?}");
        }
        // Of a clip the second opinion says nothing of, both together say what the first does.
        assert!((JointProminence.value(&silent) - Prominence.value(&silent)).abs() < 1e-12);
        assert!((JointRivalGap.value(&silent) - RivalGap.value(&silent)).abs() < 1e-12);
    }

    #[test]
    fn no_evidence_is_no_answer() {
        for (model, rows) in models().iter().flat_map(|m| [0, 1, 4, 9, 19, 200].map(|r| (m, r))) {
            let nothing = Evidence {
                significance: 0.0,
                significance_margin: 0.0,
                mean_cosine: 0.1,
                rival_mean: 0.0,
                aligned_landmark_count: 0,
                shifted_landmark_count: 0,
                aligned_peak_count: 0,
                second_significance: 0.0,
                second_margin: 0.0,
                second_rival_mean: 0.0,
                active_row_count: rows,
                ..PLAIN
            };
            assert!(!model.accepts(model.score(&nothing)), "{rows}");
            let broken = Evidence { significance: f32::NAN, active_row_count: rows, ..PLAIN };
            assert!(!model.accepts(model.score(&broken)), "{rows}");
        }
    }

    #[test]
    fn a_broken_file_accepts_nothing() {
        let terms = [SignificanceMargin];
        let accepts = |text: &str, two_lengths, rows| {
            let model = Decision::read(text, &terms, two_lengths);
            let sure = Evidence { significance_margin: 100.0, active_row_count: rows, ..PLAIN };
            model.accepts(model.score(&sure))
        };
        assert!(accepts("-8\n0.5\n0.99", false, 35));
        for text in ["", "-8", "-8\n0.5", "-8\n0.5\n0.9\n0.99", "-8\nx\n0.99"] {
            assert!(!accepts(text, false, 35), "{text:?}");
        }
        // A number that is missing for clips of one length is missing for all.
        for rows in [4, 9, 35] {
            assert!(accepts("-8\n0.5\n-7\n0.4\n0.99", true, rows));
            for text in ["-8\n0.5\n0.99", "-8\nx\n-7\n0.4\n0.99", "-8\n0.5\n-7\nx\n0.99"] {
                assert!(!accepts(text, true, rows), "{text:?} {rows}");
            }
        }
    }
}
