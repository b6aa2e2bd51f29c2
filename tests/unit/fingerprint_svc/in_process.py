"""Runs a worker's job in the test's own process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sonica_core import decode_vectors

from fingerprint_svc.model import Job, Part, PcmLayout, Purpose, Summary, WorkerLimits
from fingerprint_svc.worker.job import Stopwatch, run_job
from fingerprint_svc.worker.source import Source

LIMITS = WorkerLimits(
    memory_bytes=1 << 30,
    cpu_seconds=60,
    file_bytes=1 << 30,
    spool_folder="/tmp",  # noqa: S108 - the file there has no name
    spool_memory_bytes=1 << 20,
    channel_count_max=8,
)


@dataclass(frozen=True)
class Analysed:
    """What came of one job."""

    parts: list[Part]
    summary: Summary
    byte_count: int

    @property
    def fingerprint(self) -> tuple[bytes, bytes, bytes]:
        """Vectors, flags and landmarks of all parts."""
        return (
            b"".join(part.vectors_f16le for part in self.parts),
            b"".join(part.active_windows for part in self.parts),
            b"".join(part.landmarks for part in self.parts),
        )

    @property
    def vectors(self) -> npt.NDArray[np.float32]:
        return decode_vectors(self.summary.algorithm_version, self.fingerprint[0])


def analyse(
    content: bytes,
    *,
    purpose: Purpose = Purpose.QUERY,
    pcm: PcmLayout | None = None,
    skip_seconds: float = 0.0,
    keep_seconds: float = 60.0,
    refuse_longer: bool = False,
    part_seconds: float = 30.0,
    chunk_bytes: int | None = None,
    algorithm_version: int = 0,
    limits: WorkerLimits = LIMITS,
) -> Analysed:
    """Returns what a worker would make of `content`, arriving in chunks when a size is given."""
    arriving = _chunks(content, chunk_bytes or max(1, len(content)))
    source = Source(lambda: next(arriving, b""))
    job = Job(
        purpose,
        pcm,
        skip_seconds,
        keep_seconds,
        refuse_longer,
        part_seconds,
        algorithm_version=algorithm_version,
    )
    parts: list[Part] = []
    summary = run_job(job, source, Stopwatch(), limits, parts.append)
    return Analysed(parts, summary, source.byte_count)


def _chunks(content: bytes, chunk_bytes: int) -> Iterator[bytes]:
    for at in range(0, len(content), chunk_bytes):
        yield content[at : at + chunk_bytes]
