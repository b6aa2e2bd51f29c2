"""`sonica rebuild-index --algorithm`: which files are sent, what is said of those that are missing.

Method: the command runs in this process against a server that counts what it is sent.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from sonica.catalog.v1 import catalog_service_pb2, track_pb2
from sonica_client import GetCatalogStatisticsResponse

from sonica_cli.catalogue import advice, as_json, summary
from tests.unit.sonica_cli.conftest import Sonica
from tests.unit.sonica_client.edge import Edge

Connected = tuple[Sonica, Edge]


@pytest.fixture
def folder(connected: Connected, tmp_path: Path) -> Path:
    """Four registered files."""
    place = tmp_path / "my music"
    place.mkdir()
    for name in ("a", "b", "c", "ü d"):
        (place / f"{name}.mp3").write_bytes(name.encode())
    assert connected[0]("index", place).code == 0
    return place


def stored(edge: Edge) -> dict[str, list[int]]:
    return {track.title: list(track.algorithm_versions) for track in edge.tracks.values()}


def test_files_are_found_where_they_were_registered_from(
    connected: Connected, folder: Path
) -> None:
    sonica, edge = connected
    ran = sonica("rebuild-index", "--algorithm", 2)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("4 sent for version 2")
    assert "searched by version 2" in ran.out
    assert edge.version == 2
    assert stored(edge) == {name: [1, 2] for name in ("a", "b", "c", "ü d")}


def test_what_is_missing_is_named_and_the_next_run_sends_the_rest(
    connected: Connected, folder: Path, tmp_path: Path
) -> None:
    sonica, edge = connected
    (tmp_path / "elsewhere").mkdir()
    for name in ("b", "ü d"):
        (folder / f"{name}.mp3").rename(tmp_path / "elsewhere" / f"{name}.mp3")
    ran = sonica("rebuild-index", "--algorithm", 2)
    assert ran.code == 1
    assert ran.out.startswith("2 sent")
    assert "2 recordings have no fingerprint of version 2 yet" in ran.err
    assert "rebuild-index --algorithm 2 FOLDER" in ran.err
    named = [line.split()[0] for line in ran.err.splitlines() if "file://" in line]
    assert named == ["b", "ü"]
    assert edge.version == 1

    edge.calls.clear()
    ran = sonica("rebuild-index", "--algorithm", 2, tmp_path / "elsewhere", folder)
    assert ran.code == 0
    assert "2 sent for version 2" in ran.out
    assert "2 had it before, 0 failed" in ran.out
    assert edge.version == 2


def test_strangers_are_left_out_and_nothing_about_a_recording_changes(
    connected: Connected, folder: Path
) -> None:
    sonica, edge = connected
    (folder / "new.mp3").write_bytes(b"new")
    (folder / "b.mp3").rename(folder / "renamed.mp3")
    ran = sonica("rebuild-index", "--algorithm", 2, folder)
    assert ran.code == 0
    assert "4 sent" in ran.out
    assert "1 files are not in the catalogue" in ran.err
    assert set(stored(edge)) == {"a", "b", "c", "ü d"}


def test_a_manifest_names_the_files(connected: Connected, folder: Path) -> None:
    sonica, edge = connected
    manifest = folder / "list.csv"
    manifest.write_text("file,external_id\na.mp3,mine\nb.mp3,\ngone.mp3,\n")
    ran = sonica("rebuild-index", "--algorithm", 2, "--manifest", manifest)
    assert ran.code == 1
    assert "2 sent" in ran.out
    assert "1 failed" in ran.out
    assert [line for line in ran.err.splitlines() if "gone.mp3" in line]
    assert "2 recordings have no fingerprint" in ran.err
    assert {t.external_id for t in edge.tracks.values()} == {""}


def test_there_already_is_nothing_to_do(connected: Connected, folder: Path) -> None:
    sonica, edge = connected
    edge.calls.clear()
    ran = sonica("rebuild-index", "--algorithm", 1, folder)
    assert ran.code == 0
    assert "version 1 of the extractor already" in ran.out
    assert edge.calls == []


def test_others_are_dropped_when_asked_for(connected: Connected, folder: Path) -> None:
    sonica, edge = connected
    assert sonica("rebuild-index", "--algorithm", 2).code == 0
    assert not edge.dropped
    ran = sonica("rebuild-index", "--algorithm", 2, "--drop-others")
    assert ran.code == 0
    assert "fingerprints of other versions are deleted" in ran.out
    assert edge.dropped


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--algorithm", 3), "no version 3 of the extractor"),
        (("--algorithm", -1), "Usage"),
        (("x.mp3",), "only needed with --algorithm"),
        (("--algorithm", 2, "x.mp3", "--manifest", "y.csv"), "not both"),
    ],
)
def test_misuse(connected: Connected, arguments: tuple[object, ...], said: str) -> None:
    ran = connected[0]("rebuild-index", *arguments)
    assert ran.code == 2
    assert said in ran.err


def test_interrupted_it_goes_on(connected: Connected, tmp_path: Path) -> None:
    sonica, edge = connected
    for number in range(40):
        (tmp_path / f"{number:02}.mp3").write_bytes(b"song %d" % number)
    assert sonica("index", tmp_path).code == 0
    edge.delay_seconds = 0.02

    def upgraded() -> int:
        return sum(2 in versions for versions in stored(edge).values())

    def interrupt() -> None:
        while upgraded() < 4:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    ran = sonica("rebuild-index", "--algorithm", 2, tmp_path, "--jobs", 2)
    assert ran.code == 130
    assert "Run the same command again" in ran.err
    done = upgraded()
    assert 4 <= done < 40
    assert edge.version == 1
    edge.imported = 0
    ran = sonica("rebuild-index", "--algorithm", 2, tmp_path)
    assert ran.code == 0
    assert f"{40 - done} sent" in ran.out
    assert edge.imported == 40 - done
    assert edge.version == 2


def test_a_track_shows_its_versions(connected: Connected) -> None:
    sonica, edge = connected
    track, _ = edge.register(track_pb2.Track(title="One"), b"one")
    edge.register(track_pb2.Track(), b"one", 2)
    shown = sonica("tracks", "show", track.track_id).out
    assert "extractor    version 1\n" in shown
    assert "stored       version 1, version 2\n" in shown


def test_the_catalogue_in_a_line() -> None:
    message = catalog_service_pb2.GetCatalogStatisticsResponse(
        active_track_count=6,
        algorithm_version=1,
        current_algorithm_version=2,
        building_algorithm_version=2,
        coverages=[{"algorithm_version": 1, "track_count": 6}, {"algorithm_version": 2}],
    )
    now = GetCatalogStatisticsResponse.FromString(message.SerializeToString())
    assert summary(now) == (
        "6 recordings, searched by version 1; an index of version 2 is half built"
    )
    assert "--algorithm 2" in advice(now)
    assert as_json(now)["track_counts"] == {"1": 6, "2": 0}
    now.coverages[1].track_count = 4
    assert "4 have a fingerprint of version 2 too" in summary(now)
    now.algorithm_version = 2
    assert advice(now) == ""
