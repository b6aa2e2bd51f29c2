"""Aim: a person moves a catalogue to another extractor and back, with `sonica`, on real files.

Method: every command is a process of its own; music is composed. The tests share one mesh and run
in their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sonica_core

from sonica_cli.demo.compose import Piece, write
from tests.mesh import music
from tests.mesh.command import Command, mesh_by_command
from tests.mesh.test_cli_journey import PIECE_SECONDS, clip_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CURRENT = sonica_core.CURRENT_ALGORITHM_VERSION
OTHER = next(v for v in reversed(sonica_core.ALGORITHM_VERSIONS) if v != CURRENT)
NONE = {str(version): 0 for version in sonica_core.ALGORITHM_VERSIONS}


@pytest.fixture(scope="module")
def sonica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with mesh_by_command(tmp_path_factory.mktemp("moving") / "data") as command:
        yield command


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    return [music.piece(index, PIECE_SECONDS) for index in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pieces: list[Piece]) -> Path:
    place = tmp_path_factory.mktemp("Music")
    for number, piece in enumerate(pieces):
        write(piece, place / f"{number}.flac")
    return place


def recognized(sonica: Command, pieces: list[Piece]) -> None:
    """Asserts that every piece is found, where it is."""
    for piece in pieces:
        ran = sonica("recognize", "--json", "-", stdin=clip_of(piece))
        (match, *_) = json.loads(ran.out)["matches"]
        assert match["title"] == piece.title
        assert match["offset_s"] == pytest.approx(7.0, abs=0.1)


def catalogue(sonica: Command) -> dict[str, object]:
    shown: dict[str, object] = json.loads(sonica("status", "--json").out)["catalogue"]
    return shown


def test_01_a_missing_file_is_named_and_nothing_changes(
    sonica: Command, folder: Path, pieces: list[Piece]
) -> None:
    assert sonica("index", folder).out.startswith("3 registered")
    (folder / "2.flac").rename(folder / "elsewhere.flac")
    ran = sonica("rebuild-index", "--algorithm", OTHER, code=1)
    assert f"2 sent for version {OTHER}" in ran.out
    assert pieces[2].title in ran.err
    assert "2.flac" in ran.err
    assert pieces[0].title not in ran.err
    assert catalogue(sonica)["algorithm_version"] == CURRENT
    recognized(sonica, pieces)


def test_02_named_files_move_the_catalogue(
    sonica: Command, folder: Path, pieces: list[Piece]
) -> None:
    ran = sonica("rebuild-index", "--algorithm", OTHER, folder)
    assert f"1 sent for version {OTHER}" in ran.out
    assert "2 had it before, 0 failed" in ran.out
    assert "3 tracks" in ran.out
    recognized(sonica, pieces)
    now = catalogue(sonica)
    assert now["algorithm_version"] == OTHER
    assert now["current_algorithm_version"] == CURRENT
    assert now["track_counts"] == NONE | {str(CURRENT): 3, str(OTHER): 3}
    assert f"3 have a fingerprint of version {CURRENT} too" in sonica("status").out
    assert f"searched by version {OTHER}" in sonica("doctor").out


def test_03_what_is_new_is_registered_in_the_version_it_has_now(
    sonica: Command, tmp_path: Path
) -> None:
    piece = music.piece(20, PIECE_SECONDS)
    write(piece, tmp_path / "new.flac")
    assert sonica("index", tmp_path).out.startswith("1 registered")
    recognized(sonica, [piece])
    assert catalogue(sonica)["track_counts"] == NONE | {str(CURRENT): 3, str(OTHER): 4}
    listed = [json.loads(line) for line in sonica("tracks", "list", "--json").out.splitlines()]
    [track_id] = [track["track_id"] for track in listed if track["title"] == piece.title]
    shown = sonica("tracks", "show", track_id).out
    assert f"extractor    version {OTHER}\nstored       version {OTHER}\n" in shown
    sonica("tracks", "delete", "--yes", track_id)


def test_04_the_way_back_needs_no_files(
    sonica: Command, folder: Path, pieces: list[Piece], tmp_path: Path
) -> None:
    folder.rename(tmp_path / "away")
    ran = sonica("rebuild-index", "--algorithm", CURRENT, "--drop-others")
    assert "3 fingerprints of other versions are deleted" in ran.out
    recognized(sonica, pieces)
    assert catalogue(sonica)["track_counts"] == NONE | {str(CURRENT): 3, str(OTHER): 0}
    refused = sonica("rebuild-index", "--algorithm", OTHER, code=1)
    assert "3 recordings have no fingerprint" in refused.err
