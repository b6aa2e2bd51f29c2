"""A short piece of music, computed, and the same piece in every format a test asks for.

The piece is a function of time, so it can be had at any sample rate without resampling.
"""

from __future__ import annotations

import math
import struct
import tempfile
from functools import cache
from typing import Any

import av
import numpy as np
import numpy.typing as npt

F32Array = npt.NDArray[np.float32]
SECONDS = 5.0
# Channel layouts of n channels.
LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


@cache
def piece(rate_hz: int, seconds: float = SECONDS) -> F32Array:
    """Returns a tune over chords and clicks, one channel, peak below 0.8, shape (n,)."""
    choice = np.random.default_rng(20)
    sound = np.zeros(round(rate_hz * seconds))
    for beat in range(int(seconds / 0.21)):
        begin = math.ceil(beat * 0.21 * rate_hz)
        heard = sound[begin : begin + round(0.7 * rate_hz)]
        since = (begin + np.arange(len(heard))) / rate_hz - beat * 0.21
        pitches = 220.0 * 2 ** (choice.choice([0, 3, 5, 7, 10, 12, 15, 19], 3) / 12)
        for pitch in pitches:
            for harmonic in (1, 2, 3, 5):
                phase = 2 * np.pi * pitch * harmonic * since
                heard += np.sin(phase) * np.exp(-6 * since) / harmonic
        click = np.sin(2 * np.pi * 2_500 * since) * np.exp(-90 * since)
        heard += click * choice.uniform(0.5, 2.0)
    return (sound / 12).astype(np.float32)


def encode(
    container: str,
    codec: str,
    sound: F32Array | None = None,
    *,
    rate_hz: int = 44_100,
    channel_count: int = 2,
    sample_format: str | None = None,
    container_options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> bytes:
    """Returns `sound`, else the piece, as a file; every channel carries the same."""
    sound = piece(rate_hz) if sound is None else sound
    layout = LAYOUTS[channel_count]
    # A real file: some containers go back to write their header.
    with tempfile.NamedTemporaryFile() as file:
        with av.open(file.name, "w", format=container, options=container_options or {}) as output:
            stream: Any = output.add_stream(codec, rate=rate_hz, options=codec_options or {})
            stream.layout = layout
            if sample_format:
                stream.format = sample_format
            for at in range(0, len(sound), 1_024):
                samples = np.repeat(sound[None, at : at + 1_024], channel_count, axis=1)
                frame = av.AudioFrame.from_ndarray(samples, "flt", layout)
                frame.sample_rate, frame.pts = rate_hz, at
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return file.read()


def wav(
    samples: bytes,
    *,
    rate_hz: int = 8_000,
    channel_count: int = 1,
    bits: int = 16,
    code: int = 1,
    declared_bytes: int | None = None,
) -> bytes:
    """Returns a WAV file written by hand, so that its header may lie.

    Args:
        samples: the data chunk.
        rate_hz: as stated in the header.
        channel_count: as stated in the header.
        bits: of one sample.
        code: 1 integer, 3 float, 6 A-law, 7 mu-law.
        declared_bytes: length of the data chunk as stated; unset states the truth.
    """
    stated = len(samples) if declared_bytes is None else declared_bytes
    block = channel_count * bits // 8
    form = struct.pack(
        "<HHIIHH", code, channel_count, rate_hz, rate_hz * block % 2**32, block % 2**16, bits
    )
    head = b"RIFF" + struct.pack("<I", min(36 + stated, 2**32 - 1)) + b"WAVE"
    return head + b"fmt \x10\0\0\0" + form + b"data" + struct.pack("<I", stated) + samples


def pcm16(sound: F32Array) -> bytes:
    """Returns samples as signed 16-bit little-endian."""
    return (sound * 32_767).astype("<i2").tobytes()


def id3(tag_bytes: int) -> bytes:
    """Returns an ID3v2 tag with a body of so many bytes that look like MPEG frames."""
    size = bytes(tag_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\0\0" + size + (b"\xff\xfb\x90\x64" * (tag_bytes // 4 + 1))[:tag_bytes]
