//! The identity of the algorithm versions. Changing any constant here changes fingerprints and
//! therefore needs a new version, new golden files and a changelog line.

use crate::error::{Error, ErrorKind, Result};

/// Sample rate of all audio the core reads, Hz.
pub const SAMPLE_RATE_HZ: usize = 8_000;
/// Length of one spectrum frame, samples (128 ms).
pub const FRAME_SAMPLES: usize = 1_024;
/// Distance between spectrum frames, samples (32 ms).
pub const HOP_SAMPLES: usize = 256;
/// Distance between spectrum frames, seconds.
pub const FRAME_SECONDS: f64 = HOP_SAMPLES as f64 / SAMPLE_RATE_HZ as f64;
/// Bins of a one-sided spectrum.
pub const BINS: usize = FRAME_SAMPLES / 2 + 1;
/// Mel bands.
pub const BANDS: usize = 64;
/// Lower edge of the first mel band, Hz.
pub const MEL_LOW_HZ: f64 = 160.0;
/// Upper edge of the last mel band, Hz.
pub const MEL_HIGH_HZ: f64 = 4_000.0;
/// Frames one window is made of.
pub const WINDOW_FRAMES: usize = 24;
/// Frames a window may lack at either end of the audio. Windows begin this much before the
/// audio does, so that a clip of 1 s has windows at four phases of the reference grid.
pub const EDGE_FRAMES: usize = 4;
/// Length of the audio one window covers, seconds.
pub const WINDOW_SECONDS: f64 =
    ((WINDOW_FRAMES - 1) * HOP_SAMPLES + FRAME_SAMPLES) as f64 / SAMPLE_RATE_HZ as f64;
/// How much of a track, before and after the place where a clip is thought to lie, alignment
/// wants to see, seconds.
pub const PASSAGE_MARGIN_SECONDS: f64 = 1.5;
/// Numbers in one embedding.
pub const DIMENSION: usize = 128;
/// Frames between the windows of a reference.
pub const REFERENCE_STRIDE_FRAMES: usize = 16;
/// Frames between the windows of a query.
pub const QUERY_STRIDE_FRAMES: usize = 4;
/// Most rows of one fingerprint (4.6 h of reference).
pub const MAX_ROWS: usize = 32_768;
/// Most landmarks of one fingerprint (8 MiB of them).
pub const MAX_LANDMARKS: usize = 1_048_576;

/// A version of the extractor. Fingerprints of different versions are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AlgorithmVersion {
    /// Log-mel patches, OPCA projection, Wang landmarks.
    V1,
    /// As version 1 with a small trained network for the projection; clips may play faster or
    /// slower than their recording.
    V2,
    /// As version 2 with a network trained on more music, landmarks compared at any pitch, and
    /// a decision that weighs more evidence.
    V3,
    /// As version 3 with a second embedding of every window, that is asked about the candidates
    /// the first one found.
    V4,
}

impl AlgorithmVersion {
    /// All versions, oldest first.
    pub const ALL: [Self; 4] = [Self::V1, Self::V2, Self::V3, Self::V4];
    /// The version new catalogues get.
    pub const CURRENT: Self = Self::V4;

    /// The number that stands for this version in fingerprints.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
            Self::V4 => 4,
        }
    }

    /// Whether its windows have two embeddings: one to search by and one that is asked about what
    /// was found.
    #[must_use]
    pub fn has_second_opinion(self) -> bool {
        self == Self::V4
    }

    /// The version with this number.
    ///
    /// # Errors
    /// `UnsupportedAlgorithm` when there is none.
    pub fn from_number(number: i32) -> Result<Self> {
        Self::ALL.into_iter().find(|version| version.number() == number).ok_or_else(|| {
            let known = Self::ALL.map(|version| version.number().to_string()).join(", ");
            Error::new(
                ErrorKind::UnsupportedAlgorithm,
                format!("algorithm version {number} is unknown; known: {known}"),
            )
        })
    }
}

/// What a fingerprint is for; decides how dense it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To be registered.
    Reference,
    /// To be searched for: four times as many windows, twice as many spectral peaks, so that
    /// the unknown grid offset of a clip costs little and the index stays small.
    Query,
}

impl Purpose {
    /// The purpose with this name, `reference` or `query`.
    ///
    /// # Errors
    /// `InvalidArgument` for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "reference" => Ok(Self::Reference),
            "query" => Ok(Self::Query),
            _ => Err(Error::invalid(format!(
                "purpose is {name:?}; it must be \"reference\" or \"query\""
            ))),
        }
    }

    /// Frames between two windows.
    #[must_use]
    pub fn stride_frames(self) -> usize {
        match self {
            Self::Reference => REFERENCE_STRIDE_FRAMES,
            Self::Query => QUERY_STRIDE_FRAMES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_its_number() {
        for version in AlgorithmVersion::ALL {
            assert_eq!(AlgorithmVersion::from_number(version.number()), Ok(version));
        }
        let refused = AlgorithmVersion::from_number(5).map_err(|error| error.to_string());
        assert_eq!(refused, Err("algorithm version 5 is unknown; known: 1, 2, 3, 4".to_owned()));
    }
}
