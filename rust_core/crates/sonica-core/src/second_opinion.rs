//! Stage 8, in versions that have one: what a second embedding of the same windows makes of the
//! candidates.
//!
//! The first embedding has found them and says where and how fast; the second one knows nothing of
//! other speeds and pitches, and errs at other clips. It is asked along the lines found, and only
//! there: it can tell the recording from its rivals but never bring up another.

use crate::alignment::{Background, SequenceFit, Similarities, speed};
use crate::fingerprint::Fingerprint;

/// What the second embedding says of one alignment; all zero when it has nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SecondOpinion {
    /// How far its cosines lie above the background, in standard deviations.
    pub significance: f32,
    /// Their mean.
    pub mean_cosine: f32,
}

/// A clip and all passages it is compared with, by their second embeddings.
pub struct Panel {
    similarities: Vec<Similarities>,
    background: Background,
}

impl Panel {
    /// Compares a clip with passages.
    #[must_use]
    pub fn new<'a>(
        query: &Fingerprint,
        passages: impl IntoIterator<Item = &'a Fingerprint>,
    ) -> Self {
        let compare = |passage| Similarities::second(query, passage);
        let similarities: Vec<Similarities> = passages.into_iter().map(compare).collect();
        let background = Background::new(query.rows(), &similarities);
        Self { similarities, background }
    }

    /// What it says of an alignment with passage number `passage`, whose first row is row
    /// `first_row` of its track.
    #[must_use]
    pub fn opinion(&self, passage: usize, first_row: usize, fit: &SequenceFit) -> SecondOpinion {
        self.similarities
            .get(passage)
            .and_then(|similarities| speed::along(fit, similarities, &self.background, first_row))
            .map(|(significance, mean_cosine)| SecondOpinion { significance, mean_cosine })
            .unwrap_or_default()
    }
}

/// What the second embedding says of the rivals of an alignment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RivalOpinions {
    count: f32,
    sum: f32,
    squares: f32,
    best: Option<f32>,
}

impl RivalOpinions {
    /// Adds what it says of one rival.
    pub fn add(&mut self, opinion: SecondOpinion) {
        let significance = opinion.significance;
        self.count += 1.0;
        self.sum += significance;
        self.squares += significance * significance;
        self.best = Some(self.best.map_or(significance, |best| best.max(significance)));
    }

    /// The largest significance of a rival; 0 without rivals.
    #[must_use]
    pub fn best(&self) -> f32 {
        self.best.unwrap_or(0.0)
    }

    /// Their mean significance; 0 without rivals.
    #[must_use]
    pub fn mean(&self) -> f32 {
        self.sum / self.count.max(1.0)
    }

    /// The standard deviation of their significance.
    #[must_use]
    pub fn spread(&self) -> f32 {
        (self.squares / self.count.max(1.0) - self.mean().powi(2)).max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{AlgorithmVersion, QUERY_STRIDE_FRAMES, REFERENCE_STRIDE_FRAMES};
    use crate::testing::{fingerprint, glide, noisy};

    const FIRST_ROW: usize = 30;
    const ROWS: usize = 78;
    /// Query strides from the first frame of a row to the middle of its window.
    const MIDDLE: f64 = 2.0;

    /// Where row `row` of a reference lies, query strides.
    fn reference_place(row: usize) -> f64 {
        (row * REFERENCE_STRIDE_FRAMES / QUERY_STRIDE_FRAMES) as f64
    }

    fn with_second(seed: u64, places: impl Iterator<Item = f64> + Clone) -> Fingerprint {
        let second_vectors = glide(1_000 + seed, places.clone());
        let version = AlgorithmVersion::V4;
        Fingerprint { version, second_vectors, ..fingerprint(&glide(seed, places)) }
    }

    fn passages() -> Vec<Fingerprint> {
        (0..20).map(|seed| with_second(seed, (0..35).map(reference_place))).collect()
    }

    /// A clip of track 0 that begins 20.3 query strides into its passage.
    fn clip(speed: f64) -> Fingerprint {
        let place = move |row: usize| 20.3 + speed * (row as f64 + MIDDLE) - MIDDLE;
        with_second(0, (0..ROWS).map(place))
    }

    fn fits(clip: &Fingerprint, passages: &[Fingerprint]) -> Vec<SequenceFit> {
        let all: Vec<Similarities> = passages.iter().map(|p| Similarities::new(clip, p)).collect();
        let background = Background::new(clip.rows(), &all);
        let fit = |similarities| speed::best_fit(similarities, &background, FIRST_ROW);
        all.iter().map(|one| fit(one).unwrap_or_else(|| unreachable!("all is active"))).collect()
    }

    fn opinions(clip: &Fingerprint, passages: &[Fingerprint]) -> Vec<SecondOpinion> {
        let panel = Panel::new(clip, passages);
        let fits = fits(clip, passages);
        (0..fits.len()).map(|at| panel.opinion(at, FIRST_ROW, &fits[at])).collect()
    }

    #[test]
    fn it_knows_the_recording_where_the_first_embedding_drowned() {
        let passages = passages();
        for speed in [1.0, 0.95, 1.05] {
            let clean = clip(speed);
            let drowned = Fingerprint { vectors: noisy(3, 2.0, &clean).vectors, ..clean.clone() };
            let found = opinions(&drowned, &passages);
            let best = fits(&drowned, &passages)[0].significance;
            let others = found[1..].iter().map(|other| other.significance).fold(0.0, f32::max);
            assert!(found[0].significance > 1.5 * best, "{speed}: {:?} and {best}", found[0]);
            assert!(found[0].significance > 2.0 * others, "{speed}: {:?}, {others}", found[0]);
            assert!(found[0].mean_cosine > 0.8, "{speed}: {:?}", found[0]);
        }
    }

    #[test]
    fn the_same_embedding_twice_is_the_same_opinion() {
        let twice = |mut one: Fingerprint| {
            one.second_vectors.clone_from(&one.vectors);
            one
        };
        let passages: Vec<Fingerprint> = passages().into_iter().map(twice).collect();
        let clip = twice(clip(1.0));
        for (opinion, fit) in opinions(&clip, &passages).iter().zip(fits(&clip, &passages)) {
            let added = opinion.significance - fit.significance;
            assert!((-1e-3..0.6).contains(&added), "{opinion:?} and {fit:?}");
        }
    }

    #[test]
    fn without_second_embeddings_it_says_nothing() {
        let mut clip = clip(1.0);
        clip.second_vectors.clear();
        let found = opinions(&clip, &passages());
        assert!(found.iter().all(|opinion| *opinion == SecondOpinion::default()));
    }

    #[test]
    fn rivals_are_summed_up() {
        let mut rivals = RivalOpinions::default();
        assert_eq!((rivals.best(), rivals.mean(), rivals.spread()), (0.0, 0.0, 0.0));
        for significance in [-3.0, -1.0] {
            rivals.add(SecondOpinion { significance, mean_cosine: 0.0 });
        }
        assert_eq!((rivals.best(), rivals.mean(), rivals.spread()), (-1.0, -2.0, 1.0));
    }
}
