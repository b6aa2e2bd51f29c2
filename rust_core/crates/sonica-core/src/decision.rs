//! Stage 9: all evidence for an alignment becomes one calibrated probability.
//!
//! A logistic model; every piece of evidence can only speak for an answer. Its numbers are
//! fitted by `rust_core/fitting` on music that is in no evaluation.

/// Bias, one weight a term of [`terms`], and the gate; one number a line.
static MODEL: &str = include_str!("../data/decision-v1.txt");
const TERM_COUNT: usize = 6;

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
    /// Landmarks of the clip found in the recording.
    pub aligned_landmark_count: usize,
    /// Landmarks of the clip found by chance, on average, in the other recordings.
    pub chance_landmark_count: f32,
    /// Landmarks of the clip.
    pub clip_landmark_count: usize,
    /// Windows of the clip that carry signal.
    pub active_row_count: usize,
}

/// The fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    bias: f64,
    weights: [f64; TERM_COUNT],
    gate: f64,
}

impl Default for Decision {
    fn default() -> Self {
        // A line that is missing or no number becomes NaN, whose score is 0: nothing is accepted.
        let mut numbers =
            MODEL.lines().map(|line| line.parse().unwrap_or(f64::NAN)).chain([f64::NAN].repeat(8));
        let mut next = || numbers.next().unwrap_or(f64::NAN);
        let bias = next();
        Self { bias, weights: std::array::from_fn(|_| next()), gate: next() }
    }
}

impl Decision {
    /// The probability, in [0, 1], that the clip was taken from the recording at this alignment.
    #[must_use]
    pub fn score(&self, evidence: &Evidence) -> f64 {
        let weighted: f64 =
            terms(evidence).iter().zip(&self.weights).map(|(term, weight)| term * weight).sum();
        let probability = 1.0 / (1.0 + (-(self.bias + weighted)).exp());
        if probability.is_finite() { probability } else { 0.0 }
    }

    /// Whether a score is high enough to answer.
    #[must_use]
    pub fn accepts(&self, score: f64) -> bool {
        score > self.gate
    }
}

/// The evidence as the model sees it; `fitting/decision.py` computes the same.
fn terms(evidence: &Evidence) -> [f64; TERM_COUNT] {
    let rows = (evidence.active_row_count as f64).max(1.0);
    let significance = f64::from(evidence.significance);
    let margin = f64::from(evidence.significance_margin);
    let aligned = evidence.aligned_landmark_count as f64 + 1.0;
    let landmark_excess = (aligned / (f64::from(evidence.chance_landmark_count) + 1.0)).ln();
    [
        margin,
        margin / rows.sqrt(),
        significance,
        significance / rows.sqrt(),
        landmark_excess.max(0.0),
        rows.ln(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Evidence = Evidence {
        mean_cosine: 0.5,
        cosine_margin: 0.2,
        significance: 12.0,
        significance_margin: 6.0,
        aligned_landmark_count: 10,
        chance_landmark_count: 1.0,
        clip_landmark_count: 200,
        active_row_count: 35,
    };

    #[test]
    fn the_model_is_complete() {
        assert_eq!(MODEL.lines().count(), TERM_COUNT + 2);
        let model = Decision::default();
        assert!(model.bias.is_finite() && model.weights.iter().all(|w| w.is_finite()));
        assert!((0.5..1.0).contains(&model.gate));
        // All but the last term, the number of rows, may only speak for an answer.
        assert!(model.weights[..TERM_COUNT - 1].iter().all(|&weight| weight >= 0.0));
    }

    #[test]
    fn better_evidence_never_lowers_the_score() {
        let model = Decision::default();
        let plain = model.score(&PLAIN);
        let better = [
            Evidence { significance: 20.0, ..PLAIN },
            Evidence { significance_margin: 15.0, ..PLAIN },
            Evidence { aligned_landmark_count: 60, ..PLAIN },
            Evidence { chance_landmark_count: 0.0, ..PLAIN },
        ];
        assert!(better.iter().all(|evidence| model.score(evidence) >= plain));
    }

    #[test]
    fn no_evidence_is_no_answer() {
        let model = Decision::default();
        let nothing = Evidence {
            significance: 0.0,
            significance_margin: 0.0,
            aligned_landmark_count: 0,
            ..PLAIN
        };
        assert!(!model.accepts(model.score(&nothing)));
        let broken = Evidence { significance: f32::NAN, ..PLAIN };
        assert!(!model.accepts(model.score(&broken)));
    }
}
