"""A small edge for tests: the public contract on a real gRPC server, answering from a table.

It registers bytes by their SHA-256 and recognises a clip when it is a part of registered bytes.
There are two extractors; a catalogue moves to the other when every track was registered by it too.
Bytes that begin with `bad` are refused as AUDIO_UNREADABLE, so that failures are real ones, with
their details on the wire.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from sonica.catalog.v1 import catalog_service_pb2 as catalog
from sonica.catalog.v1 import catalog_service_pb2_grpc as catalog_grpc
from sonica.catalog.v1 import track_pb2
from sonica.fingerprint.v1 import fingerprint_pb2
from sonica.matching.v1 import match_pb2
from sonica.recognition.v1 import recognition_service_pb2 as recognition
from sonica.recognition.v1 import recognition_service_pb2_grpc as recognition_grpc


def status(code: grpc.StatusCode, reason: str, message: str, **metadata: str) -> status_pb2.Status:
    info = error_details_pb2.ErrorInfo(
        reason=reason, domain="sonica.fingerprint", metadata=metadata
    )
    packed = any_pb2.Any()
    packed.Pack(info)
    return status_pb2.Status(code=code.value[0], message=message, details=[packed])


def busy(seconds: float | None) -> status_pb2.Status:
    """Returns a refusal for quota; `seconds` until it is worth coming back."""
    rich = status(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", "60 a minute are allowed")
    violation = error_details_pb2.QuotaFailure.Violation(
        subject="users/ada", description="60 requests a minute"
    )
    rich.details.add().Pack(error_details_pb2.QuotaFailure(violations=[violation]))
    if seconds is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(seconds * 1e9))
        rich.details.add().Pack(retry)
    return rich


def shown(context: Any) -> str:
    """Returns who the caller says to be."""
    names = ("authorization", "x-api-key")
    return " ".join(str(v) for k, v in context.invocation_metadata() if k in names)


AWAY = status(grpc.StatusCode.UNAVAILABLE, "INDEX_UNREACHABLE", "the index is away")
FULL = status(grpc.StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL", "there is no room")
UNREADABLE = status(
    grpc.StatusCode.INVALID_ARGUMENT, "AUDIO_UNREADABLE", "no container was found", format="none"
)


@dataclass
class Edge:
    """What the server holds, and what it has seen."""

    tracks: dict[str, track_pb2.Track] = field(default_factory=dict)
    audio: dict[str, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    busy_left: int = 0
    busy_seconds: float | None = 0.05
    unavailable_left: int = 0
    delay_seconds: float = 0.0
    break_every: int = 0
    refuse_every: int = 0
    full_after: int = 0
    imported: int = 0
    version: int = 1
    current_version: int = 1
    dropped: bool = False

    def register(
        self, track: track_pb2.Track, content: bytes, version: int = 0
    ) -> tuple[track_pb2.Track, int]:
        version = version or self.version
        digest = hashlib.sha256(content).digest()
        for stored in self.tracks.values():
            if stored.content_sha256 == digest:
                versions = {*stored.algorithm_versions, version}
                stored.algorithm_versions[:] = sorted(versions)
                return stored, track_pb2.REGISTRATION_OUTCOME_ALREADY_REGISTERED
        assert version == self.version, "only what is registered may have another version"
        stored = track_pb2.Track()
        stored.CopyFrom(track)
        stored.algorithm_version = version
        stored.algorithm_versions.append(version)
        stored.track_id = str(uuid.uuid4())
        stored.content_sha256 = digest
        stored.duration.FromMilliseconds(1000 * len(content))
        self.tracks[stored.track_id] = stored
        self.audio[stored.track_id] = content
        return stored, track_pb2.REGISTRATION_OUTCOME_REGISTERED

    def match(self, content: bytes) -> list[match_pb2.Match]:
        for track_id, whole in self.audio.items():
            at = whole.find(content)
            if at >= 0:
                found = match_pb2.Match(track=self.tracks[track_id], score=0.97, speed_factor=1)
                found.track_offset.FromMilliseconds(1000 * at)
                return [found]
        return []


async def refuse(context: Any, rich: status_pb2.Status) -> None:
    details = (("grpc-status-details-bin", rich.SerializeToString()),)
    code = next(code for code in grpc.StatusCode if code.value[0] == rich.code)
    await context.abort(code, rich.message, trailing_metadata=details)


class Recognition(recognition_grpc.RecognitionServiceServicer):
    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def Recognize(self, request: Any, context: Any) -> Any:
        self.edge.calls.append("Recognize")
        self.edge.credentials.append(shown(context))
        if self.edge.busy_left:
            self.edge.busy_left -= 1
            await refuse(context, busy(self.edge.busy_seconds))
        if self.edge.unavailable_left:
            self.edge.unavailable_left -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        await asyncio.sleep(self.edge.delay_seconds)
        content = request.audio.content
        if content.startswith(b"bad"):
            await refuse(context, UNREADABLE)
        response = recognition.RecognizeResponse(trace_id="ab" * 16)
        response.matches.extend(self.edge.match(content))
        if request.include_rejected and not response.matches and self.edge.tracks:
            track = next(iter(self.edge.tracks.values()))
            response.rejected.append(match_pb2.Match(track=track, score=0.2))
        return response

    async def StreamingRecognize(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        self.edge.calls.append("StreamingRecognize")
        self.edge.credentials.append(shown(context))
        if self.edge.unavailable_left:
            self.edge.unavailable_left -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        heard = b""
        async for request in requests:
            heard += request.chunk
            matches = self.edge.match(heard) if len(heard) >= 3 else []
            if heard.startswith(b"bad"):
                await refuse(context, UNREADABLE)
            yield recognition.StreamingRecognizeResponse(matches=matches, final=bool(matches))
            if matches:
                return
        yield recognition.StreamingRecognizeResponse(final=True)

    async def RegisterTrack(self, request: Any, context: Any) -> Any:
        track, outcome = self.edge.register(
            request.track, request.audio.content, request.algorithm_version
        )
        return recognition.RegisterTrackResponse(track=track, outcome=outcome)

    async def ImportTracks(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        self.edge.calls.append("ImportTracks")
        item, content = None, b""
        async for request in requests:
            kind = request.WhichOneof("message")
            if kind == "item":
                item, content = request.item, b""
                if item.item_id == "break the stream":
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
            elif kind == "chunk":
                content += request.chunk
            else:
                await asyncio.sleep(self.edge.delay_seconds)
                self.edge.imported += 1
                if self.edge.break_every and self.edge.imported % self.edge.break_every == 0:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
                yield self._result(item, content)

    def _result(self, item: Any, content: bytes) -> Any:
        result = recognition.ImportResult(item_id=item.item_id)
        if content.startswith(b"bad"):
            result.error.CopyFrom(UNREADABLE)
        elif self.edge.refuse_every and self.edge.imported % self.edge.refuse_every == 0:
            result.error.CopyFrom(AWAY)
        elif self.edge.full_after and len(self.edge.tracks) >= self.edge.full_after:
            result.error.CopyFrom(FULL)
        else:
            track, result.outcome = self.edge.register(item.track, content, item.algorithm_version)
            result.track.CopyFrom(track)
        return recognition.ImportTracksResponse(result=result)


class Catalog(catalog_grpc.CatalogServiceServicer):
    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def _find(self, track_id: str, context: Any) -> track_pb2.Track:
        for track in self.edge.tracks.values():
            if track_id in {track.track_id, f"external:{track.external_id}"}:
                return track
        await refuse(
            context,
            status(grpc.StatusCode.NOT_FOUND, "TRACK_NOT_FOUND", f"no track {track_id}"),
        )
        raise AssertionError

    async def GetTrack(self, request: Any, context: Any) -> Any:
        return catalog.GetTrackResponse(track=await self._find(request.track_id, context))

    async def ListTracks(self, request: Any, context: Any) -> Any:
        self.edge.credentials.append(shown(context))
        genre = request.filter.removeprefix("genre = ")
        tracks = [t for t in self.edge.tracks.values() if genre in ("", t.genre)]
        tracks = tracks[::-1] if request.order_by else tracks
        start = int(request.page_token or 0)
        end = start + (request.page_size or 50)
        token = str(end) if end < len(tracks) else ""
        return catalog.ListTracksResponse(
            tracks=tracks[start:end], next_page_token=token, total_count=len(tracks)
        )

    async def SearchTracks(self, request: Any, context: Any) -> Any:
        self.edge.calls.append("SearchTracks")
        words = request.query.split()
        found = [t for t in self.edge.tracks.values() if all(w in t.title for w in words)]
        start = int(request.page_token or 0)
        end = start + (request.page_size or 20)
        results = [catalog.TrackSearchResult(track=t, relevance=1) for t in found[start:end]]
        token = str(end) if end < len(found) else ""
        return catalog.SearchTracksResponse(results=results, next_page_token=token)

    async def UpdateTrack(self, request: Any, context: Any) -> Any:
        self.edge.calls.append("UpdateTrack")
        track = await self._find(request.track.track_id, context)
        wanted = track_pb2.Track()
        request.update_mask.MergeMessage(request.track, wanted, True, True)
        for path in request.update_mask.paths:
            track.ClearField(path)
        track.MergeFrom(wanted)
        return catalog.UpdateTrackResponse(track=track)

    async def LookupTracks(self, request: Any, context: Any) -> Any:
        self.edge.calls.append("LookupTracks")
        wanted = set(request.content_sha256s)
        found = [t for t in self.edge.tracks.values() if t.content_sha256 in wanted]
        return catalog.LookupTracksResponse(tracks=found)

    async def DeleteTrack(self, request: Any, context: Any) -> Any:
        track = await self._find(request.track_id, context)
        del self.edge.tracks[track.track_id], self.edge.audio[track.track_id]
        return catalog.DeleteTrackResponse()

    async def GetTrackFingerprint(self, request: Any, context: Any) -> Any:
        await self._find(request.track_id, context)
        return catalog.GetTrackFingerprintResponse(
            fingerprint=fingerprint_pb2.Fingerprint(algorithm_version=1, purpose=1)
        )

    async def RebuildIndex(self, request: Any, context: Any) -> AsyncIterator[Any]:
        total = len(self.edge.tracks)
        self.edge.credentials.append(shown(context))
        version = request.algorithm_version or self.edge.version
        missing = [t for t in self.edge.tracks.values() if version not in t.algorithm_versions]
        if missing:
            code = grpc.StatusCode.FAILED_PRECONDITION
            await refuse(context, status(code, "FINGERPRINTS_MISSING", f"{len(missing)} tracks"))
        self.edge.version, self.edge.dropped = version, request.drop_other_versions
        for count in range(total + 1):
            yield catalog.RebuildIndexResponse(
                track_count=count, total_track_count=total, done=count == total
            )

    async def GetCatalogStatistics(self, request: Any, context: Any) -> Any:
        tracks = self.edge.tracks.values()
        return catalog.GetCatalogStatisticsResponse(
            active_track_count=len(tracks),
            algorithm_version=self.edge.version,
            current_algorithm_version=self.edge.current_version,
            coverages=[
                catalog.AlgorithmCoverage(
                    algorithm_version=version,
                    track_count=sum(version in track.algorithm_versions for track in tracks),
                )
                for version in (1, 2)
            ],
        )


@asynccontextmanager
async def edge_server(
    credentials: grpc.ServerCredentials | None = None,
) -> AsyncIterator[tuple[str, Edge]]:
    """Runs the edge on a free port; yields its address and what it holds."""
    edge = Edge()
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 32 << 20)])
    recognition_grpc.add_RecognitionServiceServicer_to_server(Recognition(edge), server)
    catalog_grpc.add_CatalogServiceServicer_to_server(Catalog(edge), server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}", edge
    finally:
        await server.stop(None)
