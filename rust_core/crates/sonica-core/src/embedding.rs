//! Stage 5: a window of mel frames becomes an embedding of unit length, or two.
//!
//! Log band powers, less each band's mean over the window (so neither level nor the colour of
//! a channel matters), become 128 numbers. Version 1 projects them by OPCA (Burges, Platt, Jana
//! 2003): the directions in which recordings differ most for what noise, rooms and channels
//! change. Versions 2 to 4 add what a small [`network`](crate::network) sees in them; of
//! version 4 the projection alone is a second embedding: it knows nothing of other speeds and pitches,
//! and errs where the network does not.

use std::sync::LazyLock;

use fearless_simd::Level;

use crate::activity;
use crate::mel::MelFrame;
use crate::network::Network;
use crate::params::{AlgorithmVersion, BANDS, DIMENSION, WINDOW_FRAMES};
use crate::projection::Projection;
use crate::windows::Window;

/// An embedding; all zero for a window without signal.
pub type Embedding = [f32; DIMENSION];

/// The embeddings of one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Embeddings {
    /// What an index is searched by.
    pub first: Embedding,
    /// What is asked about the candidates found, in versions that have a second opinion.
    pub second: Option<Embedding>,
}

/// Fitted by `rust_core/fitting`: `WINDOW_FRAMES * BANDS` rows of `DIMENSION` binary16 numbers.
static OPCA_F16LE: &[u8; WINDOW_FRAMES * BANDS * DIMENSION * 2] =
    include_bytes!("../data/projection-v1.f16");
static OPCA: LazyLock<Projection> = LazyLock::new(|| Projection::from_f16le(OPCA_F16LE));

/// Added to band powers, as a fraction of the window's largest (-30 dB): what lies below is the
/// first to drown in noise and should not count much.
const RELATIVE_FLOOR: f32 = 1.0e-3;
/// Absolute floor of band powers; keeps digital silence finite.
const ABSOLUTE_FLOOR: f32 = 1.0e-9;

/// Computes embeddings of windows.
pub struct Embedder {
    model: Model,
    level: Level,
    has_second: bool,
    patch: Vec<MelFrame>,
}

enum Model {
    Opca,
    Network(Box<Network>),
}

impl Embedder {
    /// An embedder of one version.
    #[must_use]
    pub fn new(version: AlgorithmVersion) -> Self {
        let level = Level::new();
        let model = match version {
            AlgorithmVersion::V1 => Model::Opca,
            AlgorithmVersion::V2 => Model::Network(Box::new(Network::v2(level))),
            AlgorithmVersion::V3 | AlgorithmVersion::V4 => {
                Model::Network(Box::new(Network::v3(level)))
            }
        };
        let has_second = version.has_second_opinion();
        Self { model, level, has_second, patch: Vec::with_capacity(WINDOW_FRAMES) }
    }

    /// The embeddings of a window, or nothing when it carries no signal. Allocates nothing.
    pub fn embed(&mut self, window: &Window<'_>) -> Option<Embeddings> {
        self.patch.clear();
        self.patch.extend_from_slice(window.frames);
        if !normalise(&mut self.patch) {
            return None;
        }
        let first = unit(match &mut self.model {
            Model::Opca => project(self.level, &self.patch, window.missing_before),
            Model::Network(network) => network.project(&self.patch, window.missing_before),
        })?;
        let second = if self.has_second {
            Some(unit(project(self.level, &self.patch, window.missing_before))?)
        } else {
            None
        };
        Some(Embeddings { first, second })
    }
}

/// What OPCA makes of a normalised window whose first frames may be missing.
fn project(level: Level, patch: &[MelFrame], missing_before: usize) -> Embedding {
    let mut sum = [0.0; DIMENSION];
    OPCA.add(level, missing_before * BANDS, patch.as_flattened(), &mut sum);
    sum
}

/// Turns band powers into log band powers without their mean over time; says whether there is
/// any signal.
fn normalise(patch: &mut [MelFrame]) -> bool {
    let count = patch.len().max(1) as f32;
    let mean_power = patch.iter().map(activity::mean_power).sum::<f32>() / count;
    let largest = patch.as_flattened().iter().copied().fold(0.0, f32::max);
    let floor = largest * RELATIVE_FLOOR + ABSOLUTE_FLOOR;
    let mut mean = [0.0f32; BANDS];
    for frame in patch.iter_mut() {
        for (value, sum) in frame.iter_mut().zip(&mut mean) {
            *value = (*value + floor).ln();
            *sum += *value / count;
        }
    }
    let mut energy = 0.0;
    for frame in patch.iter_mut() {
        for (value, mean) in frame.iter_mut().zip(&mean) {
            *value -= mean;
            energy += *value * *value;
        }
    }
    activity::is_active(mean_power, (energy / (count * BANDS as f32)).sqrt())
}

fn unit(mut values: Embedding) -> Option<Embedding> {
    let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    if !(norm.is_finite() && norm > f32::MIN_POSITIVE) {
        return None;
    }
    for value in &mut values {
        *value /= norm;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::half;

    fn window(version: AlgorithmVersion, frames: &[MelFrame]) -> Option<Embeddings> {
        Embedder::new(version).embed(&Window { frames, missing_before: 0 })
    }

    fn pulses(level: f32) -> Vec<MelFrame> {
        (0..WINDOW_FRAMES)
            .map(|t| {
                std::array::from_fn(|band| level * if (t + band) % 7 == 0 { 1.0 } else { 0.1 })
            })
            .collect()
    }

    #[test]
    fn embeddings_have_unit_length_whatever_the_level() {
        for version in AlgorithmVersion::ALL {
            let (loud, soft) = (window(version, &pulses(1e4)), window(version, &pulses(1.0)));
            let (Some(loud), Some(soft)) = (loud, soft) else { unreachable!("both carry signal") };
            assert_eq!(loud.second.is_some(), version.has_second_opinion());
            let pairs = [Some((loud.first, soft.first)), loud.second.zip(soft.second)];
            for (loud, soft) in pairs.iter().flatten() {
                assert!((crate::alignment::dot(loud, loud) - 1.0).abs() < 1e-5);
                assert!(crate::alignment::dot(loud, soft) > 0.9999);
            }
        }
    }

    #[test]
    fn nothing_is_made_of_silence_or_a_steady_sound() {
        for version in AlgorithmVersion::ALL {
            assert_eq!(window(version, &[[0.0; BANDS]; WINDOW_FRAMES]), None);
            assert_eq!(window(version, &[[50.0; BANDS]; WINDOW_FRAMES]), None);
            assert_eq!(window(version, &[]), None);
        }
    }

    #[test]
    fn the_mean_of_each_band_is_removed() {
        let mut patch = pulses(3.0);
        assert!(normalise(&mut patch));
        for band in 0..BANDS {
            assert!(patch.iter().map(|frame| frame[band]).sum::<f32>().abs() < 1e-3);
        }
    }

    #[test]
    fn the_projection_is_finite_and_of_full_width() {
        assert_eq!(OPCA.rows(), WINDOW_FRAMES * BANDS);
        assert!(half::values(OPCA_F16LE).all(f32::is_finite));
    }
}
