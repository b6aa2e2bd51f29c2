//! How much higher than its recording a clip is taken to sound.

use crate::error::{Error, Result};

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

    /// The bin in which the recording has what the clip has in `bin`.
    pub(crate) fn recorded_bin(self, bin: usize) -> usize {
        (bin as f64 / self.0).round() as usize
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
        for bin in 0..1_000 {
            assert_eq!(PitchFactor::RECORDED.recorded_bin(bin), bin);
        }
    }

    #[test]
    fn bins_of_a_clip_are_those_of_its_recording() {
        assert_eq!(PitchFactor(1.1).recorded_bin(110), 100);
        assert_eq!(PitchFactor(0.9).recorded_bin(90), 100);
    }
}
