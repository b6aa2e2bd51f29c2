"""From candidates of the vote to the rows of tracks that have to be looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sonica_core

if TYPE_CHECKING:
    from sonica_core import Candidate

REFERENCE_STRIDE_FRAMES = round(sonica_core.REFERENCE_HOP_SECONDS / sonica_core.FRAME_SECONDS)
#: Rows a window reaches beyond the row it is counted as: it is about 1 s long.
EDGE_ROWS = 2


@dataclass(frozen=True, slots=True)
class PassageRange:
    """Rows `first_row` to `past_row` (exclusive) of one track's fingerprint."""

    track_number: int
    first_row: int
    past_row: int

    @property
    def row_count(self) -> int:
        """How many rows, if the track is long enough."""
        return self.past_row - self.first_row


def passage_ranges(
    candidates: Iterable[Candidate], clip_duration_seconds: float
) -> list[PassageRange]:
    """Returns where to look, without overlaps within a track.

    Args:
        candidates: alignments the vote proposed, best first.
        clip_duration_seconds: length of the clip; a margin on either side is added.

    Returns:
        Ranges in the order of their best candidate. A range may reach beyond the end of its track.
    """
    margin = sonica_core.PASSAGE_MARGIN_SECONDS / sonica_core.FRAME_SECONDS
    length = clip_duration_seconds / sonica_core.FRAME_SECONDS
    tracks: dict[int, list[PassageRange]] = {}
    for candidate in candidates:
        first = int((candidate.offset_frames - margin) // REFERENCE_STRIDE_FRAMES)
        past = int((candidate.offset_frames + length + margin) // REFERENCE_STRIDE_FRAMES) + 1
        if past > 0:
            wanted = PassageRange(candidate.track_number, max(first, 0), past)
            tracks.setdefault(candidate.track_number, []).append(wanted)
    return [joined for ranges in tracks.values() for joined in _joined(ranges)]


def _joined(ranges: list[PassageRange]) -> list[PassageRange]:
    """Joins ranges of one track that overlap."""
    ranges = sorted(ranges, key=lambda wanted: wanted.first_row)
    joined = ranges[:1]
    for wanted in ranges[1:]:
        last = joined[-1]
        if wanted.first_row > last.past_row:
            joined.append(wanted)
        else:
            past = max(last.past_row, wanted.past_row)
            joined[-1] = PassageRange(last.track_number, last.first_row, past)
    return joined
