"""Small real servicers that keep the contracts, for tests whose subject is what lies before them.

"Audio" is made of marks here: 1,000 bytes last one second. A chunk or clip that begins with `BAD`
cannot be read, `FAIL` is answered with UNAVAILABLE, `HANG` never, and `STOP` ends an analysis
early, against the contract. Each row of a fingerprint repeats the first byte of the audio, and a
search knows the tracks a to z by it, from three seconds on. Every version of the extractor makes
the same; the catalogue takes one of them. At a pitch, the rows repeat a byte further on: the next
for the first pitch asked for, the one after it for the second.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import uuid
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.duration_pb2 import Duration
from sonica.catalog.v1 import catalog_service_pb2 as catalog
from sonica.catalog.v1 import catalog_service_pb2_grpc as catalog_grpc
from sonica.catalog.v1 import import_service_pb2_grpc as imports_grpc
from sonica.catalog.v1 import operation_service_pb2_grpc as operations_grpc
from sonica.catalog.v1 import track_pb2
from sonica.fingerprint.v1 import fingerprint_service_pb2 as fingerprint
from sonica.fingerprint.v1 import fingerprint_service_pb2_grpc as fingerprint_grpc
from sonica.fingerprint.v1.fingerprint_pb2 import FINGERPRINT_PURPOSE_QUERY, Fingerprint
from sonica.matching.v1 import matching_service_pb2 as matching
from sonica.matching.v1 import matching_service_pb2_grpc as matching_grpc
from sonica.matching.v1.match_pb2 import Match
from sonica.user.v1 import account_service_pb2 as accounts
from sonica.user.v1 import account_service_pb2_grpc as accounts_grpc
from sonica.user.v1 import api_key_service_pb2 as api_keys
from sonica.user.v1 import api_key_service_pb2_grpc as api_keys_grpc
from sonica.user.v1 import audit_service_pb2 as audit
from sonica.user.v1 import audit_service_pb2_grpc as audit_grpc
from sonica.user.v1 import session_service_pb2 as sessions
from sonica.user.v1 import session_service_pb2_grpc as sessions_grpc

from mesh.runtime.errors import ServiceError
from mesh.runtime.serve import Registration
from tests.mesh.history_stand_ins import HistoryStandIns
from tests.mesh.import_stand_ins import ImportStandIn, OperationStandIn
from tests.mesh.remembering import Remembering
from tests.mesh.webhook_stand_ins import webhook_registrations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BYTES_PER_SECOND = 1000
QUERY_SECONDS_MAX = 15.0
SURE_SECONDS = 3.0
ROW_BYTES = 256
HOP_SECONDS = 0.128


class AudioUnreadableError(ServiceError):
    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "AUDIO_UNREADABLE"
    domain = "sonica.fingerprint"


class IndexUnreachableError(ServiceError):
    code = grpc.StatusCode.UNAVAILABLE
    reason = "INDEX_UNREACHABLE"
    domain = "sonica.matching"


class AlgorithmMismatchError(ServiceError):
    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "ALGORITHM_MISMATCH"
    domain = "sonica.matching"

    def __init__(self, found: int, catalog_version: int) -> None:
        super().__init__(
            f"{found}, not {catalog_version}", catalog_algorithm_version=str(catalog_version)
        )


class TrackNotFoundError(ServiceError):
    code = grpc.StatusCode.NOT_FOUND
    reason = "TRACK_NOT_FOUND"
    domain = "sonica.catalog"


def duration(seconds: float) -> Duration:
    message = Duration()
    message.FromNanoseconds(round(seconds * 1e9))
    return message


def row_count(seconds: float) -> int:
    return 0 if seconds < 1 else int((seconds - 1) / HOP_SECONDS) + 1


async def obey(content: bytes) -> None:
    """Does what the mark at the beginning of the content asks for."""
    if content.startswith(b"BAD"):
        raise AudioUnreadableError("this is not audio", byte_count=str(len(content)))
    if content.startswith(b"FAIL"):
        raise IndexUnreachableError("the index cannot be reached")
    if content.startswith(b"HANG"):
        await asyncio.sleep(3600)


class FingerprintStandIn(Remembering, fingerprint_grpc.FingerprintServiceServicer):
    """Analyses marks. While `gate` is closed no chunk is read, as by a decoder that lags."""

    def __init__(self) -> None:
        super().__init__()
        self.received_byte_count = 0
        self.versions: list[int] = []
        self.pitch_factors: list[float] = []
        self.layouts: list[Any] = []
        self.before_pitches = b""
        self.gate = asyncio.Event()
        self.gate.set()

    async def ExtractFingerprint(self, request: Any, context: Any) -> Any:
        self.enter("ExtractFingerprint", context)
        content = request.audio.content
        try:
            await obey(content)
            if request.pitch_factors:
                self.pitch_factors = list(request.pitch_factors)
                await obey(self.before_pitches)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        begin = request.config.start_offset.ToTimedelta().total_seconds()
        length = max(0.0, min(len(content) / BYTES_PER_SECOND - begin, QUERY_SECONDS_MAX))
        rows = row_count(length)
        self.versions.append(request.config.algorithm_version)
        response = fingerprint.ExtractFingerprintResponse(
            decode_duration=duration(0.002), extract_duration=duration(0.001)
        )
        if not request.pitch_factors:
            response.fingerprint.CopyFrom(_rows(request.config, content[:1], rows, length))
        for step, _ in enumerate(request.pitch_factors, 1):
            first = bytes([content[0] + step])
            response.pitched_fingerprints.append(_rows(request.config, first, rows, length))
        return response

    async def StreamFingerprint(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        self.enter("StreamFingerprint", context)
        whole = False
        try:
            async for response in self._analyse(requests):
                yield response
            whole = True
        finally:
            if not whole:
                self.cancelled.set()

    async def _analyse(self, requests: Any) -> AsyncIterator[Any]:
        opening = (await anext(requests)).config
        self.layouts.append(opening.format)
        config = opening.extraction
        self.versions.append(config.algorithm_version)
        longest = QUERY_SECONDS_MAX if config.purpose == FINGERPRINT_PURPOSE_QUERY else math.inf
        digest = hashlib.sha256()
        first, rows, received = b"", 0, 0
        async for request in requests:
            await self.gate.wait()
            await obey(request.chunk)
            first = first or request.chunk[:1]
            digest.update(request.chunk)
            received += len(request.chunk)
            self.received_byte_count += len(request.chunk)
            length = min(received / BYTES_PER_SECOND, longest)
            new = min(row_count(length) - rows, 32)
            part = _rows(config, first, new, length)
            yield fingerprint.StreamFingerprintResponse(part=part, first_row=rows)
            rows += new
            if length == longest or request.chunk.startswith(b"STOP"):
                break
        part = _rows(config, first, 0, min(received / BYTES_PER_SECOND, longest))
        yield fingerprint.StreamFingerprintResponse(
            part=part, first_row=rows, final=True, content_sha256=digest.digest()
        )


def _rows(config: Any, first: bytes, rows: int, length: float) -> Fingerprint:
    return Fingerprint(
        algorithm_version=config.algorithm_version or 1,
        purpose=config.purpose,
        vectors_f16le=first * (ROW_BYTES * rows),
        active_windows=b"\x01" * rows,
        duration=duration(length),
    )


class MatchingStandIn(Remembering, matching_grpc.MatchingServiceServicer):
    """Knows the tracks a to z, by fingerprints of one version. A search takes `search_seconds`."""

    def __init__(self) -> None:
        super().__init__()
        self.version = 1
        self.moves_to: list[int] = []
        self.score = 0.9
        self.search_seconds = 0.0
        self.running = 0
        self.running_max = 0
        self.row_counts: list[int] = []

    async def FindMatches(self, request: Any, context: Any) -> Any:
        self.enter("FindMatches", context)
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        try:
            await asyncio.sleep(self.search_seconds)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        finally:
            self.running -= 1
        if self.moves_to:
            self.version = self.moves_to.pop(0)
        if request.fingerprint.algorithm_version != self.version:
            raise AlgorithmMismatchError(request.fingerprint.algorithm_version, self.version)
        rows = len(request.fingerprint.active_windows)
        self.row_counts.append(rows)
        name = request.fingerprint.vectors_f16le[:1].decode("latin-1")
        response = matching.FindMatchesResponse(search_duration=duration(0.003))
        if name == "!":
            raise IndexUnreachableError("the index cannot be reached")
        found = Match(track=track_pb2.Track(track_id=name, title=name.upper()), score=self.score)
        if "a" <= name <= "z" and rows >= row_count(SURE_SECONDS):
            response.matches.append(found)
        elif request.include_rejected:
            response.rejected.append(found)
        return response


class CatalogStandIn(Remembering, catalog_grpc.CatalogServiceServicer):
    """Keeps tracks in memory; while `failing`, finds none of them and says UNAVAILABLE."""

    def __init__(self) -> None:
        super().__init__()
        self.failing = False
        self.version = 1
        self.tracks: dict[str, Any] = {}
        self.by_content: dict[bytes, str] = {}

    async def CreateTrack(self, request: Any, context: Any) -> Any:
        self.enter("CreateTrack", context)
        known = self.by_content.get(request.content_sha256)
        if known is not None:
            return catalog.CreateTrackResponse(
                track=self.tracks[known],
                outcome=track_pb2.REGISTRATION_OUTCOME_ALREADY_REGISTERED,
            )
        version = request.fingerprint.algorithm_version
        if version != self.version:
            raise AlgorithmMismatchError(version, self.version)
        stored = track_pb2.Track()
        stored.CopyFrom(request.track)
        stored.track_id = str(uuid.uuid4())
        stored.state = track_pb2.TRACK_STATE_ACTIVE
        stored.duration.CopyFrom(request.fingerprint.duration)
        stored.content_sha256 = request.content_sha256
        self.tracks[stored.track_id] = stored
        self.by_content[request.content_sha256] = stored.track_id
        return catalog.CreateTrackResponse(
            track=stored, outcome=track_pb2.REGISTRATION_OUTCOME_REGISTERED
        )

    def _find(self, track_id: str) -> Any:
        if self.failing:
            raise IndexUnreachableError("the index cannot be reached")
        for track in self.tracks.values():
            if track_id in (track.track_id, f"external:{track.external_id}"):
                return track
        raise TrackNotFoundError(f"there is no track {track_id}", track_id=track_id)

    async def GetTrack(self, request: Any, context: Any) -> Any:
        self.enter("GetTrack", context)
        return catalog.GetTrackResponse(track=self._find(request.track_id))

    async def ListTracks(self, request: Any, context: Any) -> Any:
        self.enter("ListTracks", context)
        tracks = list(self.tracks.values())[: request.page_size or 50]
        return catalog.ListTracksResponse(tracks=tracks, total_count=len(self.tracks))

    async def SearchTracks(self, request: Any, context: Any) -> Any:
        self.enter("SearchTracks", context)
        return catalog.SearchTracksResponse()

    async def UpdateTrack(self, request: Any, context: Any) -> Any:
        self.enter("UpdateTrack", context)
        track = self._find(request.track.track_id)
        track.title = request.track.title
        return catalog.UpdateTrackResponse(track=track)

    async def LookupTracks(self, request: Any, context: Any) -> Any:
        self.enter("LookupTracks", context)
        known = (self.by_content.get(digest) for digest in request.content_sha256s)
        return catalog.LookupTracksResponse(tracks=[self.tracks[i] for i in known if i])

    async def DeleteTrack(self, request: Any, context: Any) -> Any:
        self.enter("DeleteTrack", context)
        removed = self.tracks.pop(self._find(request.track_id).track_id)
        del self.by_content[removed.content_sha256]
        return catalog.DeleteTrackResponse()

    async def GetTrackFingerprint(self, request: Any, context: Any) -> Any:
        self.enter("GetTrackFingerprint", context)
        self._find(request.track_id)
        return catalog.GetTrackFingerprintResponse()

    async def RebuildIndex(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.enter("RebuildIndex", context)
        yield catalog.RebuildIndexResponse(total_track_count=1)
        yield catalog.RebuildIndexResponse(track_count=1, total_track_count=1, done=True)

    async def GetCatalogStatistics(self, request: Any, context: Any) -> Any:
        self.enter("GetCatalogStatistics", context)
        if self.failing:
            raise IndexUnreachableError("the index cannot be reached")
        return catalog.GetCatalogStatisticsResponse(
            active_track_count=len(self.tracks), algorithm_version=self.version
        )


class AccountStandIn(Remembering, accounts_grpc.AccountServiceServicer):
    """Says what it was asked, to everybody."""

    async def Register(self, request: Any, context: Any) -> Any:
        self.enter("Register", context)
        return accounts.RegisterResponse(account={"email": request.email})

    async def GetAccount(self, request: Any, context: Any) -> Any:
        self.enter("GetAccount", context)
        return accounts.GetAccountResponse(account={"name": request.name})

    async def UpdateAccount(self, request: Any, context: Any) -> Any:
        self.enter("UpdateAccount", context)
        response = accounts.UpdateAccountResponse(account={"name": request.account.name})
        # What was changed, where a test can see it.
        response.account.preferences.genres.extend(request.update_mask.paths)
        return response

    async def ChangePassword(self, request: Any, context: Any) -> Any:
        self.enter("ChangePassword", context)
        return accounts.ChangePasswordResponse()

    async def GetUsage(self, request: Any, context: Any) -> Any:
        self.enter("GetUsage", context)
        return accounts.GetUsageResponse(usage={"name": request.name})

    async def ListAccounts(self, request: Any, context: Any) -> Any:
        self.enter("ListAccounts", context)
        return accounts.ListAccountsResponse()

    async def SetRole(self, request: Any, context: Any) -> Any:
        self.enter("SetRole", context)
        return accounts.SetRoleResponse(account={"name": request.name, "role": request.role})


class SessionStandIn(Remembering, sessions_grpc.SessionServiceServicer):
    """Lets everybody in."""

    async def LogIn(self, request: Any, context: Any) -> Any:
        self.enter("LogIn", context)
        return sessions.LogInResponse(name="users/me")

    async def BeginSocialLogIn(self, request: Any, context: Any) -> Any:
        self.enter("BeginSocialLogIn", context)
        return sessions.BeginSocialLogInResponse()

    async def CompleteSocialLogIn(self, request: Any, context: Any) -> Any:
        self.enter("CompleteSocialLogIn", context)
        return sessions.CompleteSocialLogInResponse()

    async def Refresh(self, request: Any, context: Any) -> Any:
        self.enter("Refresh", context)
        return sessions.RefreshResponse()

    async def LogOut(self, request: Any, context: Any) -> Any:
        self.enter("LogOut", context)
        return sessions.LogOutResponse()

    async def LogOutEverywhere(self, request: Any, context: Any) -> Any:
        self.enter("LogOutEverywhere", context)
        return sessions.LogOutEverywhereResponse(session_count=1)


class ApiKeyStandIn(Remembering, api_keys_grpc.ApiKeyServiceServicer):
    """Names the key it was asked about."""

    async def CreateApiKey(self, request: Any, context: Any) -> Any:
        self.enter("CreateApiKey", context)
        return api_keys.CreateApiKeyResponse(api_key={"name": request.parent})

    async def ListApiKeys(self, request: Any, context: Any) -> Any:
        self.enter("ListApiKeys", context)
        return api_keys.ListApiKeysResponse(api_keys=[{"name": request.parent}])

    async def RotateApiKey(self, request: Any, context: Any) -> Any:
        self.enter("RotateApiKey", context)
        return api_keys.RotateApiKeyResponse(api_key={"name": request.name})

    async def RevokeApiKey(self, request: Any, context: Any) -> Any:
        self.enter("RevokeApiKey", context)
        return api_keys.RevokeApiKeyResponse(api_key={"name": request.name})


class AuditStandIn(Remembering, audit_grpc.AuditServiceServicer):
    """Has seen nothing."""

    async def ListAuditEvents(self, request: Any, context: Any) -> Any:
        self.enter("ListAuditEvents", context)
        return audit.ListAuditEventsResponse()


class StandIns:
    """One of each, as one process may serve them."""

    def __init__(self) -> None:
        self.fingerprint = FingerprintStandIn()
        self.matching = MatchingStandIn()
        self.catalog = CatalogStandIn()
        self.imports = ImportStandIn()
        self.operations = OperationStandIn()
        self.accounts = AccountStandIn()
        self.sessions = SessionStandIn()
        self.api_keys = ApiKeyStandIn()
        self.audit = AuditStandIn()
        self.history = HistoryStandIns()

    def fingerprint_registrations(self) -> list[Registration]:
        return [
            Registration(
                fingerprint_grpc.add_FingerprintServiceServicer_to_server,
                self.fingerprint,
                "sonica.fingerprint.v1.FingerprintService",
            )
        ]

    def match_registrations(self) -> list[Registration]:
        return [
            Registration(
                matching_grpc.add_MatchingServiceServicer_to_server,
                self.matching,
                "sonica.matching.v1.MatchingService",
            ),
            Registration(
                catalog_grpc.add_CatalogServiceServicer_to_server,
                self.catalog,
                "sonica.catalog.v1.CatalogService",
            ),
            Registration(
                imports_grpc.add_ImportServiceServicer_to_server,
                self.imports,
                "sonica.catalog.v1.ImportService",
            ),
            Registration(
                operations_grpc.add_OperationServiceServicer_to_server,
                self.operations,
                "sonica.catalog.v1.OperationService",
            ),
        ]

    def user_registrations(self) -> list[Registration]:
        return [
            Registration(
                accounts_grpc.add_AccountServiceServicer_to_server,
                self.accounts,
                "sonica.user.v1.AccountService",
            ),
            Registration(
                sessions_grpc.add_SessionServiceServicer_to_server,
                self.sessions,
                "sonica.user.v1.SessionService",
            ),
            Registration(
                api_keys_grpc.add_ApiKeyServiceServicer_to_server,
                self.api_keys,
                "sonica.user.v1.ApiKeyService",
            ),
            Registration(
                audit_grpc.add_AuditServiceServicer_to_server,
                self.audit,
                "sonica.user.v1.AuditService",
            ),
            *self.history.registrations(),
            *webhook_registrations(),
        ]
