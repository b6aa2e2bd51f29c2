"""Every reason match_svc can give for a refusal.

    ServiceError
    ├── FingerprintMalformedError     FINGERPRINT_MALFORMED   the bytes are not a fingerprint
    ├── AlgorithmMismatchError        ALGORITHM_MISMATCH      made by another extractor
    ├── AlgorithmUnsupportedError     ALGORITHM_UNSUPPORTED   an extractor nobody has
    ├── FingerprintEmptyError         FINGERPRINT_EMPTY       nothing in it to recognise by
    ├── TrackNotFoundError            TRACK_NOT_FOUND
    ├── PageTokenInvalidError         PAGE_TOKEN_INVALID
    ├── FilterInvalidError            FILTER_INVALID          not a filter of ListTracks
    ├── UpdateMaskInvalidError        UPDATE_MASK_INVALID     names what cannot be changed
    ├── EtagMismatchError             ETAG_MISMATCH           the track was changed meanwhile
    ├── ExternalIdTakenError          EXTERNAL_ID_TAKEN       by other audio
    ├── RequestIdReusedError          REQUEST_ID_REUSED       for other audio
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
