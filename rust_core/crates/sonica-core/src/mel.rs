//! Stage 3: a power spectrum becomes the power in `BANDS` overlapping triangular mel bands.
//!
//! Bands are equally wide on the mel scale of O'Shaughnessy (1987): 2595 log10(1 + f / 700).

use std::sync::{Arc, LazyLock};

use crate::params::{BANDS, BINS, FRAME_SAMPLES, MEL_HIGH_HZ, MEL_LOW_HZ, SAMPLE_RATE_HZ};
use crate::pitch::PitchFactor;

/// Distance between the bins of a spectrum, Hz.
const BIN_HZ: f64 = SAMPLE_RATE_HZ as f64 / FRAME_SAMPLES as f64;

/// One frame's power in each mel band.
pub type MelFrame = [f32; BANDS];

struct Band {
    first_bin: usize,
    weights: Vec<f32>,
}

/// Triangular mel filters, kept as their non-zero weights only.
pub struct MelBank {
    bands: Vec<Band>,
}

static BANK: LazyLock<Arc<MelBank>> =
    LazyLock::new(|| Arc::new(MelBank::new(PitchFactor::RECORDED)));

impl MelBank {
    /// The filters for audio that sounds higher than its recording by this much. Those of the
    /// recording's own pitch are computed once, others anew: 10 us (`cargo bench`), less than 1 %
    /// of what the analysis of a second takes.
    #[must_use]
    pub fn at_pitch(pitch: PitchFactor) -> Arc<Self> {
        if pitch == PitchFactor::RECORDED { Arc::clone(&BANK) } else { Arc::new(Self::new(pitch)) }
    }

    fn new(pitch: PitchFactor) -> Self {
        Self { bands: (0..BANDS).map(|index| band(index, pitch)).collect() }
    }

    /// Power in each band. `power` must have `BINS` values; what is missing counts as zero.
    #[must_use]
    pub fn apply(&self, power: &[f32]) -> MelFrame {
        let mut out = [0.0; BANDS];
        for (sum, band) in out.iter_mut().zip(&self.bands) {
            let bins = power.get(band.first_bin..).unwrap_or_default();
            *sum = bins.iter().zip(&band.weights).map(|(p, w)| p * w).sum();
        }
        out
    }
}

fn edge_hz(index: usize) -> f64 {
    let mel = |hz: f64| 2_595.0 * (1.0 + hz / 700.0).log10();
    let step = (mel(MEL_HIGH_HZ) - mel(MEL_LOW_HZ)) / (BANDS + 1) as f64;
    700.0 * (10f64.powf((mel(MEL_LOW_HZ) + step * index as f64) / 2_595.0) - 1.0)
}

fn band(index: usize, pitch: PitchFactor) -> Band {
    let [low, centre, high] = [0, 1, 2].map(|edge| pitch.heard(edge_hz(index + edge)));
    let weight = |bin: usize| {
        let hz = bin as f64 * BIN_HZ;
        ((hz - low) / (centre - low)).min((high - hz) / (high - centre)).max(0.0) as f32
    };
    // A band that lies beyond the spectrum has no weight at all.
    let lowest = (low / BIN_HZ) as usize;
    let first_bin = (lowest..BINS).find(|&bin| weight(bin) > 0.0).unwrap_or(BINS);
    let weights = (first_bin..BINS).map(weight).take_while(|&w| w > 0.0).collect();
    Band { first_bin, weights }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_band_has_weight_and_peaks_at_its_centre() {
        let bank = MelBank::at_pitch(PitchFactor::RECORDED);
        for (index, band) in bank.bands.iter().enumerate() {
            let best = band.weights.iter().copied().fold(0.0, f32::max);
            assert!(best > 0.2, "band {index} is nearly empty: {best}");
        }
    }

    #[test]
    fn bands_are_ordered_and_within_range() {
        let bank = MelBank::at_pitch(PitchFactor::RECORDED);
        assert!(bank.bands.windows(2).all(|pair| pair[0].first_bin <= pair[1].first_bin));
        assert!(bank.bands[0].first_bin as f64 * 7.8125 >= MEL_LOW_HZ);
        let last = &bank.bands[BANDS - 1];
        assert!(last.first_bin + last.weights.len() <= BINS);
    }

    #[test]
    fn a_single_bin_lights_its_band_only() {
        let mut power = vec![0.0; BINS];
        power[128] = 1.0;
        let bands = MelBank::at_pitch(PitchFactor::RECORDED).apply(&power);
        let lit: Vec<usize> = (0..BANDS).filter(|&i| bands[i] > 0.0).collect();
        assert!(lit.len() <= 2 && !lit.is_empty());
        assert!(edge_hz(lit[0]) < 1_000.0 && edge_hz(lit[0] + 2) > 1_000.0);
    }

    #[test]
    fn a_short_spectrum_is_taken_as_zero() {
        let bank = MelBank::at_pitch(PitchFactor::RECORDED);
        assert!(bank.apply(&[]).iter().all(|&power| power == 0.0));
    }

    #[test]
    fn filters_move_with_the_pitch_and_end_with_the_spectrum() -> crate::error::Result<()> {
        let mut power = vec![0.0; BINS];
        power[110] = 1.0;
        let heard = MelBank::at_pitch(PitchFactor::new(1.1)?).apply(&power);
        power.rotate_left(10);
        let recorded = MelBank::at_pitch(PitchFactor::RECORDED).apply(&power);
        assert!(heard.iter().zip(&recorded).all(|(a, b)| (a - b).abs() < 1e-3));
        for factor in [0.9, 1.1] {
            let bank = MelBank::at_pitch(PitchFactor::new(factor)?);
            assert!(bank.bands.iter().all(|band| band.first_bin + band.weights.len() <= BINS));
        }
        Ok(())
    }
}
