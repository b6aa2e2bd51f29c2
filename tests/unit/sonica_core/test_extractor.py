"""Aim: the Python face of the extractor keeps the core's promises and refuses bad input.

Method: seeded noise bursts, cut in different ways; every kind of bad input with its exception.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt
import pytest
import sonica_core as core
from hypothesis import given, settings
from hypothesis import strategies as st


def bursts(seconds: float, seed: int = 0) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    count = int(seconds * core.SAMPLE_RATE_HZ)
    loudness = np.repeat(rng.uniform(0, 0.3, count // 400 + 1), 400)[:count]
    return (rng.standard_normal(count) * loudness).astype(np.float32)


def extract(
    audio: npt.NDArray[np.float32], purpose: str = "query", version: int = 1
) -> core.FingerprintPart:
    extractor = core.Extractor(version, purpose)
    extractor.push(audio)
    extractor.finish()
    return extractor.take()


@settings(max_examples=15)
@given(
    cuts=st.lists(st.integers(0, 24_000), max_size=8),
    purpose=st.sampled_from(["reference", "query"]),
    version=st.sampled_from(core.ALGORITHM_VERSIONS),
)
def test_streaming_equals_batch(cuts: list[int], purpose: str, version: int) -> None:
    audio = bursts(3)
    whole = extract(audio, purpose, version)
    extractor = core.Extractor(version, purpose)
    parts = []
    for chunk in np.split(audio, sorted(cuts)):
        extractor.push(chunk)
        parts.append(extractor.take())
    extractor.finish()
    parts.append(extractor.take())
    for name in ("vectors_f16le", "active_windows", "landmarks"):
        assert b"".join(getattr(part, name) for part in parts) == getattr(whole, name)
    rows_before = 0
    for part in parts:
        assert part.first_row == rows_before
        rows_before += len(part.active_windows)
    assert parts[-1].duration_seconds == whole.duration_seconds == pytest.approx(3)


@pytest.mark.parametrize(("seconds", "rows"), [(0.0, 0), (0.7, 0), (1.0, 4), (5.0, 35)])
def test_row_counts_of_queries(seconds: float, rows: int) -> None:
    part = extract(bursts(seconds))
    assert len(part.active_windows) == rows
    assert len(part.vectors_f16le) == rows * 2 * core.DIMENSION
    assert (
        core.validate_fingerprint(
            1, "query", part.vectors_f16le, part.active_windows, part.landmarks
        )
        == rows
    )


def test_a_reference_has_two_rows_a_second_and_twenty_landmarks() -> None:
    part = extract(bursts(60), "reference")
    assert len(part.active_windows) == pytest.approx(60 / core.REFERENCE_HOP_SECONDS, abs=2)
    assert 10 <= len(part.landmarks) / 8 / 60 <= 30


@pytest.mark.parametrize(
    "audio",
    [
        np.zeros(16_000, np.float32),
        np.full(16_000, 0.5, np.float32),
        np.sin(np.arange(16_000, dtype=np.float32) * 0.345),
    ],
    ids=["silence", "offset", "tone"],
)
def test_what_carries_no_signal_is_inactive(audio: npt.NDArray[np.float32]) -> None:
    part = extract(audio)
    assert part.active_windows == bytes(len(part.active_windows))
    assert not np.frombuffer(part.vectors_f16le, np.uint8).any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_audio_is_refused_whole(bad: float) -> None:
    extractor = core.Extractor(1, "query")
    with pytest.raises(core.NonFiniteAudioError, match="sample 1"):
        extractor.push(np.array([0, bad], np.float32))
    assert extractor.take().duration_seconds == 0


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros(8, np.float64),
        np.zeros((2, 4), np.float32),
        b"\0" * 8,
        None,
    ],
    ids=["float64", "two dimensions", "bytes", "nothing"],
)
def test_wrong_types_are_refused(bad: object) -> None:
    with pytest.raises(TypeError):
        core.Extractor(1, "query").push(bad)  # type: ignore[arg-type]  # the point of the test


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(
        core.UnsupportedAlgorithmError, match="version 5 is unknown; known: 1, 2, 3, 4"
    ):
        core.Extractor(5, "query")
    with pytest.raises(core.InvalidArgumentError, match="purpose"):
        core.Extractor(1, "both")
    with pytest.raises(core.InvalidArgumentError, match="contiguous"):
        core.Extractor(1, "query").push(np.zeros(16, np.float32)[::2])
    extractor = core.Extractor(1, "query")
    extractor.finish()
    extractor.finish()
    with pytest.raises(core.InvalidArgumentError, match="finished"):
        extractor.push(np.zeros(1, np.float32))


def test_a_query_is_analysed_at_another_pitch_and_a_reference_is_not() -> None:
    audio = bursts(2)
    plain = extract(audio)

    def at(pitch_factor: float, purpose: str = "query") -> core.FingerprintPart:
        extractor = core.Extractor(1, purpose, pitch_factor)
        extractor.push(audio)
        extractor.finish()
        return extractor.take()

    assert at(1.0).vectors_f16le == plain.vectors_f16le
    assert at(1.03).vectors_f16le != plain.vectors_f16le
    assert at(1.03).landmarks != plain.landmarks
    assert at(1.03).active_windows == plain.active_windows
    for purpose, bad in (("reference", 1.03), ("query", 1.2), ("query", 0.0), ("query", np.nan)):
        with pytest.raises(core.InvalidArgumentError, match="pitch_factor"):
            at(bad, purpose)


def test_versions_share_rows_and_landmarks_but_not_vectors() -> None:
    parts = [extract(bursts(5), version=version) for version in core.ALGORITHM_VERSIONS]
    assert len({part.active_windows for part in parts}) == 1
    assert len({part.landmarks for part in parts}) == 1
    assert len({part.vectors_f16le for part in parts}) == len(parts)
    first = [
        core.decode_vectors(version, part.vectors_f16le).tobytes()
        for version, part in zip(core.ALGORITHM_VERSIONS, parts, strict=True)
    ]
    # Version 4 searches as version 3 does.
    assert first[3] == first[2]
    assert len(set(first)) == len(parts) - 1
    assert core.CURRENT_ALGORITHM_VERSION in core.ALGORITHM_VERSIONS


def test_all_errors_have_one_root() -> None:
    errors = {
        value
        for name in core.__all__
        if isinstance(value := getattr(core, name), type) and issubclass(value, Exception)
    }
    assert len(errors) == 5
    assert all(issubclass(error, core.SonicaCoreError) for error in errors)


def test_extraction_leaves_the_interpreter_free() -> None:
    ticks = 0
    done = threading.Event()

    def work() -> None:
        extract(bursts(60), "reference")
        done.set()

    worker = threading.Thread(target=work)
    worker.start()
    while not done.wait(0.001):
        ticks += 1
    worker.join()
    assert ticks > 2


def test_more_audio_than_a_fingerprint_holds_is_refused_at_once() -> None:
    sample_count = int(core.ROWS_MAX * core.QUERY_HOP_SECONDS * core.SAMPLE_RATE_HZ)
    extractor = core.Extractor(1, "query")
    with pytest.raises(core.InvalidArgumentError, match="longer than 4194 s"):
        extractor.push(np.zeros(sample_count + 1, np.float32))
    assert extractor.take().duration_seconds == 0
