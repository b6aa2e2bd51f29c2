//! Extraction as Python sees it.

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use sonica_core::{AlgorithmVersion, Extractor, FingerprintPart, Purpose};

use crate::errors::{InvalidArgumentError, raise};

/// What is new in a fingerprint since the last part was taken.
#[pyclass(name = "FingerprintPart", module = "sonica_core", frozen)]
pub struct PyFingerprintPart(FingerprintPart);

#[pymethods]
impl PyFingerprintPart {
    #[getter]
    fn first_row(&self) -> usize {
        self.0.first_row
    }

    #[getter]
    fn vectors_f16le(&self) -> &[u8] {
        &self.0.vectors_f16le
    }

    #[getter]
    fn active_windows(&self) -> &[u8] {
        &self.0.active_windows
    }

    #[getter]
    fn landmarks(&self) -> &[u8] {
        &self.0.landmarks
    }

    #[getter]
    fn duration_seconds(&self) -> f64 {
        self.0.duration_seconds
    }
}

/// Extracts a fingerprint while audio arrives.
#[pyclass(name = "Extractor", module = "sonica_core")]
pub struct PyExtractor(Extractor);

#[pymethods]
impl PyExtractor {
    #[new]
    #[pyo3(signature = (algorithm_version, purpose, pitch_factor=1.0))]
    fn new(algorithm_version: i32, purpose: &str, pitch_factor: f64) -> PyResult<Self> {
        let version = AlgorithmVersion::from_number(algorithm_version).map_err(raise)?;
        let purpose = Purpose::from_name(purpose).map_err(raise)?;
        Extractor::at_pitch(version, purpose, pitch_factor).map(Self).map_err(raise)
    }

    fn push(&mut self, py: Python<'_>, pcm: PyReadonlyArray1<'_, f32>) -> PyResult<()> {
        let samples =
            pcm.as_slice().map_err(|_| InvalidArgumentError::new_err("pcm must be contiguous"))?;
        let extractor = &mut self.0;
        py.detach(|| extractor.push(samples)).map_err(raise)
    }

    fn finish(&mut self, py: Python<'_>) {
        let extractor = &mut self.0;
        py.detach(|| extractor.finish());
    }

    fn take(&mut self) -> PyFingerprintPart {
        PyFingerprintPart(self.0.take())
    }
}
