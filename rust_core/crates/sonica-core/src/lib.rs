//! Fingerprints of recorded music.
//!
//! 1. [`framing`]: samples to overlapping frames
//! 2. [`spectrum`]: frames to power spectra
//! 3. [`mel`]: spectra to band powers; [`landmarks`]: spectra to pairs of peaks
//! 4. [`windows`]: band powers to windows of about one second
//! 5. [`embedding`]: windows to unit vectors of 128 numbers, by a [`projection`] or a [`network`]
//! 6. [`voting`]: neighbours of query vectors to candidate alignments
//! 7. [`alignment`]: whole sequences compared at each alignment
//! 8. [`verification`]: landmarks that agree with an alignment; [`second_opinion`]: what other
//!    embeddings of the same windows say of it
//! 9. [`decision`]: all evidence to one probability
//!
//! No I/O, no clock, no state outside its values, no unsafe code; nothing panics, whatever the input.
#![forbid(unsafe_code)]

pub mod activity;
pub mod alignment;
pub mod decision;
pub mod embedding;
pub mod error;
pub mod extractor;
pub mod fingerprint;
pub mod framing;
pub mod half;
pub mod landmarks;
pub mod matching;
pub mod mel;
pub mod network;
pub mod params;
pub mod pitch;
pub mod projection;
pub mod second_opinion;
pub mod spectrum;
#[cfg(test)]
mod testing;
pub mod verification;
pub mod voting;
pub mod windows;

pub use error::{Error, ErrorKind, Result};
pub use extractor::{Extractor, FingerprintPart};
pub use fingerprint::Fingerprint;
pub use params::{AlgorithmVersion, Purpose};
pub use pitch::PitchFactor;
