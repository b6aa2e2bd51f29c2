"""Builds the corpus and the clips with the frozen scripts, unless they are there."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEV_SEED = 1


@dataclass(frozen=True, slots=True)
class Corpus:
    """Music and clips on disk.

    Attributes:
        folder: where all of it lies.
        manifest: rows of `track_id, group, ..., duration_s, in_index`.
        queries: the clips, `queries.csv`.
    """

    folder: Path
    manifest: Path
    queries: Path

    @property
    def wav(self) -> Path:
        """Folder of `<track_id>.wav`, 16 kHz mono."""
        return self.folder / "wav"

    @property
    def catalogue(self) -> str:
        """Names what is registered: another choice among the same tracks is another catalogue."""
        chosen = hashlib.sha256(self.manifest.read_bytes()).hexdigest()[:6]
        return f"{self.folder.name}-{chosen}"

    def unregistered(self) -> list[Path]:
        """Returns the tracks that are never registered."""
        return [self.wav / f"{row['track_id']}.wav" for row in self._rows("0")]

    def write_index_manifest(self) -> Path:
        """Writes the tracks to register, in the columns of `sonica index --manifest`."""
        out = self.folder / "index.csv"
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["file", "external_id", "title"])
            writer.writeheader()
            for row in self._rows("1"):
                name = row["track_id"]
                writer.writerow({"file": f"wav/{name}.wav", "external_id": name, "title": name})
        return out

    def _rows(self, in_index: str) -> list[dict[str, str]]:
        with self.manifest.open(newline="", encoding="utf-8") as file:
            return [row for row in csv.DictReader(file) if row["in_index"] == in_index]


def dev_split(work: Path, tools: Path, seed: int) -> Corpus:
    """Returns the dev split with the clips of `seed`.

    Args:
        work: where it is kept between runs.
        tools: interpreter that has the packages of `requirements.lock`.
        seed: of the clips; `DEV_SEED` gives those all published figures are of.

    Raises:
        subprocess.CalledProcessError: a script failed; it has said why.
    """
    folder = work / "corpus"
    if not (folder / "complete").exists():
        print("building the corpus: 5 to 30 min", flush=True)
        script = HERE / "build_corpus.py"
        subprocess.run([tools, script, "all", "--work", folder], check=True, cwd=work)
        (folder / "complete").touch()
    out = folder / ("q-dev" if seed == DEV_SEED else f"q-seed-{seed}")
    corpus = Corpus(folder, HERE / "manifest-dev.csv", out / "queries.csv")
    make_clips(corpus, work, tools, seed)
    return corpus


def make_clips(corpus: Corpus, work: Path, tools: Path, seed: int) -> None:
    """Makes the clips of a corpus, unless they are there.

    Raises:
        subprocess.CalledProcessError: the script failed; it has said why.
    """
    if corpus.queries.exists():
        return
    print("making the clips: 3 to 15 min", flush=True)
    options = {
        "--manifest": corpus.manifest,
        "--wav": corpus.wav,
        "--out": corpus.queries.parent,
        "--seed": seed,
        "--jobs": os.cpu_count() or 1,
        "--cache": work / "corpus" / f"noise-{seed}",
        "--sfx": work / "corpus" / "x",
    }
    flat = [str(part) for option in options.items() for part in option]
    subprocess.run([tools, HERE / "make_queries.py", *flat], check=True, cwd=work)
