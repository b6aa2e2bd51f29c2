"""Every reason this server gives, with the status code Qdrant itself answers with.

ServiceError
├── InvalidArgumentError     INVALID_ARGUMENT    a value the collection cannot hold
├── UnsupportedError         UNIMPLEMENTED       Qdrant has it, this server does not
├── CollectionMissingError   NOT_FOUND
├── AliasMissingError        NOT_FOUND
├── CollectionExistsError    ALREADY_EXISTS
├── DeadlineError            DEADLINE_EXCEEDED   the caller's time was over before the work
├── WriteBacklogError        RESOURCE_EXHAUSTED  more fresh points than may wait for a build
├── DiskFullError            RESOURCE_EXHAUSTED  nothing could be written
└── StorageError             UNAVAILABLE         the disk or the engine failed
"""

from __future__ import annotations

import errno
from typing import ClassVar

import grpc

from mesh.runtime.errors import ServiceError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class EngineError(ServiceError):
    """Parent of all errors of the local vector engine."""

    domain: ClassVar[str] = "sonica.engine"


class InvalidArgumentError(EngineError):
    """A value that the collection, or this server, cannot take; nothing was applied."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_ENGINE_ARGUMENT"


class UnsupportedError(EngineError):
    """A part of Qdrant's API that only a Qdrant server has."""

    code = grpc.StatusCode.UNIMPLEMENTED
    reason = "ENGINE_FEATURE_UNSUPPORTED"


class CollectionMissingError(EngineError):
    """No collection or alias of this name."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "COLLECTION_NOT_FOUND"
    metadata_keys = ("collection",)


class AliasMissingError(EngineError):
    """No alias of this name."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "ALIAS_NOT_FOUND"
    metadata_keys = ("alias",)


class CollectionExistsError(EngineError):
    """The name is taken by a collection or an alias."""

    code = grpc.StatusCode.ALREADY_EXISTS
    reason = "COLLECTION_ALREADY_EXISTS"
    metadata_keys = ("collection",)


class DeadlineError(EngineError):
    """The caller's deadline passed while the call waited for its turn."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "ENGINE_DEADLINE_EXCEEDED"


class WriteBacklogError(EngineError):
    """Points come faster than they can be indexed; retry after the build that is running."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "ENGINE_WRITE_BACKLOG"
    metadata_keys = ("unindexed_points", "max_unindexed_points")


class DiskFullError(EngineError):
    """The write was undone because the disk is full; reading goes on."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "ENGINE_DISK_FULL"


class StorageError(EngineError):
    """The disk or the engine failed; a retry of the same write is harmless."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "ENGINE_STORAGE_FAILED"


def from_os_error(error: OSError) -> EngineError:
    """Returns the typed error for a failed write."""
    cause = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return DiskFullError(f"the write was undone: {cause}; free some space and retry")
    return StorageError(f"the write failed: {cause}")
