"""Sonica for Python: recognise recorded music, and keep a catalogue of it, through a mesh.

async with SonicaClient("127.0.0.1:8080") as client:
    answer = await client.recognize(Path("clip.m4a"))
    for match in answer.matches:
        print(match.track.title, match.track_offset, match.score)
"""

from __future__ import annotations

from ._messages.sonica.audio.v1 import AudioEncoding, AudioFormat
from ._messages.sonica.catalog.v1 import (
    GetCatalogStatisticsResponse,
    ListTracksResponse,
    RebuildIndexResponse,
    RegistrationOutcome,
    SearchTracksResponse,
    Track,
    TrackSearchResult,
    TrackState,
)
from ._messages.sonica.fingerprint.v1 import Fingerprint, FingerprintPurpose
from ._messages.sonica.matching.v1 import Evidence, Match
from ._messages.sonica.recognition.v1 import (
    ImportProgress,
    RecognizeResponse,
    StreamingRecognizeResponse,
    Timing,
)
from ._messages.sonica.user.v1 import (
    Account,
    ApiKey,
    AuditAction,
    AuditEvent,
    ListEventsResponse,
    Preferences,
    Role,
    Scope,
)
from .accounts import Accounts, Session
from .client import DEFAULT_ADDRESS, SonicaClient
from .errors import SonicaError
from .imports import ImportOutcome
from .sources import UNARY_BYTES_MAX, ImportSource

__all__ = [
    "DEFAULT_ADDRESS",
    "UNARY_BYTES_MAX",
    "Account",
    "Accounts",
    "ApiKey",
    "AudioEncoding",
    "AudioFormat",
    "AuditAction",
    "AuditEvent",
    "Evidence",
    "Fingerprint",
    "FingerprintPurpose",
    "GetCatalogStatisticsResponse",
    "ImportOutcome",
    "ImportProgress",
    "ImportSource",
    "ListEventsResponse",
    "ListTracksResponse",
    "Match",
    "Preferences",
    "RebuildIndexResponse",
    "RecognizeResponse",
    "RegistrationOutcome",
    "Role",
    "Scope",
    "SearchTracksResponse",
    "Session",
    "SonicaClient",
    "SonicaError",
    "StreamingRecognizeResponse",
    "Timing",
    "Track",
    "TrackSearchResult",
    "TrackState",
]
