"""`python -m fitting projection|decision --music FOLDER [--seed N] [--version N]`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import sonica_core as core

from .decision import fit_decision
from .degradations import Degrader
from .projection import Covariances, add_track
from .recordings import is_kept_for_decision, read_audio, talkers, track_paths

DATA = Path(__file__).parents[1] / "crates" / "sonica-core" / "data"
# Of the tracks in order of name, this share fits the projection, the rest version 1's decision.
PROJECTION_SHARE = 0.6


def main() -> None:
    """Parses the arguments and runs one fit."""
    parser = argparse.ArgumentParser(prog="python -m fitting", description=__doc__)
    parser.add_argument("what", choices=["projection", "decision"])
    parser.add_argument("--music", type=Path, required=True, help="folder of music")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--version", type=int, default=core.ALGORITHM_VERSIONS[-1])
    parser.add_argument("--report", type=Path, help="where to keep the decision's evidence (CSV)")
    arguments = parser.parse_args()
    paths = track_paths(arguments.music)
    if len(paths) < 10:
        parser.error(f"{arguments.music} holds {len(paths)} tracks; at least 10 are needed")
    degrader = Degrader(talkers())
    if arguments.what == "projection":
        split = int(PROJECTION_SHARE * len(paths))
        fit_projection(paths[:split], degrader, arguments.seed)
        return
    learned, kept = split_by_use(paths, arguments.version)
    fit_decision(learned, kept, degrader, arguments.version, arguments.seed, DATA, arguments.report)


def split_by_use(paths: list[Path], version: int) -> tuple[list[Path], list[Path]]:
    """Returns the tracks the embedding of a version was learned from, and the others."""
    if version == 1:
        split = int(PROJECTION_SHARE * len(paths))
        return paths[:split], paths[split:]
    kept = [path for path in paths if is_kept_for_decision(path.stem)]
    return [path for path in paths if path not in kept], kept


def fit_projection(paths: list[Path], degrader: Degrader, seed: int) -> None:
    """Fits the projection and writes it as little-endian binary16."""
    sums = Covariances.empty()
    for index, path in enumerate(paths):
        rng = np.random.default_rng([seed, index])
        add_track(sums, read_audio(path), degrader, rng)
        print(f"\r{index + 1}/{len(paths)} tracks, {sums.signal_count} windows", end="", flush=True)
    (DATA / "projection-v1.f16").write_bytes(sums.projection().astype("<f2").tobytes())
    print()


if __name__ == "__main__":
    main()
