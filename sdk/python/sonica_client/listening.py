"""Recognises sound that does not end: one streaming recognition after the other.

Each takes 15.5 s of it at most, or less when an answer came before. While the server is away, the
sound waits where it comes from.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from ._messages.sonica.audio.v1 import AudioEncoding, AudioFormat
from .errors import SonicaError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from ._messages.sonica.matching.v1 import Match
    from ._messages.sonica.recognition.v1 import StreamingRecognizeResponse
    from .feed import Feed

    Recognize = Callable[
        [AsyncGenerator[bytes, None], AudioFormat],
        AsyncGenerator[StreamingRecognizeResponse, None],
    ]

# The service answers within 15 s of audio; a little more makes sure that it has them.
_CALL_SECONDS = 15.5
_PIECE_SECONDS = 0.5
# A part that is restarted is back within seconds; a busy machine takes longer.
PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
_SAMPLE_BYTES = {AudioEncoding.PCM_S16LE: 2, AudioEncoding.PCM_F32LE: 4}


@dataclass(frozen=True, slots=True)
class Heard:
    """What one stretch of the sound was.

    Attributes:
        start_seconds: where in the sound the stretch begins.
        matches: accepted recordings, surest first; empty when nothing is known.
    """

    start_seconds: float
    matches: list[Match]


class Listening:
    """One run over a sound.

    Args:
        sound: PCM in chunks of any length.
        layout: of the samples.
        busy_wait_seconds: longest time a busy server may ask to wait.
        on_failure: told of each failure that is waited out.
    """

    def __init__(
        self,
        sound: Feed[bytes],
        layout: AudioFormat,
        busy_wait_seconds: float,
        on_failure: Callable[[SonicaError], None] | None,
    ) -> None:
        self._sound = sound
        self._layout = layout
        self._busy_wait_seconds = busy_wait_seconds
        self._on_failure = on_failure
        self._block = _SAMPLE_BYTES[layout.encoding] * (layout.channel_count or 1)
        self._rest = b""
        self._ended = False
        self._read_bytes = 0

    async def run(self, recognize: Recognize, rest_seconds: float) -> AsyncGenerator[Heard, None]:
        """Yields what each stretch was until the sound ends.

        Args:
            recognize: opens one streaming recognition.
            rest_seconds: sound left out after a stretch that was recognised.

        Raises:
            SonicaError: a call failed, and failed again, or the sound did.
        """
        failures = 0
        while await self._fill():
            start_seconds = self._position_seconds
            try:
                matches = await self._one(recognize)
            except SonicaError as error:
                pause = self._pause(error)
                if pause is None or failures == len(PAUSES_SECONDS):
                    raise
                if self._on_failure is not None:
                    self._on_failure(error)
                await asyncio.sleep(max(pause, PAUSES_SECONDS[failures]))
                failures += 1
                continue
            failures = 0
            yield Heard(start_seconds, matches)
            if matches:
                await self._skip(rest_seconds)

    async def _one(self, recognize: Recognize) -> list[Match]:
        matches: list[Match] = []
        async with aclosing(recognize(self._stretch(), self._layout)) as responses:
            async for response in responses:
                matches = response.matches
        return matches

    def _pause(self, error: SonicaError) -> float | None:
        """Returns how long the server wants to be left alone; None when it is of no use."""
        if error.code is grpc.StatusCode.UNAVAILABLE:
            return error.retry_after_seconds or 0.0
        wanted = error.retry_after_seconds
        if error.code is not grpc.StatusCode.RESOURCE_EXHAUSTED or wanted is None:
            return None
        return wanted if wanted <= self._busy_wait_seconds else None

    async def _stretch(self) -> AsyncGenerator[bytes, None]:
        end = self._position_seconds + _CALL_SECONDS
        while self._position_seconds < end and (piece := await self._next()):
            yield piece

    async def _skip(self, wanted_seconds: float) -> None:
        end = self._position_seconds + wanted_seconds
        while self._position_seconds < end and await self._next():
            pass

    @property
    def _position_seconds(self) -> float:
        return self._read_bytes / self._block / self._layout.sample_rate_hz

    async def _fill(self) -> bool:
        """Waits until there is a whole sample to read; returns whether there will be one."""
        while len(self._rest) < self._block and not self._ended:
            chunk = await self._sound.next()
            self._ended = chunk is None
            self._rest += chunk or b""
        return len(self._rest) >= self._block

    async def _next(self) -> bytes:
        """Returns the next samples, whole ones; nothing at the end."""
        if not await self._fill():
            return b""
        longest = max(1, int(_PIECE_SECONDS * self._layout.sample_rate_hz)) * self._block
        length = min(longest, len(self._rest) // self._block * self._block)
        piece, self._rest = self._rest[:length], self._rest[length:]
        self._read_bytes += length
        return piece
