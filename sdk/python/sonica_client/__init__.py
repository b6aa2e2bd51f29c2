"""Sonica for Python: recognise recorded music, and keep a catalogue of it, through a mesh.

async with SonicaClient("127.0.0.1:8080") as client:
    answer = await client.recognize(Path("clip.m4a"))
    for match in answer.matches:
        print(match.track.title, match.track_offset, match.score)

Programs without an event loop use `SonicaSyncClient`, which has the same methods.
"""

from __future__ import annotations

from ._messages.sonica.audio.v1 import AudioEncoding, AudioFormat
from ._messages.sonica.catalog.v1 import (
    GetCatalogStatisticsResponse,
    ImportFailure,
    ImportItemState,
    ImportMetadata,
    ImportSummary,
    ListTracksResponse,
    NewImportItem,
    RebuildIndexResponse,
    RegistrationOutcome,
    SearchTracksResponse,
    StoredImportItem,
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
    Allowance,
    ApiKey,
    AuditAction,
    AuditEvent,
    ExportFormat,
    Identity,
    ListAccountsResponse,
    ListAuditEventsResponse,
    ListRecognitionsResponse,
    ListWebhookDeliveriesResponse,
    Preferences,
    Recognition,
    RecognitionFilter,
    RecognitionOutcome,
    RecognizedTrack,
    Role,
    Scope,
    SocialLogIn,
    Usage,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookEvent,
)
from .accounts import Accounts
from .administration import Administration
from .caller import Session
from .client import SonicaClient
from .connection import DEFAULT_ADDRESS
from .errors import SonicaError
from .history import History
from .imports import Imports
from .listening import Heard
from .microphone import microphone
from .operation import Import
from .sources import UNARY_BYTES_MAX, ImportSource
from .streamed_import import ImportOutcome
from .sync import SonicaSyncClient
from .webhooks import Webhooks

__all__ = [
    "DEFAULT_ADDRESS",
    "UNARY_BYTES_MAX",
    "Account",
    "Accounts",
    "Administration",
    "Allowance",
    "ApiKey",
    "AudioEncoding",
    "AudioFormat",
    "AuditAction",
    "AuditEvent",
    "Evidence",
    "ExportFormat",
    "Fingerprint",
    "FingerprintPurpose",
    "GetCatalogStatisticsResponse",
    "Heard",
    "History",
    "Identity",
    "Import",
    "ImportFailure",
    "ImportItemState",
    "ImportMetadata",
    "ImportOutcome",
    "ImportProgress",
    "ImportSource",
    "ImportSummary",
    "Imports",
    "ListAccountsResponse",
    "ListAuditEventsResponse",
    "ListRecognitionsResponse",
    "ListTracksResponse",
    "ListWebhookDeliveriesResponse",
    "Match",
    "NewImportItem",
    "Preferences",
    "RebuildIndexResponse",
    "Recognition",
    "RecognitionFilter",
    "RecognitionOutcome",
    "RecognizeResponse",
    "RecognizedTrack",
    "RegistrationOutcome",
    "Role",
    "Scope",
    "SearchTracksResponse",
    "Session",
    "SocialLogIn",
    "SonicaClient",
    "SonicaError",
    "SonicaSyncClient",
    "StoredImportItem",
    "StreamingRecognizeResponse",
    "Timing",
    "Track",
    "TrackSearchResult",
    "TrackState",
    "Usage",
    "Webhook",
    "WebhookDelivery",
    "WebhookDeliveryState",
    "WebhookEvent",
    "Webhooks",
    "microphone",
]
