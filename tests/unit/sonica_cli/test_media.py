"""Reading the user's files: parts of them, tags, and what FFmpeg must never be talked into."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path

import numpy as np
import pytest

from sonica_cli import media
from sonica_cli.demo.compose import compose, write
from sonica_cli.failures import CliError
from sonica_cli.recordings import acceptable


def test_part_of_a_file(tmp_path: Path) -> None:
    piece = compose(4, 0, duration_seconds=12)
    write(piece, tmp_path / "piece.flac")
    part = media.decode(tmp_path / "piece.flac", 22_050, start_seconds=3.0, seconds_max=2.0)
    original = piece.pcm[3 * 22_050 : 5 * 22_050]
    assert part.shape == original.shape
    assert np.abs(part - original).max() < 1e-3
    assert media.decode(tmp_path / "piece.flac", 8_000, start_seconds=20).size == 0


@pytest.mark.parametrize("content", [b"", b"x", b"a letter\n" * 99, b"RIFF\x00\x00\x00\x00WAVE"])
def test_what_is_no_audio(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.mp3").write_bytes(content)
    with pytest.raises(CliError):
        media.decode(tmp_path / "file.mp3", 8_000)
    assert media.tags(tmp_path / "file.mp3") == {}


def test_playlist_under_a_false_name_reaches_no_network(tmp_path: Path) -> None:
    asked: list[str] = []

    class Recorder(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with http.server.HTTPServer(("127.0.0.1", 0), Recorder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        playlist = f"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:{port}/song.ts\n#EXT-X-ENDLIST\n"
        for name in ("song.mp3", "song.m3u8"):
            (tmp_path / name).write_text(playlist)
            assert media.tags(tmp_path / name) == {}
            with pytest.raises(CliError):
                media.decode(tmp_path / name, 8_000)
        server.shutdown()
    assert asked == []


def test_playlist_opens_no_other_file(tmp_path: Path) -> None:
    write(compose(4, 0, duration_seconds=5), tmp_path / "private.mp3")
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:5,\nprivate.mp3\n#EXT-X-ENDLIST\n"
    for name in ("song.mp3", "song.m3u8"):
        (tmp_path / name).write_text(playlist)
        with pytest.raises(CliError):
            media.decode(tmp_path / name, 8_000)


def test_file_named_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    piece = compose(4, 0, duration_seconds=5)
    write(piece, Path("concat:a.wav"))
    assert media.tags(Path("concat:a.wav"))["title"] == piece.title


def test_wav_round_trip() -> None:
    pcm = np.linspace(-1, 1, 8_000, dtype=np.float32)
    assert np.abs(media.decode(media.wav_bytes(pcm, 8_000), 8_000) - pcm).max() < 1e-4


@pytest.mark.parametrize(
    ("read", "kept"),
    [
        ({"isrc": "us-rc1-76-07839"}, {"isrc": "USRC17607839"}),
        ({"isrc": "unknown"}, {}),
        ({"year": "1492"}, {}),
        ({"year": "²"}, {}),
        ({"title": "x" * 600}, {"title": "x" * 500}),
    ],
)
def test_tags_are_brought_to_what_the_catalogue_takes(
    read: dict[str, str], kept: dict[str, str]
) -> None:
    assert acceptable(read) == kept
