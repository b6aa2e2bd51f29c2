"""`sonica tracks` and `sonica rebuild-index` against a server with a small catalogue."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sonica.catalog.v1 import track_pb2

from tests.unit.sonica_cli.conftest import Sonica
from tests.unit.sonica_client.edge import Edge

Connected = tuple[Sonica, Edge]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def five(connected: Connected) -> Connected:
    for number in range(5):
        track = track_pb2.Track(title=f"Song {number}", external_id=f"x{number}", year=1990)
        connected[1].register(track, b"song %d" % number)
    return connected


def test_list(five: Connected) -> None:
    ran = five[0]("tracks", "list", "--limit", 3)
    assert ran.code == 0
    assert [line.split()[1] for line in ran.out.splitlines()[1:]] == ["x0", "x1", "x2"]
    assert "3 of 5" in ran.err
    assert len(five[0]("tracks", "list").out.splitlines()) == 6


def test_list_as_json(five: Connected) -> None:
    ran = five[0]("tracks", "list", "--json", "--limit", 0)
    shown = [json.loads(line) for line in ran.out.splitlines()]
    assert [track["external_id"] for track in shown] == [f"x{number}" for number in range(5)]
    assert shown[0]["duration_s"] == 6.0


def test_list_of_a_filter_the_newest_first(five: Connected) -> None:
    sonica, edge = five
    for track in list(edge.tracks.values())[:2]:
        track.genre = "raga"
    ran = sonica("tracks", "list", "--filter", "genre = raga", "--newest")
    assert [line.split()[1] for line in ran.out.splitlines()[1:]] == ["x1", "x0"]
    assert ran.err == ""
    assert "filter" in sonica("tracks", "list", "--filter", "genre = rock").out


def test_search(five: Connected) -> None:
    ran = five[0]("search", "Song", "3")
    assert ran.code == 0
    assert [line.split()[1:3] for line in ran.out.splitlines()[1:]] == [["Song", "3"]]
    assert "--limit" in five[0]("search", "Song", "--limit", 2).err
    shown = [json.loads(line) for line in five[0]("search", "Song", "--json").out.splitlines()]
    assert [track["title"] for track in shown] == [f"Song {n}" for n in range(5)]
    assert shown[0]["relevance"] == 1
    nothing = five[0]("search", "zzz")
    assert (nothing.code, nothing.out) == (0, "Nothing is called so.\n")


def test_update(five: Connected) -> None:
    sonica, edge = five
    ran = sonica(
        "update", "external:x2", "--set", "title=New=er", "--set", "artists=A; B", "--set", "year="
    )
    assert ran.code == 0, ran.err
    changed = next(track for track in edge.tracks.values() if track.external_id == "x2")
    assert (changed.title, list(changed.artists), changed.year) == ("New=er", ["A", "B"], 0)
    for wrong in ("title", "year=soon", "colour=red"):
        assert sonica("update", "external:x2", "--set", wrong).code == 2
    assert "artists      A; B" in sonica("tracks", "show", "external:x2").out


def test_empty_list_says_what_to_do(connected: Connected) -> None:
    ran = connected[0]("tracks", "list")
    assert ran.code == 0
    assert "sonica index" in ran.err


def test_show(five: Connected) -> None:
    ran = five[0]("tracks", "show", "external:x2")
    assert ran.code == 0
    assert "title        Song 2" in ran.out
    assert "year         1990" in ran.out
    assert "artist" not in ran.out


def test_delete_asks_first(five: Connected) -> None:
    sonica, edge = five
    assert sonica("tracks", "delete", "external:x1", stdin=b"n\n").code == 0
    assert len(edge.tracks) == 5
    ran = sonica("tracks", "delete", "external:x1", stdin=b"y\n")
    assert ran.code == 0
    assert "Deleted" in ran.out
    assert len(edge.tracks) == 4


def test_interrupt_ends_the_question(five: Connected) -> None:
    _, edge = five
    line = [sys.executable, "-m", "sonica_cli", "tracks", "delete", "external:x1"]
    with subprocess.Popen(
        line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as asking:
        assert asking.stdout is not None
        assert asking.stdout.read(6) == b"Delete"
        asking.send_signal(signal.SIGINT)
        assert asking.wait(60) in {1, 130}
    assert len(edge.tracks) == 5


def test_delete_goes_on_after_an_unknown_id(five: Connected) -> None:
    sonica, edge = five
    ran = sonica("tracks", "delete", "--yes", "external:zz", "external:x1", "external:x3")
    assert ran.code == 1
    assert "no track external:zz" in ran.err
    assert len(edge.tracks) == 3


def test_rebuild_index(five: Connected) -> None:
    ran = five[0]("rebuild-index")
    assert ran.code == 0
    assert "5 tracks" in ran.out
