"""Encodes samples with FFmpeg, to a file or to memory, and decodes them again."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
import numpy as np

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

    from sonica_cli.demo.timbres import Pcm

# Suffix of a file: container, codec, and the only rate the codec takes (0 = any).
FORMATS: dict[str, tuple[str, str, int]] = {
    ".wav": ("wav", "pcm_s16le", 0),
    ".flac": ("flac", "flac", 0),
    ".mp3": ("mp3", "libmp3lame", 0),
    ".m4a": ("mp4", "aac", 0),
    ".ogg": ("ogg", "libopus", 48_000),
    ".opus": ("ogg", "libopus", 48_000),
    ".webm": ("webm", "libopus", 48_000),
}


def encode(
    pcm: Pcm,
    sample_rate_hz: int,
    suffix: str,
    *,
    bit_rate: int | None = None,
    tags: dict[str, str] | None = None,
) -> bytes:
    """Returns mono samples as a file of the format that `suffix` names.

    Args:
        pcm: mono float32, shape (n,), in [-1, 1].
        sample_rate_hz: rate of `pcm`.
        suffix: a key of `FORMATS`.
        bit_rate: bits a second, for lossy formats; None means the codec's own.
        tags: metadata of the file, such as title and artist.

    Raises:
        KeyError: for any other suffix.
    """
    container_format, codec, only_rate = FORMATS[suffix.lower()]
    coded = io.BytesIO()
    with av.open(coded, "w", format=container_format) as container:
        container.metadata.update(tags or {})
        rate = only_rate or sample_rate_hz
        stream = cast("AudioStream", container.add_stream(codec, rate=rate, layout="mono"))
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        samples = np.clip(np.rint(pcm * 32_767.0), -32_768, 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate = sample_rate_hz
        frame.time_base = Fraction(1, sample_rate_hz)
        frame.pts = 0
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate)
        for part in (*resampler.resample(frame), *resampler.resample(None), None):
            for packet in stream.encode(part):
                container.mux(packet)
    return coded.getvalue()


def decode(source: bytes | Path, sample_rate_hz: int) -> Pcm:
    """Returns the first audio track, mixed to mono float32 at `sample_rate_hz`.

    For audio of our own making or the user's own files on the user's own machine; hostile bytes
    belong to the fingerprint service, which decodes in a process it can kill.

    Raises:
        av.error.FFmpegError: the source is not readable audio.
        IndexError: it has no audio track.
    """
    resampler = av.AudioResampler("flt", "mono", sample_rate_hz)
    parts = []
    opened = str(source) if isinstance(source, Path) else io.BytesIO(source)
    with av.open(opened, "r") as container:
        for frame in container.decode(container.streams.audio[0]):
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
