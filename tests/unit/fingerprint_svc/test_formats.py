"""Aim: every supported format gives nearly the fingerprint that the same sound gives as WAV.

Method: one computed piece is encoded by PyAV into each format and analysed in this process; rows
are compared one by one by cosine. The two HE-AAC files are fixtures, because PyAV cannot make them.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fingerprint_svc.model import PcmLayout, Purpose
from tests.unit.fingerprint_svc.in_process import Analysed, analyse
from tests.unit.fingerprint_svc.recordings import SECONDS, encode, id3, pcm16, piece, wav

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "audio"
OPUS = {"rate_hz": 48_000}
FRAGMENTED = {"container_options": {"movflags": "frag_keyframe+empty_moov"}}
HEADER_FIRST = {"container_options": {"movflags": "faststart"}}
VORBIS = {"codec_options": {"strict": "experimental"}}

# name: (container and codec for the encoder, its options, container and codec found, least cosine)
FORMATS: dict[str, tuple[tuple[str, str], dict[str, Any], tuple[str, str], float]] = {
    "mp3": (("mp3", "mp3"), {}, ("mp3", "mp3float"), 0.97),
    "mp2": (("mp2", "mp2"), {}, ("mp3", "mp2"), 0.97),
    "adts": (("adts", "aac"), {}, ("adts", "aac"), 0.97),
    "m4a": (("mp4", "aac"), {}, ("mp4", "aac"), 0.97),
    "m4a, header first": (("mp4", "aac"), HEADER_FIRST, ("mp4", "aac"), 0.97),
    "m4a, fragmented": (("mp4", "aac"), FRAGMENTED, ("mp4", "aac"), 0.97),
    "m4a, lossless": (("mp4", "alac"), {"sample_format": "s16p"}, ("mp4", "alac"), 0.999),
    "mov": (("mov", "pcm_s16le"), {}, ("mp4", "pcm_s16le"), 0.999),
    "flac": (("flac", "flac"), {"sample_format": "s16"}, ("flac", "flac"), 0.999),
    "flac, 24 bit": (("flac", "flac"), {"sample_format": "s32"}, ("flac", "flac"), 0.999),
    "ogg opus": (("ogg", "libopus"), OPUS, ("ogg", "opus"), 0.95),
    "ogg vorbis": (("ogg", "vorbis"), VORBIS, ("ogg", "vorbis"), 0.97),
    "ogg flac": (("ogg", "flac"), {"sample_format": "s16"}, ("ogg", "flac"), 0.999),
    "webm opus": (("webm", "libopus"), OPUS, ("matroska", "opus"), 0.95),
    "mkv aac": (("matroska", "aac"), {}, ("matroska", "aac"), 0.97),
    "mkv ac3": (("matroska", "ac3"), OPUS, ("matroska", "ac3"), 0.95),
    "aiff": (("aiff", "pcm_s16be"), {}, ("aiff", "pcm_s16be"), 0.999),
    "aiff, 24 bit": (("aiff", "pcm_s24be"), {}, ("aiff", "pcm_s24be"), 0.999),
    "wav, 8 bit": (("wav", "pcm_u8"), {}, ("wav", "pcm_u8"), 0.9),
    "wav, 24 bit": (("wav", "pcm_s24le"), {}, ("wav", "pcm_s24le"), 0.999),
    "wav, 32 bit": (("wav", "pcm_s32le"), {}, ("wav", "pcm_s32le"), 0.999),
    "wav, float 32": (("wav", "pcm_f32le"), {}, ("wav", "pcm_f32le"), 0.999),
    "wav, float 64": (("wav", "pcm_f64le"), {}, ("wav", "pcm_f64le"), 0.999),
    "wav, A-law": (("wav", "pcm_alaw"), {}, ("wav", "pcm_alaw"), 0.9),
    "wav, mu-law": (("wav", "pcm_mulaw"), {}, ("wav", "pcm_mulaw"), 0.9),
    "wav, mp3 inside": (("wav", "mp3"), {}, ("wav", "mp3float"), 0.97),
    "wav, 64-bit sizes": (
        ("wav", "pcm_s16le"),
        {"container_options": {"rf64": "always"}},
        ("wav", "pcm_s16le"),
        0.999,
    ),
    "8 kHz": (("wav", "pcm_s16le"), {"rate_hz": 8_000}, ("wav", "pcm_s16le"), 0.98),
    "96 kHz": (
        ("flac", "flac"),
        {"rate_hz": 96_000, "sample_format": "s16"},
        ("flac", "flac"),
        0.98,
    ),
    "192 kHz": (("wav", "pcm_s16le"), {"rate_hz": 192_000}, ("wav", "pcm_s16le"), 0.98),
    **{
        f"{n} channels": (("wav", "pcm_s16le"), {"channel_count": n}, ("wav", "pcm_s16le"), 0.999)
        for n in (1, 3, 4, 5, 6, 7, 8)
    },
}


# What encoders put before the sound, where the container cannot say so: none, mp2, aac, mp3.
DELAYS_SECONDS = (0.0, 0.012, 0.0232, 0.025)


def cosine(one: Analysed, other: Analysed) -> float:
    """Returns the mean cosine of the rows both have."""
    rows = min(len(one.vectors), len(other.vectors))
    assert rows >= 15
    return float((one.vectors[:rows] * other.vectors[:rows]).sum(axis=1).mean())


def best_cosine(
    content: bytes, plain: Analysed, delays: tuple[float, ...] = DELAYS_SECONDS
) -> float:
    """Returns the cosine to the sound, the encoder's delay passed over."""
    return max(cosine(analyse(content, skip_seconds=delay), plain) for delay in delays)


@pytest.fixture(scope="module")
def plain() -> Analysed:
    return analyse(encode("wav", "pcm_s16le"))


def test_different_music_is_far(plain: Analysed) -> None:
    """The measure of the next test can fail."""
    backwards = analyse(wav(pcm16(piece(8_000)[::-1].copy())))
    assert cosine(plain, backwards) < 0.6


@pytest.mark.parametrize("name", FORMATS)
def test_format_gives_the_fingerprint_of_the_sound(name: str, plain: Analysed) -> None:
    (container, codec), options, found, least = FORMATS[name]
    content = encode(container, codec, **options)
    whole = analyse(content)
    assert (whole.summary.container, whole.summary.codec) == found
    assert whole.summary.duration_seconds == pytest.approx(SECONDS, abs=0.06)
    assert best_cosine(content, plain) > least
    in_pieces = analyse(content, chunk_bytes=1_000, part_seconds=0.5)
    assert in_pieces.fingerprint == whole.fingerprint
    assert len(in_pieces.parts) > len(whole.parts)


@pytest.mark.parametrize(
    ("name", "container", "delay_seconds"),
    [("he_aac_v1.m4a", "mp4", 0.114), ("he_aac_v2.aac", "adts", 0.162)],
)
def test_he_aac(name: str, container: str, delay_seconds: float, plain: Analysed) -> None:
    content = (FIXTURES / name).read_bytes()
    summary = analyse(content).summary
    assert (summary.container, summary.codec) == (container, "aac")
    assert best_cosine(content, plain, (delay_seconds,)) > 0.93


@pytest.mark.parametrize(("demuxer", "dtype"), [("s16le", "<i2"), ("f32le", "<f4")])
@pytest.mark.parametrize("channel_count", [1, 2, 6, 8])
@pytest.mark.parametrize("rate_hz", [8_000, 44_100])
def test_raw_pcm(
    demuxer: str, dtype: str, channel_count: int, rate_hz: int, plain: Analysed
) -> None:
    scale = 32_767 if demuxer == "s16le" else 1
    samples = np.repeat(piece(rate_hz) * scale, channel_count).astype(dtype).tobytes()
    found = analyse(samples, pcm=PcmLayout(demuxer, rate_hz, channel_count), chunk_bytes=4_001)
    assert found.summary.duration_seconds == pytest.approx(SECONDS, abs=0.001)
    assert cosine(found, plain) > 0.98


@pytest.mark.parametrize("rate_hz", [4_000, 192_000])
def test_raw_pcm_at_the_ends_of_the_range(rate_hz: int) -> None:
    found = analyse(pcm16(piece(rate_hz, 2.0)), pcm=PcmLayout("s16le", rate_hz, 1))
    assert found.summary.duration_seconds == pytest.approx(2.0, abs=0.001)


def test_reference_has_a_quarter_of_the_rows(plain: Analysed) -> None:
    reference = analyse(encode("wav", "pcm_s16le"), purpose=Purpose.REFERENCE)
    assert len(plain.vectors) / 5 < len(reference.vectors) < len(plain.vectors) / 3


@pytest.mark.parametrize("tag_bytes", [100, 300_000])
def test_tags_before_the_audio_are_dropped(tag_bytes: int) -> None:
    for container, codec, options in (
        ("mp3", "mp3", {}),
        ("flac", "flac", {"sample_format": "s16"}),
    ):
        content = encode(container, codec, **options)  # type: ignore[arg-type]  # by name
        tagged = analyse(id3(tag_bytes) + id3(7) + content, chunk_bytes=700)
        assert tagged.fingerprint == analyse(content).fingerprint


def test_cover_picture_is_ignored() -> None:
    content = encode("flac", "flac", sample_format="s16")
    jpeg = b"\xff\xd8\xff" + bytes(200_000)
    words = [
        struct.pack(">II", 3, 10),
        b"image/jpeg",
        bytes(20),
        struct.pack(">I", len(jpeg)),
        jpeg,
    ]
    picture = b"".join(words)
    after_header = 4 + 4 + 34
    block = b"\x06" + struct.pack(">I", len(picture))[1:] + picture
    covered = content[:after_header] + block + content[after_header:]
    assert analyse(covered).fingerprint == analyse(content).fingerprint


def test_chained_ogg_goes_on() -> None:
    first = encode("ogg", "libopus", rate_hz=48_000)
    second = encode("ogg", "vorbis", rate_hz=44_100, codec_options={"strict": "experimental"})
    assert analyse(first + first).summary.duration_seconds == pytest.approx(10, abs=0.1)
    assert analyse(first + second).summary.duration_seconds > 4.9


def test_change_of_rate_and_channels_is_followed(plain: Analysed) -> None:
    for container, codec in (("mp3", "mp3"), ("adts", "aac")):
        change = encode(container, codec, rate_hz=22_050, channel_count=1)
        content = encode(container, codec) + change
        assert analyse(content).summary.duration_seconds == pytest.approx(10, abs=0.2)
        assert best_cosine(content, plain) > 0.97


@pytest.mark.parametrize(("container", "codec"), [("mp3", "mp3"), ("adts", "aac")])
def test_stream_may_begin_in_the_middle_of_a_frame(container: str, codec: str) -> None:
    content = encode(container, codec)
    for cut in range(100, 2_500, 311):
        assert analyse(content[cut:], chunk_bytes=500).summary.duration_seconds > 4.8


def test_video_file_gives_its_first_audio_track(tmp_path: Path, plain: Analysed) -> None:
    import av

    for container in ("matroska", "mp4"):
        path = tmp_path / f"film.{container}"
        with av.open(str(path), "w", format=container) as output:
            video: Any = output.add_stream("mpeg4", rate=25)
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
            tracks: list[Any] = [output.add_stream("aac", rate=44_100) for _ in range(2)]
            for track in tracks:
                track.layout = "mono"
            for number in range(125):
                picture = av.VideoFrame(64, 64, "yuv420p")
                picture.pts = number
                output.mux(video.encode(picture))
            sounds = (piece(44_100), piece(44_100)[::-1].copy())
            for at in range(0, len(sounds[0]), 1_024):
                for track, sound in zip(tracks, sounds, strict=True):
                    samples = sound[None, at : at + 1_024]
                    frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
                    frame.sample_rate, frame.pts = 44_100, at
                    output.mux(track.encode(frame))
            for stream in (video, *tracks):
                output.mux(stream.encode(None))
        assert cosine(analyse(path.read_bytes()), plain) > 0.95
