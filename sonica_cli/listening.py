"""Follows sound that does not end, and says when what is playing changes."""

from __future__ import annotations

import io
import json as json_format
import sys
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sonica_cli.answers import match_json, name_of, seconds
from sonica_cli.failures import CliError
from sonica_cli.screen import clock, note, say

if TYPE_CHECKING:
    from typing import BinaryIO

    import numpy.typing as npt
    from sonica_client import Match, SonicaClient

RATE_HZ = 16_000
CHUNK_SECONDS = 0.25
_FORGET_AFTER = 2


class Listener:
    """Writes a line whenever what is playing changes.

    Args:
        client: of the mesh.
        json: write objects instead of lines for people.
    """

    def __init__(self, client: SonicaClient, *, json: bool) -> None:
        self._client = client
        self._json = json
        self._playing = ""
        self._misses = 0

    async def follow(self, sound: Iterable[bytes]) -> None:
        """Listens until the sound, mono 16-bit PCM at `RATE_HZ`, ends.

        Raises:
            CliError: the sound fails.
            SonicaError: the mesh is out of reach for long, or there is no microphone.
        """
        stretches = self._client.listen(
            sound,
            sample_rate_hz=RATE_HZ,
            on_failure=lambda error: note(f"{error}; trying again"),
        )
        async with aclosing(stretches):
            async for heard in stretches:
                self._tell(next(iter(heard.matches), None), heard.start_seconds)

    def _tell(self, match: Match | None, began: float) -> None:
        """Writes a line when the answer is another than before."""
        if match is None:
            self._misses += 1
            # One miss in the middle of a song is a quiet passage, not its end.
            if self._misses == (_FORGET_AFTER if self._playing else 1):
                self._playing = ""
                self._write(began, None)
            return
        self._misses = 0
        track_id = match.track.track_id if match.track is not None else ""
        if track_id != self._playing:
            self._playing = track_id
            self._write(began, match)

    def _write(self, at_seconds: float, match: Match | None) -> None:
        if self._json:
            found = match_json(match) if match is not None else None
            line: dict[str, Any] = {"at_s": round(at_seconds, 2), "match": found}
            say(json_format.dumps(line, ensure_ascii=False))
        elif match is None:
            say(f"{clock(at_seconds):>9}  no match")
        else:
            place = clock(seconds(match.track_offset))
            say(f"{clock(at_seconds):>9}  {name_of(match.track)}  at {place}  ({match.score:.2f})")


def standard_input(raw: tuple[str, int, int] | None) -> Iterator[bytes]:
    """Yields what comes on standard input as mono 16-bit PCM at `RATE_HZ`.

    Args:
        raw: layout ("s16le" or "f32le"), rate and channels; None means a container.

    Raises:
        CliError: it is no sound.
    """
    for pcm in _raw_frames(*raw) if raw is not None else _container_frames():
        samples = np.clip(np.rint(pcm * 32_768.0), -32_768, 32_767).astype("<i2")
        yield samples.tobytes()


def _raw_frames(layout: str, rate_hz: int, channels: int) -> Iterator[npt.NDArray[np.float32]]:
    import av

    sample = np.dtype("<i2" if layout == "s16le" else "<f4")
    scale = np.float32(1 / 32_768 if layout == "s16le" else 1)
    step = sample.itemsize * channels
    resampler = av.AudioResampler("flt", "mono", RATE_HZ)
    rest = b""
    stdin = _stdin()
    while read := stdin.read(step * int(rate_hz * CHUNK_SECONDS)):
        whole = rest + read
        usable = len(whole) // step * step
        rest = whole[usable:]
        samples = np.frombuffer(whole[:usable], dtype=sample).reshape(-1, channels)
        mono = samples.astype(np.float32).mean(axis=1) * scale
        if not mono.size:
            continue
        if not np.isfinite(mono).all():
            raise CliError("standard input holds NaN or infinite samples", "Check --raw.")
        frame = av.AudioFrame.from_ndarray(mono[None, :], format="flt", layout="mono")
        frame.sample_rate = rate_hz
        yield from (part.to_ndarray()[0] for part in resampler.resample(frame))


def _container_frames() -> Iterator[npt.NDArray[np.float32]]:
    from sonica_cli.media import decode_stream

    return decode_stream(_stdin(), RATE_HZ)


def _stdin() -> BinaryIO:
    """Returns standard input without a buffer: what is there is read, and nobody holds a lock.

    A thread that waits inside a buffered read would stop the interpreter from ending.
    """
    try:
        return cast("BinaryIO", io.FileIO(sys.stdin.fileno(), closefd=False))
    except io.UnsupportedOperation:
        return sys.stdin.buffer
