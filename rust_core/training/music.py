"""Fetches the music the network is trained on: redistributable tracks out of Debian packages.

`python -m training.music FOLDER` needs apt-get, dpkg-deb and ffmpeg (with libopenmpt for tracker
modules). Run again, it fetches only what is missing. Packages the evaluation is built from, or
keeps for its final figures, are not in the list of this room.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PACKAGES = Path(__file__).with_name("packages.txt")
AUDIO = {".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav"}
ARCHIVES = {".pk3", ".zip"}
MODULES = {".it", ".mod", ".s3m", ".xm"}
SECONDS_MIN, SECONDS_MAX = 25, 240
SAMPLE_RATE_HZ = 16_000
# Shorter than this at any usual bit rate is a sound effect, not music.
BYTES_MIN = {True: 8_000, False: 60_000}
WORKERS = 2


def fetch(package: str, folder: Path) -> int:
    """Extracts one package and converts its music; returns the number of tracks."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        # Debian's downloader drops its privileges, so the folder must be open to others.
        root.chmod(0o777)
        subprocess.run(
            ["apt-get", "-q", "download", package],
            cwd=root,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for archive in root.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, root / "files"], check=True)
        for archive in [p for p in (root / "files").rglob("*") if p.suffix in ARCHIVES]:
            shutil.unpack_archive(archive, archive.with_suffix(".unpacked"), "zip")
        sources = [p for p in (root / "files").rglob("*") if _is_music(p)]
        return sum(_convert(source, package, folder) for source in sorted(sources))


def _is_music(path: Path) -> bool:
    suffix = path.suffix.lower()
    if not path.is_file() or path.is_symlink() or suffix not in AUDIO | MODULES:
        return False
    return path.stat().st_size >= BYTES_MIN[suffix in MODULES]


def _convert(source: Path, package: str, folder: Path) -> bool:
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:8]
    name = re.sub(r"[^a-z0-9]+", "-", source.stem.lower()).strip("-")
    if any(folder.glob(f"*-{digest}.wav")):
        return False
    target = folder / f"{package}--{name}-{digest}.wav"
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-t", str(SECONDS_MAX), "-i", source, "-map", "0:a:0",
         "-ac", "1", "-ar", str(SAMPLE_RATE_HZ), "-c:a", "pcm_s16le", "-y", target],
        check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    long_enough = target.exists() and target.stat().st_size >= SECONDS_MIN * SAMPLE_RATE_HZ * 2
    if done.returncode or not long_enough:
        target.unlink(missing_ok=True)
        return False
    return True


def main() -> None:
    """Fetches every package of the list that the folder has no mark of."""
    parser = argparse.ArgumentParser(prog="python -m training.music", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--packages", type=Path, default=PACKAGES, help="a file of their names")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    marks = folder / ".fetched"
    marks.mkdir(parents=True, exist_ok=True)
    packages = [p for p in arguments.packages.read_text().split() if not (marks / p).exists()]

    def one(package: str) -> None:
        try:
            count = fetch(package, folder)
        except subprocess.CalledProcessError as error:
            print(f"{package}: not available here ({error})", flush=True)
            return
        (marks / package).touch()
        print(f"{package}: {count} tracks", flush=True)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, packages))


if __name__ == "__main__":
    main()
