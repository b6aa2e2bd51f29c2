//! Voting, alignment and verification as Python sees them.

use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray2, ndarray::Array2};
use pyo3::prelude::*;
use sonica_core::fingerprint::Fingerprint;
use sonica_core::matching::{self, Alignment, Passage};
use sonica_core::params::FRAME_SECONDS;
use sonica_core::voting::{self, Candidate};
use sonica_core::{AlgorithmVersion, landmarks, verification};

use crate::errors::{InvalidArgumentError, raise};

/// A place in a track a clip may have been taken from.
#[pyclass(name = "Candidate", module = "sonica_core", frozen)]
pub struct PyCandidate(Candidate);

#[pymethods]
impl PyCandidate {
    #[getter]
    fn track_number(&self) -> u64 {
        self.0.track_number
    }

    #[getter]
    fn offset_frames(&self) -> i64 {
        self.0.offset_frames
    }

    #[getter]
    fn vote_score(&self) -> f32 {
        self.0.vote_score
    }
}

/// A clip's fingerprint, validated.
#[pyclass(name = "QueryFingerprint", module = "sonica_core", frozen)]
pub struct PyQueryFingerprint {
    fingerprint: Fingerprint,
    duration_seconds: f64,
}

#[pymethods]
impl PyQueryFingerprint {
    #[new]
    fn new(
        algorithm_version: i32,
        vectors_f16le: &[u8],
        active_windows: &[u8],
        landmarks: &[u8],
        duration_seconds: f64,
    ) -> PyResult<Self> {
        let version = AlgorithmVersion::from_number(algorithm_version).map_err(raise)?;
        if !(0.0..=86_400.0).contains(&duration_seconds) {
            return Err(InvalidArgumentError::new_err(format!(
                "duration_seconds is {duration_seconds}; 0 to 86400 is allowed"
            )));
        }
        let fingerprint = Fingerprint::decode(version, vectors_f16le, active_windows, landmarks)
            .map_err(raise)?;
        Ok(Self { fingerprint, duration_seconds })
    }
}

/// A slice of a registered fingerprint, validated.
#[pyclass(name = "ReferencePassage", module = "sonica_core", frozen)]
pub struct PyReferencePassage(Passage);

#[pymethods]
impl PyReferencePassage {
    #[new]
    fn new(
        algorithm_version: i32,
        track_number: u64,
        first_row: usize,
        vectors_f16le: &[u8],
        active_windows: &[u8],
        landmarks: &[u8],
    ) -> PyResult<Self> {
        let version = AlgorithmVersion::from_number(algorithm_version).map_err(raise)?;
        let fingerprint = Fingerprint::decode(version, vectors_f16le, active_windows, landmarks)
            .map_err(raise)?;
        Ok(Self(Passage { track_number, first_row, fingerprint }))
    }
}

/// One recording a clip may have been taken from.
#[pyclass(name = "Alignment", module = "sonica_core", frozen)]
pub struct PyAlignment(Alignment);

#[pymethods]
impl PyAlignment {
    #[getter]
    fn track_number(&self) -> u64 {
        self.0.track_number
    }

    #[getter]
    fn track_offset_seconds(&self) -> f64 {
        self.0.track_offset_seconds
    }

    #[getter]
    fn clip_offset_seconds(&self) -> f64 {
        self.0.clip_offset_seconds
    }

    #[getter]
    fn matched_duration_seconds(&self) -> f64 {
        self.0.matched_duration_seconds
    }

    #[getter]
    fn speed_factor(&self) -> f64 {
        self.0.speed_factor
    }

    #[getter]
    fn score(&self) -> f64 {
        self.0.score
    }

    #[getter]
    fn ambiguous(&self) -> bool {
        self.0.ambiguous
    }

    #[getter]
    fn accepted(&self) -> bool {
        self.0.accepted
    }

    #[getter]
    fn mean_cosine(&self) -> f64 {
        f64::from(self.0.evidence.mean_cosine)
    }

    #[getter]
    fn cosine_margin(&self) -> f64 {
        f64::from(self.0.evidence.cosine_margin)
    }

    #[getter]
    fn significance(&self) -> f64 {
        f64::from(self.0.evidence.significance)
    }

    #[getter]
    fn significance_margin(&self) -> f64 {
        f64::from(self.0.evidence.significance_margin)
    }

    #[getter]
    fn rival_mean(&self) -> f64 {
        f64::from(self.0.evidence.rival_mean)
    }

    #[getter]
    fn rival_spread(&self) -> f64 {
        f64::from(self.0.evidence.rival_spread)
    }

    #[getter]
    fn shifted_landmark_count(&self) -> usize {
        self.0.evidence.shifted_landmark_count
    }

    #[getter]
    fn aligned_peak_count(&self) -> usize {
        self.0.evidence.aligned_peak_count
    }

    #[getter]
    fn chance_peak_count(&self) -> f64 {
        f64::from(self.0.evidence.chance_peak_count)
    }

    #[getter]
    fn chance_shifted_landmark_count(&self) -> f64 {
        f64::from(self.0.evidence.chance_shifted_landmark_count)
    }

    #[getter]
    fn chance_landmark_count(&self) -> f64 {
        f64::from(self.0.evidence.chance_landmark_count)
    }

    #[getter]
    fn active_row_count(&self) -> usize {
        self.0.evidence.active_row_count
    }

    #[getter]
    fn aligned_landmark_count(&self) -> usize {
        self.0.evidence.aligned_landmark_count
    }

    #[getter]
    fn second_significance(&self) -> f64 {
        f64::from(self.0.evidence.second_significance)
    }

    #[getter]
    fn second_margin(&self) -> f64 {
        f64::from(self.0.evidence.second_margin)
    }

    #[getter]
    fn second_rival_mean(&self) -> f64 {
        f64::from(self.0.evidence.second_rival_mean)
    }

    #[getter]
    fn second_rival_spread(&self) -> f64 {
        f64::from(self.0.evidence.second_rival_spread)
    }

    #[getter]
    fn second_cosine(&self) -> f64 {
        f64::from(self.0.evidence.second_cosine)
    }

    #[getter]
    fn clip_landmark_count(&self) -> usize {
        self.0.evidence.clip_landmark_count
    }
}

/// The id of one row of one track in the vector index.
#[pyfunction]
pub fn point_id(track_number: u64, row: usize) -> PyResult<u64> {
    voting::point_id(track_number, row).map_err(raise)
}

/// Which rows of a query the index is searched with, shape (n,).
#[pyfunction]
pub fn searched_rows<'py>(py: Python<'py>, active_windows: &[u8]) -> Bound<'py, PyArray1<bool>> {
    let active: Vec<bool> = active_windows.iter().map(|&flag| flag != 0).collect();
    voting::searched_rows(&active).into_pyarray(py)
}

/// Candidates from the neighbours of each row of a query, best first.
#[pyfunction]
pub fn vote(
    py: Python<'_>,
    algorithm_version: i32,
    point_ids: PyReadonlyArray2<'_, u64>,
    scores: PyReadonlyArray2<'_, f32>,
    max_candidate_count: usize,
) -> PyResult<Vec<PyCandidate>> {
    AlgorithmVersion::from_number(algorithm_version).map_err(raise)?;
    let (ids, similarities) = (point_ids.as_array(), scores.as_array());
    let neighbours = ids.ncols();
    let (Some(ids), Some(similarities)) = (ids.to_slice(), similarities.to_slice()) else {
        return Err(InvalidArgumentError::new_err("point_ids and scores must be contiguous"));
    };
    if point_ids.as_array().dim() != scores.as_array().dim() {
        return Err(InvalidArgumentError::new_err("point_ids and scores differ in shape"));
    }
    py.detach(|| voting::vote(ids, similarities, neighbours, max_candidate_count))
        .map(|found| found.into_iter().map(PyCandidate).collect())
        .map_err(raise)
}

/// Compares a clip with passages of candidate recordings, best first.
#[pyfunction]
pub fn align(
    py: Python<'_>,
    algorithm_version: i32,
    query: PyRef<'_, PyQueryFingerprint>,
    references: Vec<PyRef<'_, PyReferencePassage>>,
) -> PyResult<Vec<PyAlignment>> {
    let version = AlgorithmVersion::from_number(algorithm_version).map_err(raise)?;
    let clip = &*query;
    let passages: Vec<&Passage> = references.iter().map(|passage| &passage.0).collect();
    py.detach(|| matching::align(version, &clip.fingerprint, clip.duration_seconds, &passages))
        .map(|found| found.into_iter().map(PyAlignment).collect())
        .map_err(raise)
}

/// Landmarks that agree when the clip begins at `track_offset_seconds` and plays `speed_factor`
/// times faster, shape (m, 2): time in the clip and time in the track, seconds.
#[pyfunction]
#[pyo3(signature = (
    algorithm_version,
    query_landmarks,
    reference_landmarks,
    track_offset_seconds,
    speed_factor = 1.0,
))]
pub fn matched_landmarks<'py>(
    py: Python<'py>,
    algorithm_version: i32,
    query_landmarks: &[u8],
    reference_landmarks: &[u8],
    track_offset_seconds: f64,
    speed_factor: f64,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    AlgorithmVersion::from_number(algorithm_version).map_err(raise)?;
    let query = landmarks::decode(query_landmarks).map_err(raise)?;
    let reference = landmarks::decode(reference_landmarks).map_err(raise)?;
    let offset_frames = track_offset_seconds / FRAME_SECONDS;
    let pairs = verification::matched(&query, &reference, offset_frames, speed_factor);
    let mut table = Array2::zeros((pairs.len(), 2));
    for (mut row, (clip, track)) in table.outer_iter_mut().zip(pairs) {
        row[0] = (f64::from(clip.frame) * FRAME_SECONDS) as f32;
        row[1] = (f64::from(track.frame) * FRAME_SECONDS) as f32;
    }
    Ok(table.into_pyarray(py))
}
