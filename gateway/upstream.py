"""The services the gateway composes, all reached through the proxy's internal listener."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sonica.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from sonica.catalog.v1.import_service_pb2_grpc import ImportServiceStub
from sonica.fingerprint.v1.fingerprint_service_pb2_grpc import FingerprintServiceStub
from sonica.matching.v1.matching_service_pb2_grpc import MatchingServiceStub
from sonica.user.v1.activity_service_pb2_grpc import ActivityServiceStub

from gateway.catalog_version import CatalogVersion

if TYPE_CHECKING:
    import grpc


class Upstream:
    """Stubs over one channel; the proxy routes each call by its service.

    Attributes:
        fingerprint: stub of FingerprintService.
        matching: stub of MatchingService.
        catalog: stub of CatalogService.
        activity: stub of ActivityService.
        imports: stub of ImportService.
        version: the extractor its fingerprints are made by.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.fingerprint: Any = FingerprintServiceStub(channel)
        self.matching: Any = MatchingServiceStub(channel)
        self.catalog: Any = CatalogServiceStub(channel)
        self.activity: Any = ActivityServiceStub(channel)
        self.imports: Any = ImportServiceStub(channel)
        self.version = CatalogVersion(self.catalog)
