"""Aim: every kind of bad input ends in the right typed refusal, or in what can be decoded of it.

Method: one fixture a fault, analysed in this process.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fingerprint_svc.model import JobError, PcmLayout, Purpose
from tests.unit.fingerprint_svc.in_process import analyse
from tests.unit.fingerprint_svc.recordings import encode, id3, pcm16, piece, wav

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "audio"
# file: (reason, what is said to have been found)
REFUSED = {
    "empty.wav": ("AUDIO_EMPTY", None),
    "header_only.wav": ("AUDIO_EMPTY", None),
    "reference_outside.mp4": ("AUDIO_EMPTY", None),
    "one_byte.mp3": ("AUDIO_UNSUPPORTED", "unknown bytes ff"),
    "text.mp3": ("AUDIO_UNSUPPORTED", "text"),
    "picture.mp3": ("AUDIO_UNSUPPORTED", "a PNG picture"),
    "random.mp3": ("AUDIO_UNSUPPORTED", "unknown bytes 8b 4a e5 f1 a9 41 06 a0"),
    "archive.zip": ("AUDIO_UNSUPPORTED", "a ZIP archive"),
    "drawing.svg": ("AUDIO_UNSUPPORTED", "text"),
    "manifest.mpd": ("AUDIO_UNSUPPORTED", "text"),
    "playlist.m3u8": ("AUDIO_UNSUPPORTED", "a playlist (m3u)"),
    "script.ffconcat": ("AUDIO_UNSUPPORTED", "text"),
    "session.sdp": ("AUDIO_UNSUPPORTED", "text"),
    "subtitles.srt": ("AUDIO_UNSUPPORTED", "text"),
    "codec_adpcm.wav": ("AUDIO_UNSUPPORTED", "wav with codec adpcm_ms"),
    "rate_one_gigahertz.wav": ("AUDIO_UNSUPPORTED", "audio of 1000000000 Hz"),
    "rate_zero.wav": ("AUDIO_UNREADABLE", "wav"),
    "endless_samples.mp4": ("AUDIO_UNREADABLE", "mp4"),
    "truncated_before_header.m4a": ("AUDIO_UNREADABLE", "mp4"),
    "truncated_header.flac": ("AUDIO_UNREADABLE", "flac"),
    "nan_samples.wav": ("AUDIO_NOT_FINITE", None),
    "infinite_samples.wav": ("AUDIO_NOT_FINITE", None),
    "huge_samples.wav": ("AUDIO_NOT_FINITE", None),
    "channels_255.wav": ("AUDIO_TOO_MANY_CHANNELS", None),
}
# file: seconds that are decoded of it
READ = {
    "declares_ten_hours.wav": 0.5,
    "truncated_mid_frame.mp3": 1.33,
    "he_aac_v1.m4a": 2.97,
    "he_aac_v2.aac": 2.97,
}


def refusal(content: bytes, **options: object) -> JobError:
    with pytest.raises(JobError) as caught:
        analyse(content, **options)  # type: ignore[arg-type]  # passed on by name
    return caught.value


def outcome(content: bytes) -> str | float:
    """Returns the reason of a refusal, else the seconds decoded."""
    try:
        return analyse(content).summary.duration_seconds
    except JobError as error:
        return error.reason


def test_every_fixture_is_judged() -> None:
    files = {path.name for path in FIXTURES.iterdir() if path.suffix not in (".py", ".md")}
    assert {name for name in files if not name.startswith("__")} == REFUSED.keys() | READ.keys()


@pytest.mark.parametrize("chunk_bytes", [None, 1])
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, chunk_bytes: int | None) -> None:
    reason, found = REFUSED[name]
    error = refusal((FIXTURES / name).read_bytes(), chunk_bytes=chunk_bytes)
    assert (error.reason, error.metadata.get("found")) == (reason, found)


@pytest.mark.parametrize("name", READ)
def test_read(name: str) -> None:
    found = analyse((FIXTURES / name).read_bytes())
    assert found.summary.duration_seconds == pytest.approx(READ[name], abs=0.01)


def test_extension_means_nothing() -> None:
    """Only bytes arrive here; the container is named by them."""
    assert analyse(encode("flac", "flac", sample_format="s16")).summary.container == "flac"


def test_tags_without_audio_are_empty() -> None:
    assert refusal(id3(1_000)).reason == "AUDIO_EMPTY"


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("sound", ["silence", "tone"])
def test_nothing_to_recognise_is_no_error(sound: str, purpose: Purpose) -> None:
    time = np.arange(24_000) / 8_000
    level = 0.0 if sound == "silence" else 0.3
    samples = (level * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    found = analyse(wav(pcm16(samples)), purpose=purpose)
    _, active, _ = found.fingerprint
    assert len(active) >= 4
    assert 1 not in active
    assert found.summary.duration_seconds == 3.0


def test_too_short_for_a_window_has_no_vectors() -> None:
    found = analyse(wav(pcm16(piece(8_000, 0.2))))
    assert found.fingerprint[:2] == (b"", b"")
    assert found.summary.duration_seconds == pytest.approx(0.2)


@pytest.mark.parametrize("container", ["mp3", "flac", "ogg", "adts", "matroska"])
def test_every_truncation_is_read_or_refused(container: str) -> None:
    codec = {"mp3": "mp3", "flac": "flac", "ogg": "libopus"}.get(container, "aac")
    options = {"sample_format": "s16"} if codec == "flac" else {}
    content = encode(container, codec, piece(48_000, 1.0), rate_hz=48_000, **options)  # type: ignore[arg-type]  # by name
    for length in range(1, len(content), len(content) // 23):
        found = outcome(content[:length])
        if isinstance(found, float):
            assert 0 < found < 1.1
        else:
            assert found in ("AUDIO_UNREADABLE", "AUDIO_UNSUPPORTED", "AUDIO_EMPTY")


@pytest.mark.parametrize("container", ["mp3", "flac", "ogg", "mp4", "wav", "matroska"])
def test_damage_is_read_around_or_refused(container: str) -> None:
    codecs = {"mp3": "mp3", "flac": "flac", "ogg": "libopus", "wav": "pcm_s24le"}
    codec = codecs.get(container, "aac")
    options = {"sample_format": "s16"} if codec == "flac" else {}
    content = encode(container, codec, piece(48_000, 1.0), rate_hz=48_000, **options)  # type: ignore[arg-type]  # by name
    choice = np.random.default_rng(5)
    for count in (1, 3, 10, 30, 100, 1_000):
        damaged = np.frombuffer(content, np.uint8).copy()
        places = choice.integers(0, len(content), count)
        damaged[places] ^= (1 << choice.integers(0, 8, count)).astype(np.uint8)
        found = outcome(damaged.tobytes())
        assert found < 60 if isinstance(found, float) else found.startswith("AUDIO_")


@pytest.mark.parametrize(("content", "reason"), [(b"", "AUDIO_EMPTY"), (b"a", "AUDIO_UNREADABLE")])
def test_pcm_shorter_than_a_sample(content: bytes, reason: str) -> None:
    assert refusal(content, pcm=PcmLayout("s16le", 8_000, 1)).reason == reason


def test_passage_is_exact_to_the_sample() -> None:
    sound = piece(8_000)
    passage = analyse(wav(pcm16(sound)), skip_seconds=1.25, keep_seconds=1.5)
    assert passage.fingerprint == analyse(wav(pcm16(sound[10_000:22_000]))).fingerprint
    assert passage.summary.duration_seconds == 1.5


def test_passage_behind_the_end_is_empty() -> None:
    found = analyse(wav(pcm16(piece(8_000))), skip_seconds=6.0)
    assert found.fingerprint == (b"", b"", b"")
    assert found.summary.duration_seconds == 0.0


def test_enough_audio_ends_the_reading() -> None:
    """What is not needed of a long stream is not even asked for."""
    content = wav(pcm16(np.tile(piece(8_000), 12)))
    found = analyse(content, keep_seconds=2.0, chunk_bytes=1_000)
    assert found.summary.duration_seconds == 2.0
    assert found.byte_count < 80_000


def test_longer_reference_is_refused() -> None:
    content = wav(pcm16(piece(8_000)))
    assert analyse(content, keep_seconds=5.0, refuse_longer=True).summary.duration_seconds == 5.0
    error = refusal(content, keep_seconds=4.9, refuse_longer=True)
    assert (error.reason, error.metadata) == ("AUDIO_TOO_LONG", {"seconds_max": "4.9"})
