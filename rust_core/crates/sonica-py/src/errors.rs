//! One Python exception for each kind of error of the core.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::{PyErr, create_exception};
use sonica_core::{Error, ErrorKind};

create_exception!(sonica_core, SonicaCoreError, PyException, "Any error of the core.");
create_exception!(
    sonica_core,
    UnsupportedAlgorithmError,
    SonicaCoreError,
    "The algorithm version is not one this core knows."
);
create_exception!(
    sonica_core,
    NonFiniteAudioError,
    SonicaCoreError,
    "The audio holds NaN or an infinity."
);
create_exception!(
    sonica_core,
    MalformedFingerprintError,
    SonicaCoreError,
    "The bytes are not a fingerprint of the stated version and purpose."
);
create_exception!(
    sonica_core,
    InvalidArgumentError,
    SonicaCoreError,
    "An argument is outside its stated range."
);

/// The exception that stands for an error of the core.
pub fn raise(error: Error) -> PyErr {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::UnsupportedAlgorithm => UnsupportedAlgorithmError::new_err(message),
        ErrorKind::NonFiniteAudio => NonFiniteAudioError::new_err(message),
        ErrorKind::MalformedFingerprint => MalformedFingerprintError::new_err(message),
        ErrorKind::InvalidArgument => InvalidArgumentError::new_err(message),
        _ => SonicaCoreError::new_err(message),
    }
}

/// Adds the exceptions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("SonicaCoreError", py.get_type::<SonicaCoreError>())?;
    module.add("UnsupportedAlgorithmError", py.get_type::<UnsupportedAlgorithmError>())?;
    module.add("NonFiniteAudioError", py.get_type::<NonFiniteAudioError>())?;
    module.add("MalformedFingerprintError", py.get_type::<MalformedFingerprintError>())?;
    module.add("InvalidArgumentError", py.get_type::<InvalidArgumentError>())
}
