//! Reading fingerprints from Python.

use numpy::{IntoPyArray, PyArray2, PyArrayMethods, ndarray::Array2};
use pyo3::prelude::*;
use sonica_core::fingerprint::{self, Fingerprint};
use sonica_core::landmarks::decode as decode_landmarks;
use sonica_core::params::DIMENSION;
use sonica_core::{AlgorithmVersion, Purpose};

use crate::errors::raise;

/// Checks a fingerprint and returns its number of rows.
#[pyfunction]
pub fn validate_fingerprint(
    py: Python<'_>,
    algorithm_version: i32,
    purpose: &str,
    vectors_f16le: &[u8],
    active_windows: &[u8],
    landmarks: &[u8],
) -> PyResult<usize> {
    let version = AlgorithmVersion::from_number(algorithm_version).map_err(raise)?;
    Purpose::from_name(purpose).map_err(raise)?;
    py.detach(|| Fingerprint::decode(version, vectors_f16le, active_windows, landmarks))
        .map(|fingerprint| fingerprint.rows())
        .map_err(raise)
}

/// Bytes of one row of a version's fingerprints.
#[pyfunction]
pub fn row_bytes(algorithm_version: i32) -> PyResult<usize> {
    AlgorithmVersion::from_number(algorithm_version).map(fingerprint::row_bytes).map_err(raise)
}

/// What an index is searched by as float32, shape (n, 128).
#[pyfunction]
pub fn decode_vectors<'py>(
    py: Python<'py>,
    algorithm_version: i32,
    vectors_f16le: &[u8],
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let version = AlgorithmVersion::from_number(algorithm_version).map_err(raise)?;
    let rows = py.detach(|| fingerprint::decode_vectors(version, vectors_f16le)).map_err(raise)?;
    let count = rows.len();
    rows.into_flattened().into_pyarray(py).reshape([count, DIMENSION])
}

/// Landmarks as uint32, shape (n, 4): frame, anchor bin, target bin, frame distance.
#[pyfunction]
pub fn landmark_table<'py>(
    py: Python<'py>,
    landmarks: &[u8],
) -> PyResult<Bound<'py, PyArray2<u32>>> {
    let decoded = py.detach(|| decode_landmarks(landmarks)).map_err(raise)?;
    let mut table = Array2::zeros((decoded.len(), 4));
    for (mut row, mark) in table.outer_iter_mut().zip(decoded) {
        row[0] = mark.frame;
        row[1] = u32::from(mark.anchor_bin);
        row[2] = u32::from(mark.target_bin);
        row[3] = u32::from(mark.frame_distance);
    }
    Ok(table.into_pyarray(py))
}
