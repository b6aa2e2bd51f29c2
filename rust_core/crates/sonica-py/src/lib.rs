//! Python face of `sonica-core`: conversion and nothing else.

mod errors;
mod extraction;
mod fingerprints;
mod matching;

use pyo3::prelude::*;

/// The native half of the Python package `sonica_core`.
#[pymodule]
mod _native {
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;
    use sonica_core::AlgorithmVersion;
    use sonica_core::params;

    #[pymodule_export]
    use crate::extraction::{PyExtractor, PyFingerprintPart};
    #[pymodule_export]
    use crate::fingerprints::{decode_vectors, landmark_table, row_bytes, validate_fingerprint};
    #[pymodule_export]
    use crate::matching::{
        PyAlignment, PyCandidate, PyQueryFingerprint, PyReferencePassage, align, matched_landmarks,
        point_id, searched_rows, vote,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let stride_seconds = |frames: usize| frames as f64 * params::FRAME_SECONDS;
        module.add("SAMPLE_RATE_HZ", params::SAMPLE_RATE_HZ)?;
        module.add("DIMENSION", params::DIMENSION)?;
        let versions = AlgorithmVersion::ALL.map(AlgorithmVersion::number);
        module.add("ALGORITHM_VERSIONS", PyTuple::new(module.py(), versions)?)?;
        module.add("CURRENT_ALGORITHM_VERSION", AlgorithmVersion::CURRENT.number())?;
        module.add("FRAME_SECONDS", params::FRAME_SECONDS)?;
        module.add("REFERENCE_HOP_SECONDS", stride_seconds(params::REFERENCE_STRIDE_FRAMES))?;
        module.add("QUERY_HOP_SECONDS", stride_seconds(params::QUERY_STRIDE_FRAMES))?;
        module.add("WINDOW_SECONDS", params::WINDOW_SECONDS)?;
        module.add("EDGE_SECONDS", stride_seconds(params::EDGE_FRAMES))?;
        module.add("PASSAGE_MARGIN_SECONDS", params::PASSAGE_MARGIN_SECONDS)?;
        module.add("ROWS_MAX", params::MAX_ROWS)?;
        crate::errors::register(module)
    }
}
