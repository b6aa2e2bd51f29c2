"""`python -m training --music FOLDER --work FOLDER`: from a folder of music to the core's weights.

Run again after an interruption, it goes on where it was.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

CORE = Path(__file__).parents[1]
DATA = CORE / "crates" / "sonica-core" / "data"
GOLDEN = CORE.parent / "tests" / "golden"


def main() -> None:
    """Makes pairs and learns from them at the same time, then exports."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--music", type=Path, required=True, help="folder of music")
    parser.add_argument("--work", type=Path, required=True, help="for pairs and checkpoints")
    parser.add_argument("--steps", type=int, default=9_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    work, seed = arguments.work.resolve(), str(arguments.seed)

    def module(name: str, *options: str | Path) -> list[str | Path]:
        return [sys.executable, "-m", f"training.{name}", *options]

    music = arguments.music.resolve()
    making = module("generate", "--music", music, "--work", work, "--seed", seed)
    learning = module(
        "train", "--work", work, "--projection", DATA / "projection-v1.f16",
        "--steps", str(arguments.steps), "--seed", seed,
    )  # fmt: skip
    with subprocess.Popen(making, cwd=CORE) as pairs:
        try:
            subprocess.run(learning, cwd=CORE, check=True)
        finally:
            pairs.terminate()
    out = DATA / "network-v3.f16"
    exporting = ("--checkpoint", work / "checkpoint.pt", "--out", out, "--golden", GOLDEN)
    subprocess.run(module("export", *exporting), cwd=CORE, check=True)


if __name__ == "__main__":
    main()
