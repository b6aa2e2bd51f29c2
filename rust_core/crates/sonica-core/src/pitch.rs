//! How much higher than its recording a clip is taken to sound.

use crate::error::{Error, Result};
use crate::landmarks::PEAK_BIN_RANGE;

/// Least and most a clip may be taken to sound higher.
const FACTOR_MIN: f64 = 0.9;
const FACTOR_MAX: f64 = 1.1;

/// The frequency of a tone in a clip over that of the same tone in the recording, 0.9 to 1.1.
///
/// A clip analysed at its factor looks like a clip at the pitch of the recording: everything at
/// `factor * f` Hz counts as if it were at `f`. Its tempo stays as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PitchFactor(f64);

impl PitchFactor {
    /// The pitch of the recording.
    pub const RECORDED: Self = Self(1.0);

    /// The factor with this value.
    ///
    /// # Errors
    /// `InvalidArgument` when it is outside 0.9 to 1.1, or NaN.
    pub fn new(value: f64) -> Result<Self> {
        if (FACTOR_MIN..=FACTOR_MAX).contains(&value) {
            return Ok(Self(value));
        }
        Err(Error::invalid(format!(
            "pitch_factor is {value}; it must be from {FACTOR_MIN} to {FACTOR_MAX}, 1 for the \
             pitch of the recording"
        )))
    }

    /// Where a frequency of the recording is heard in the clip.
    pub(crate) fn heard(self, recorded_hz: f64) -> f64 {
        recorded_hz * self.0
    }

    /// The bin in which the recording has what the clip has in `bin`; nothing where a recording
    /// can have no peak.
    pub(crate) fn recorded_bin(self, bin: usize) -> Option<u16> {
        let recorded = (bin as f64 / self.0).round() as usize;
        PEAK_BIN_RANGE.contains(&recorded).then_some(recorded as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn factors_out_of_range_are_refused() {
        for value in [0.9, 1.0, 1.1] {
            assert!(PitchFactor::new(value).is_ok());
        }
        for value in [0.899, 1.101, 0.0, -1.0, f64::NAN, f64::INFINITY] {
            let refused = PitchFactor::new(value).map_err(|error| error.kind());
            assert_eq!(refused, Err(ErrorKind::InvalidArgument), "{value}");
        }
        let message = PitchFactor::new(1.25).map_err(|error| error.to_string());
        assert!(message.is_err_and(|text| text.contains("1.25") && text.contains("0.9 to 1.1")));
    }

    #[test]
    fn at_the_pitch_of_the_recording_every_bin_stays() {
        for bin in PEAK_BIN_RANGE {
            assert_eq!(PitchFactor::RECORDED.recorded_bin(bin), Some(bin as u16));
        }
    }

    #[test]
    fn bins_are_those_a_recording_can_have() {
        let (lower, higher) = (PitchFactor(0.9), PitchFactor(1.1));
        assert_eq!(higher.recorded_bin(110), Some(100));
        assert_eq!(lower.recorded_bin(90), Some(100));
        assert_eq!(higher.recorded_bin(PEAK_BIN_RANGE.start), None);
        assert_eq!(lower.recorded_bin(PEAK_BIN_RANGE.end - 1), None);
    }
}
