"""Bytes in, mono audio out: opens a container safely and decodes its first audio track.

What can be decoded of a damaged file is decoded; only when nothing can, it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import IO, NoReturn

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard

from fingerprint_svc.model import JobError, PcmLayout, WorkerLimits
from fingerprint_svc.worker import adts, containers
from fingerprint_svc.worker.mono import F32Array, Mono
from fingerprint_svc.worker.source import Source

SAMPLE_RATE_HZ_MIN = 4_000
SAMPLE_RATE_HZ_MAX = 384_000
# Full scale is 1. Far beyond it, squares would leave float32 in the analysis.
_SAMPLE_MAX = 1e6
# What FFmpeg asks for at once: small, so that a live stream is decoded as it comes.
_READ_BYTES = 8 * 1024

_OPEN_OPTIONS = {
    "protocol_whitelist": "none",
    "codec_whitelist": ",".join(sorted(containers.CODECS)),
    # FFmpeg would search PCM for other codecs in disguise, for 30 ms and 5 s of a live stream.
    "max_probe_packets": "1",
}


class Track:
    """The first audio track of one job's bytes.

    Attributes:
        container: name of the container, as told to people.
        codec: FFmpeg's name of the decoder.
    """

    def __init__(self, opened: InputContainer, container: str, channel_count_max: int) -> None:
        self.container = container
        self._opened = opened
        self._channel_count_max = channel_count_max
        self._stream = _first_audio(opened, container)
        self._damage: FFmpegError | None = None
        context = self._stream.codec_context
        self.codec = context.name if context is not None else "unknown"
        if self.codec not in containers.CODECS:
            raise _unsupported(f"{container} with codec {self.codec}")
        context.thread_count = 1

    def audio(self, source: Source) -> Iterator[F32Array]:
        """Yields all audio of the track: mono, float32, 8 kHz, finite, in chunks of 0.3 s or less.

        Raises:
            JobError: AUDIO_UNREADABLE, AUDIO_EMPTY, AUDIO_TOO_MANY_CHANNELS, AUDIO_UNSUPPORTED,
                AUDIO_NOT_FINITE.
        """
        mono = Mono()
        frame_count = 0
        for frame in self._frames(source):
            frame_count += 1
            self._check(frame)
            for chunk in mono.push(frame):
                yield _finite(chunk)
        for chunk in mono.finish():
            yield _finite(chunk)
        if not frame_count and self._damage is not None:
            raise _unreadable(self.container, self._damage)
        if not frame_count:
            raise JobError("AUDIO_EMPTY", f"the {self.container} file holds no audio sample")

    def _frames(self, source: Source) -> Iterator[AudioFrame]:
        """Yields decoded frames; a packet that cannot be decoded is passed over."""
        packets = self._opened.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                frames = self._stream.decode(packet) if packet is not None else None
            except MemoryError:
                raise
            except (FFmpegError, ValueError) as error:
                if source.failure is not None:
                    raise source.failure from error
                self._damage = error if isinstance(error, FFmpegError) else self._damage
                continue
            if frames is None:
                break
            yield from frames
        if source.failure is not None:
            raise source.failure

    def _check(self, frame: AudioFrame) -> None:
        channel_count = frame.layout.nb_channels
        if channel_count > self._channel_count_max:
            raise JobError(
                "AUDIO_TOO_MANY_CHANNELS",
                f"the audio has {channel_count} channels; at most {self._channel_count_max} are "
                "read: mix it down first",
                channel_count=str(channel_count),
                channel_count_max=str(self._channel_count_max),
            )
        if not SAMPLE_RATE_HZ_MIN <= frame.sample_rate <= SAMPLE_RATE_HZ_MAX:
            raise _unsupported(
                f"audio of {frame.sample_rate} Hz",
                f"{SAMPLE_RATE_HZ_MIN} to {SAMPLE_RATE_HZ_MAX} Hz",
            )


@contextmanager
def open_track(source: Source, pcm: PcmLayout | None, limits: WorkerLimits) -> Iterator[Track]:
    """Opens the first audio track of the bytes.

    Args:
        source: the bytes.
        pcm: layout of raw samples; None detects a container.
        limits: for spooling and channels.

    Raises:
        JobError: AUDIO_EMPTY, AUDIO_UNSUPPORTED, AUDIO_UNREADABLE, STORAGE_FULL.
    """
    if not source.peek(1):
        raise JobError("AUDIO_EMPTY", "no audio was received: the content has 0 bytes")
    if pcm is not None:
        container = replace(containers.RAW_PCM, demuxer=pcm.demuxer)
        layout = {"sample_rate": str(pcm.sample_rate_hz), "ch_layout": f"{pcm.channel_count}c"}
    else:
        source.skip_id3()
        if not source.peek(1):
            raise JobError("AUDIO_EMPTY", "the content holds tags and no audio")
        container = containers.detect(source.peek) or containers.MPEG_AUDIO
        if container is containers.MPEG_AUDIO:
            source.skip(adts.leading_bytes(source.peek))
        layout = {}
    with ExitStack() as stack:
        file: Source | IO[bytes] = source
        if container.seeks:
            file = stack.enter_context(source.spool(limits.spool_folder, limits.spool_memory_bytes))
        opened = stack.enter_context(_open(file, source, container, layout))
        name = container.name
        if container.demuxer is None:
            name = "adts" if opened.format.name == "aac" else opened.format.name
        yield Track(opened, name, limits.channel_count_max)


def _open(
    file: Source | IO[bytes],
    source: Source,
    container: containers.Container,
    layout: dict[str, str],
) -> InputContainer:
    """Opens the demuxer and nothing else; what was found is told when it cannot be opened."""
    head = source.peek_available(512)
    options = {
        **_OPEN_OPTIONS,
        **layout,
        "format_whitelist": container.demuxer or containers.MPEG_DEMUXERS,
        "probesize": str(container.probe_bytes),
    }
    try:
        return av.open(
            file,
            mode="r",
            format=container.demuxer,
            container_options=options,
            metadata_errors="replace",
            buffer_size=_READ_BYTES,
            io_open=_refuse_nested,
        )
    except MemoryError:
        raise
    except (FFmpegError, ValueError) as error:
        if source.failure is not None:
            raise source.failure from error
        if container.demuxer is not None or containers.is_mpeg_sync(head):
            raise _unreadable(container.name, error) from error
        raise _unsupported(containers.describe(head)) from error


def _refuse_nested(_url: str, _flags: int, _options: dict[str, str]) -> NoReturn:
    """Stands for every address a file may name inside: none is opened."""
    raise PermissionError("a file may not refer to another one")


def _first_audio(opened: InputContainer, container: str) -> AudioStream:
    """Returns the first audio stream; all others, cover pictures too, are not even read."""
    streams = opened.streams.audio
    if not streams:
        raise _unsupported(f"{container} without an audio track")
    for stream in opened.streams:
        if stream.index != streams[0].index:
            stream.discard = Discard.all
    return streams[0]


def _finite(chunk: F32Array) -> F32Array:
    if chunk.size and not np.abs(chunk).max() <= _SAMPLE_MAX:  # also false for NaN
        raise JobError(
            "AUDIO_NOT_FINITE",
            f"the audio holds NaN, an infinity or samples beyond {_SAMPLE_MAX:g} times full scale",
        )
    return chunk


def _unsupported(found: str, supported: str = containers.SUPPORTED) -> JobError:
    return JobError(
        "AUDIO_UNSUPPORTED",
        f"found {found}; supported: {supported}",
        found=found,
        supported=supported,
    )


def _unreadable(found: str, error: Exception) -> JobError:
    cause = getattr(error, "strerror", None) or "invalid data"
    return JobError(
        "AUDIO_UNREADABLE",
        f"this looks like {found}, but no audio could be decoded of it: {cause}",
        found=found,
        cause=cause,
    )
