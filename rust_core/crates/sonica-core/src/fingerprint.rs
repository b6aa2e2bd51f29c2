//! The byte layout of fingerprints and its validation: what a client sends is hostile until
//! this module has read it.
//!
//! A row is an embedding in little-endian binary16; in versions that have a second opinion, that
//! of the same window follows in signed bytes, 127 standing for 1. It is compared with a few
//! dozen candidates only, so a byte a number is precise enough.

use crate::embedding::{Embedding, Embeddings};
use crate::error::{Error, Result};
use crate::half;
use crate::landmarks::{self, Landmark};
use crate::params::{AlgorithmVersion, DIMENSION, MAX_ROWS};

/// Bytes of a first embedding.
const FIRST_BYTES: usize = 2 * DIMENSION;
/// Bytes of a second embedding.
const SECOND_BYTES: usize = DIMENSION;
/// What stands for 1 in a second embedding.
const SECOND_SCALE: f32 = 127.0;
/// How far the squared norm of a first embedding may be from 1; binary16 keeps it within 1e-3.
const NORM_TOLERANCE: f32 = 0.02;
/// The same for a second one: rounding to bytes moves it by at most 0.045, half a step in each of
/// 128 numbers, and its squared norm by twice that.
const SECOND_NORM_TOLERANCE: f32 = 0.1;

/// A validated fingerprint, or a slice of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    /// Version of the extractor.
    pub version: AlgorithmVersion,
    /// One embedding a row; unit length, or all zero where nothing is active.
    pub vectors: Vec<Embedding>,
    /// The second embedding of each row; empty in versions without a second opinion.
    pub second_vectors: Vec<Embedding>,
    /// Whether each row carries signal.
    pub active: Vec<bool>,
    /// Landmarks in order of time.
    pub landmarks: Vec<Landmark>,
}

impl Fingerprint {
    /// Reads the three byte strings of a fingerprint.
    ///
    /// # Errors
    /// `MalformedFingerprint` when lengths disagree, a number is not finite, an active row has
    /// not unit length, an inactive one is not zero, or the landmarks are malformed.
    pub fn decode(
        version: AlgorithmVersion,
        vectors_f16le: &[u8],
        active_windows: &[u8],
        landmarks: &[u8],
    ) -> Result<Self> {
        let vectors = decode_vectors(version, vectors_f16le)?;
        let second_vectors = if version.has_second_opinion() {
            rows(version, vectors_f16le)?.map(|(_, second)| decode_second(second)).collect()
        } else {
            Vec::new()
        };
        if vectors.len() != active_windows.len() {
            return Err(Error::malformed(format!(
                "{} rows but {} activity flags",
                vectors.len(),
                active_windows.len()
            )));
        }
        check_norms(&vectors, active_windows, NORM_TOLERANCE)?;
        check_norms(&second_vectors, active_windows, SECOND_NORM_TOLERANCE)?;
        let active = active_windows.iter().map(|&flag| flag == 1).collect();
        let landmarks = landmarks::decode(landmarks)?;
        Ok(Self { version, vectors, second_vectors, active, landmarks })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.vectors.len()
    }
}

/// Bytes of one row.
#[must_use]
pub fn row_bytes(version: AlgorithmVersion) -> usize {
    FIRST_BYTES + if version.has_second_opinion() { SECOND_BYTES } else { 0 }
}

/// Decodes what an index is searched by: the first embedding of each row.
///
/// # Errors
/// `MalformedFingerprint` for a length that is no whole number of rows, more than `MAX_ROWS`
/// rows, or a number that is not finite.
pub fn decode_vectors(version: AlgorithmVersion, vectors_f16le: &[u8]) -> Result<Vec<Embedding>> {
    let rows = rows(version, vectors_f16le)?;
    let decoded: Vec<Embedding> = rows.map(|(first, _)| decode_first(first)).collect();
    match decoded.iter().position(|row| row.iter().any(|value| !value.is_finite())) {
        Some(row) => Err(Error::malformed(format!("row {row} holds a number that is not finite"))),
        None => Ok(decoded),
    }
}

/// Appends one row to encoded embeddings.
pub fn encode_row(row: &Embeddings, out: &mut Vec<u8>) {
    for &value in &row.first {
        out.extend_from_slice(&half::from_f32(value).to_le_bytes());
    }
    for value in row.second.iter().flatten() {
        out.extend_from_slice(&((value * SECOND_SCALE).round() as i8).to_le_bytes());
    }
}

/// The bytes of the first and the second embedding of every row.
fn rows(
    version: AlgorithmVersion,
    vectors_f16le: &[u8],
) -> Result<impl Iterator<Item = (&[u8], &[u8])>> {
    let width = row_bytes(version);
    if !vectors_f16le.len().is_multiple_of(width) {
        return Err(Error::malformed(format!(
            "vectors have {} bytes; a multiple of {width} is needed",
            vectors_f16le.len()
        )));
    }
    let count = vectors_f16le.len() / width;
    if count > MAX_ROWS {
        return Err(Error::malformed(format!("{count} rows; at most {MAX_ROWS}")));
    }
    Ok(vectors_f16le.chunks_exact(width).map(|row| row.split_at(FIRST_BYTES)))
}

fn decode_first(bytes: &[u8]) -> Embedding {
    let mut values = [0.0; DIMENSION];
    for (value, number) in values.iter_mut().zip(half::values(bytes)) {
        *value = number;
    }
    values
}

fn decode_second(bytes: &[u8]) -> Embedding {
    let mut values = [0.0; DIMENSION];
    for (value, &number) in values.iter_mut().zip(bytes) {
        *value = f32::from(number.cast_signed()) / SECOND_SCALE;
    }
    values
}

/// Checks that active embeddings have unit length and inactive ones are zero.
fn check_norms(vectors: &[Embedding], active_windows: &[u8], tolerance: f32) -> Result<()> {
    for (index, (row, &flag)) in vectors.iter().zip(active_windows).enumerate() {
        let squared: f32 = row.iter().map(|value| value * value).sum();
        let fits = match flag {
            0 => row.iter().all(|&value| value == 0.0),
            1 => (squared - 1.0).abs() <= tolerance,
            _ => return Err(Error::malformed(format!("activity flag {index} is {flag}"))),
        };
        if !fits {
            return Err(Error::malformed(format!(
                "row {index} has squared length {squared} but activity flag {flag}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::testing::walk;
    use AlgorithmVersion::{V1, V4};

    fn row(first: f32, second: Option<f32>) -> Vec<u8> {
        let embedding = |value: f32| {
            let mut row = [0.0; DIMENSION];
            row[3] = value;
            row
        };
        let row = Embeddings { first: embedding(first), second: second.map(embedding) };
        let mut bytes = Vec::new();
        encode_row(&row, &mut bytes);
        bytes
    }

    fn refuses(version: AlgorithmVersion, vectors: &[u8], active: &[u8], landmarks: &[u8]) {
        let result = Fingerprint::decode(version, vectors, active, landmarks);
        assert_eq!(result.map_err(|e| e.kind()), Err(ErrorKind::MalformedFingerprint));
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let bytes = [row(1.0, None), row(0.0, None)].concat();
        let read = Fingerprint::decode(V1, &bytes, &[1, 0], &[]);
        let read = read.map(|f| (f.rows(), f.vectors[0][3], f.second_vectors, f.active));
        assert_eq!(read, Ok((2, 1.0, Vec::new(), vec![true, false])));
        let bytes = [row(1.0, Some(-1.0)), row(0.0, Some(0.0))].concat();
        assert_eq!(bytes.len(), 2 * row_bytes(V4));
        let read = Fingerprint::decode(V4, &bytes, &[1, 0], &[]);
        let read = read.map(|f| (f.rows(), f.vectors[0][3], f.second_vectors[0][3], f.active));
        assert_eq!(read, Ok((2, 1.0, -1.0, vec![true, false])));
    }

    #[test]
    fn every_second_embedding_survives_rounding() {
        for vector in walk(1, 2_000) {
            let mut bytes = Vec::new();
            encode_row(&Embeddings { first: vector, second: Some(vector) }, &mut bytes);
            let read = Fingerprint::decode(V4, &bytes, &[1], &[]);
            let read = read.unwrap_or_else(|error| unreachable!("{error}"));
            assert!(crate::alignment::dot(&read.second_vectors[0], &vector) > 0.99);
        }
    }

    #[test]
    fn a_second_embedding_that_is_rounded_up_everywhere_is_read() {
        // Of unit length, all its numbers half a step below the bytes they become.
        let number = |at: usize| if at < 66 { 8.516 } else { 13.526 } / SECOND_SCALE;
        let vector: Embedding = std::array::from_fn(number);
        let squared = crate::alignment::dot(&vector, &vector);
        assert!((squared - 1.0).abs() < 1e-3, "{squared}");
        let mut bytes = Vec::new();
        let first = walk(1, 1)[0];
        encode_row(&Embeddings { first, second: Some(vector) }, &mut bytes);
        let read = Fingerprint::decode(V4, &bytes, &[1], &[]);
        let read = read.unwrap_or_else(|error| unreachable!("{error}")).second_vectors[0];
        let squared = crate::alignment::dot(&read, &read);
        assert!(squared > 1.08, "{squared}");
    }

    #[test]
    fn hostile_bytes_are_refused() {
        refuses(V1, &row(1.0, None)[1..], &[1], &[]);
        refuses(V1, &row(1.0, None), &[1, 1], &[]);
        refuses(V1, &row(1.0, None), &[2], &[]);
        refuses(V1, &row(0.5, None), &[1], &[]);
        refuses(V1, &row(1.0, None), &[0], &[]);
        refuses(V1, &row(f32::NAN, None), &[1], &[]);
        refuses(V1, &row(f32::INFINITY, None), &[0], &[]);
        refuses(V1, &[], &[], &[0; 7]);
        refuses(V1, &[], &[], &[0; 8]);
    }

    #[test]
    fn hostile_second_embeddings_are_refused() {
        refuses(V4, &row(1.0, None), &[1], &[]);
        refuses(V1, &row(1.0, Some(1.0)), &[1], &[]);
        refuses(V4, &row(1.0, Some(0.0)), &[1], &[]);
        refuses(V4, &row(1.0, Some(0.9)), &[1], &[]);
        refuses(V4, &row(0.5, Some(1.0)), &[1], &[]);
        refuses(V4, &row(0.0, Some(1.0)), &[0], &[]);
        let loud = [&row(1.0, None)[..], &[0x80; SECOND_BYTES]].concat();
        refuses(V4, &loud, &[1], &[]);
    }
}
