"""The RPCs that the edge offers. Made by `make gen`; not to be edited."""

from __future__ import annotations

from ._messages.google.longrunning import Operation
from ._messages.sonica.catalog.v1 import (
    CancelOperationRequest,
    CancelOperationResponse,
    CreateImportRequest,
    CreateTrackRequest,
    CreateTrackResponse,
    DeleteTrackRequest,
    DeleteTrackResponse,
    GetCatalogStatisticsRequest,
    GetCatalogStatisticsResponse,
    GetOperationRequest,
    GetTrackFingerprintRequest,
    GetTrackFingerprintResponse,
    GetTrackRequest,
    GetTrackResponse,
    ListImportItemsRequest,
    ListImportItemsResponse,
    ListOperationsRequest,
    ListOperationsResponse,
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
    WaitOperationRequest,
)
from ._messages.sonica.recognition.v1 import (
    ImportTracksRequest,
    ImportTracksResponse,
    RecognizeRequest,
    RecognizeResponse,
    RecognizeUploadRequest,
    RecognizeUploadResponse,
    RegisterTrackRequest,
    RegisterTrackResponse,
    StreamingRecognizeRequest,
    StreamingRecognizeResponse,
    UploadImportItemRequest,
    UploadImportItemResponse,
)
from ._messages.sonica.user.v1 import (
    BeginSocialLogInRequest,
    BeginSocialLogInResponse,
    ChangePasswordRequest,
    ChangePasswordResponse,
    ClearHistoryRequest,
    ClearHistoryResponse,
    CompleteSocialLogInRequest,
    CompleteSocialLogInResponse,
    CreateApiKeyRequest,
    CreateApiKeyResponse,
    CreateWebhookRequest,
    CreateWebhookResponse,
    DeleteRecognitionRequest,
    DeleteRecognitionResponse,
    DeleteWebhookRequest,
    DeleteWebhookResponse,
    EraseAccountRequest,
    EraseAccountResponse,
    ExportPersonalDataRequest,
    ExportPersonalDataResponse,
    ExportRecognitionsRequest,
    ExportRecognitionsResponse,
    GetAccountRequest,
    GetAccountResponse,
    GetUsageRequest,
    GetUsageResponse,
    GetWebhookRequest,
    GetWebhookResponse,
    LinkIdentityRequest,
    LinkIdentityResponse,
    ListAccountsRequest,
    ListAccountsResponse,
    ListApiKeysRequest,
    ListApiKeysResponse,
    ListAuditEventsRequest,
    ListAuditEventsResponse,
    ListIdentitiesRequest,
    ListIdentitiesResponse,
    ListRecognitionsRequest,
    ListRecognitionsResponse,
    ListWebhookDeliveriesRequest,
    ListWebhookDeliveriesResponse,
    ListWebhooksRequest,
    ListWebhooksResponse,
    LogInRequest,
    LogInResponse,
    LogOutEverywhereRequest,
    LogOutEverywhereResponse,
    LogOutRequest,
    LogOutResponse,
    RedeliverWebhookDeliveryRequest,
    RedeliverWebhookDeliveryResponse,
    RefreshRequest,
    RefreshResponse,
    RegisterRequest,
    RegisterResponse,
    RevokeApiKeyRequest,
    RevokeApiKeyResponse,
    RotateApiKeyRequest,
    RotateApiKeyResponse,
    RotateWebhookSecretRequest,
    RotateWebhookSecretResponse,
    SetRoleRequest,
    SetRoleResponse,
    TestWebhookRequest,
    TestWebhookResponse,
    UnlinkIdentityRequest,
    UnlinkIdentityResponse,
    UpdateAccountRequest,
    UpdateAccountResponse,
    UpdateWebhookRequest,
    UpdateWebhookResponse,
)
from .method import Method

CREATE_TRACK = Method(
    "sonica.catalog.v1.CatalogService",
    "CreateTrack",
    CreateTrackRequest,
    CreateTrackResponse,
    60.0,
    retried=True,
)
GET_TRACK = Method(
    "sonica.catalog.v1.CatalogService",
    "GetTrack",
    GetTrackRequest,
    GetTrackResponse,
    10.0,
    retried=True,
)
LIST_TRACKS = Method(
    "sonica.catalog.v1.CatalogService",
    "ListTracks",
    ListTracksRequest,
    ListTracksResponse,
    10.0,
    retried=True,
)
SEARCH_TRACKS = Method(
    "sonica.catalog.v1.CatalogService",
    "SearchTracks",
    SearchTracksRequest,
    SearchTracksResponse,
    10.0,
    retried=True,
)
UPDATE_TRACK = Method(
    "sonica.catalog.v1.CatalogService",
    "UpdateTrack",
    UpdateTrackRequest,
    UpdateTrackResponse,
    10.0,
    retried=True,
)
LOOKUP_TRACKS = Method(
    "sonica.catalog.v1.CatalogService",
    "LookupTracks",
    LookupTracksRequest,
    LookupTracksResponse,
    10.0,
    retried=True,
)
DELETE_TRACK = Method(
    "sonica.catalog.v1.CatalogService",
    "DeleteTrack",
    DeleteTrackRequest,
    DeleteTrackResponse,
    30.0,
    retried=False,
)
GET_TRACK_FINGERPRINT = Method(
    "sonica.catalog.v1.CatalogService",
    "GetTrackFingerprint",
    GetTrackFingerprintRequest,
    GetTrackFingerprintResponse,
    30.0,
    retried=True,
)
REBUILD_INDEX = Method(
    "sonica.catalog.v1.CatalogService",
    "RebuildIndex",
    RebuildIndexRequest,
    RebuildIndexResponse,
    86400.0,
    retried=False,
)
GET_CATALOG_STATISTICS = Method(
    "sonica.catalog.v1.CatalogService",
    "GetCatalogStatistics",
    GetCatalogStatisticsRequest,
    GetCatalogStatisticsResponse,
    10.0,
    retried=True,
)
CREATE_IMPORT = Method(
    "sonica.catalog.v1.ImportService",
    "CreateImport",
    CreateImportRequest,
    Operation,
    30.0,
    retried=False,
)
LIST_IMPORT_ITEMS = Method(
    "sonica.catalog.v1.ImportService",
    "ListImportItems",
    ListImportItemsRequest,
    ListImportItemsResponse,
    10.0,
    retried=True,
)
GET_OPERATION = Method(
    "sonica.catalog.v1.OperationService",
    "GetOperation",
    GetOperationRequest,
    Operation,
    10.0,
    retried=True,
)
LIST_OPERATIONS = Method(
    "sonica.catalog.v1.OperationService",
    "ListOperations",
    ListOperationsRequest,
    ListOperationsResponse,
    10.0,
    retried=True,
)
WAIT_OPERATION = Method(
    "sonica.catalog.v1.OperationService",
    "WaitOperation",
    WaitOperationRequest,
    Operation,
    70.0,
    retried=True,
)
CANCEL_OPERATION = Method(
    "sonica.catalog.v1.OperationService",
    "CancelOperation",
    CancelOperationRequest,
    CancelOperationResponse,
    10.0,
    retried=True,
)
RECOGNIZE = Method(
    "sonica.recognition.v1.RecognitionService",
    "Recognize",
    RecognizeRequest,
    RecognizeResponse,
    30.0,
    retried=True,
)
STREAMING_RECOGNIZE = Method(
    "sonica.recognition.v1.RecognitionService",
    "StreamingRecognize",
    StreamingRecognizeRequest,
    StreamingRecognizeResponse,
    600.0,
    retried=False,
)
RECOGNIZE_UPLOAD = Method(
    "sonica.recognition.v1.RecognitionService",
    "RecognizeUpload",
    RecognizeUploadRequest,
    RecognizeUploadResponse,
    600.0,
    retried=False,
)
REGISTER_TRACK = Method(
    "sonica.recognition.v1.RecognitionService",
    "RegisterTrack",
    RegisterTrackRequest,
    RegisterTrackResponse,
    300.0,
    retried=True,
)
IMPORT_TRACKS = Method(
    "sonica.recognition.v1.RecognitionService",
    "ImportTracks",
    ImportTracksRequest,
    ImportTracksResponse,
    86400.0,
    retried=False,
)
UPLOAD_IMPORT_ITEM = Method(
    "sonica.recognition.v1.RecognitionService",
    "UploadImportItem",
    UploadImportItemRequest,
    UploadImportItemResponse,
    86400.0,
    retried=False,
)
REGISTER = Method(
    "sonica.user.v1.AccountService",
    "Register",
    RegisterRequest,
    RegisterResponse,
    15.0,
    retried=False,
)
GET_ACCOUNT = Method(
    "sonica.user.v1.AccountService",
    "GetAccount",
    GetAccountRequest,
    GetAccountResponse,
    10.0,
    retried=True,
)
UPDATE_ACCOUNT = Method(
    "sonica.user.v1.AccountService",
    "UpdateAccount",
    UpdateAccountRequest,
    UpdateAccountResponse,
    10.0,
    retried=True,
)
CHANGE_PASSWORD = Method(
    "sonica.user.v1.AccountService",
    "ChangePassword",
    ChangePasswordRequest,
    ChangePasswordResponse,
    15.0,
    retried=False,
)
GET_USAGE = Method(
    "sonica.user.v1.AccountService",
    "GetUsage",
    GetUsageRequest,
    GetUsageResponse,
    10.0,
    retried=True,
)
LIST_ACCOUNTS = Method(
    "sonica.user.v1.AccountService",
    "ListAccounts",
    ListAccountsRequest,
    ListAccountsResponse,
    10.0,
    retried=True,
)
SET_ROLE = Method(
    "sonica.user.v1.AccountService", "SetRole", SetRoleRequest, SetRoleResponse, 10.0, retried=True
)
CREATE_API_KEY = Method(
    "sonica.user.v1.ApiKeyService",
    "CreateApiKey",
    CreateApiKeyRequest,
    CreateApiKeyResponse,
    10.0,
    retried=False,
)
LIST_API_KEYS = Method(
    "sonica.user.v1.ApiKeyService",
    "ListApiKeys",
    ListApiKeysRequest,
    ListApiKeysResponse,
    10.0,
    retried=True,
)
ROTATE_API_KEY = Method(
    "sonica.user.v1.ApiKeyService",
    "RotateApiKey",
    RotateApiKeyRequest,
    RotateApiKeyResponse,
    10.0,
    retried=False,
)
REVOKE_API_KEY = Method(
    "sonica.user.v1.ApiKeyService",
    "RevokeApiKey",
    RevokeApiKeyRequest,
    RevokeApiKeyResponse,
    10.0,
    retried=True,
)
LIST_AUDIT_EVENTS = Method(
    "sonica.user.v1.AuditService",
    "ListAuditEvents",
    ListAuditEventsRequest,
    ListAuditEventsResponse,
    10.0,
    retried=True,
)
LIST_RECOGNITIONS = Method(
    "sonica.user.v1.HistoryService",
    "ListRecognitions",
    ListRecognitionsRequest,
    ListRecognitionsResponse,
    10.0,
    retried=True,
)
EXPORT_RECOGNITIONS = Method(
    "sonica.user.v1.HistoryService",
    "ExportRecognitions",
    ExportRecognitionsRequest,
    ExportRecognitionsResponse,
    900.0,
    retried=False,
)
DELETE_RECOGNITION = Method(
    "sonica.user.v1.HistoryService",
    "DeleteRecognition",
    DeleteRecognitionRequest,
    DeleteRecognitionResponse,
    10.0,
    retried=False,
)
CLEAR_HISTORY = Method(
    "sonica.user.v1.HistoryService",
    "ClearHistory",
    ClearHistoryRequest,
    ClearHistoryResponse,
    30.0,
    retried=True,
)
LINK_IDENTITY = Method(
    "sonica.user.v1.IdentityService",
    "LinkIdentity",
    LinkIdentityRequest,
    LinkIdentityResponse,
    30.0,
    retried=False,
)
LIST_IDENTITIES = Method(
    "sonica.user.v1.IdentityService",
    "ListIdentities",
    ListIdentitiesRequest,
    ListIdentitiesResponse,
    10.0,
    retried=True,
)
UNLINK_IDENTITY = Method(
    "sonica.user.v1.IdentityService",
    "UnlinkIdentity",
    UnlinkIdentityRequest,
    UnlinkIdentityResponse,
    10.0,
    retried=False,
)
EXPORT_PERSONAL_DATA = Method(
    "sonica.user.v1.PersonalDataService",
    "ExportPersonalData",
    ExportPersonalDataRequest,
    ExportPersonalDataResponse,
    900.0,
    retried=False,
)
ERASE_ACCOUNT = Method(
    "sonica.user.v1.PersonalDataService",
    "EraseAccount",
    EraseAccountRequest,
    EraseAccountResponse,
    30.0,
    retried=False,
)
LOG_IN = Method(
    "sonica.user.v1.SessionService", "LogIn", LogInRequest, LogInResponse, 15.0, retried=False
)
BEGIN_SOCIAL_LOG_IN = Method(
    "sonica.user.v1.SessionService",
    "BeginSocialLogIn",
    BeginSocialLogInRequest,
    BeginSocialLogInResponse,
    15.0,
    retried=False,
)
COMPLETE_SOCIAL_LOG_IN = Method(
    "sonica.user.v1.SessionService",
    "CompleteSocialLogIn",
    CompleteSocialLogInRequest,
    CompleteSocialLogInResponse,
    30.0,
    retried=False,
)
REFRESH = Method(
    "sonica.user.v1.SessionService", "Refresh", RefreshRequest, RefreshResponse, 10.0, retried=False
)
LOG_OUT = Method(
    "sonica.user.v1.SessionService", "LogOut", LogOutRequest, LogOutResponse, 10.0, retried=False
)
LOG_OUT_EVERYWHERE = Method(
    "sonica.user.v1.SessionService",
    "LogOutEverywhere",
    LogOutEverywhereRequest,
    LogOutEverywhereResponse,
    10.0,
    retried=False,
)
CREATE_WEBHOOK = Method(
    "sonica.user.v1.WebhookService",
    "CreateWebhook",
    CreateWebhookRequest,
    CreateWebhookResponse,
    10.0,
    retried=False,
)
GET_WEBHOOK = Method(
    "sonica.user.v1.WebhookService",
    "GetWebhook",
    GetWebhookRequest,
    GetWebhookResponse,
    10.0,
    retried=True,
)
LIST_WEBHOOKS = Method(
    "sonica.user.v1.WebhookService",
    "ListWebhooks",
    ListWebhooksRequest,
    ListWebhooksResponse,
    10.0,
    retried=True,
)
UPDATE_WEBHOOK = Method(
    "sonica.user.v1.WebhookService",
    "UpdateWebhook",
    UpdateWebhookRequest,
    UpdateWebhookResponse,
    10.0,
    retried=True,
)
DELETE_WEBHOOK = Method(
    "sonica.user.v1.WebhookService",
    "DeleteWebhook",
    DeleteWebhookRequest,
    DeleteWebhookResponse,
    10.0,
    retried=False,
)
ROTATE_WEBHOOK_SECRET = Method(
    "sonica.user.v1.WebhookService",
    "RotateWebhookSecret",
    RotateWebhookSecretRequest,
    RotateWebhookSecretResponse,
    10.0,
    retried=False,
)
LIST_WEBHOOK_DELIVERIES = Method(
    "sonica.user.v1.WebhookService",
    "ListWebhookDeliveries",
    ListWebhookDeliveriesRequest,
    ListWebhookDeliveriesResponse,
    10.0,
    retried=True,
)
REDELIVER_WEBHOOK_DELIVERY = Method(
    "sonica.user.v1.WebhookService",
    "RedeliverWebhookDelivery",
    RedeliverWebhookDeliveryRequest,
    RedeliverWebhookDeliveryResponse,
    10.0,
    retried=False,
)
TEST_WEBHOOK = Method(
    "sonica.user.v1.WebhookService",
    "TestWebhook",
    TestWebhookRequest,
    TestWebhookResponse,
    10.0,
    retried=False,
)
METHODS = (
    CREATE_TRACK,
    GET_TRACK,
    LIST_TRACKS,
    SEARCH_TRACKS,
    UPDATE_TRACK,
    LOOKUP_TRACKS,
    DELETE_TRACK,
    GET_TRACK_FINGERPRINT,
    REBUILD_INDEX,
    GET_CATALOG_STATISTICS,
    CREATE_IMPORT,
    LIST_IMPORT_ITEMS,
    GET_OPERATION,
    LIST_OPERATIONS,
    WAIT_OPERATION,
    CANCEL_OPERATION,
    RECOGNIZE,
    STREAMING_RECOGNIZE,
    RECOGNIZE_UPLOAD,
    REGISTER_TRACK,
    IMPORT_TRACKS,
    UPLOAD_IMPORT_ITEM,
    REGISTER,
    GET_ACCOUNT,
    UPDATE_ACCOUNT,
    CHANGE_PASSWORD,
    GET_USAGE,
    LIST_ACCOUNTS,
    SET_ROLE,
    CREATE_API_KEY,
    LIST_API_KEYS,
    ROTATE_API_KEY,
    REVOKE_API_KEY,
    LIST_AUDIT_EVENTS,
    LIST_RECOGNITIONS,
    EXPORT_RECOGNITIONS,
    DELETE_RECOGNITION,
    CLEAR_HISTORY,
    LINK_IDENTITY,
    LIST_IDENTITIES,
    UNLINK_IDENTITY,
    EXPORT_PERSONAL_DATA,
    ERASE_ACCOUNT,
    LOG_IN,
    BEGIN_SOCIAL_LOG_IN,
    COMPLETE_SOCIAL_LOG_IN,
    REFRESH,
    LOG_OUT,
    LOG_OUT_EVERYWHERE,
    CREATE_WEBHOOK,
    GET_WEBHOOK,
    LIST_WEBHOOKS,
    UPDATE_WEBHOOK,
    DELETE_WEBHOOK,
    ROTATE_WEBHOOK_SECRET,
    LIST_WEBHOOK_DELIVERIES,
    REDELIVER_WEBHOOK_DELIVERY,
    TEST_WEBHOOK,
)
