"""Writes pieces of the demonstration's own composer: `python -m training.composed FOLDER`.

Runs in the project's environment (`.venv`), which has the composer. Its seeds are used by nothing
else: neither the demonstration, nor the tests, nor an evaluation composes from them.
"""

from __future__ import annotations

import argparse
import wave
from pathlib import Path

from sonica_cli.demo.compose import compose

FIRST_SEED = 7_000
STYLES = 12
COUNT = 150


def main() -> None:
    """Writes every piece the folder lacks."""
    parser = argparse.ArgumentParser(prog="python -m training.composed", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(COUNT):
        target = folder / f"composed--{number:04d}.wav"
        if target.exists():
            continue
        seed, index = divmod(number, STYLES)
        piece = compose(FIRST_SEED + seed, index)
        with wave.open(str(target), "wb") as file:
            file.setparams((1, 2, piece.sample_rate_hz, 0, "NONE", ""))
            file.writeframes((piece.pcm * 32_767).astype("<i2").tobytes())
    print(f"{COUNT} pieces in {folder}")


if __name__ == "__main__":
    main()
