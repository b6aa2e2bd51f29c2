"""Gathers what a picture of a match shows: both sounds, their landmarks, and which agree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import sonica_core

from sonica_cli import media
from sonica_cli.answers import seconds
from sonica_cli.failures import CliError

if TYPE_CHECKING:
    import numpy.typing as npt
    from sonica_client import Match, SonicaClient, Track

    from sonica_cli.clip import Clip

    F32 = npt.NDArray[np.float32]

CLIP_SECONDS = 15.0
MARGIN_SECONDS = 1.0
# Spectra of algorithm_version 1 have 1,024 samples.
BIN_HZ = sonica_core.SAMPLE_RATE_HZ / 1024


@dataclass(frozen=True, slots=True)
class Explanation:
    """A match and its evidence. Times are seconds, frequencies Hz.

    Attributes:
        match: the answer, or the best candidate.
        accepted: whether it is the answer.
        clip: sound of the clip at `sonica_core.SAMPLE_RATE_HZ`.
        clip_peaks: landmarks of the clip, shape (n, 2): time, frequency.
        passage: sound around the matched place; None when the audio is out of reach.
        passage_start: time in the track at which the passage begins.
        passage_seconds: its length.
        passage_peaks: landmarks in it, shape (m, 2): time in the track, frequency.
        agreeing: landmarks that agree, shape (k, 2): time in the clip, time in the track.
        possible: pairs with equal hashes at any offset, shape (p, 2), as `agreeing`.
        source: where the passage's sound was read; empty when there is none.
    """

    match: Match
    accepted: bool
    clip: F32
    clip_peaks: F32
    passage: F32 | None
    passage_start: float
    passage_seconds: float
    passage_peaks: F32
    agreeing: F32
    possible: F32
    source: str


async def explain_match(
    client: SonicaClient, clip: Clip, reference: Path | None
) -> Explanation | None:
    """Asks the mesh, then looks at the evidence here; None when nothing comes near.

    Raises:
        SonicaError: the mesh cannot be asked, or the clip not be read by it.
        CliError: the clip, or the reference, cannot be read here.
    """
    response = await client.recognize(
        clip.content, start_seconds=clip.start_seconds, max_match_count=1, include_rejected=True
    )
    candidates = [*response.matches, *response.rejected]
    if not candidates or candidates[0].track is None:
        return None
    match = candidates[0]
    track = candidates[0].track
    stored = await client.track_fingerprint(track.track_id)
    rate = sonica_core.SAMPLE_RATE_HZ
    sound = media.decode(
        clip.content, rate, start_seconds=clip.start_seconds, seconds_max=CLIP_SECONDS
    )
    ours = _landmarks(sound, stored.algorithm_version)
    offset = seconds(match.track_offset)
    agreeing = sonica_core.matched_landmarks(
        stored.algorithm_version, ours, stored.landmarks, offset
    )
    start = max(0.0, offset - MARGIN_SECONDS)
    length = offset + len(sound) / rate + MARGIN_SECONDS - start
    passage, source = _passage(track, reference, start, length)
    table = sonica_core.landmark_table(stored.landmarks)
    times = table[:, 0] * sonica_core.FRAME_SECONDS
    near = table[(times >= start) & (times < start + length)]
    return Explanation(
        match=match,
        accepted=bool(response.matches),
        clip=sound,
        clip_peaks=_peaks(sonica_core.landmark_table(ours)),
        passage=passage,
        passage_start=start,
        passage_seconds=length,
        passage_peaks=_peaks(near),
        agreeing=agreeing,
        possible=_possible(sonica_core.landmark_table(ours), near),
        source=source,
    )


def _landmarks(sound: F32, algorithm_version: int) -> bytes:
    extractor = sonica_core.Extractor(algorithm_version, "query")
    extractor.push(np.ascontiguousarray(sound, dtype=np.float32))
    extractor.finish()
    return extractor.take().landmarks


def _peaks(table: npt.NDArray[np.uint32]) -> F32:
    """Both ends of every landmark, once each, as (time, frequency)."""
    anchors = np.stack([table[:, 0], table[:, 1]], axis=1)
    targets = np.stack([table[:, 0] + table[:, 3], table[:, 2]], axis=1)
    both = np.unique(np.concatenate([anchors, targets]), axis=0).astype(np.float32)
    both *= np.array([sonica_core.FRAME_SECONDS, BIN_HZ], dtype=np.float32)
    return both


def _possible(clip: npt.NDArray[np.uint32], near: npt.NDArray[np.uint32]) -> F32:
    """Every pair of landmarks with the same hash, as (time in the clip, time in the track)."""
    places: dict[tuple[int, ...], list[int]] = {}
    for frame, *landmark_hash in near.tolist():
        places.setdefault(tuple(landmark_hash), []).append(frame)
    pairs = [
        (frame, other)
        for frame, *landmark_hash in clip.tolist()
        for other in places.get(tuple(landmark_hash), ())
    ]
    found = np.array(pairs, dtype=np.float32).reshape(-1, 2)
    return found * np.float32(sonica_core.FRAME_SECONDS)


def _passage(
    track: Track, reference: Path | None, start: float, length: float
) -> tuple[F32 | None, str]:
    """Returns the passage's sound and where it was read; None when no file is at hand."""
    path = reference or _source_path(track.source_uri)
    if path is None or (reference is None and not path.is_file()):
        return None, ""
    try:
        sound = media.decode(
            path, sonica_core.SAMPLE_RATE_HZ, start_seconds=start, seconds_max=length
        )
    except (CliError, OSError):
        if reference is not None:
            raise
        return None, ""
    return sound, str(path)


def _source_path(source_uri: str) -> Path | None:
    parts = urlsplit(source_uri)
    if parts.scheme != "file" or parts.netloc:
        return None
    return Path(url2pathname(parts.path))
