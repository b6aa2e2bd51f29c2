"""What a fingerprint has to be before it is searched with or stored. CPU only, up to a few ms.

Whether it is of the version wanted is asked before; here it only has to be of a known one.
"""

from __future__ import annotations

import numpy as np
import sonica_core

from match_svc.errors import FingerprintEmptyError, FingerprintMalformedError
from match_svc.model import Fingerprint

QUERY_ROWS_MAX = 512
# How far the stated duration may be from what the rows cover: windows may begin before the audio
# does and end after it, and the end of the audio may be too short for one.
_DURATION_TOLERANCE_SECONDS = 2.0
_DURATION_SECONDS_MAX = 86_400.0


def check_query(fingerprint: Fingerprint) -> sonica_core.QueryFingerprint:
    """Checks the fingerprint of a clip.

    Raises:
        FingerprintMalformedError.
    """
    row_count = _check(fingerprint, "query", sonica_core.QUERY_HOP_SECONDS)
    if row_count > QUERY_ROWS_MAX:
        raise FingerprintMalformedError(
            f"the fingerprint has {row_count} windows; a clip may have {QUERY_ROWS_MAX}",
            fault="TOO_MANY_WINDOWS",
        )
    return sonica_core.QueryFingerprint(
        fingerprint.algorithm_version,
        fingerprint.vectors_f16le,
        fingerprint.active_windows,
        fingerprint.landmarks,
        fingerprint.duration / 1e6,
    )


def check_reference(fingerprint: Fingerprint) -> None:
    """Checks the fingerprint of a recording that is to be registered.

    Raises:
        FingerprintMalformedError, FingerprintEmptyError.
    """
    _check(fingerprint, "reference", sonica_core.REFERENCE_HOP_SECONDS)
    if not any(fingerprint.active_windows):
        raise FingerprintEmptyError(
            f"the recording, {fingerprint.duration / 1e6:.1f} s long, holds no signal that it "
            "could be recognised by: it is silent, a steady tone, or too short"
        )


def _check(fingerprint: Fingerprint, purpose: str, hop_seconds: float) -> int:
    """Returns the number of rows."""
    try:
        row_count = sonica_core.validate_fingerprint(
            fingerprint.algorithm_version,
            purpose,
            fingerprint.vectors_f16le,
            fingerprint.active_windows,
            fingerprint.landmarks,
        )
    except sonica_core.SonicaCoreError as error:
        raise FingerprintMalformedError(str(error), fault="BYTES") from error
    covered = row_count * hop_seconds
    seconds = fingerprint.duration / 1e6
    far_off = row_count and abs(seconds - covered) > _DURATION_TOLERANCE_SECONDS
    if far_off or not 0 <= seconds <= _DURATION_SECONDS_MAX:
        raise FingerprintMalformedError(
            f"duration is {seconds:.1f} s, but the windows cover {covered:.1f} s",
            fault="DURATION",
        )
    frames = np.frombuffer(fingerprint.landmarks, dtype="<u4")[::2]
    if len(frames) and frames[-1] * sonica_core.FRAME_SECONDS > seconds + 1.0:
        raise FingerprintMalformedError(
            f"a landmark lies at frame {frames[-1]}, beyond the {seconds:.1f} s of audio",
            fault="LANDMARK_BEYOND_END",
        )
    return row_count
