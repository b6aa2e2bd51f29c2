"""One job from bytes to the parts of a fingerprint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from sonica_core import (
    ALGORITHM_VERSIONS,
    CURRENT_ALGORITHM_VERSION,
    Extractor,
    NonFiniteAudioError,
)

from fingerprint_svc.model import Job, JobError, Part, Summary, WorkerLimits
from fingerprint_svc.worker.decoding import open_track
from fingerprint_svc.worker.mono import SAMPLE_RATE_HZ, F32Array
from fingerprint_svc.worker.source import Source


class Stopwatch:
    """Adds up the time spent in several pieces."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def __enter__(self) -> None:
        self._since = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._since


def run_job(
    job: Job,
    source: Source,
    waiting: Stopwatch,
    limits: WorkerLimits,
    emit: Callable[[Part], None],
) -> Summary:
    """Decodes and analyses the bytes of one job.

    Args:
        job: what is wanted.
        source: the bytes.
        waiting: measures the time `source` waits for the caller, which is nobody's work.
        limits: of this process.
        emit: takes each part as soon as `job.part_seconds` of new audio are analysed.

    Raises:
        JobError: for any reason audio can be refused.
    """
    started = time.perf_counter()
    extracting = Stopwatch()
    version = _known_version(job.algorithm_version)
    extractors = [Extractor(version, job.purpose, factor) for factor in job.pitch_factors]
    sample_count = part_at = 0
    part_samples = round(job.part_seconds * SAMPLE_RATE_HZ)
    with open_track(source, job.pcm, limits) as track:
        for pcm in _excerpt(track.audio(source), job):
            with extracting:
                for extractor in extractors:
                    _push(extractor, pcm)
            sample_count += len(pcm)
            if sample_count - part_at >= part_samples:
                part_at = sample_count
                _emit_new(version, extractors, extracting, emit)
        container, codec = track.container, track.codec
    with extracting:
        for extractor in extractors:
            extractor.finish()
    _emit_new(version, extractors, extracting, emit)
    busy = time.perf_counter() - started - waiting.seconds
    return Summary(
        container=container,
        codec=codec,
        duration_seconds=sample_count / SAMPLE_RATE_HZ,
        decode_seconds=max(0.0, busy - extracting.seconds),
        extract_seconds=extracting.seconds,
        algorithm_version=version,
    )


def _known_version(wanted: int) -> int:
    """Returns the version to extract in.

    Raises:
        JobError: ALGORITHM_UNSUPPORTED.
    """
    if wanted and wanted not in ALGORITHM_VERSIONS:
        known = ", ".join(map(str, ALGORITHM_VERSIONS))
        raise JobError(
            "ALGORITHM_UNSUPPORTED",
            f"algorithm_version is {wanted}; this release extracts {known} (0 means "
            f"{CURRENT_ALGORITHM_VERSION})",
            algorithm_version=str(wanted),
            known_algorithm_versions=known,
        )
    return wanted or CURRENT_ALGORITHM_VERSION


def _excerpt(chunks: Iterator[F32Array], job: Job) -> Iterator[F32Array]:
    """Yields the wanted passage, exact to the sample, and stops decoding after it.

    Raises:
        JobError: AUDIO_TOO_LONG.
    """
    first = round(job.skip_seconds * SAMPLE_RATE_HZ)
    end = first + round(job.keep_seconds * SAMPLE_RATE_HZ)
    at = 0
    for chunk in chunks:
        wanted = chunk[max(0, first - at) : max(0, end - at)]
        at += len(chunk)
        if len(wanted):
            yield wanted
        if at > end and job.refuse_longer:
            raise JobError(
                "AUDIO_TOO_LONG",
                f"the audio is longer than {job.keep_seconds:g} s, the most one call analyses; "
                "set max_duration to analyse the beginning",
                seconds_max=f"{job.keep_seconds:g}",
            )
        if at >= end and not job.refuse_longer:
            return


def _push(extractor: Extractor, pcm: F32Array) -> None:
    try:
        extractor.push(pcm)
    except NonFiniteAudioError as error:
        raise JobError("AUDIO_NOT_FINITE", f"the audio is not finite: {error}") from error


def _emit_new(
    version: int,
    extractors: Sequence[Extractor],
    extracting: Stopwatch,
    emit: Callable[[Part], None],
) -> None:
    for number, extractor in enumerate(extractors):
        with extracting:
            taken = extractor.take()
        if taken.active_windows or taken.landmarks:
            emit(
                Part(
                    first_row=taken.first_row,
                    duration_seconds=taken.duration_seconds,
                    vectors_f16le=taken.vectors_f16le,
                    active_windows=taken.active_windows,
                    landmarks=taken.landmarks,
                    algorithm_version=version,
                    fingerprint_number=number,
                )
            )
