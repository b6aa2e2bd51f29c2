//! The byte layout of fingerprints and its validation: what a client sends is hostile until
//! this module has read it.

use crate::error::{Error, Result};
use crate::half;
use crate::landmarks::{self, Landmark};
use crate::params::{DIMENSION, MAX_ROWS};

/// Bytes of one encoded embedding.
pub const VECTOR_BYTES: usize = 2 * DIMENSION;
/// How far the squared norm of a decoded row may be from 1; binary16 keeps it within 1e-3.
const NORM_TOLERANCE: f32 = 0.02;

/// A validated fingerprint, or a slice of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Fingerprint {
    /// One embedding a row; unit length, or all zero where nothing is active.
    pub vectors: Vec<[f32; DIMENSION]>,
    /// Whether each row carries signal.
    pub active: Vec<bool>,
    /// Landmarks in order of time.
    pub landmarks: Vec<Landmark>,
}

impl Fingerprint {
    /// Reads the three byte strings of a fingerprint; their layout is the same in all versions.
    ///
    /// # Errors
    /// `MalformedFingerprint` when lengths disagree, a number is not finite, an active row has
    /// not unit length, an inactive one is not zero, or the landmarks are malformed.
    pub fn decode(vectors_f16le: &[u8], active_windows: &[u8], landmarks: &[u8]) -> Result<Self> {
        let vectors = decode_vectors(vectors_f16le)?;
        if vectors.len() != active_windows.len() {
            return Err(Error::malformed(format!(
                "{} rows but {} activity flags",
                vectors.len(),
                active_windows.len()
            )));
        }
        let mut active = Vec::with_capacity(vectors.len());
        for (index, (row, &flag)) in vectors.iter().zip(active_windows).enumerate() {
            let squared: f32 = row.iter().map(|value| value * value).sum();
            let fits = match flag {
                0 => row.iter().all(|&value| value == 0.0),
                1 => (squared - 1.0).abs() <= NORM_TOLERANCE,
                _ => return Err(Error::malformed(format!("activity flag {index} is {flag}"))),
            };
            if !fits {
                return Err(Error::malformed(format!(
                    "row {index} has squared length {squared} but activity flag {flag}"
                )));
            }
            active.push(flag == 1);
        }
        Ok(Self { vectors, active, landmarks: landmarks::decode(landmarks)? })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.vectors.len()
    }
}

/// Decodes embeddings from row-major little-endian binary16.
///
/// # Errors
/// `MalformedFingerprint` for a length that is no whole number of rows, more than `MAX_ROWS`
/// rows, or a number that is not finite.
pub fn decode_vectors(vectors_f16le: &[u8]) -> Result<Vec<[f32; DIMENSION]>> {
    let (numbers, odd) = vectors_f16le.as_chunks::<2>();
    let (rows, rest) = numbers.as_chunks::<DIMENSION>();
    if !odd.is_empty() || !rest.is_empty() {
        return Err(Error::malformed(format!(
            "vectors have {} bytes; a multiple of {VECTOR_BYTES} is needed",
            vectors_f16le.len()
        )));
    }
    if rows.len() > MAX_ROWS {
        return Err(Error::malformed(format!("{} rows; at most {MAX_ROWS}", rows.len())));
    }
    let decoded: Vec<[f32; DIMENSION]> =
        rows.iter().map(|row| row.map(|bytes| half::to_f32(u16::from_le_bytes(bytes)))).collect();
    match decoded.iter().position(|row| row.iter().any(|value| !value.is_finite())) {
        Some(row) => Err(Error::malformed(format!("row {row} holds a number that is not finite"))),
        None => Ok(decoded),
    }
}

/// Appends one row to encoded embeddings.
pub fn encode_row(row: &[f32; DIMENSION], out: &mut Vec<u8>) {
    for &value in row {
        out.extend_from_slice(&half::from_f32(value).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn row(value: f32) -> Vec<u8> {
        let mut row = [0.0; DIMENSION];
        row[3] = value;
        let mut bytes = Vec::new();
        encode_row(&row, &mut bytes);
        bytes
    }

    fn refuses(vectors: &[u8], active: &[u8], landmarks: &[u8]) {
        let result = Fingerprint::decode(vectors, active, landmarks);
        assert_eq!(result.map_err(|e| e.kind()), Err(ErrorKind::MalformedFingerprint));
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let bytes = [row(1.0), row(0.0)].concat();
        let read = Fingerprint::decode(&bytes, &[1, 0], &[]);
        let read = read.map(|f| (f.rows(), f.vectors[0][3], f.active));
        assert_eq!(read, Ok((2, 1.0, vec![true, false])));
    }

    #[test]
    fn hostile_bytes_are_refused() {
        refuses(&row(1.0)[1..], &[1], &[]);
        refuses(&row(1.0), &[1, 1], &[]);
        refuses(&row(1.0), &[2], &[]);
        refuses(&row(0.5), &[1], &[]);
        refuses(&row(1.0), &[0], &[]);
        refuses(&row(f32::NAN), &[1], &[]);
        refuses(&row(f32::INFINITY), &[0], &[]);
        refuses(&[], &[], &[0; 7]);
        refuses(&[], &[], &[0; 8]);
    }
}
