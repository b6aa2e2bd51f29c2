"""`sonica recognize`: answers, empty answers, failures, standard input, JSON, batches.

Method: the command runs in this process against a server that finds a clip in registered bytes.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from sonica.catalog.v1 import track_pb2

from sonica_cli import clip
from sonica_cli.demo.compose import compose, write
from tests.unit.sonica_cli.conftest import Sonica
from tests.unit.sonica_client.edge import Edge

Connected = tuple[Sonica, Edge]
ROOT = Path(__file__).resolve().parents[3]
SONG = b"one two three four five"


@pytest.fixture
def known(connected: Connected) -> Connected:
    track = track_pb2.Track(title="Count [1]", artist="Numbers", external_id="count")
    connected[1].register(track, SONG)
    return connected


def test_answer_names_recording_place_and_score(known: Connected, tmp_path: Path) -> None:
    (tmp_path / "clip.wav").write_bytes(b"three")
    ran = known[0]("recognize", tmp_path / "clip.wav")
    assert ran.code == 0
    heading, row = ran.out.splitlines()
    assert heading.split() == ["Clip", "Recording", "Offset", "Score", "Time"]
    assert "Count [1] - Numbers" in row
    assert "0:08.0" in row
    assert "0.97" in row
    assert "ms" in row


def test_unknown_clip_is_an_answer(known: Connected) -> None:
    ran = known[0]("recognize", "-", stdin=b"zebra")
    assert ran.code == 0
    assert "no match" in ran.out


def test_empty_standard_input(known: Connected) -> None:
    ran = known[0]("recognize", "-")
    assert ran.code == 1
    assert "standard input: 0 bytes" in ran.err


def test_interrupt_while_nothing_comes(known: Connected) -> None:
    line = [sys.executable, "-m", "sonica_cli", "recognize", "-"]
    with subprocess.Popen(
        line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as waiting:
        assert waiting.stdin is not None
        # More than a pipe holds: when all is in it, the command reads, and then waits for the rest.
        waiting.stdin.write(bytes(1 << 20))
        waiting.stdin.flush()
        looks = 0
        while looks < 5:
            time.sleep(0.05)
            looks = looks + 1 if psutil.Process(waiting.pid).status() == "sleeping" else 0
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(60) == 130
        assert waiting.stderr is not None
        assert waiting.stderr.read() == b""


def test_one_bad_clip_does_not_stop_the_others(known: Connected, tmp_path: Path) -> None:
    for name, content in (("a.wav", b"bad"), ("b.wav", b""), ("c.wav", b"four")):
        (tmp_path / name).write_bytes(content)
    names = [tmp_path / name for name in ("a.wav", "b.wav", "nowhere.wav", "c.wav")]
    ran = known[0]("recognize", *names)
    assert ran.code == 1
    rows = ran.out.splitlines()[1:]
    for row, words in zip(
        rows,
        ("no container was found", "0 bytes", "No such file or directory", "Count [1]"),
        strict=True,
    ):
        assert words in row
    assert "damaged" in ran.err


def test_json_is_one_object_a_clip(known: Connected, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"three")
    (tmp_path / "b.wav").write_bytes(b"bad")
    ran = known[0]("recognize", "--json", tmp_path / "a.wav", tmp_path / "b.wav")
    good, bad = (json.loads(line) for line in ran.out.splitlines())
    (match,) = good["matches"]
    assert match["external_id"] == "count"
    assert (match["offset_s"], match["score"]) == (8.0, 0.97)
    assert len(good["trace_id"]) == 32
    assert bad["error"]["reason"] == "AUDIO_UNREADABLE"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--batch", "q.csv"),
        ("--batch", "q.csv", "--out", "p.csv", "x.wav"),
        ("x.wav", "--out", "p.csv"),
        ("x.wav", "--all-answers"),
        ("x.wav", "--start", "-1"),
        ("--no-such-option",),
    ],
)
def test_misuse(sonica: Sonica, arguments: tuple[str, ...]) -> None:
    assert sonica("recognize", *arguments).code == 2


async def test_large_clip_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    piece = compose(2, 0, duration_seconds=40)
    write(piece, tmp_path / "long.wav")
    monkeypatch.setattr(clip, "UNARY_BYTES_MAX", 1_000_000)
    loaded = await clip.load(str(tmp_path / "long.wav"), 20.0)
    assert len(loaded.content) < 16_000_000
    assert loaded.start_seconds == 0.0
    from sonica_cli.media import decode

    cut = decode(loaded.content, 22_050)
    assert len(cut) / 22_050 == pytest.approx(15.5, abs=0.01)
    original = piece.pcm[20 * 22_050 :][: len(cut)]
    assert np.corrcoef(cut, original)[0, 1] > 0.99


async def test_cut_beyond_the_end_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(compose(2, 0, duration_seconds=5), tmp_path / "short.wav")
    monkeypatch.setattr(clip, "UNARY_BYTES_MAX", 1000)
    with pytest.raises(clip.CliError, match="ends before 9 s"):
        await clip.load(str(tmp_path / "short.wav"), 9.0)


def queries(folder: Path, count: int) -> Path:
    (folder / "clips").mkdir()
    rows = ["query_id,file,note"]
    for number in range(count):
        (folder / "clips" / f"{number}.wav").write_bytes(b"three" if number % 2 else b"zebra")
        rows.append(f"q{number},clips/{number}.wav,anything")
    (folder / "queries.csv").write_text("\n".join(rows) + "\n")
    return folder / "queries.csv"


def predictions(out: Path) -> dict[str, dict[str, str]]:
    with out.open(newline="") as file:
        return {row["query_id"]: row for row in csv.DictReader(file)}


def test_batch(known: Connected, tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    ran = known[0]("recognize", "--batch", queries(tmp_path, 6), "--out", out)
    assert ran.code == 0
    assert "6 answered (3 with a track)" in ran.out
    found = predictions(out)
    assert len(found) == 6
    assert list(found["q1"]) == ["query_id", "track_id", "offset_s", "score", "latency_ms"]
    assert found["q1"]["track_id"] == "count"
    assert float(found["q1"]["offset_s"]) == 8.0
    assert float(found["q1"]["latency_ms"]) > 0
    assert (found["q0"]["track_id"], found["q0"]["score"]) == ("", "")


def test_batch_writes_candidates_below_the_gate_when_asked(
    known: Connected, tmp_path: Path
) -> None:
    out = tmp_path / "p.csv"
    known[0]("recognize", "--batch", queries(tmp_path, 2), "--out", out, "--all-answers")
    found = predictions(out)
    assert (found["q0"]["track_id"], float(found["q0"]["score"])) == ("count", 0.2)
    assert float(found["q1"]["score"]) == 0.97


def test_batch_goes_on_where_it_stopped(known: Connected, tmp_path: Path) -> None:
    sonica, edge = known
    edge.delay_seconds = 0.1
    asked = queries(tmp_path, 40)
    out = tmp_path / "p.csv"

    def interrupt() -> None:
        while edge.calls.count("Recognize") < 5:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    first = sonica("recognize", "--batch", asked, "--out", out, "--jobs", 2)
    assert first.code == 130
    done = predictions(out)
    assert 0 < len(done) < 40
    with out.open("a") as file:
        file.write("q39,a line that was never fin")
    edge.calls.clear()
    second = sonica("recognize", "--batch", asked, "--out", out)
    assert second.code == 0
    assert f"{len(done)} clips are answered" in second.err
    assert edge.calls.count("Recognize") == 40 - len(done)
    assert predictions(out).keys() == {f"q{number}" for number in range(40)}
    assert len(out.read_text().splitlines()) == 41
    sonica("recognize", "--batch", asked, "--out", out, "--restart")
    assert len(out.read_text().splitlines()) == 41


def test_batch_failures_are_listed_and_tried_again(known: Connected, tmp_path: Path) -> None:
    sonica, _ = known
    asked = queries(tmp_path, 4)
    (tmp_path / "clips" / "1.wav").write_bytes(b"bad")
    (tmp_path / "clips" / "2.wav").unlink()
    out = tmp_path / "p.csv"
    ran = sonica("recognize", "--batch", asked, "--out", out)
    assert ran.code == 1
    assert "no container was found" in ran.err
    assert "No such file" in ran.err
    assert set(predictions(out)) == {"q0", "q3"}
    (tmp_path / "clips" / "1.wav").write_bytes(b"one")
    (tmp_path / "clips" / "2.wav").write_bytes(b"two")
    assert sonica("recognize", "--batch", asked, "--out", out).code == 0
    assert len(predictions(out)) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("query_id\nq\n", "missing column 'file'"),
        ("query_id,file\nq,a.wav\nq,b.wav\n", "'q' stands twice"),
        ("query_id,file\n,a.wav\n", "must be filled in"),
    ],
)
def test_wrong_queries(known: Connected, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "q.csv").write_text(text)
    ran = known[0]("recognize", "--batch", tmp_path / "q.csv", "--out", tmp_path / "p.csv")
    assert ran.code == 2
    assert said in ran.err


def test_foreign_output_is_not_overwritten(known: Connected, tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    out.write_text("my,own,table\n1,2,3\n")
    ran = known[0]("recognize", "--batch", queries(tmp_path, 1), "--out", out)
    assert ran.code == 2
    assert out.read_text().startswith("my,own,table")


def test_batch_without_a_mesh_fails_at_once(sonica: Sonica, tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    arguments = ("recognize", "--batch", queries(tmp_path, 3), "--out", out)
    ran = sonica(*arguments, "--address", "127.0.0.1:1")
    assert ran.code == 1
    assert "sonica up" in ran.err
