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
