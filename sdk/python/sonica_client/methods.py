"""The public methods: path, deadline, whether to retry, and the messages that travel.

Deadlines and retries equal those of `proto/sonica/*/v1/*_grpc_service_config.json`; a test holds
them to it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from ._messages.sonica.catalog.v1 import (
    DeleteTrackRequest,
    DeleteTrackResponse,
    GetCatalogStatisticsRequest,
    GetCatalogStatisticsResponse,
    GetTrackFingerprintRequest,
    GetTrackFingerprintResponse,
    GetTrackRequest,
    GetTrackResponse,
    ListTracksRequest,
    ListTracksResponse,
    LookupTracksRequest,
    LookupTracksResponse,
    RebuildIndexRequest,
    RebuildIndexResponse,
    SearchTracksRequest,
    SearchTracksResponse,
    UpdateTrackRequest,
    UpdateTrackResponse,
)
from ._messages.sonica.recognition.v1 import (
    ImportTracksRequest,
    ImportTracksResponse,
    RecognizeRequest,
    RecognizeResponse,
    RegisterTrackRequest,
    RegisterTrackResponse,
    StreamingRecognizeRequest,
    StreamingRecognizeResponse,
)
from ._messages.sonica.user.v1 import (
    BeginSocialLogInRequest,
    BeginSocialLogInResponse,
    ChangePasswordRequest,
    ChangePasswordResponse,
    CompleteSocialLogInRequest,
    CompleteSocialLogInResponse,
    CreateApiKeyRequest,
    CreateApiKeyResponse,
    GetAccountRequest,
    GetAccountResponse,
    GetUsageRequest,
    GetUsageResponse,
    ListApiKeysRequest,
    ListApiKeysResponse,
    ListEventsRequest,
    ListEventsResponse,
    LogInRequest,
    LogInResponse,
    LogOutEverywhereRequest,
    LogOutEverywhereResponse,
    LogOutRequest,
    LogOutResponse,
    RefreshRequest,
    RefreshResponse,
    RegisterRequest,
    RegisterResponse,
    RevokeApiKeyRequest,
    RevokeApiKeyResponse,
    RotateApiKeyRequest,
    RotateApiKeyResponse,
    UpdateAccountRequest,
    UpdateAccountResponse,
)

if TYPE_CHECKING:
    import betterproto2

_DAY_SECONDS = 86_400.0

RequestT = TypeVar("RequestT", bound="betterproto2.Message")
ResponseT = TypeVar("ResponseT", bound="betterproto2.Message")


@dataclass(frozen=True)
class Method(Generic[RequestT, ResponseT]):
    """One RPC.

    Attributes:
        service: full name of its service.
        name: of the method.
        request: class of what is sent.
        response: class of what comes back.
        timeout_seconds: deadline when the caller states none.
        retried: sent again on UNAVAILABLE, because doing it twice is doing it once.
    """

    service: str
    name: str
    request: type[RequestT]
    response: type[ResponseT]
    timeout_seconds: float
    retried: bool = True

    @property
    def path(self) -> str:
        """Path of the call on the wire."""
        return f"/{self.service}/{self.name}"


_CATALOG = "sonica.catalog.v1.CatalogService"
_RECOGNITION = "sonica.recognition.v1.RecognitionService"
_ACCOUNTS = "sonica.user.v1.AccountService"
_SESSIONS = "sonica.user.v1.SessionService"
_API_KEYS = "sonica.user.v1.ApiKeyService"
_AUDIT = "sonica.user.v1.AuditService"

RECOGNIZE = Method(_RECOGNITION, "Recognize", RecognizeRequest, RecognizeResponse, 30)
STREAMING_RECOGNIZE = Method(
    _RECOGNITION,
    "StreamingRecognize",
    StreamingRecognizeRequest,
    StreamingRecognizeResponse,
    600,
    retried=False,
)
REGISTER_TRACK = Method(
    _RECOGNITION, "RegisterTrack", RegisterTrackRequest, RegisterTrackResponse, 300
)
IMPORT_TRACKS = Method(
    _RECOGNITION,
    "ImportTracks",
    ImportTracksRequest,
    ImportTracksResponse,
    _DAY_SECONDS,
    retried=False,
)
GET_TRACK = Method(_CATALOG, "GetTrack", GetTrackRequest, GetTrackResponse, 10)
LIST_TRACKS = Method(_CATALOG, "ListTracks", ListTracksRequest, ListTracksResponse, 10)
SEARCH_TRACKS = Method(_CATALOG, "SearchTracks", SearchTracksRequest, SearchTracksResponse, 10)
UPDATE_TRACK = Method(_CATALOG, "UpdateTrack", UpdateTrackRequest, UpdateTrackResponse, 10)
LOOKUP_TRACKS = Method(_CATALOG, "LookupTracks", LookupTracksRequest, LookupTracksResponse, 10)
DELETE_TRACK = Method(
    _CATALOG, "DeleteTrack", DeleteTrackRequest, DeleteTrackResponse, 30, retried=False
)
GET_TRACK_FINGERPRINT = Method(
    _CATALOG, "GetTrackFingerprint", GetTrackFingerprintRequest, GetTrackFingerprintResponse, 30
)
REBUILD_INDEX = Method(
    _CATALOG,
    "RebuildIndex",
    RebuildIndexRequest,
    RebuildIndexResponse,
    _DAY_SECONDS,
    retried=False,
)
GET_CATALOG_STATISTICS = Method(
    _CATALOG,
    "GetCatalogStatistics",
    GetCatalogStatisticsRequest,
    GetCatalogStatisticsResponse,
    10,
)
REGISTER = Method(_ACCOUNTS, "Register", RegisterRequest, RegisterResponse, 15, retried=False)
GET_ACCOUNT = Method(_ACCOUNTS, "GetAccount", GetAccountRequest, GetAccountResponse, 10)
GET_USAGE = Method(_ACCOUNTS, "GetUsage", GetUsageRequest, GetUsageResponse, 10)
UPDATE_ACCOUNT = Method(_ACCOUNTS, "UpdateAccount", UpdateAccountRequest, UpdateAccountResponse, 10)
CHANGE_PASSWORD = Method(
    _ACCOUNTS, "ChangePassword", ChangePasswordRequest, ChangePasswordResponse, 15, retried=False
)
LOG_IN = Method(_SESSIONS, "LogIn", LogInRequest, LogInResponse, 15, retried=False)
BEGIN_SOCIAL_LOG_IN = Method(
    _SESSIONS,
    "BeginSocialLogIn",
    BeginSocialLogInRequest,
    BeginSocialLogInResponse,
    15,
    retried=False,
)
COMPLETE_SOCIAL_LOG_IN = Method(
    _SESSIONS,
    "CompleteSocialLogIn",
    CompleteSocialLogInRequest,
    CompleteSocialLogInResponse,
    30,
    retried=False,
)
REFRESH = Method(_SESSIONS, "Refresh", RefreshRequest, RefreshResponse, 10, retried=False)
LOG_OUT = Method(_SESSIONS, "LogOut", LogOutRequest, LogOutResponse, 10, retried=False)
LOG_OUT_EVERYWHERE = Method(
    _SESSIONS,
    "LogOutEverywhere",
    LogOutEverywhereRequest,
    LogOutEverywhereResponse,
    10,
    retried=False,
)
CREATE_API_KEY = Method(
    _API_KEYS, "CreateApiKey", CreateApiKeyRequest, CreateApiKeyResponse, 10, retried=False
)
LIST_API_KEYS = Method(_API_KEYS, "ListApiKeys", ListApiKeysRequest, ListApiKeysResponse, 10)
ROTATE_API_KEY = Method(
    _API_KEYS, "RotateApiKey", RotateApiKeyRequest, RotateApiKeyResponse, 10, retried=False
)
REVOKE_API_KEY = Method(_API_KEYS, "RevokeApiKey", RevokeApiKeyRequest, RevokeApiKeyResponse, 10)
LIST_EVENTS = Method(_AUDIT, "ListEvents", ListEventsRequest, ListEventsResponse, 10)
METHODS = (
    RECOGNIZE,
    STREAMING_RECOGNIZE,
    REGISTER_TRACK,
    IMPORT_TRACKS,
    GET_TRACK,
    LIST_TRACKS,
    SEARCH_TRACKS,
    UPDATE_TRACK,
    LOOKUP_TRACKS,
    DELETE_TRACK,
    GET_TRACK_FINGERPRINT,
    REBUILD_INDEX,
    GET_CATALOG_STATISTICS,
    REGISTER,
    GET_ACCOUNT,
    GET_USAGE,
    UPDATE_ACCOUNT,
    CHANGE_PASSWORD,
    LOG_IN,
    BEGIN_SOCIAL_LOG_IN,
    COMPLETE_SOCIAL_LOG_IN,
    REFRESH,
    LOG_OUT,
    LOG_OUT_EVERYWHERE,
    CREATE_API_KEY,
    LIST_API_KEYS,
    ROTATE_API_KEY,
    REVOKE_API_KEY,
    LIST_EVENTS,
)


def service_config() -> str:
    """Returns gRPC's service config as JSON: the retries. Deadlines are set on each call."""
    retry = {
        "maxAttempts": 3,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    names = [{"service": m.service, "method": m.name} for m in METHODS if m.retried]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": retry}]})
