"""Processor time of finding a clip in a catalogue of 300 tracks; part of `make bench`.

Search, vote, passages and alignment of clips of 5 s, in one process: what remains of a query when
its audio is decoded and analysed. Most of the catalogue is made fingerprints: what a search costs
depends on how many there are.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from fingerprint_svc.model import Purpose
from tests.bench.catalogue import clips, pieces, synthetic_fingerprints
from tests.bench.in_process import InProcess, fingerprint

#: The most that finding a clip may take of a processor, in milliseconds.
MILLISECONDS_MAX = 10
_TRACKS, _PIECES = 300, 24
# With pieces of a minute, as many rows as 300 tracks of the evaluation have.
_MADE_SECONDS = 130.0
_CLIP_SECONDS = 5.0
_ROUNDS = 5


def query_milliseconds() -> float:
    """Returns the median processor time of one query, in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="sonica-bench-") as name:
        folder = Path(name)
        made = synthetic_fingerprints(_TRACKS - _PIECES, _MADE_SECONDS)
        others = ((f.vectors_f16le, f.active_windows, f.landmarks, f.seconds) for f in made)
        local = InProcess(folder / "shard", pieces(folder, _PIECES), others)
        asked = [fingerprint(clip.content, Purpose.QUERY) for clip in clips(_PIECES, _CLIP_SECONDS)]
        took = []
        for _ in range(_ROUNDS):
            for clip in asked:
                began = time.process_time()
                alignments = local.find(clip)
                took.append((time.process_time() - began) * 1e3)
                if not alignments[0].accepted:
                    raise RuntimeError("a clip was not recognised")
    return statistics.median(took)


if __name__ == "__main__":
    print(f"{query_milliseconds():.1f} ms")
