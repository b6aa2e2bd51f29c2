"""Finds tracks that share a recording: copies, edits, remixes, pieces cut from the same loops.

Learnt from, registered or unknown, such a track would teach that a sure answer may be wrong;
measured with, a right answer would count as a wrong one. `python -m fitting.copies FOLDER` prints
the pairs of a folder, a pair of names a line with a tab between.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .catalogue import NO_TRACK, Catalogue, extract
from .recordings import SAMPLE_RATE_HZ, Audio, read_audio, track_paths

# Landmarks above chance from which two clean passages are the same recording: of the evidence the
# least like the embeddings that are judged by it.
LANDMARKS_MIN = 12
CHECK_SECONDS = 10


def shares_with(catalogue: Catalogue, audio: Audio, own: int = NO_TRACK) -> set[int]:
    """Returns the tracks of a catalogue that share a recording with this one.

    Args:
        catalogue: registered tracks.
        audio: mono at 8 kHz; ten seconds of every twenty are looked at.
        own: its number in the catalogue, which is no copy of itself.
    """
    step = CHECK_SECONDS * SAMPLE_RATE_HZ
    shared: set[int] = set()
    for begin in range(0, len(audio) - step, 2 * step):
        clip = extract(audio[begin : begin + step], "query", catalogue.version)
        others = catalogue.recognise(clip, apart_from=own)
        best = max(others, key=lambda fit: fit.significance, default=None)
        if best and best.aligned_landmark_count >= LANDMARKS_MIN + best.chance_landmark_count:
            shared.add(best.track_number)
    return shared


def pairs(paths: list[Path]) -> list[tuple[Path, Path]]:
    """Returns which of some files share a recording, each pair in the order given."""
    tracks = [read_audio(path) for path in paths]
    catalogue = Catalogue(tracks)
    found = {
        (min(number, other), max(number, other))
        for number, audio in enumerate(tracks)
        for other in shares_with(catalogue, audio, number)
    }
    return [(paths[first], paths[second]) for first, second in sorted(found)]


def main() -> None:
    """Prints the pairs of a folder."""
    parser = argparse.ArgumentParser(prog="python -m fitting.copies", description=__doc__)
    parser.add_argument("folder", type=Path)
    for first, second in pairs(track_paths(parser.parse_args().folder)):
        print(f"{first.name}\t{second.name}")


if __name__ == "__main__":
    main()
