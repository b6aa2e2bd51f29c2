"""A corpus of any folder of music that nobody tuned on: half of it registered, clips of all."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
from pathlib import Path

import av
import numpy as np

from sonica_cli.demo.encode import decode, encode
from sonica_cli.recordings import below
from tests.evaluation.corpus import Corpus, make_clips

RATE_HZ = 16_000
# An hour is 115 MB on disk; a longer recording is cut, further ones are left out.
TRACKS_MAX = 400
_SECONDS_MAX = 600
_SECONDS_MIN = 25
_RUST_CORE = Path(__file__).parents[2] / "rust_core"
_COLUMNS = ("track_id", "group", "duration_s", "in_index")


def held_out(music: Path, work: Path, tools: Path, seed: int) -> Corpus:
    """Returns the corpus of the music below a folder, with the clips of `seed`.

    Args:
        music: a folder; formats as `sonica index` takes them.
        work: where corpora are kept.
        tools: as for `dev_split`.
        seed: of the clips and of which half is registered.

    Raises:
        ValueError: fewer than four recordings of 25 s or more.
        subprocess.CalledProcessError: looking for copies or making the clips failed.
    """
    name = hashlib.sha256(str(music.resolve()).encode()).hexdigest()[:12]
    folder = work / "held-out" / name
    out = folder / f"q-seed-{seed}"
    corpus = Corpus(folder, folder / f"manifest-{seed}.csv", out / "queries.csv")
    if not corpus.manifest.exists():
        _convert(music, corpus, seed)
    make_clips(corpus, work, tools, seed)
    return corpus


def _convert(music: Path, corpus: Corpus, seed: int) -> None:
    corpus.wav.mkdir(parents=True, exist_ok=True)
    found, _ = below([music])
    rng = np.random.default_rng(seed)
    drawn: dict[str, tuple[Path, float]] = {}
    for recording in (found[i] for i in rng.permutation(len(found))):
        seconds = _wav(recording.path, corpus.wav)
        if seconds >= _SECONDS_MIN:
            drawn[_track_id(recording.path)] = recording.path, seconds
        if len(drawn) == TRACKS_MAX:
            break
    for copy, kept in copies(list(drawn), _pairs(corpus.wav)).items():
        print(f"left out: {drawn[copy][0]} shares a recording with {drawn[kept][0].name}")
        del drawn[copy]
    if len(drawn) < 4:
        raise ValueError(f"{music}: {len(drawn)} recordings of {_SECONDS_MIN} s or more; needs 4")
    rows = [
        (name, "real", f"{seconds:.3f}", place % 2)
        for place, (name, (_, seconds)) in enumerate(drawn.items())
    ]
    with corpus.manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows(sorted(rows))


def copies(drawn: list[str], pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Returns the tracks to leave out, each with the one drawn before that it is a copy of.

    A recording on both sides would make right answers count as wrong ones.

    Args:
        drawn: all tracks, in the order drawn.
        pairs: tracks that share a recording, in any order.
    """
    out: dict[str, str] = {}
    for place, track in enumerate(drawn):
        for kept in drawn[:place]:
            if kept not in out and ((kept, track) in pairs or (track, kept) in pairs):
                out[track] = kept
                break
    return out


def _pairs(folder: Path) -> list[tuple[str, str]]:
    print("looking for copies among the tracks", flush=True)
    command = [sys.executable, "-m", "fitting.copies", folder.resolve()]
    done = subprocess.run(command, check=True, cwd=_RUST_CORE, stdout=subprocess.PIPE, text=True)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return [(Path(first).stem, Path(second).stem) for first, second in lines]


def _track_id(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]


def _wav(path: Path, folder: Path) -> float:
    """Writes a recording as the scripts want it; returns its length in seconds, 0 if unreadable."""
    try:
        pcm = decode(path, RATE_HZ)[: _SECONDS_MAX * RATE_HZ]
    except (av.error.FFmpegError, IndexError) as error:
        print(f"left out: {path}: {error}", flush=True)
        return 0.0
    (folder / f"{_track_id(path)}.wav").write_bytes(encode(pcm, RATE_HZ, ".wav"))
    return len(pcm) / RATE_HZ
