//! Stage 2: one frame of samples becomes its power spectrum (Hann window, real FFT).

use std::sync::{Arc, LazyLock};

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::params::{BINS, FRAME_SAMPLES};

/// Planned once: it takes as long as a second of audio, and every clip has its own extractor.
static TRANSFORM: LazyLock<Arc<dyn RealToComplex<f32>>> =
    LazyLock::new(|| RealFftPlanner::new().plan_fft_forward(FRAME_SAMPLES));
static WINDOW: LazyLock<Vec<f32>> = LazyLock::new(|| hann(FRAME_SAMPLES));

/// Computes power spectra of frames of `FRAME_SAMPLES`.
pub struct Spectrum {
    fft: Arc<dyn RealToComplex<f32>>,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    power: Vec<f32>,
}

impl Default for Spectrum {
    fn default() -> Self {
        let fft = Arc::clone(&TRANSFORM);
        Self {
            input: fft.make_input_vec(),
            output: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; BINS],
            fft,
        }
    }
}

impl Spectrum {
    /// The power of each of the `BINS` bins of a frame, in squared sample units.
    ///
    /// Anything but a whole frame gives zero power.
    pub fn power(&mut self, frame: &[f32]) -> &[f32] {
        self.power.fill(0.0);
        if frame.len() != FRAME_SAMPLES {
            return &self.power;
        }
        for ((x, sample), weight) in self.input.iter_mut().zip(frame).zip(WINDOW.iter()) {
            *x = sample * weight;
        }
        let done =
            self.fft.process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch);
        if done.is_ok() {
            for (power, bin) in self.power.iter_mut().zip(&self.output) {
                *power = bin.norm_sqr();
            }
        }
        &self.power
    }
}

/// The periodic Hann window.
fn hann(length: usize) -> Vec<f32> {
    let step = std::f64::consts::TAU / length as f64;
    (0..length).map(|n| (0.5 - 0.5 * (step * n as f64).cos()) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::SAMPLE_RATE_HZ;

    fn sine(hz: f64) -> Vec<f32> {
        let step = std::f64::consts::TAU * hz / SAMPLE_RATE_HZ as f64;
        (0..FRAME_SAMPLES).map(|n| (step * n as f64).sin() as f32).collect()
    }

    #[test]
    fn a_sine_on_a_bin_peaks_there_and_nowhere_far() {
        let mut spectrum = Spectrum::default();
        let power = spectrum.power(&sine(1_000.0)).to_vec();
        let peak = power[128];
        // A Hann window of length N gives a unit sine the amplitude N/4.
        assert!((peak.sqrt() - 256.0).abs() < 0.1, "{}", peak.sqrt());
        assert!(power.iter().enumerate().all(|(k, &p)| k.abs_diff(128) < 2 || p < peak * 1e-9));
    }

    #[test]
    fn an_impulse_is_flat() {
        let mut frame = vec![0.0; FRAME_SAMPLES];
        frame[FRAME_SAMPLES / 2] = 1.0;
        let mut spectrum = Spectrum::default();
        assert!(spectrum.power(&frame).iter().all(|p| (p - 1.0).abs() < 1e-4));
    }

    #[test]
    fn a_wrong_length_is_silence() {
        assert!(Spectrum::default().power(&[1.0; 3]).iter().all(|&p| p == 0.0));
    }
}
