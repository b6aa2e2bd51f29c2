"""Small pieces of music from a seed, and their fingerprints."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import numpy.typing as npt
import sonica_core
from sonica.catalog.v1 import catalog_service_pb2, track_pb2
from sonica.fingerprint.v1 import fingerprint_pb2

RATE_HZ = sonica_core.SAMPLE_RATE_HZ
CURRENT = sonica_core.CURRENT_ALGORITHM_VERSION
#: A version that a catalogue can be moved to.
OTHER = next(v for v in reversed(sonica_core.ALGORITHM_VERSIONS) if v != CURRENT)
# How many tracks have a fingerprint of each version, where none has.
NONE = dict.fromkeys(sonica_core.ALGORITHM_VERSIONS, 0)
_NOTE_SECONDS = 0.25
_PURPOSES = {
    "reference": fingerprint_pb2.FINGERPRINT_PURPOSE_REFERENCE,
    "query": fingerprint_pb2.FINGERPRINT_PURPOSE_QUERY,
}


@cache
def piece(seed: int, seconds: float = 20.0) -> npt.NDArray[np.float32]:
    """Returns a melody over chords and drums: mono, float32, at `RATE_HZ`."""
    random = np.random.default_rng(seed)
    count = int(_NOTE_SECONDS * RATE_HZ)
    time = np.arange(count) / RATE_HZ
    scale = 220.0 * 2 ** (random.choice(12, 7, replace=False) / 12)
    decay = np.exp(-time * random.uniform(2, 8))
    notes = []
    for _ in range(int(np.ceil(seconds / _NOTE_SECONDS))):
        tone = np.zeros(count)
        for pitch in (random.choice(scale), random.choice(scale) * 2, random.choice(scale) * 4):
            for harmonic, weight in enumerate(random.uniform(0.2, 1, 5), 1):
                tone += weight / harmonic * np.sin(2 * np.pi * pitch * harmonic * time)
        drum = random.normal(size=count) * np.exp(-time * 40) * random.integers(0, 2)
        notes.append(0.1 * tone * decay + 0.2 * drum)
    return np.concatenate(notes)[: int(seconds * RATE_HZ)].astype(np.float32)


def fingerprint(
    pcm: npt.NDArray[np.float32], purpose: str, version: int = CURRENT
) -> fingerprint_pb2.Fingerprint:
    """Returns the fingerprint of some audio."""
    extractor = sonica_core.Extractor(version, purpose)
    extractor.push(np.ascontiguousarray(pcm))
    extractor.finish()
    part = extractor.take()
    message = fingerprint_pb2.Fingerprint(
        algorithm_version=version,
        purpose=_PURPOSES[purpose],
        vectors_f16le=part.vectors_f16le,
        active_windows=part.active_windows,
        landmarks=part.landmarks,
    )
    message.duration.FromMicroseconds(round(part.duration_seconds * 1e6))
    return message


def clip(
    seed: int,
    offset_seconds: float,
    seconds: float = 5.0,
    noise: float = 0.01,
    version: int = CURRENT,
) -> fingerprint_pb2.Fingerprint:
    """Returns the query fingerprint of a noisy cut of a piece."""
    begin = int(offset_seconds * RATE_HZ)
    cut = piece(seed)[begin : begin + int(seconds * RATE_HZ)]
    hiss = np.random.default_rng(seed + 1).normal(0, noise, len(cut)).astype(np.float32)
    return fingerprint(cut + hiss, "query", version)


def registration(
    seed: int, request_id: str = "", version: int = CURRENT, **about: str
) -> catalog_service_pb2.CreateTrackRequest:
    """Returns the request that registers a piece."""
    pcm = piece(seed)
    return catalog_service_pb2.CreateTrackRequest(
        track=track_pb2.Track(**{"title": f"Piece {seed}", "artist": "Nobody", **about}),
        fingerprint=fingerprint(pcm, "reference", version),
        content_sha256=hashlib.sha256(pcm.tobytes()).digest(),
        request_id=request_id,
    )
