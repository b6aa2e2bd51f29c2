"""Aim: what crosses the socket to a worker comes out as it went in, and nonsense is typed."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import fingerprint_svc
from fingerprint_svc import errors
from fingerprint_svc.model import Job, JobError, Part, PcmLayout, Purpose, Summary, WorkerLimits
from fingerprint_svc.settings import Settings
from mesh.runtime.errors import declared_errors


@pytest.mark.parametrize("pcm", [None, PcmLayout("f32le", 48_000, 2)])
def test_job_round_trip(pcm: PcmLayout | None) -> None:
    job = Job(
        Purpose.QUERY,
        pcm,
        1.5,
        15.0,
        refuse_longer=False,
        part_seconds=0.5,
        algorithm_version=2,
        pitch_factors=(0.95, 1.05),
    )
    assert Job.from_json(job.to_json()) == job


def test_part_round_trip() -> None:
    part = Part(7, 12.125, b"v" * 512, b"\0\1", b"l" * 24, 2, 3)
    assert Part.from_bytes(part.to_bytes()) == part


def test_summary_limits_and_error_round_trip() -> None:
    summary = Summary("mp3", "mp3float", 5.0, 0.25, 0.125, 2)
    assert Summary.from_json(summary.to_json()) == summary
    limits = Settings().worker_limits()
    assert WorkerLimits.from_json(limits.to_json()) == limits
    error = JobError("AUDIO_EMPTY", "no sound", found="x")
    again = JobError.from_json(error.to_json())
    assert (again.reason, again.message, again.metadata) == (
        "AUDIO_EMPTY",
        "no sound",
        {"found": "x"},
    )


def test_every_reason_a_worker_may_give_is_declared() -> None:
    declared = {error.reason: error for error in declared_errors(errors)}
    folder = Path(fingerprint_svc.__file__).parent / "worker"
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    given = set(re.findall(r'JobError\(\s*"([A-Z_]+)"', text)) - {"ABORTED"}
    assert len(given) >= 8
    assert given <= declared.keys()


def test_error_keeps_what_it_declares_and_no_more() -> None:
    error = errors.from_fault(
        JobError("AUDIO_UNSUPPORTED", "m" * 9_000, found="f" * 9_000, supported="wav", evil="x")
    )
    assert isinstance(error, errors.AudioUnsupportedError)
    assert error.metadata.keys() == {"found", "supported"}
    assert len(error.message) + len(error.metadata["found"]) < 1_000


@pytest.mark.parametrize("reason", ["", "ABORTED", "INTERNAL", "__class__"])
def test_unknown_reason_means_a_broken_worker(reason: str) -> None:
    assert isinstance(errors.from_fault(JobError(reason, "?")), errors.DecoderDiedError)


def test_worker_limits_cover_every_setting_they_name() -> None:
    limits = Settings(query_bytes_max=2_048, reference_bytes_max=4_096).worker_limits()
    assert limits.file_bytes == 4_096
    assert {field.name for field in fields(limits)} == WorkerLimits.__annotations__.keys()
