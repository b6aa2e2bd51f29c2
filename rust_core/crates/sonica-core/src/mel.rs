//! Stage 3: a power spectrum becomes the power in `BANDS` overlapping triangular mel bands.
//!
//! Bands are equally wide on the mel scale of O'Shaughnessy (1987): 2595 log10(1 + f / 700).

use std::sync::LazyLock;

use crate::params::{BANDS, BINS, FRAME_SAMPLES, MEL_HIGH_HZ, MEL_LOW_HZ, SAMPLE_RATE_HZ};

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

static BANK: LazyLock<MelBank> =
    LazyLock::new(|| MelBank { bands: (0..BANDS).map(band).collect() });

impl MelBank {
    /// The filters, computed once.
    #[must_use]
    pub fn shared() -> &'static Self {
        &BANK
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

fn band(index: usize) -> Band {
    let (low, centre, high) = (edge_hz(index), edge_hz(index + 1), edge_hz(index + 2));
    let weight = |bin: usize| {
        let hz = bin as f64 * SAMPLE_RATE_HZ as f64 / FRAME_SAMPLES as f64;
        ((hz - low) / (centre - low)).min((high - hz) / (high - centre)).max(0.0) as f32
    };
    let first_bin = (0..BINS).find(|&bin| weight(bin) > 0.0).unwrap_or(BINS);
    let weights = (first_bin..BINS).map(weight).take_while(|&w| w > 0.0).collect();
    Band { first_bin, weights }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_band_has_weight_and_peaks_at_its_centre() {
        let bank = MelBank::shared();
        for (index, band) in bank.bands.iter().enumerate() {
            let best = band.weights.iter().copied().fold(0.0, f32::max);
            assert!(best > 0.2, "band {index} is nearly empty: {best}");
        }
    }

    #[test]
    fn bands_are_ordered_and_within_range() {
        let bank = MelBank::shared();
        assert!(bank.bands.windows(2).all(|pair| pair[0].first_bin <= pair[1].first_bin));
        assert!(bank.bands[0].first_bin as f64 * 7.8125 >= MEL_LOW_HZ);
        let last = &bank.bands[BANDS - 1];
        assert!(last.first_bin + last.weights.len() <= BINS);
    }

    #[test]
    fn a_single_bin_lights_its_band_only() {
        let mut power = vec![0.0; BINS];
        power[128] = 1.0;
        let bands = MelBank::shared().apply(&power);
        let lit: Vec<usize> = (0..BANDS).filter(|&i| bands[i] > 0.0).collect();
        assert!(lit.len() <= 2 && !lit.is_empty());
        assert!(edge_hz(lit[0]) < 1_000.0 && edge_hz(lit[0] + 2) > 1_000.0);
    }

    #[test]
    fn a_short_spectrum_is_taken_as_zero() {
        assert!(MelBank::shared().apply(&[]).iter().all(|&power| power == 0.0));
    }
}
