//! All stages of extraction in a row: samples in, parts of a fingerprint out.
//!
//! The same audio gives the same fingerprint, bit for bit, however it is cut into chunks.

use std::sync::Arc;

use crate::embedding::{Embedder, Embeddings};
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint;
use crate::framing::Framer;
use crate::landmarks::{self, LandmarkFinder};
use crate::mel::MelBank;
use crate::params::{AlgorithmVersion, HOP_SAMPLES, MAX_ROWS, Purpose, SAMPLE_RATE_HZ};
use crate::pitch::PitchFactor;
use crate::spectrum::Spectrum;
use crate::windows::WindowCutter;

/// What is new in a fingerprint since the last part was taken; layout as in
/// `sonica.fingerprint.v1.Fingerprint`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FingerprintPart {
    /// Index of the first row of this part in the whole fingerprint.
    pub first_row: usize,
    /// Rows of embeddings, of `row_bytes` each.
    pub vectors_f16le: Vec<u8>,
    /// One byte a row: 1 with signal, 0 without.
    pub active_windows: Vec<u8>,
    /// Encoded landmarks.
    pub landmarks: Vec<u8>,
    /// Audio analysed so far, seconds.
    pub duration_seconds: f64,
}

/// Extracts a fingerprint while audio arrives.
pub struct Extractor {
    version: AlgorithmVersion,
    purpose: Purpose,
    framer: Framer,
    spectrum: Spectrum,
    mel: Arc<MelBank>,
    windows: WindowCutter,
    embedder: Embedder,
    landmarks: LandmarkFinder,
    part: FingerprintPart,
    finished: bool,
}

impl Extractor {
    /// An extractor of one version for one purpose.
    #[must_use]
    pub fn new(version: AlgorithmVersion, purpose: Purpose) -> Self {
        Self::with_pitch(version, purpose, PitchFactor::RECORDED)
    }

    /// An extractor for a clip that sounds `pitch_factor` times higher than its recording: its
    /// fingerprint is about that of the clip at the recording's pitch.
    ///
    /// # Errors
    /// `InvalidArgument` when the factor is outside 0.9 to 1.1, or another than 1 for a reference:
    /// a recording is registered as it sounds.
    pub fn at_pitch(
        version: AlgorithmVersion,
        purpose: Purpose,
        pitch_factor: f64,
    ) -> Result<Self> {
        let pitch = PitchFactor::new(pitch_factor)?;
        if purpose == Purpose::Reference && pitch != PitchFactor::RECORDED {
            return Err(Error::invalid(format!(
                "pitch_factor is {pitch_factor} for a reference; it must be 1: only queries are \
                 analysed at another pitch"
            )));
        }
        Ok(Self::with_pitch(version, purpose, pitch))
    }

    fn with_pitch(version: AlgorithmVersion, purpose: Purpose, pitch: PitchFactor) -> Self {
        Self {
            version,
            purpose,
            framer: Framer::default(),
            spectrum: Spectrum::default(),
            mel: MelBank::at_pitch(pitch),
            windows: WindowCutter::new(purpose),
            embedder: Embedder::new(version),
            landmarks: LandmarkFinder::new(purpose, pitch),
            part: FingerprintPart::default(),
            finished: false,
        }
    }

    /// Analyses a chunk of mono audio at `SAMPLE_RATE_HZ`, of any length.
    ///
    /// # Errors
    /// `NonFiniteAudio` when a sample is NaN or infinite; nothing of the chunk is taken then.
    /// `InvalidArgument` after `finish`, or when the audio has more windows than a fingerprint
    /// may have.
    pub fn push(&mut self, pcm: &[f32]) -> Result<()> {
        if self.finished {
            return Err(Error::invalid("the extractor is finished; make a new one"));
        }
        if let Some(at) = pcm.iter().position(|sample| !sample.is_finite()) {
            return Err(Error::new(
                ErrorKind::NonFiniteAudio,
                format!("sample {at} of the chunk is {}; all must be finite", pcm[at]),
            ));
        }
        let samples_max = (MAX_ROWS * self.purpose.stride_frames() * HOP_SAMPLES) as u64;
        if self.framer.samples_seen() + pcm.len() as u64 > samples_max {
            return Err(Error::invalid(format!(
                "the audio is longer than {} s, the most one fingerprint holds",
                samples_max / SAMPLE_RATE_HZ as u64
            )));
        }
        let Self { version, framer, spectrum, mel, windows, embedder, landmarks, part, .. } = self;
        framer.push(pcm, |frame| {
            let power = spectrum.power(frame);
            landmarks.push(power);
            windows.push(mel.apply(power), |window| {
                part.push_row(*version, embedder.embed(&window).as_ref());
            });
        });
        Ok(())
    }

    /// Ends the audio; the windows that reach over its end are added. Calling it again changes
    /// nothing.
    pub fn finish(&mut self) {
        if self.finished {
            return;
        }
        self.finished = true;
        let Self { version, windows, embedder, landmarks, part, .. } = self;
        windows.finish(|window| part.push_row(*version, embedder.embed(&window).as_ref()));
        landmarks.finish();
    }

    /// What is new since the last call.
    pub fn take(&mut self) -> FingerprintPart {
        let next = FingerprintPart { first_row: self.windows.rows(), ..Default::default() };
        let mut part = std::mem::replace(&mut self.part, next);
        part.landmarks = landmarks::encode(&self.landmarks.take());
        part.duration_seconds = self.framer.samples_seen() as f64 / SAMPLE_RATE_HZ as f64;
        part
    }
}

impl FingerprintPart {
    fn push_row(&mut self, version: AlgorithmVersion, embeddings: Option<&Embeddings>) {
        self.active_windows.push(u8::from(embeddings.is_some()));
        let end = self.vectors_f16le.len() + fingerprint::row_bytes(version);
        if let Some(embeddings) = embeddings {
            fingerprint::encode_row(embeddings, &mut self.vectors_f16le);
        }
        // The row of a window without signal is all zero.
        self.vectors_f16le.resize(end, 0);
    }
}
