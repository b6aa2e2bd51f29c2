"""Writes pairs to disk while the network learns: a buffer that grows, then renews its oldest.

Distorting audio costs more than learning from it, so a pair is learned from several times; a
separate process keeps making new ones.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from fitting.degradations import Degrader
from fitting.front_end import BANDS, WINDOW_FRAMES
from fitting.recordings import talkers

from .pairs import FIRST, FIRST_EXCERPTS, THEN, WINDOWS_PER_EXCERPT, draw_excerpt
from .tracks import Track, training_tracks

EXCERPTS_MAX = 100_000
# The first excerpts are of tracks that are never learned from, to see progress by.
HELD_OUT = 512
COUNT_EVERY = 64
CODEC_SHARE = 0.04


@dataclass(frozen=True)
class Buffer:
    """Excerpts on disk.

    Attributes:
        windows: float16, shape (excerpt, clean or heard, window, 24, 64).
        tracks: number of the track of each excerpt.
        count_path: JSON file that says how many excerpts have ever been written.
    """

    windows: npt.NDArray[np.float16]
    tracks: npt.NDArray[np.int32]
    count_path: Path

    @classmethod
    def at(cls, folder: Path) -> Buffer:
        """Opens the buffer in a folder; makes it when there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        shape = (EXCERPTS_MAX, 2, WINDOWS_PER_EXCERPT, WINDOW_FRAMES, BANDS)

        def array(name: str, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[np.float16]:
            path = folder / name
            mode = "r+" if path.exists() else "w+"
            return np.lib.format.open_memmap(path, mode=mode, dtype=dtype, shape=shape)  # type: ignore[no-untyped-call]

        tracks = array("tracks.npy", "<i4", shape[:1])
        return cls(array("windows.npy", "<f2", shape), tracks, folder / "count.json")

    @property
    def written(self) -> int:
        """Number of excerpts ever written."""
        return int(json.loads(self.count_path.read_text())) if self.count_path.exists() else 0

    def note(self, written: int) -> None:
        """Says how many excerpts have been written."""
        fresh = self.count_path.with_suffix(".new")
        fresh.write_text(json.dumps(written))
        fresh.replace(self.count_path)


def place(number: int) -> int:
    """Returns where an excerpt is written: in a full buffer, over the oldest learned from."""
    if number < EXCERPTS_MAX:
        return number
    return HELD_OUT + (number - HELD_OUT) % (EXCERPTS_MAX - HELD_OUT)


def pick(tracks: list[Track], rng: np.random.Generator) -> int:
    """Draws a track: a long one more often, but not in proportion, as variety teaches more."""
    weights = np.sqrt([track.seconds for track in tracks])
    return int(rng.choice(len(tracks), p=weights / weights.sum()))


def main() -> None:
    """Writes excerpts until it is stopped or has written as many as were asked for."""
    parser = argparse.ArgumentParser(prog="python -m training.generate", description=__doc__)
    parser.add_argument("--music", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--excerpts", type=int, default=2**31)
    arguments = parser.parse_args()
    os.nice(5)
    tracks = training_tracks(arguments.music, arguments.work / "tracks")
    kept = training_tracks(arguments.music, arguments.work / "tracks", kept=True)
    print(f"{len(tracks)} tracks, {sum(t.seconds for t in tracks) / 3600:.1f} h", flush=True)
    voices = talkers()
    degraders = {
        course: Degrader(voices, CODEC_SHARE, course.noise_share, course.signal_to_noise_max_db)
        for course in (FIRST, THEN)
    }
    buffer = Buffer.at(arguments.work / "pairs")
    written = buffer.written
    began, first = time.monotonic(), written
    while written < arguments.excerpts:
        rng = np.random.default_rng([arguments.seed, written])
        held_out = written < HELD_OUT
        course = FIRST if written < FIRST_EXCERPTS else THEN
        drawn = None
        while drawn is None:
            number = pick(kept if held_out else tracks, rng)
            track = (kept if held_out else tracks)[number]
            drawn = draw_excerpt(track, course, degraders[course], rng)
        at = place(written)
        buffer.windows[at, 0], buffer.windows[at, 1] = drawn
        buffer.tracks[at] = number
        written += 1
        if written % COUNT_EVERY == 0:
            buffer.note(written)
        if written % 2_048 == 0:
            rate = (written - first) / (time.monotonic() - began)
            print(f"{written} excerpts, {rate:.0f}/s", flush=True)
    buffer.note(written)


if __name__ == "__main__":
    main()
