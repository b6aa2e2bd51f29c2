"""Aim: what a new user does with `sonica`, from `up` to `down`, on real files.

Method: every command is a process of its own; music is composed. The tests share one mesh and run
in their order, each leaving the catalogue as it found it unless its name says otherwise.
"""

from __future__ import annotations

import asyncio
import csv
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image
from sonica_client import SonicaClient

from mesh import local
from sonica_cli.demo.compose import Piece, write
from sonica_cli.demo.encode import encode
from tests.mesh import music
from tests.mesh.command import Command, Ran, mesh_by_command
from tests.mesh.processes import until_ready

pytestmark = pytest.mark.slow

SUFFIXES = (".flac", ".mp3", ".m4a", ".opus", ".wav", ".ogg")
PIECE_SECONDS = 25.0


@pytest.fixture(scope="module")
def sonica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with mesh_by_command(tmp_path_factory.mktemp("journey") / "data") as command:
        yield command


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    return [music.piece(index, PIECE_SECONDS) for index in range(len(SUFFIXES))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pieces: list[Piece]) -> Path:
    """Six pieces in six formats, some in a folder below."""
    place = tmp_path_factory.mktemp("Music")
    (place / "More music").mkdir()
    for number, (piece, suffix) in enumerate(zip(pieces, SUFFIXES, strict=True)):
        write(piece, place / ("More music" if number % 2 else "") / f"{number} file{suffix}")
    return place


def clip_of(piece: Piece, at: float = 7.0, seconds: float = 10.0, suffix: str = ".m4a") -> bytes:
    rate = piece.sample_rate_hz
    return encode(piece.pcm[int(at * rate) : int((at + seconds) * rate)], rate, suffix)


def test_01_a_second_mesh_on_the_same_data_is_refused(sonica: Command) -> None:
    assert "another" in sonica("up", "--port", 0, code=1).err
    assert "ready" in sonica("status").out


def test_02_index_then_recognize_in_every_format(
    sonica: Command, folder: Path, pieces: list[Piece], tmp_path: Path
) -> None:
    ran = sonica("index", folder)
    assert ran.out.startswith("6 registered")
    assert "0 failed" in ran.out
    clips = []
    for number, (piece, suffix) in enumerate(zip(pieces, SUFFIXES, strict=True)):
        clips.append(tmp_path / f"{number}{suffix}")
        clips[-1].write_bytes(clip_of(piece, suffix=suffix))
    shown = sonica("recognize", "--json", *clips).out.splitlines()
    for line, piece in zip(shown, pieces, strict=True):
        (match, *_) = json.loads(line)["matches"]
        assert (match["title"], match["artist"]) == (piece.title, piece.artist)
        assert match["offset_s"] == pytest.approx(7.0, abs=0.1)
        assert 0.5 < match["score"] <= 1.0


def test_03_second_index_registers_nothing(sonica: Command, folder: Path) -> None:
    assert (
        "0 registered (0.0 min of audio), 6 known before, 0 failed" in sonica("index", folder).out
    )


def test_04_standard_input_start_and_unknown(
    sonica: Command, folder: Path, pieces: list[Piece]
) -> None:
    ran = sonica("recognize", "-", stdin=clip_of(pieces[1], suffix=".webm"))
    assert pieces[1].title in ran.out
    ran = sonica("recognize", "--json", "--start", 11, next(folder.glob("4*.wav")))
    assert json.loads(ran.out)["matches"][0]["offset_s"] == pytest.approx(11.0, abs=0.1)
    assert "no match" in sonica("recognize", "-", stdin=music.stranger(0)).out


def whole_trace(sonica: Command, trace_id: str) -> Ran:
    """Asks until no span is missing: on a busy machine one call is not patient enough."""
    deadline = time.monotonic() + 120
    while (drawn := sonica("trace", trace_id)).err:
        assert time.monotonic() < deadline, drawn.err
    return drawn


def test_05_trace_of_a_recognition(sonica: Command, pieces: list[Piece]) -> None:
    answer = sonica("recognize", "--json", "-", stdin=clip_of(pieces[0]))
    trace_id = json.loads(answer.out)["trace_id"]
    drawn = whole_trace(sonica, trace_id)
    assert drawn.out.startswith(f"trace {trace_id}: ")
    for service in ("envoy", "gateway", "fingerprint_svc", "match_svc"):
        assert service in drawn.out
    assert "Recognize" in drawn.out
    assert "█" in drawn.out
    assert "Recognize" in sonica("trace", "--last").out


def test_06_explain_draws(sonica: Command, pieces: list[Piece], tmp_path: Path) -> None:
    (tmp_path / "clip.m4a").write_bytes(clip_of(pieces[2]))
    ran = sonica("explain", tmp_path / "clip.m4a", "--out", tmp_path / "picture.png")
    assert pieces[2].title in ran.out
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (1280, 900)
        colours = picture.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    agreeing = sum(count for count, colour in colours if colour == (255, 80, 40))
    assert agreeing > 200, "no landmark that agrees is drawn"


def test_07_batch(sonica: Command, pieces: list[Piece], tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    with (tmp_path / "queries.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["query_id", "file"])
        for number, piece in enumerate(pieces):
            (tmp_path / "clips" / f"{number}.wav").write_bytes(clip_of(piece, suffix=".wav"))
            rows.writerow([f"known {number}", f"clips/{number}.wav"])
        (tmp_path / "clips" / "unknown.wav").write_bytes(music.stranger(1))
        rows.writerow(["unknown", "clips/unknown.wav"])
    out = tmp_path / "predictions.csv"
    sonica("recognize", "--batch", tmp_path / "queries.csv", "--out", out)
    with out.open(newline="") as file:
        found = {row["query_id"]: row for row in csv.DictReader(file)}
    assert found["unknown"]["track_id"] == ""
    listed = [json.loads(line) for line in sonica("tracks", "list", "--json").out.splitlines()]
    ids = {track["title"]: track["track_id"] for track in listed}
    for number, piece in enumerate(pieces):
        row = found[f"known {number}"]
        assert row["track_id"] == ids[piece.title]
        assert float(row["offset_s"]) == pytest.approx(7.0, abs=0.1)
        assert float(row["latency_ms"]) > 0
    again = tmp_path / "all.csv"
    sonica("recognize", "--batch", tmp_path / "queries.csv", "--out", again, "--all-answers")
    with again.open(newline="") as file:
        candidate = next(row for row in csv.DictReader(file) if row["query_id"] == "unknown")
    assert candidate["track_id"] in ids.values()
    assert float(candidate["score"]) < 0.5


def test_08_show_delete_and_register_again(
    sonica: Command, folder: Path, pieces: list[Piece]
) -> None:
    clip = clip_of(pieces[3])
    match = json.loads(sonica("recognize", "--json", "-", stdin=clip).out)["matches"][0]
    shown = sonica("tracks", "show", match["track_id"]).out
    assert pieces[3].title in shown
    assert "active" in shown
    sonica("tracks", "delete", "--yes", match["track_id"])
    assert "no match" in sonica("recognize", "-", stdin=clip).out
    assert "no track" in sonica("tracks", "show", match["track_id"], code=1).err
    assert sonica("index", folder).out.startswith("1 registered")
    back = json.loads(sonica("recognize", "--json", "-", stdin=clip).out)["matches"][0]
    assert back["title"] == pieces[3].title
    assert back["track_id"] != match["track_id"]


def test_09_listen_to_a_stream(sonica: Command, pieces: list[Piece]) -> None:
    ran = sonica("listen", "-", stdin=encode(pieces[0].pcm, 22_050, ".mp3"))
    assert pieces[0].title in ran.out
    raw = (pieces[1].pcm * 32_767).astype("<i2").tobytes()
    ran = sonica("listen", "-", "--raw", "s16le", "--rate", 22_050, "--json", stdin=raw)
    first = json.loads(ran.out.splitlines()[0])
    assert first["match"]["title"] == pieces[1].title


def test_10_rebuilt_index_answers_as_before(sonica: Command, pieces: list[Piece]) -> None:
    assert "6 tracks" in sonica("rebuild-index").out
    for piece in pieces:
        assert piece.title in sonica("recognize", "-", stdin=clip_of(piece)).out


def test_11_manifest_states_ids(sonica: Command, tmp_path: Path) -> None:
    write(music.piece(20, PIECE_SECONDS), tmp_path / "song.flac")
    manifest = tmp_path / "list.csv"
    manifest.write_text(
        "file,external_id,title,artist,isrc,language,year\n"
        "song.flac,mine-1,गीत,कोई,INA092400001,hi,2024\n",
        encoding="utf-8",
    )
    assert sonica("index", "--manifest", manifest).out.startswith("1 registered")
    shown = sonica("tracks", "show", "external:mine-1").out
    assert "गीत" in shown
    assert "INA092400001" in shown
    clip = clip_of(music.piece(20, PIECE_SECONDS))
    match = json.loads(sonica("recognize", "--json", "-", stdin=clip).out)["matches"][0]
    assert match["external_id"] == "mine-1"
    sonica("tracks", "delete", "--yes", "external:mine-1")


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A minute of music as MP3, of which copies with other bytes are made."""
    path = tmp_path_factory.mktemp("minute") / "minute.mp3"
    write(music.piece(40, 60.0), path)
    return path.read_bytes()


def many(folder: Path, content: bytes, count: int, name: str) -> list[str]:
    """Writes recordings that differ in their last bytes, and a manifest; returns their ids."""
    ids = [f"{name}-{number:02}" for number in range(count)]
    rows = ["file,external_id"]
    for external_id in ids:
        (folder / f"{external_id}.mp3").write_bytes(content + external_id.encode())
        rows.append(f"{external_id}.mp3,{external_id}")
    (folder / "list.csv").write_text("\n".join(rows) + "\n")
    return ids


def registered(sonica: Command, name: str) -> list[str]:
    """Returns the external ids that begin with a name."""

    async def read() -> list[str]:
        mesh = local.status(sonica.data_dir).mesh
        assert mesh is not None
        async with SonicaClient(mesh.edge_address) as client:
            return [track.external_id async for track in client.all_tracks()]

    return [external_id for external_id in asyncio.run(read()) if external_id.startswith(name)]


def until_begun(sonica: Command, running: subprocess.Popen[bytes], name: str) -> None:
    while not registered(sonica, name):
        assert running.poll() is None, running.communicate()


def test_12_interrupted_index_goes_on(sonica: Command, tmp_path: Path, minute: bytes) -> None:
    ids = many(tmp_path, minute, 60, "interrupted")
    running = sonica.begin("index", "--jobs", 1, "--manifest", tmp_path / "list.csv")
    until_begun(sonica, running, "interrupted")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=400)
    assert running.returncode == 130, err
    assert b"Run the same command again" in err
    assert b"Traceback" not in err
    done = len(registered(sonica, "interrupted"))
    assert 0 < done < len(ids)
    assert f"{done} registered".encode() in out
    ran = sonica("index", "--manifest", tmp_path / "list.csv")
    assert f"{len(ids) - done} registered" in ran.out
    assert f"{done} known before" in ran.out
    assert sorted(registered(sonica, "interrupted")) == ids


@pytest.mark.parametrize(
    "part", ["gateway", "match", "fingerprint", "engine", "postgres", "redis", "envoy"]
)
def test_13_killed_part_costs_no_track(
    sonica: Command, tmp_path: Path, minute: bytes, part: str
) -> None:
    ids = many(tmp_path, minute, 40, part)
    running = sonica.begin("index", "--jobs", 2, "--manifest", tmp_path / "list.csv")
    until_begun(sonica, running, part)
    # It waits while we look for the part, so that it cannot be too quick to be disturbed.
    running.send_signal(signal.SIGSTOP)
    status = local.status(sonica.data_dir)
    psutil.Process(next(p.pid for p in status.parts if p.name == part)).kill()
    running.send_signal(signal.SIGCONT)
    out, err = running.communicate(timeout=400)
    asyncio.run(until_ready(sonica.data_dir, part))
    assert b"Traceback" not in err
    assert running.returncode == 0, (out, err)
    assert sorted(registered(sonica, part)) == ids
