"""The table of every RPC: who answers it, who may call it, how long it may take, how it is retried.

It decides Envoy's routes and the `*_grpc_service_config.json` beside the contracts. A test holds it
equal to the contracts, so a new RPC without a deadline cannot be routed by accident.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Retry(Enum):
    """When a failed call may be sent again."""

    #: Doing it twice is the same as doing it once: also after the service may have begun.
    IDEMPOTENT = "idempotent"
    #: Only while it is certain that no service has seen it.
    UNSENT = "unsent"


@dataclass(frozen=True)
class Method:
    """One RPC.

    Attributes:
        service: full name, e.g. `sonica.matching.v1.MatchingService`.
        name: of the method.
        upstream: field of MeshPlan whose endpoints answer.
        exposed: whether the edge routes it; else only the mesh does.
        timeout_seconds: deadline of a caller who sets none.
        longest_seconds: most that a caller may ask for.
        retry: when Envoy sends it again.
        idle_seconds: longest time in which neither side sends anything; None is the edge's own.
    """

    service: str
    name: str
    upstream: str
    exposed: bool
    timeout_seconds: float
    longest_seconds: float
    retry: Retry
    idle_seconds: float | None = None

    @property
    def path(self) -> str:
        """Path of the call on the wire."""
        return f"/{self.service}/{self.name}"


FINGERPRINT = "sonica.fingerprint.v1.FingerprintService"
MATCHING = "sonica.matching.v1.MatchingService"
CATALOG = "sonica.catalog.v1.CatalogService"
IMPORTS = "sonica.catalog.v1.ImportService"
OPERATIONS = "sonica.catalog.v1.OperationService"
RECOGNITION = "sonica.recognition.v1.RecognitionService"
ACCOUNTS = "sonica.user.v1.AccountService"
SESSIONS = "sonica.user.v1.SessionService"
API_KEYS = "sonica.user.v1.ApiKeyService"
AUDIT = "sonica.user.v1.AuditService"
HISTORY = "sonica.user.v1.HistoryService"
PERSONAL_DATA = "sonica.user.v1.PersonalDataService"
ACTIVITY = "sonica.user.v1.ActivityService"
WEBHOOKS = "sonica.user.v1.WebhookService"
IDENTITIES = "sonica.user.v1.IdentityService"

# A clip is analysed for 15 s at most, so a live stream of one ends well within two minutes; a
# large import or a rebuild may honestly take a day. Idle streams end much earlier (listeners.py).
_DAY = 86_400.0

METHODS = (
    Method(RECOGNITION, "Recognize", "gateway", True, 30, 120, Retry.IDEMPOTENT),
    # A microphone is never silent for long: who sends nothing only holds a place.
    Method(RECOGNITION, "StreamingRecognize", "gateway", True, 120, 600, Retry.UNSENT, 15),
    Method(RECOGNITION, "RecognizeUpload", "gateway", True, 120, 600, Retry.UNSENT, 15),
    Method(RECOGNITION, "RegisterTrack", "gateway", True, 300, 900, Retry.IDEMPOTENT),
    Method(RECOGNITION, "ImportTracks", "gateway", True, _DAY, _DAY, Retry.UNSENT),
    # A body that is passed on as it comes cannot be sent again from here.
    Method(RECOGNITION, "UploadImportItem", "gateway", True, 3_600, _DAY, Retry.UNSENT),
    # Idempotent by its required content hash: a second attempt finds the track of the first and
    # says ALREADY_REGISTERED, and a replica that dies costs no import.
    Method(CATALOG, "CreateTrack", "match", True, 60, 120, Retry.IDEMPOTENT),
    Method(CATALOG, "GetTrack", "match", True, 10, 30, Retry.IDEMPOTENT),
    Method(CATALOG, "ListTracks", "match", True, 10, 30, Retry.IDEMPOTENT),
    Method(CATALOG, "SearchTracks", "match", True, 10, 30, Retry.IDEMPOTENT),
    Method(CATALOG, "UpdateTrack", "match", True, 10, 30, Retry.IDEMPOTENT),
    Method(CATALOG, "LookupTracks", "match", True, 10, 30, Retry.IDEMPOTENT),
    # A second attempt after one that went through would report TRACK_NOT_FOUND.
    Method(CATALOG, "DeleteTrack", "match", True, 30, 120, Retry.UNSENT),
    Method(CATALOG, "GetTrackFingerprint", "match", True, 30, 60, Retry.IDEMPOTENT),
    # A second attempt would meet the first, still running, as REBUILD_RUNNING.
    Method(CATALOG, "RebuildIndex", "match", True, _DAY, _DAY, Retry.UNSENT),
    Method(CATALOG, "GetCatalogStatistics", "match", True, 10, 30, Retry.IDEMPOTENT),
    # Without a request id a second attempt would begin a second import.
    Method(IMPORTS, "CreateImport", "match", True, 30, 60, Retry.UNSENT),
    Method(IMPORTS, "ListImportItems", "match", True, 10, 30, Retry.IDEMPOTENT),
    Method(IMPORTS, "OpenImportItem", "match", False, 10, 30, Retry.IDEMPOTENT),
    Method(IMPORTS, "FinishImportItem", "match", False, 10, 30, Retry.IDEMPOTENT),
    Method(OPERATIONS, "GetOperation", "match", True, 10, 30, Retry.IDEMPOTENT),
    Method(OPERATIONS, "ListOperations", "match", True, 10, 30, Retry.IDEMPOTENT),
    Method(OPERATIONS, "WaitOperation", "match", True, 70, 90, Retry.IDEMPOTENT),
    Method(OPERATIONS, "CancelOperation", "match", True, 10, 30, Retry.IDEMPOTENT),
    Method(FINGERPRINT, "ExtractFingerprint", "fingerprint", False, 30, 120, Retry.IDEMPOTENT),
    Method(FINGERPRINT, "StreamFingerprint", "fingerprint", False, 3_600, _DAY, Retry.UNSENT),
    Method(MATCHING, "FindMatches", "match", False, 10, 30, Retry.IDEMPOTENT),
    # A second attempt without a request id would report EMAIL_TAKEN.
    Method(ACCOUNTS, "Register", "user", True, 15, 30, Retry.UNSENT),
    Method(ACCOUNTS, "GetAccount", "user", True, 10, 30, Retry.IDEMPOTENT),
    Method(ACCOUNTS, "UpdateAccount", "user", True, 10, 30, Retry.IDEMPOTENT),
    # A second attempt would report the password, changed by then, as wrong.
    Method(ACCOUNTS, "ChangePassword", "user", True, 15, 30, Retry.UNSENT),
    Method(ACCOUNTS, "GetUsage", "user", True, 10, 30, Retry.IDEMPOTENT),
    Method(ACCOUNTS, "ListAccounts", "user", True, 10, 30, Retry.IDEMPOTENT),
    Method(ACCOUNTS, "SetRole", "user", True, 10, 30, Retry.IDEMPOTENT),
    Method(SESSIONS, "LogIn", "user", True, 15, 30, Retry.UNSENT),
    Method(SESSIONS, "BeginSocialLogIn", "user", True, 15, 30, Retry.UNSENT),
    # A state and a code are good for one use.
    Method(SESSIONS, "CompleteSocialLogIn", "user", True, 30, 60, Retry.UNSENT),
    # A second attempt after one that went through is the reuse of a token: it ends the session.
    Method(SESSIONS, "Refresh", "user", True, 10, 30, Retry.UNSENT),
    Method(SESSIONS, "LogOut", "user", True, 10, 30, Retry.UNSENT),
    Method(SESSIONS, "LogOutEverywhere", "user", True, 10, 30, Retry.UNSENT),
    Method(API_KEYS, "CreateApiKey", "user", True, 10, 30, Retry.UNSENT),
    Method(API_KEYS, "ListApiKeys", "user", True, 10, 30, Retry.IDEMPOTENT),
    Method(API_KEYS, "RotateApiKey", "user", True, 10, 30, Retry.UNSENT),
    Method(API_KEYS, "RevokeApiKey", "user", True, 10, 30, Retry.IDEMPOTENT),
    Method(AUDIT, "ListAuditEvents", "user", True, 10, 30, Retry.IDEMPOTENT),
    Method(HISTORY, "ListRecognitions", "user", True, 10, 30, Retry.IDEMPOTENT),
    # As long as a slow reader takes for all that an account may have.
    Method(HISTORY, "ExportRecognitions", "user", True, 300, 900, Retry.UNSENT, 60),
    # A second attempt after one that went through would report RECOGNITION_NOT_FOUND.
    Method(HISTORY, "DeleteRecognition", "user", True, 10, 30, Retry.UNSENT),
    Method(HISTORY, "ClearHistory", "user", True, 30, 60, Retry.IDEMPOTENT),
    Method(PERSONAL_DATA, "ExportPersonalData", "user", True, 300, 900, Retry.UNSENT, 60),
    # A second attempt after one that went through would be refused: its session is gone.
    Method(PERSONAL_DATA, "EraseAccount", "user", True, 30, 60, Retry.UNSENT),
    Method(ACTIVITY, "ReportActivity", "user", False, 10, 30, Retry.IDEMPOTENT),
    Method(WEBHOOKS, "CreateWebhook", "user", True, 10, 30, Retry.UNSENT),
    Method(WEBHOOKS, "GetWebhook", "user", True, 10, 30, Retry.IDEMPOTENT),
    Method(WEBHOOKS, "ListWebhooks", "user", True, 10, 30, Retry.IDEMPOTENT),
    Method(WEBHOOKS, "UpdateWebhook", "user", True, 10, 30, Retry.IDEMPOTENT),
    # A second attempt after one that went through would report WEBHOOK_NOT_FOUND.
    Method(WEBHOOKS, "DeleteWebhook", "user", True, 10, 30, Retry.UNSENT),
    # A second attempt would end the secret that the first has given out.
    Method(WEBHOOKS, "RotateWebhookSecret", "user", True, 10, 30, Retry.UNSENT),
    Method(WEBHOOKS, "ListWebhookDeliveries", "user", True, 10, 30, Retry.IDEMPOTENT),
    Method(WEBHOOKS, "RedeliverWebhookDelivery", "user", True, 10, 30, Retry.UNSENT),
    Method(WEBHOOKS, "TestWebhook", "user", True, 10, 30, Retry.UNSENT),
    Method(IDENTITIES, "LinkIdentity", "user", True, 30, 60, Retry.UNSENT),
    Method(IDENTITIES, "ListIdentities", "user", True, 10, 30, Retry.IDEMPOTENT),
    # A second attempt after one that went through would report IDENTITY_NOT_FOUND.
    Method(IDENTITIES, "UnlinkIdentity", "user", True, 10, 30, Retry.UNSENT),
)


def method(service: str, name: str) -> Method:
    """Returns the RPC `name` of `service`.

    Raises:
        KeyError: it is not in the table.
    """
    for row in METHODS:
        if (row.service, row.name) == (service, name):
            return row
    raise KeyError(f"{service}/{name} is not in the table of methods")
