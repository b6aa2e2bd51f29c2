"""`sonica index`: what is found, what is stated about it, what is skipped, what fails.

Method: the command runs in this process against a server that registers bytes; files need not be
music for it.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest

from sonica_cli.demo.compose import compose, write
from sonica_cli.recordings import below
from tests.unit.sonica_cli.conftest import Sonica
from tests.unit.sonica_client.edge import Edge

Connected = tuple[Sonica, Edge]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "one.mp3").write_bytes(b"first")
    (folder / "deep" / "two.FLAC").write_bytes(b"second")
    (folder / "deep" / "er" / "three.m4a").write_bytes(b"third")
    (folder / "notes.txt").write_bytes(b"no music")
    (folder / "._one.mp3").write_bytes(b"what another system left")
    return folder


def test_walks_folders_for_audio(connected: Connected, music: Path) -> None:
    sonica, edge = connected
    ran = sonica("index", music)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("3 registered")
    assert {track.title for track in edge.tracks.values()} == {"one", "two", "three"}
    assert all(track.source_uri.startswith("file://") for track in edge.tracks.values())


def test_named_file_is_taken_whatever_its_suffix(connected: Connected, music: Path) -> None:
    sonica, edge = connected
    assert sonica("index", music / "notes.txt").code == 0
    assert list(edge.audio.values()) == [b"no music"]


def test_second_run_sends_nothing(connected: Connected, music: Path) -> None:
    sonica, edge = connected
    sonica("index", music)
    edge.calls.clear()
    ran = sonica("index", music)
    assert ran.code == 0
    assert "0 registered" in ran.out
    assert "3 known before" in ran.out
    assert set(edge.calls) <= {"LookupTracks", "ImportTracks"}
    assert len(edge.tracks) == 3


def test_failures_are_listed_and_the_rest_is_done(connected: Connected, music: Path) -> None:
    sonica, edge = connected
    (music / "broken.wav").write_bytes(b"bad bytes")
    (music / "empty.wav").touch()
    ran = sonica("index", music, music / "nowhere")
    assert ran.code == 1
    assert "3 registered" in ran.out
    assert "3 failed" in ran.out
    for name, why in (
        ("broken.wav", "no container was found"),
        ("empty.wav", "0 bytes"),
        ("nowhere", "there is no such file or folder"),
    ):
        line = next(line for line in ran.err.splitlines() if name in line)
        assert why in line
    assert len(edge.tracks) == 3


def test_folder_without_permission_is_reported() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "open.mp3").touch()
        (folder / "closed").mkdir()
        (folder / "closed" / "hidden.mp3").touch()
        (folder / "closed").chmod(0)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65_534)  # root may read everything
        try:
            found, problems = below([folder])
        finally:
            os.seteuid(before)
            (folder / "closed").chmod(0o755)
    assert [recording.path.name for recording in found] == ["open.mp3"]
    (problem,) = problems
    assert problem.name.endswith("closed")
    assert problem.message == "Permission denied"


def test_tags_are_read_from_files(connected: Connected, tmp_path: Path) -> None:
    sonica, edge = connected
    piece = compose(3, 0, duration_seconds=5)
    for suffix in (".flac", ".mp3", ".m4a", ".opus", ".wav"):
        write(compose(3, len(suffix), duration_seconds=5), tmp_path / f"file{suffix}")
    write(piece, tmp_path / "piece.flac")
    assert sonica("index", tmp_path / "piece.flac").code == 0
    (track,) = edge.tracks.values()
    assert (track.title, track.artist, track.genre) == (piece.title, piece.artist, piece.genre)


def test_manifest_states_everything(connected: Connected, music: Path) -> None:
    sonica, edge = connected
    manifest = music / "list.csv"
    manifest.write_text(
        "\ufefffile,external_id,title,artist,album,isrc,language,genre,year\n"
        "one.mp3,x-1,Eins,Wer,Platte,us-rc1-76-07839,hi,Pop,1976\n"
        "deep/two.FLAC,,,,,,,,\n",
        encoding="utf-8",
    )
    ran = sonica("index", "--manifest", manifest)
    assert ran.code == 0, ran.err
    stated = next(t for t in edge.tracks.values() if t.external_id == "x-1")
    assert (stated.title, stated.artist, stated.album) == ("Eins", "Wer", "Platte")
    assert (stated.isrc, stated.language, stated.genre) == ("USRC17607839", "hi", "Pop")
    assert stated.year == 1976
    assert {track.title for track in edge.tracks.values()} == {"Eins", "two"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,titel,jahr\none.mp3,x,1\n", ["unknown columns 'titel', 'jahr'", "title, year"]),
        ("title\nx\n", ["missing column 'file'"]),
        ("", ["missing column 'file'"]),
        ("file,file\none.mp3,one.mp3\n", ["column given twice 'file'"]),
        ("file,title\none.mp3\n", ["line 2: not as many cells as columns"]),
        ('file\n"one.mp3\n', ["not a CSV file in UTF-8"]),
    ],
)
def test_wrong_manifest_is_refused_whole(
    connected: Connected, music: Path, text: str, said: list[str]
) -> None:
    sonica, edge = connected
    manifest = music / "list.csv"
    manifest.write_text(text)
    ran = sonica("index", "--manifest", manifest)
    assert ran.code == 2
    assert all(words in ran.err for words in said)
    assert edge.calls == []


def test_binary_manifest_is_refused(connected: Connected, tmp_path: Path) -> None:
    manifest = tmp_path / "list.csv"
    manifest.write_bytes(b"\xff\xfe\x00\x01")
    assert connected[0]("index", "--manifest", manifest).code == 2


def test_wrong_rows_fail_alone(connected: Connected, music: Path) -> None:
    sonica, edge = connected
    manifest = music / "list.csv"
    manifest.write_text(
        "file,title,year,isrc\n"
        "one.mp3,Good,,\n"
        "missing.mp3,,,\n"
        ",,,\n"
        "deep/two.FLAC,,20x1,\n"
        "deep/two.FLAC,,,ABC\n"
        f"deep/two.FLAC,{'x' * 501},,\n"
    )
    ran = sonica("index", "--manifest", manifest)
    assert ran.code == 1
    assert "1 registered" in ran.out
    assert "5 failed" in ran.out
    for said in (
        "No such file or directory",
        "the column `file` is empty",
        "year '20x1' is not between 1860 and 2200",
        "isrc 'ABC' is not of the form",
        "title has 501 characters; at most 500 are stored",
    ):
        assert said in ran.err
    assert [track.title for track in edge.tracks.values()] == ["Good"]


def test_same_bytes_under_another_name_are_named(connected: Connected, music: Path) -> None:
    sonica, _ = connected
    (music / "copy.mp3").write_bytes(b"first")
    manifest = music / "list.csv"
    manifest.write_text("file,external_id\none.mp3,a\ncopy.mp3,b\n")
    ran = sonica("index", "--manifest", manifest, "--jobs", 1)
    assert ran.code == 1
    assert "the same bytes are registered already, as external_id 'a'" in ran.err


@pytest.mark.parametrize("arguments", [(), ("x.mp3", "--manifest", "y.csv")])
def test_misuse(sonica: Sonica, arguments: tuple[str, ...]) -> None:
    assert sonica("index", *arguments).code == 2


def test_no_mesh_is_one_clear_failure(sonica: Sonica, music: Path) -> None:
    ran = sonica("index", music, "--address", "127.0.0.1:1")
    assert ran.code == 1
    assert "no answer from 127.0.0.1:1" in ran.err
    assert "sonica up" in ran.err


def test_interrupt_finishes_what_is_under_way_and_goes_on(
    connected: Connected, tmp_path: Path
) -> None:
    sonica, edge = connected
    edge.delay_seconds = 0.1
    for number in range(60):
        (tmp_path / f"{number:02}.mp3").write_bytes(b"song %d" % number)

    def interrupt() -> None:
        while len(edge.tracks) < 5:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    ran = sonica("index", tmp_path, "--jobs", 2)
    assert ran.code == 130
    assert "Run the same command again" in ran.err
    done = len(edge.tracks)
    assert 5 <= done < 60
    assert f"{done} registered" in ran.out
    again = sonica("index", tmp_path)
    assert again.code == 0
    assert f"{60 - done} registered" in again.out
    assert f"{done} known before" in again.out
    assert len(edge.tracks) == 60


def test_broken_streams_lose_nothing(
    connected: Connected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sonica, edge = connected
    monkeypatch.setattr("sonica_cli.patience.PAUSES_SECONDS", (0.01,) * 4)
    for number in range(30):
        (tmp_path / f"{number:02}.mp3").write_bytes(b"song %d" % number)
    edge.break_every = 7
    ran = sonica("index", tmp_path, "--jobs", 3)
    assert ran.code == 0, ran.err
    assert len(edge.tracks) == 30
    assert "0 failed" in ran.out


def test_items_that_fail_for_the_moment_are_sent_again(
    connected: Connected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sonica, edge = connected
    monkeypatch.setattr("sonica_cli.patience.PAUSES_SECONDS", (0.01,) * 4)
    for number in range(20):
        (tmp_path / f"{number:02}.mp3").write_bytes(b"song %d" % number)
    edge.refuse_every = 3
    ran = sonica("index", tmp_path, "--jobs", 2)
    assert ran.code == 0, ran.err
    assert len(edge.tracks) == 20
    edge.refuse_every = 1
    (tmp_path / "new.mp3").write_bytes(b"new")
    ran = sonica("index", tmp_path)
    assert ran.code == 1
    assert "the index is away" in ran.err
    assert "20 known before" in ran.out


def test_full_disk_stops_the_run(connected: Connected, tmp_path: Path) -> None:
    sonica, edge = connected
    for number in range(30):
        (tmp_path / f"{number:02}.mp3").write_bytes(b"song %d" % number)
    edge.full_after = 4
    ran = sonica("index", tmp_path, "--jobs", 1)
    assert ran.code == 1
    assert "no room" in ran.err
    assert "Free some space" in ran.err
    assert "4 registered" in ran.out
    edge.full_after = 0
    assert "26 registered" in sonica("index", tmp_path).out
