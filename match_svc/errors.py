"""Every reason match_svc can give for a refusal.

    ServiceError
    ├── FingerprintMalformedError     FINGERPRINT_MALFORMED   the bytes are not a fingerprint
    ├── AlgorithmMismatchError        ALGORITHM_MISMATCH      made by another extractor
    ├── AlgorithmUnsupportedError     ALGORITHM_UNSUPPORTED   an extractor nobody has
    ├── FingerprintEmptyError         FINGERPRINT_EMPTY       nothing in it to recognise by
    ├── TrackNotFoundError            TRACK_NOT_FOUND
    ├── PageTokenInvalidError         PAGE_TOKEN_INVALID
    ├── QueryTooBroadError            QUERY_TOO_BROAD         looking for its tracks took too long
    ├── FilterInvalidError            FILTER_INVALID          not a filter of ListTracks
    ├── UpdateMaskInvalidError        UPDATE_MASK_INVALID     names what cannot be changed
    ├── EtagMismatchError             ETAG_MISMATCH           the track was changed meanwhile
    ├── ExternalIdTakenError          EXTERNAL_ID_TAKEN       by other audio
    ├── RequestIdReusedError          REQUEST_ID_REUSED       for other audio
    ├── OperationNotFoundError        OPERATION_NOT_FOUND
    ├── ImportItemNotFoundError       IMPORT_ITEM_NOT_FOUND
    ├── ImportEndedError              IMPORT_ENDED            takes no more uploads
    ├── TooManyImportsError           TOO_MANY_IMPORTS        are open
    ├── OperationCancelledError       OPERATION_CANCELLED     how an operation ended
    ├── ImportAbandonedError          IMPORT_ABANDONED        how an operation ended
    ├── RebuildRunningError           REBUILD_RUNNING
    ├── FingerprintsMissingError      FINGERPRINTS_MISSING    tracks lack those of an extractor
    ├── IndexUnreachableError         INDEX_UNREACHABLE       Qdrant is down or has lost the index
    ├── StoreUnreachableError         STORE_UNREACHABLE       PostgreSQL is down or too slow
    └── StorageFullError              STORAGE_FULL            a store has no room left

The domain is that of the service which names the reason in its contract; the reasons both services
share have `sonica.matching`.
"""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from mesh.runtime.errors import ServiceError

_CATALOG = "sonica.catalog"
_MATCHING = "sonica.matching"


class FingerprintMalformedError(ServiceError):
    """The bytes are not a fingerprint of the stated version and purpose."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "FINGERPRINT_MALFORMED"
    domain = _MATCHING
    metadata_keys = ("fault",)


class AlgorithmMismatchError(ServiceError):
    """The fingerprint was made by another version of the extractor than the catalogue's."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "ALGORITHM_MISMATCH"
    domain = _MATCHING
    metadata_keys = ("algorithm_version", "catalog_algorithm_version")

    def __init__(self, found: int, catalog: int) -> None:
        """Takes the version of the fingerprint and that of the catalogue."""
        super().__init__(
            f"the fingerprint has algorithm_version {found}; the catalogue has {catalog}",
            algorithm_version=str(found),
            catalog_algorithm_version=str(catalog),
        )


class AlgorithmUnsupportedError(ServiceError):
    """The version of the extractor is not one this release has."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "ALGORITHM_UNSUPPORTED"
    domain = _CATALOG
    metadata_keys = ("algorithm_version", "known_algorithm_versions")

    def __init__(self, wanted: int, known: Sequence[int]) -> None:
        """Takes the version asked for and those there are."""
        listed = ", ".join(map(str, known))
        super().__init__(
            f"algorithm_version is {wanted}; this release has {listed}",
            algorithm_version=str(wanted),
            known_algorithm_versions=listed,
        )


class FingerprintEmptyError(ServiceError):
    """The recording holds no signal, so it could never be recognised."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "FINGERPRINT_EMPTY"
    domain = _CATALOG


class TrackNotFoundError(ServiceError):
    """No track has this id."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "TRACK_NOT_FOUND"
    domain = _CATALOG
    metadata_keys = ("track_id",)


class PageTokenInvalidError(ServiceError):
    """The page token is not one this service gave."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "PAGE_TOKEN_INVALID"
    domain = _CATALOG


class QueryTooBroadError(ServiceError):
    """Looking for the tracks of a filter or query took too long in a catalogue of this size."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "QUERY_TOO_BROAD"
    domain = _CATALOG
    metadata_keys = ("max_seconds",)

    def __init__(self, max_seconds: float) -> None:
        """Takes how long it may take."""
        super().__init__(
            f"the search was stopped after {max_seconds:g} s; filter by isrc, external_id or "
            "external_ids, which are found at once, search for rarer words, or take smaller pages",
            max_seconds=f"{max_seconds:g}",
        )


class FilterInvalidError(ServiceError):
    """The filter cannot be read, or compares what cannot be compared."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "FILTER_INVALID"
    domain = _CATALOG
    metadata_keys = ("filter", "position")

    def __init__(self, what: str, text: str, position: int) -> None:
        """Takes what is wrong, the filter, and where in it, counted from 0."""
        super().__init__(
            f"filter: {what}, at character {position + 1}", filter=text, position=str(position)
        )


class UpdateMaskInvalidError(ServiceError):
    """The update mask names what cannot be changed."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "UPDATE_MASK_INVALID"
    domain = _CATALOG
    metadata_keys = ("path", "known_paths")


class EtagMismatchError(ServiceError):
    """The track was changed since the caller read it."""

    code = grpc.StatusCode.ABORTED
    reason = "ETAG_MISMATCH"
    domain = _CATALOG
    metadata_keys = ("etag", "current_etag")


class ExternalIdTakenError(ServiceError):
    """Another recording is registered under this external id."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "EXTERNAL_ID_TAKEN"
    domain = _CATALOG
    metadata_keys = ("external_id", "track_id")


class RequestIdReusedError(ServiceError):
    """This request id registered another recording before."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "REQUEST_ID_REUSED"
    domain = _CATALOG
    metadata_keys = ("request_id", "track_id")


class OperationNotFoundError(ServiceError):
    """No operation has this name, or it ended long ago."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "OPERATION_NOT_FOUND"
    domain = _CATALOG
    metadata_keys = ("name",)


class ImportItemNotFoundError(ServiceError):
    """The import has no item of this name."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "IMPORT_ITEM_NOT_FOUND"
    domain = _CATALOG
    metadata_keys = ("import_id", "item_id")


class ImportEndedError(ServiceError):
    """The import is done, cancelled or abandoned, and takes no more uploads."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "IMPORT_ENDED"
    domain = _CATALOG
    metadata_keys = ("import_id", "state")


class TooManyImportsError(ServiceError):
    """As many imports are open as there may be; finish or cancel one."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_IMPORTS"
    domain = _CATALOG
    metadata_keys = ("open_count", "open_count_max")

    def __init__(self, of_one: int, of_one_max: int, of_all: int, of_all_max: int) -> None:
        """Takes how many are open of one account and of all, and how many may be."""
        own = of_one >= of_one_max
        count, limit = (of_one, of_one_max) if own else (of_all, of_all_max)
        whose = "of this account" if own else "in all"
        super().__init__(
            f"{count} imports {whose} are open, as many as there may be; finish or cancel one",
            retry_after_seconds=60.0,
            open_count=str(count),
            open_count_max=str(limit),
        )


class OperationCancelledError(ServiceError):
    """The operation was cancelled before it was done."""

    code = grpc.StatusCode.CANCELLED
    reason = "OPERATION_CANCELLED"
    domain = _CATALOG
    metadata_keys = ("name",)


class ImportAbandonedError(ServiceError):
    """The import was ended because nothing was uploaded for too long."""

    code = grpc.StatusCode.ABORTED
    reason = "IMPORT_ABANDONED"
    domain = _CATALOG
    metadata_keys = ("name",)


class RebuildRunningError(ServiceError):
    """The index is being rebuilt by another call."""

    code = grpc.StatusCode.ABORTED
    reason = "REBUILD_RUNNING"
    domain = _CATALOG


class FingerprintsMissingError(ServiceError):
    """The catalogue cannot move to an extractor that some of its tracks have no fingerprint of."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "FINGERPRINTS_MISSING"
    domain = _CATALOG
    metadata_keys = ("algorithm_version", "missing_track_count", "missing_tracks")

    def __init__(self, version: int, count: int, names: Sequence[str]) -> None:
        """Takes the version, how many tracks lack it, and the names of the first of them."""
        listed = "; ".join(names) + ("; ..." if count > len(names) else "")
        super().__init__(
            f"{count} tracks have no fingerprint of algorithm_version {version} ({listed}); "
            "register their files with that version, or delete them, and rebuild again",
            algorithm_version=str(version),
            missing_track_count=str(count),
            missing_tracks=listed,
        )


class IndexUnreachableError(ServiceError):
    """The vector index does not answer, or has lost what it held."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "INDEX_UNREACHABLE"
    domain = _MATCHING


class StoreUnreachableError(ServiceError):
    """PostgreSQL does not answer in time."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "STORE_UNREACHABLE"
    domain = _MATCHING


class StorageFullError(ServiceError):
    """There is no room for what was to be stored; what was stored before is whole."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "STORAGE_FULL"
    domain = _MATCHING
