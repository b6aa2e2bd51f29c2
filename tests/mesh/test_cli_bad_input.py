"""Aim: bad files, bad arguments and bad places end in one clear sentence, never in a traceback.

Method: each bad input is a file named for its fault; the whole mesh is real and must still answer
afterwards. Commands are processes of their own.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sonica_cli.demo.compose import write
from sonica_cli.demo.encode import encode
from tests.mesh import music
from tests.mesh.command import Command, mesh_by_command

pytestmark = pytest.mark.slow

RATE_HZ = 22_050
# File, and words that its failure must hold; None where an empty answer is right.
FAULTS: dict[str, str | None] = {
    "empty.wav": "0 bytes",
    "one byte.mp3": "",
    "text.mp3": "text",
    "picture.wav": "picture",
    "cut in the middle of a frame.m4a": "",
    "no samples.wav": "",
    "not finite.wav": "",
    "255 channels.wav": "channels",
    "silence.flac": None,
    "tone.flac": None,
}


@pytest.fixture(scope="module")
def sonica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with mesh_by_command(tmp_path_factory.mktemp("bad") / "data") as command:
        yield command


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, sonica: Command) -> Path:
    """A registered recording."""
    path = tmp_path_factory.mktemp("good") / "good.flac"
    write(music.piece(0, 20.0), path)
    sonica("index", path)
    return path


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file a fault."""
    folder = tmp_path_factory.mktemp("faults")
    piece = music.piece(1, 10.0)
    time = np.arange(5 * RATE_HZ, dtype=np.float32) / RATE_HZ
    tone = (0.5 * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
    contents = {
        "empty.wav": b"",
        "one byte.mp3": b"x",
        "text.mp3": b"This is a letter, not a song.\n" * 40,
        "cut in the middle of a frame.m4a": encode(piece.pcm, RATE_HZ, ".m4a")[:30_000],
        "no samples.wav": wav_header(1, 16, 1, 0),
        "not finite.wav": wav_header(3, 32, 1, 40_000) + np.full(10_000, np.nan, "<f4").tobytes(),
        "255 channels.wav": wav_header(1, 16, 255, 51_000) + bytes(51_000),
        "silence.flac": encode(np.zeros(5 * RATE_HZ, np.float32), RATE_HZ, ".flac"),
        "tone.flac": encode(tone, RATE_HZ, ".flac"),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    Image.new("RGB", (64, 64), (200, 10, 10)).save(folder / "picture.png")
    (folder / "picture.png").rename(folder / "picture.wav")
    assert {path.name for path in folder.iterdir()} == set(FAULTS)
    return folder


def wav_header(layout: int, bits: int, channels: int, byte_count: int) -> bytes:
    frame = channels * bits // 8
    chunk = struct.pack("<HHIIHH", layout, channels, 8000, 8000 * frame, frame, bits)
    head = b"WAVEfmt " + struct.pack("<I", len(chunk)) + chunk
    head += b"data" + struct.pack("<I", byte_count)
    return b"RIFF" + struct.pack("<I", len(head) + byte_count) + head


@pytest.mark.parametrize("name", FAULTS)
def test_bad_clip(sonica: Command, bad: Path, name: str) -> None:
    words = FAULTS[name]
    ran = sonica("recognize", "--json", bad / name, code=0 if words is None else 1)
    answer = json.loads(ran.out)
    if words is None:
        assert answer["matches"] == []
    else:
        assert words in answer["error"]["message"]
        assert answer["error"]["message"] != ""


def test_bad_files_are_listed_and_good_ones_registered(
    sonica: Command, bad: Path, tmp_path: Path
) -> None:
    write(music.piece(2, 12.0), tmp_path / "fine.mp3")
    ran = sonica("index", bad, tmp_path, code=1)
    assert ran.out.startswith("1 registered")
    assert f"{len(FAULTS)} failed" in ran.out
    for name in FAULTS:
        assert name in ran.err
    listed = [json.loads(line) for line in sonica("tracks", "list", "--json").out.splitlines()]
    assert not {track["title"] for track in listed} & {Path(name).stem for name in FAULTS}


def test_wrong_suffix_is_no_fault(sonica: Command, good: Path, tmp_path: Path) -> None:
    (tmp_path / "really a flac.mp3").write_bytes(good.read_bytes())
    ran = sonica("recognize", tmp_path / "really a flac.mp3")
    assert music.piece(0, 20.0).title in ran.out


def test_large_upload_is_cut(sonica: Command, good: Path, tmp_path: Path) -> None:
    """A file over what one message carries: ten minutes of stereo, the piece at their end."""
    piece = music.piece(0, 20.0)
    long = np.concatenate([np.zeros(600 * RATE_HZ, np.float32), piece.pcm])
    (tmp_path / "long.wav").write_bytes(encode(long, RATE_HZ, ".wav"))
    ran = sonica("recognize", "--json", "--start", 605, tmp_path / "long.wav")
    (match, *_) = json.loads(ran.out)["matches"]
    assert match["title"] == piece.title
    assert match["offset_s"] == pytest.approx(5.0, abs=0.1)
    piped = sonica("recognize", "-", "--start", 605, stdin=(tmp_path / "long.wav").read_bytes())
    assert piece.title in piped.out


def test_large_upload_that_is_no_audio(sonica: Command, tmp_path: Path) -> None:
    (tmp_path / "noise.bin").write_bytes(os.urandom(17 << 20))
    ran = sonica("recognize", tmp_path / "noise.bin", code=1)
    assert "not readable as audio" in ran.out


def test_header_that_promises_ten_hours(sonica: Command, good: Path, tmp_path: Path) -> None:
    piece = music.piece(0, 20.0)
    samples = (piece.pcm * 32_767).astype("<i2").tobytes()
    chunk = struct.pack("<HHIIHH", 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16)
    promised = 10 * 3600 * RATE_HZ * 2
    head = b"RIFF" + struct.pack("<I", promised + 36) + b"WAVEfmt " + struct.pack("<I", 16)
    (tmp_path / "ten hours.wav").write_bytes(
        head + chunk + b"data" + struct.pack("<I", promised) + samples
    )
    ran = sonica("recognize", tmp_path / "ten hours.wav")
    assert piece.title in ran.out


def test_manifest_with_a_missing_file_and_one_with_a_wrong_column(
    sonica: Command, good: Path, tmp_path: Path
) -> None:
    manifest = tmp_path / "list.csv"
    manifest.write_text(f"file,title\nnowhere.mp3,x\n{good},y\n")
    ran = sonica("index", "--manifest", manifest, code=1)
    assert "1 known before, 1 failed" in ran.out
    assert "No such file" in ran.err
    manifest.write_text("file,tittle\nnowhere.mp3,x\n")
    ran = sonica("index", "--manifest", manifest, code=2)
    assert "'tittle'" in ran.err
    assert "title" in ran.err


def test_unknown_track(sonica: Command) -> None:
    for track_id in ("nonsense", "external:nobody", "00000000-0000-0000-0000-000000000000"):
        assert "no track" in sonica("tracks", "show", track_id, code=1).err
        assert "no track" in sonica("tracks", "delete", "--yes", track_id, code=1).err


def test_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = Command(tmp_path / "data")("up", "--port", port, code=1)
    assert f"port {port}" in ran.err
    assert "--port" in ran.err


def test_same_external_id_for_other_audio(sonica: Command, tmp_path: Path) -> None:
    for number in (3, 4):
        write(music.piece(number, 10.0), tmp_path / f"{number}.flac")
    manifest = tmp_path / "list.csv"
    manifest.write_text("file,external_id\n3.flac,same\n4.flac,same\n")
    ran = sonica("index", "--jobs", 1, "--manifest", manifest, code=1)
    assert "1 registered" in ran.out
    assert "same" in ran.err


def test_everything_still_works(sonica: Command, good: Path) -> None:
    ran = sonica("recognize", good)
    assert music.piece(0, 20.0).title in ran.out
    assert "ready" in sonica("status").out
