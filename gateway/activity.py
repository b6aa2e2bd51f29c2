"""Tells user_svc what was done for a caller, after the answer and beside it.

An answer never waits for a report and never fails with one: reports stand in a bounded queue, whose
oldest are dropped when it is full, and one task sends them. Nothing is reported of calls by nobody.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import grpc
from sonica.user.v1.activity_pb2 import (
    Activity,
    ImportFinishedActivity,
    RecognitionActivity,
    TrackReadyActivity,
)
from sonica.user.v1.activity_service_pb2 import ReportActivityRequest
from sonica.user.v1.history_pb2 import RecognizedTrack

from gateway.caller import Caller, caller_of
from mesh.runtime.telemetry import current_trace_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from google.protobuf.duration_pb2 import Duration
    from sonica.catalog.v1.track_pb2 import Track
    from sonica.matching.v1.match_pb2 import Match

#: Of a recognition; the surest.
MATCHES_MAX = 10
_WAITING_MAX = 1000
_BATCH_MAX = 100
# A request of user_svc may have 1 MiB; one activity has at most a tenth of that.
_BATCH_BYTES_MAX = 512 * 1024
_SEND_SECONDS = 5.0
_PAUSE_SECONDS, _PAUSE_SECONDS_MAX = 0.2, 5.0
_COMPLAINT_SECONDS = 60.0
# What passes by itself; user_svc tells activities that come twice by their id.
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
_log = logging.getLogger(__name__)


class Activities:
    """The reports of one gateway.

    Args:
        service: stub of ActivityService.
        flush_seconds: how long the end of `running` may take.

    Attributes:
        dropped_count: reports that were given up so far.
    """

    def __init__(self, service: Any, flush_seconds: float) -> None:
        self._service = service
        self._flush_seconds = flush_seconds
        self._waiting: deque[Activity] = deque()
        self._sending: list[Activity] = []
        self._changed = asyncio.Event()
        self._ending = False
        self._complaint_due = 0.0
        self.dropped_count = 0

    def recognised(self, context: Any, matches: Sequence[Match], clip_duration: Duration) -> None:
        """Reports an answered recognition."""
        caller = caller_of(context)
        if caller is None:
            return
        recognition = RecognitionActivity(
            clip_duration=clip_duration, matches=map(_recognised_track, matches[:MATCHES_MAX])
        )
        self._report(caller, recognition=recognition)

    def track_ready(self, context: Any, track: Track) -> None:
        """Reports a recording that is new and can be recognised."""
        caller = caller_of(context)
        if caller is None:
            return
        ready = TrackReadyActivity(
            track_id=track.track_id,
            external_id=track.external_id,
            title=track.title,
            artist=track.artist,
            album=track.album,
            isrc=track.isrc,
            duration=track.duration,
        )
        self._report(caller, track_ready=ready)

    def import_finished(self, context: Any, counts: ImportFinishedActivity) -> None:
        """Reports an import that has ended."""
        caller = caller_of(context)
        if caller is not None:
            self._report(caller, import_finished=counts)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sends while the context is open; at its end what waits is sent, or given up in time."""
        task = asyncio.create_task(self._run(), name="activities")
        try:
            yield
        finally:
            self._ending = True
            self._changed.set()
            await asyncio.wait((task,), timeout=self._flush_seconds)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            if left := len(self._sending) + len(self._waiting):
                self.dropped_count += left
                _log.warning("%d reports of activity were given up at the end", left)

    def _report(self, caller: Caller, **detail: Any) -> None:
        if len(self._waiting) >= _WAITING_MAX:
            self._waiting.popleft()
            self._drop(1, "a full queue")
        activity = Activity(
            activity_id=str(uuid.uuid4()),
            user=caller.user,
            api_key_id=caller.api_key_id,
            trace_id=current_trace_id(),
            **detail,
        )
        activity.occur_time.GetCurrentTime()
        self._waiting.append(activity)
        self._changed.set()

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                if self._ending:
                    return
                self._changed.clear()
                await self._changed.wait()
                continue
            self._take_batch()
            if not await self._send(self._sending):
                # One that user_svc does not take must not cost the others their place.
                for activity in self._sending:
                    if len(self._sending) == 1 or not await self._send([activity]):
                        self._drop(1, "a refusal of user_svc")
            self._sending = []

    def _take_batch(self) -> None:
        """Moves the oldest that wait, as many as one request holds, to those being sent."""
        byte_count = 0
        while self._waiting and len(self._sending) < _BATCH_MAX:
            byte_count += self._waiting[0].ByteSize()
            if self._sending and byte_count > _BATCH_BYTES_MAX:
                return
            self._sending.append(self._waiting.popleft())

    async def _send(self, batch: Sequence[Activity]) -> bool:
        """Returns whether user_svc took a batch; goes on trying while it is only away."""
        pause_seconds = _PAUSE_SECONDS
        while True:
            try:
                await self._service.ReportActivity(
                    ReportActivityRequest(activities=batch), timeout=_SEND_SECONDS
                )
            except grpc.aio.AioRpcError as error:
                if error.code() not in _PASSING:
                    # Its words may hold what was reported.
                    _log.error("user_svc does not take a report: %s", error.code().name)
                    return False
                self._complain(f"cannot report activity for now: {error.code().name}")
            else:
                return True
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _PAUSE_SECONDS_MAX)

    def _drop(self, count: int, why: str) -> None:
        self.dropped_count += count
        self._complain(f"{self.dropped_count} reports of activity were given up, now for {why}")

    def _complain(self, text: str) -> None:
        """Logs at most once a minute: an outage must not fill the log with itself."""
        now = asyncio.get_running_loop().time()
        if now >= self._complaint_due:
            self._complaint_due = now + _COMPLAINT_SECONDS
            _log.warning("%s", text)


def _recognised_track(match: Match) -> RecognizedTrack:
    track = match.track
    return RecognizedTrack(
        track_id=track.track_id,
        title=track.title,
        artist=track.artist,
        album=track.album,
        isrc=track.isrc,
        score=match.score,
        track_offset=match.track_offset,
        clip_offset=match.clip_offset,
        ambiguous=match.ambiguous,
    )
