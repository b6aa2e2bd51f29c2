"""Reads the user's own audio files on the user's own machine: tags, and clips cut out of them.

FFmpeg gets only the formats we register and only local files, so a playlist under a false name
reaches no network.
"""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error
import numpy as np

from sonica_cli.failures import CliError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    import numpy.typing as npt
    from av.container import InputContainer

AUDIO_SUFFIXES = frozenset(
    {".aac", ".aif", ".aifc", ".aiff", ".flac", ".m4a", ".m4b", ".mka", ".mkv", ".mp3", ".mp4"}
    | {".oga", ".ogg", ".opus", ".wav", ".webm"}
)
_FORMATS = "aac,aiff,flac,matroska,mov,mp3,ogg,wav,webm"
_TAG_KEYS = {
    "title": ("title",),
    "artist": ("artist", "album_artist"),
    "album": ("album",),
    "genre": ("genre",),
    "language": ("language",),
    "isrc": ("isrc", "tsrc"),
    "year": ("originaldate", "date", "year"),
}
_OPEN_SECONDS = 10.0


@contextlib.contextmanager
def _opened(source: Path | bytes) -> Iterator[InputContainer]:
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    if isinstance(source, Path):
        # An absolute path cannot be read as a protocol, whatever the file is called.
        file: Any = str(source.absolute())
    else:
        file = io.BytesIO(source)
    with av.open(
        file, "r", container_options=options, timeout=_OPEN_SECONDS, metadata_errors="replace"
    ) as container:
        yield container


def tags(path: Path) -> dict[str, str]:
    """Returns what the file says of itself, by the names of our columns; empty when unreadable."""
    try:
        with _opened(path) as container:
            found = {key.lower(): value for key, value in container.metadata.items()}
            for stream in container.streams.audio[:1]:
                for key, value in stream.metadata.items():
                    found.setdefault(key.lower(), value)
    except (av.error.FFmpegError, OSError, ValueError):
        return {}
    read: dict[str, str] = {}
    for name, keys in _TAG_KEYS.items():
        value = next((found[key].strip() for key in keys if found.get(key, "").strip()), "")
        if name == "year":
            match = re.search(r"\b(1[89]\d\d|2[01]\d\d)\b", value)
            value = match.group() if match else ""
        if name == "language" and value.lower() in {"und", "xxx"}:
            value = ""
        if value:
            read[name] = value
    return read


def decode(
    source: Path | bytes,
    sample_rate_hz: int,
    *,
    start_seconds: float = 0.0,
    seconds_max: float | None = None,
) -> npt.NDArray[np.float32]:
    """Returns the first audio track, or a part of it, mixed to mono.

    Args:
        source: a file, or the content of one.
        sample_rate_hz: rate of the result.
        start_seconds: where the part begins.
        seconds_max: its greatest length; None means to the end.

    Returns:
        float32, shape (n,), in [-1, 1].

    Raises:
        CliError: the source is not readable audio.
    """
    name = str(source) if isinstance(source, Path) else "audio"
    first = round(start_seconds * sample_rate_hz)
    wanted = None if seconds_max is None else first + round(seconds_max * sample_rate_hz)
    parts: list[npt.NDArray[np.float32]] = []
    count = 0
    try:
        with _opened(source) as container:
            if not container.streams.audio:
                raise CliError(f"{name}: no audio track in it")
            resampler = av.AudioResampler("flt", "mono", sample_rate_hz)
            for frame in container.decode(container.streams.audio[0]):
                for part in resampler.resample(frame):
                    parts.append(part.to_ndarray()[0])
                    count += parts[-1].size
                if wanted is not None and count >= wanted:
                    break
            else:
                parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    except av.error.FFmpegError as error:
        if not parts:
            raise CliError(f"{name}: not readable as audio ({error.strerror})") from None
    if not parts:
        return np.zeros(0, dtype=np.float32)
    return np.concatenate(parts)[first:wanted]


def decode_stream(stream: BinaryIO, sample_rate_hz: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yields the audio of a container that arrives bit by bit, mixed to mono.

    Args:
        stream: unbuffered, so that reading returns what is there.
        sample_rate_hz: rate of the result.

    Raises:
        CliError: it is not readable audio.
    """
    options = {"format_whitelist": _FORMATS}
    resampler = av.AudioResampler("flt", "mono", sample_rate_hz)
    heard = False
    try:
        with av.open(
            _Unseekable(stream), "r", container_options=options, metadata_errors="replace"
        ) as container:
            if not container.streams.audio:
                raise CliError("standard input: no audio track in it")
            for frame in container.decode(container.streams.audio[0]):
                for part in resampler.resample(frame):
                    heard = True
                    yield part.to_ndarray()[0]
            for part in resampler.resample(None):
                yield part.to_ndarray()[0]
    except av.error.FFmpegError as error:
        if not heard:
            advice = "For samples without a header name their layout with --raw."
            raise CliError(
                f"standard input: not readable as audio ({error.strerror})", advice
            ) from None


class _Unseekable:
    """A pipe as FFmpeg wants it: no way back, whatever the stream could do."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, count: int) -> bytes:
        return self._stream.read(count)


def wav_bytes(pcm: npt.NDArray[np.float32], sample_rate_hz: int) -> bytes:
    """Returns mono samples as a 16-bit WAV file."""
    import wave

    samples = np.clip(np.rint(pcm * 32_767.0), -32_768, 32_767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(sample_rate_hz)
        writer.writeframes(samples.tobytes())
    return file.getvalue()
