"""Aim: real fingerprints of any length pass; what does not fit together is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sonica_core

from match_svc.admission import check_query, check_reference
from match_svc.errors import FingerprintEmptyError, FingerprintMalformedError
from match_svc.model import Fingerprint

LENGTHS = (1.0, 1.3, 2.0, 4.999, 15.0, 60.5)


def _fingerprint(
    seconds: float, purpose: str, version: int = sonica_core.CURRENT_ALGORITHM_VERSION
) -> Fingerprint:
    samples = int(seconds * sonica_core.SAMPLE_RATE_HZ)
    time = np.arange(samples) / sonica_core.SAMPLE_RATE_HZ
    random = np.random.default_rng(5)
    pcm = np.sin(2 * np.pi * 300 * time * (1 + 0.1 * np.sin(3 * time)))
    pcm = 0.3 * pcm + 0.05 * random.normal(size=samples)
    extractor = sonica_core.Extractor(version, purpose)
    extractor.push(pcm.astype(np.float32))
    extractor.finish()
    part = extractor.take()
    return Fingerprint(
        version,
        part.vectors_f16le,
        part.active_windows,
        part.landmarks,
        round(part.duration_seconds * 1e6),
    )


@pytest.mark.parametrize("version", sonica_core.ALGORITHM_VERSIONS)
@pytest.mark.parametrize("seconds", LENGTHS)
def test_real_fingerprints_pass(seconds: float, version: int) -> None:
    check_reference(_fingerprint(seconds, "reference", version))
    if seconds <= 60:
        check_query(_fingerprint(seconds, "query", version))


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.5])
def test_audio_shorter_than_a_window_is_no_fault_of_a_clip(seconds: float) -> None:
    clip = _fingerprint(seconds, "query")
    check_query(clip)
    with pytest.raises(FingerprintEmptyError):
        check_reference(replace(clip, vectors_f16le=b"", active_windows=b"", landmarks=b""))


@pytest.mark.parametrize("microseconds", [-1, 0, 2_000_000, 100_000_000, 10**15])
def test_a_duration_the_rows_do_not_cover_is_refused(microseconds: int) -> None:
    fingerprint = replace(_fingerprint(15.0, "reference"), duration=microseconds)
    with pytest.raises(FingerprintMalformedError):
        check_reference(fingerprint)


def test_a_landmark_beyond_the_end_is_refused() -> None:
    fingerprint = _fingerprint(15.0, "reference")
    marks = bytearray(fingerprint.landmarks)
    marks[-8:-4] = (2**31).to_bytes(4, "little")
    with pytest.raises(FingerprintMalformedError):
        check_reference(replace(fingerprint, landmarks=bytes(marks)))


def test_a_clip_of_too_many_windows_is_refused() -> None:
    with pytest.raises(FingerprintMalformedError) as caught:
        check_query(_fingerprint(80.0, "query"))
    assert caught.value.metadata["fault"] == "TOO_MANY_WINDOWS"
