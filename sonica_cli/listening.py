"""Follows sound that does not end: one streaming recognition after the other over one source.

Sources are threads that put PCM into a small queue; the oldest sound of a microphone is dropped
when the mesh is slower than life, a file on standard input simply waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json as json_format
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from sonica_client import AudioEncoding, AudioFormat, SonicaClient, SonicaError

from sonica_cli.answers import match_json, name_of, seconds
from sonica_cli.failures import CliError
from sonica_cli.patience import passes, pause_seconds
from sonica_cli.screen import clock, note, say

if TYPE_CHECKING:
    from typing import BinaryIO

    import numpy.typing as npt
    from sonica_client import Match

RATE_HZ = 16_000
CHUNK_SECONDS = 0.25
# The service answers within 15 s of audio; a little more makes sure that it has them.
_CALL_SECONDS = 15.5
# After a certain answer there is no hurry to hear the same song again.
_REST_SECONDS = 4.0
_QUEUE_CHUNKS = 40
_FORGET_AFTER = 2
_CHUNK_BYTES = 2 * int(RATE_HZ * CHUNK_SECONDS)

Feed = Callable[["Sound"], None]


class Sound:
    """Chunks of mono 16-bit PCM at `RATE_HZ`, from a thread to the event loop it is made in."""

    def __init__(self, *, lossy: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(_QUEUE_CHUNKS)
        self._lossy = lossy
        self._closed = threading.Event()
        self._rest = b""

    @property
    def closed(self) -> bool:
        """Whether nobody listens any more."""
        return self._closed.is_set()

    def close(self) -> None:
        """Tells the source that nobody listens any more."""
        self._closed.set()

    def put(self, pcm: npt.NDArray[np.float32]) -> None:
        """Adds samples in [-1, 1]; called by the source, which waits when there is no room."""
        samples = np.clip(np.rint(pcm * 32_768.0), -32_768, 32_767).astype("<i2")
        self._rest += samples.tobytes()
        while len(self._rest) >= _CHUNK_BYTES:
            chunk, self._rest = self._rest[:_CHUNK_BYTES], self._rest[_CHUNK_BYTES:]
            self._offer(chunk)

    def end(self, error: BaseException | None = None) -> None:
        """Says that there is no more, and why if that is a failure; called by the source."""
        if self._rest:
            self._offer(self._rest)
        self._offer(error)

    def _offer(self, item: bytes | BaseException | None) -> None:
        if self.closed:
            return
        put = asyncio.run_coroutine_threadsafe(self._put(item), self._loop)
        while not self.closed:
            with contextlib.suppress(TimeoutError):
                put.result(0.2)
                return
        put.cancel()

    async def _put(self, item: bytes | BaseException | None) -> None:
        if self._lossy and self._queue.full():
            self._queue.get_nowait()
        await self._queue.put(item)

    async def next(self) -> bytes | None:
        """Returns the next chunk, or None at the end; raises what the source ended with.

        Nothing is lost when the wait is cancelled.
        """
        item = await self._queue.get()
        if isinstance(item, BaseException):
            raise item
        return item


@dataclass(frozen=True, slots=True)
class Source:
    """A source of sound that has not begun yet.

    Attributes:
        feed: runs in a thread, fills a Sound until it ends.
        lossy: whether sound may be dropped when the mesh is slow.
    """

    feed: Feed
    lossy: bool


class Listener:
    """Writes a line whenever what is playing changes.

    Args:
        client: of the mesh.
        json: write objects instead of lines for people.
    """

    def __init__(self, client: SonicaClient, *, json: bool) -> None:
        self._client = client
        self._json = json
        self._heard_seconds = 0.0
        self._playing = ""
        self._misses = 0
        self._ended = False

    async def follow(self, source: Source) -> None:
        """Listens until the source ends.

        Raises:
            CliError: the source fails.
            SonicaError: the mesh is out of reach for long.
        """
        sound = Sound(lossy=source.lossy)
        thread = threading.Thread(target=_guarded(source.feed), args=(sound,), daemon=True)
        thread.start()
        try:
            await self._follow(sound)
        finally:
            sound.close()

    async def _follow(self, sound: Sound) -> None:
        failures = 0
        while not self._ended:
            began = self._heard_seconds
            try:
                match = await self._one_call(sound)
            except SonicaError as error:
                failures += 1
                pause = pause_seconds(error, failures) if passes(error) else None
                if pause is None:
                    raise
                note(f"{error}; trying again")
                await asyncio.sleep(pause)
                continue
            failures = 0
            self._tell(match, began)
            if match is not None:
                await self._skip(sound, _REST_SECONDS)

    async def _one_call(self, sound: Sound) -> Match | None:
        layout = AudioFormat(
            encoding=AudioEncoding.PCM_S16LE, sample_rate_hz=RATE_HZ, channel_count=1
        )
        found: Match | None = None
        async for response in self._client.recognize_stream(
            self._some(sound), audio_format=layout, max_match_count=1
        ):
            found = next(iter(response.matches), None)
        return found

    async def _some(self, sound: Sound) -> AsyncIterator[bytes]:
        end = self._heard_seconds + _CALL_SECONDS
        while self._heard_seconds < end:
            chunk = await sound.next()
            if chunk is None:
                self._ended = True
                return
            self._heard_seconds += len(chunk) / 2 / RATE_HZ
            yield chunk

    async def _skip(self, sound: Sound, wanted: float) -> None:
        end = self._heard_seconds + wanted
        while self._heard_seconds < end and not self._ended:
            chunk = await sound.next()
            self._ended = chunk is None
            self._heard_seconds += len(chunk or b"") / 2 / RATE_HZ

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


def _guarded(feed: Feed) -> Feed:
    def run(sound: Sound) -> None:
        try:
            feed(sound)
        except Exception as error:  # noqa: BLE001 - raised again where the sound is read
            sound.end(error)
        else:
            sound.end()

    return run


def microphone(device: str | None) -> Source:
    """Returns the microphone.

    Raises:
        CliError: what is needed to record is not installed, or there is no microphone.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise CliError(
            f"the microphone needs sounddevice and PortAudio ({error})",
            f"{sys.executable} -m pip install sounddevice (Linux: also apt install libportaudio2), "
            "or pipe sound in: `arecord -f S16_LE -r 44100 | sonica listen --raw s16le`.",
        ) from None
    try:
        sounddevice.check_input_settings(
            device=device, samplerate=RATE_HZ, channels=1, dtype="float32"
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise CliError(f"no usable microphone: {error}", "Name another with --device.") from None

    def feed(sound: Sound) -> None:
        block = int(RATE_HZ * CHUNK_SECONDS)
        with sounddevice.InputStream(
            device=device, samplerate=RATE_HZ, channels=1, dtype="float32", blocksize=block
        ) as stream:
            while not sound.closed:
                samples, _overflowed = stream.read(block)
                sound.put(samples[:, 0])

    return Source(feed, lossy=True)


def standard_input(raw: tuple[str, int, int] | None) -> Source:
    """Returns what comes on standard input.

    Args:
        raw: layout ("s16le" or "f32le"), rate and channels; None means a container.
    """

    def feed(sound: Sound) -> None:
        frames = _raw_frames(*raw) if raw is not None else _container_frames()
        for pcm in frames:
            if sound.closed:
                return
            sound.put(pcm)

    return Source(feed, lossy=False)


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
