//! Stage 5: a window of mel frames becomes one embedding of unit length.
//!
//! Log band powers, less each band's mean over the window (so neither level nor the colour of
//! a channel matters), projected by OPCA (Burges, Platt, Jana 2003): the directions in which
//! recordings differ most for what noise, rooms and channels change.

use crate::activity;
use crate::half;
use crate::mel::MelFrame;
use crate::params::{BANDS, DIMENSION, WINDOW_FRAMES};
use crate::windows::Window;

/// An embedding; all zero for a window without signal.
pub type Embedding = [f32; DIMENSION];

/// Fitted by `rust_core/fitting`: `WINDOW_FRAMES * BANDS` rows of `DIMENSION` binary16 numbers.
static PROJECTION_F16LE: &[u8; WINDOW_FRAMES * BANDS * DIMENSION * 2] =
    include_bytes!("../data/projection-v1.f16");

/// Added to band powers, as a fraction of the window's largest (-30 dB): what lies below is the
/// first to drown in noise and should not count much.
const RELATIVE_FLOOR: f32 = 1.0e-3;
/// Absolute floor of band powers; keeps digital silence finite.
const ABSOLUTE_FLOOR: f32 = 1.0e-9;

/// Computes embeddings of windows.
pub struct Embedder {
    projection: Vec<[f32; DIMENSION]>,
    patch: Vec<MelFrame>,
}

impl Default for Embedder {
    fn default() -> Self {
        let (numbers, _) = PROJECTION_F16LE.as_chunks::<2>();
        let (rows, _) = numbers.as_chunks::<DIMENSION>();
        let value = |bytes: [u8; 2]| half::to_f32(u16::from_le_bytes(bytes));
        Self {
            projection: rows.iter().map(|row| row.map(value)).collect(),
            patch: Vec::with_capacity(WINDOW_FRAMES),
        }
    }
}

impl Embedder {
    /// The embedding of a window, or nothing when it carries no signal.
    pub fn embed(&mut self, window: &Window<'_>) -> Option<Embedding> {
        self.patch.clear();
        self.patch.extend_from_slice(window.frames);
        if !normalise(&mut self.patch) {
            return None;
        }
        let mut sum = [0.0f32; DIMENSION];
        let first_row = window.missing_before * BANDS;
        let rows = self.projection.get(first_row..)?;
        for (value, row) in self.patch.as_flattened().iter().zip(rows) {
            for (total, weight) in sum.iter_mut().zip(row) {
                *total += value * weight;
            }
        }
        unit(sum)
    }
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

    fn window(frames: &[MelFrame]) -> Option<Embedding> {
        Embedder::default().embed(&Window { frames, missing_before: 0 })
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
        let (loud, soft) = (window(&pulses(1e4)), window(&pulses(1.0)));
        let (Some(loud), Some(soft)) = (loud, soft) else { unreachable!("both carry signal") };
        assert!((crate::alignment::dot(&loud, &loud) - 1.0).abs() < 1e-5);
        assert!(crate::alignment::dot(&loud, &soft) > 0.9999);
    }

    #[test]
    fn nothing_is_made_of_silence_or_a_steady_sound() {
        assert_eq!(window(&[[0.0; BANDS]; WINDOW_FRAMES]), None);
        assert_eq!(window(&[[50.0; BANDS]; WINDOW_FRAMES]), None);
        assert_eq!(window(&[]), None);
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
        let embedder = Embedder::default();
        assert_eq!(embedder.projection.len(), WINDOW_FRAMES * BANDS);
        assert!(embedder.projection.as_flattened().iter().all(|weight| weight.is_finite()));
    }
}
