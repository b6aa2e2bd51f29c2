"""Fingerprints of recorded music: extraction, alignment and decision.

The work is done in Rust with the interpreter detached. A fingerprint is three byte strings,
laid out as in `sonica.fingerprint.v1.Fingerprint`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sonica_core._native import (
    ALGORITHM_VERSIONS,
    CURRENT_ALGORITHM_VERSION,
    DIMENSION,
    EDGE_SECONDS,
    FRAME_SECONDS,
    PASSAGE_MARGIN_SECONDS,
    QUERY_HOP_SECONDS,
    REFERENCE_HOP_SECONDS,
    ROWS_MAX,
    SAMPLE_RATE_HZ,
    WINDOW_SECONDS,
    Alignment,
    Candidate,
    Extractor,
    FingerprintPart,
    InvalidArgumentError,
    MalformedFingerprintError,
    NonFiniteAudioError,
    QueryFingerprint,
    ReferencePassage,
    SonicaCoreError,
    UnsupportedAlgorithmError,
    align,
    decode_vectors,
    landmark_table,
    matched_landmarks,
    point_id,
    row_bytes,
    searched_rows,
    validate_fingerprint,
    vote,
)

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "ALGORITHM_VERSIONS",
    "CURRENT_ALGORITHM_VERSION",
    "DIMENSION",
    "EDGE_SECONDS",
    "FRAME_SECONDS",
    "LANDMARK_DTYPE",
    "PASSAGE_MARGIN_SECONDS",
    "QUERY_HOP_SECONDS",
    "REFERENCE_HOP_SECONDS",
    "ROWS_MAX",
    "SAMPLE_RATE_HZ",
    "WINDOW_SECONDS",
    "Alignment",
    "Candidate",
    "Extractor",
    "FingerprintPart",
    "InvalidArgumentError",
    "MalformedFingerprintError",
    "NonFiniteAudioError",
    "QueryFingerprint",
    "ReferencePassage",
    "SonicaCoreError",
    "UnsupportedAlgorithmError",
    "align",
    "decode_landmarks",
    "decode_vectors",
    "landmark_table",
    "matched_landmarks",
    "point_id",
    "row_bytes",
    "searched_rows",
    "validate_fingerprint",
    "vote",
]

LANDMARK_DTYPE = np.dtype(
    [(name, np.uint32) for name in ("frame", "anchor_bin", "target_bin", "frame_distance")]
)


def decode_landmarks(landmarks: bytes) -> npt.NDArray[np.void]:
    """Decodes landmarks for pictures and inspection.

    Args:
        landmarks: encoded landmarks, 8 bytes each.

    Returns:
        Structured array, shape (n,), of `LANDMARK_DTYPE`: `frame` of the first peak (times
        `FRAME_SECONDS` = seconds), `anchor_bin` and `target_bin` of the two peaks (times 7.8125
        = Hz), `frame_distance` between them.

    Raises:
        MalformedFingerprintError: the bytes are not landmarks.
    """
    table = np.ascontiguousarray(landmark_table(landmarks))
    return table.view(LANDMARK_DTYPE).reshape(-1)
