"""`sonica listen` on standard input: lines when the answer changes, any container, raw samples.

Method: the server recognises a stream when what it has heard so far is a part of registered bytes,
so registered "recordings" are the very PCM the command sends.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sonica.catalog.v1 import track_pb2

from sonica_cli.demo.compose import compose
from sonica_cli.demo.encode import encode
from sonica_cli.listening import RATE_HZ
from tests.unit.sonica_cli.conftest import Sonica
from tests.unit.sonica_client.edge import Edge

Connected = tuple[Sonica, Edge]
ROOT = Path(__file__).resolve().parents[3]


def pcm(seconds: float, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * RATE_HZ))
    return noise.astype(np.float32)


def s16(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    return np.clip(np.rint(samples * 32_767), -32_768, 32_767).astype("<i2").tobytes()


def register(edge: Edge, title: str, content: bytes) -> None:
    edge.register(track_pb2.Track(title=title), content)


RAW = ("listen", "-", "--raw", "s16le", "--rate", RATE_HZ)


def test_raw_samples_are_recognised(connected: Connected) -> None:
    sonica, edge = connected
    song = s16(pcm(8, 1))
    register(edge, "Noise", song)
    ran = sonica(*RAW, stdin=song)
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 1, "one line while the same song goes on"
    assert "Noise" in ran.out


def test_lines_follow_what_is_playing(connected: Connected) -> None:
    sonica, edge = connected
    first, second = s16(pcm(4.25, 1)), s16(pcm(30, 2))
    register(edge, "First", first)
    register(edge, "Second", second)
    ran = sonica(*RAW, "--json", stdin=first + second)
    found = [json.loads(line)["match"] for line in ran.out.splitlines()]
    assert [match["title"] for match in found if match] == ["First", "Second"]


def test_unknown_sound_is_said_once(connected: Connected) -> None:
    ran = connected[0](*RAW, stdin=s16(pcm(60, 3)))
    assert ran.code == 0
    assert [line.split(maxsplit=1)[1] for line in ran.out.splitlines()] == ["no match"]


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".flac", ".wav", ".webm"])
def test_containers_are_read_as_they_come(connected: Connected, suffix: str) -> None:
    sonica, edge = connected
    piece = compose(1, 0, duration_seconds=6)
    ran = sonica("listen", "-", stdin=encode(piece.pcm, 22_050, suffix))
    assert ran.code == 0
    assert "no match" in ran.out
    assert edge.calls[0] == "StreamingRecognize"


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("listen", "-"), b"This is a letter.\n" * 99, "not readable as audio"),
        (("listen", "-"), b"", "not readable as audio"),
        (
            ("listen", "-", "--raw", "f32le"),
            np.full(4000, np.nan, "<f4").tobytes(),
            "NaN or infinite samples",
        ),
    ],
)
def test_what_is_no_sound(
    connected: Connected, arguments: tuple[str, ...], stdin: bytes, words: str
) -> None:
    ran = connected[0](*arguments, stdin=stdin)
    assert ran.code == 1
    assert words in ran.err


def test_misuse(sonica: Sonica) -> None:
    assert sonica("listen", "song.mp3").code == 2
    assert sonica("listen", "--raw", "s16le").code == 2
    assert sonica("listen", "-", "--raw", "s24le").code == 2


def test_mesh_that_is_away_is_waited_for_and_then_named(
    sonica: Sonica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sonica_client.listening.PAUSES_SECONDS", (0.01, 0.01))
    ran = sonica(*RAW, "--address", "127.0.0.1:1", stdin=s16(pcm(20, 1)))
    assert ran.code == 1
    assert "trying again" in ran.err
    assert "no answer from 127.0.0.1:1" in ran.err


@pytest.mark.parametrize("piped", [("-",), (), ("--raw", "s16le")])
def test_interrupt_while_nothing_comes(edge: tuple[str, Edge], piped: tuple[str, ...]) -> None:
    line = [sys.executable, "-m", "sonica_cli", "listen", *piped, "--address", edge[0]]
    with subprocess.Popen(
        line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as listening:
        assert listening.stderr is not None
        assert listening.stderr.readline() == b"Listening; Ctrl-C ends.\n"
        time.sleep(0.5)
        listening.send_signal(signal.SIGINT)
        assert listening.wait(60) == 130
        assert listening.stderr.read().strip() == b""
