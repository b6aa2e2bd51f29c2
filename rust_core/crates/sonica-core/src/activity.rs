//! Tells windows that carry a signal from silence and from sounds that never change.

use crate::params::BANDS;

/// Mean band power below which a window is silence: about -75 dB of full scale.
const SILENCE_POWER: f32 = 2.0e-4;
/// Least root mean square change of a window's log band powers, in nepers of power. A steady
/// tone stays below; even stationary noise is above.
const LEAST_CHANGE: f32 = 0.12;

/// Whether a window with this mean band power, and this root mean square deviation of its log
/// band powers from their mean over time, can be recognised by anything.
#[must_use]
pub fn is_active(mean_power: f32, rms_change: f32) -> bool {
    mean_power > SILENCE_POWER && rms_change > LEAST_CHANGE
}

/// Mean power of one mel frame.
#[must_use]
pub fn mean_power(frame: &[f32; BANDS]) -> f32 {
    frame.iter().sum::<f32>() / BANDS as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_steady_sounds_are_inactive() {
        assert!(!is_active(0.0, 0.0));
        assert!(!is_active(1e-9, 3.0));
        assert!(!is_active(1.0, 0.01));
        assert!(is_active(1.0, 1.0));
    }
}
