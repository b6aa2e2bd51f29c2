"""The two gRPC services: messages in, use case, messages out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import sonica_core
from sonica.catalog.v1 import catalog_service_pb2 as catalog_pb
from sonica.catalog.v1 import catalog_service_pb2_grpc
from sonica.fingerprint.v1 import fingerprint_pb2
from sonica.matching.v1 import matching_service_pb2 as matching_pb
from sonica.matching.v1 import matching_service_pb2_grpc

from match_svc import messages, pages
from match_svc.descriptions import changed
from match_svc.filters import track_filter
from match_svc.finding import TrackFinder
from match_svc.rebuild import IndexKeeper
from match_svc.recognition import Question, Recognizer
from match_svc.service import Catalog

_MATCHES_DEFAULT, _MATCHES_MAX = 5, 50
_PAGE_DEFAULT, _PAGE_MAX = 50, 1000
_RESULTS_DEFAULT, _RESULTS_MAX = 20, 100


class MatchingServicer(matching_service_pb2_grpc.MatchingServiceServicer):
    """`sonica.matching.v1.MatchingService`."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer

    async def FindMatches(
        self, request: matching_pb.FindMatchesRequest, _context: Any
    ) -> matching_pb.FindMatchesResponse:
        """Finds the recordings a clip was taken from."""
        question = Question(
            fingerprint=messages.fingerprint_from(
                request.fingerprint, fingerprint_pb2.FINGERPRINT_PURPOSE_QUERY
            ),
            max_match_count=min(request.max_match_count or _MATCHES_DEFAULT, _MATCHES_MAX),
            include_rejected=request.include_rejected,
        )
        found = await self._recognizer.find(question)
        return matching_pb.FindMatchesResponse(
            matches=[messages.match_to(match) for match in found.answer.matches],
            rejected=[messages.match_to(match) for match in found.answer.rejected],
            search_duration=messages.seconds_to(found.search_seconds),
            align_duration=messages.seconds_to(found.align_seconds),
        )


class CatalogServicer(catalog_service_pb2_grpc.CatalogServiceServicer):
    """`sonica.catalog.v1.CatalogService`."""

    def __init__(self, catalog: Catalog, finder: TrackFinder, keeper: IndexKeeper) -> None:
        self._catalog = catalog
        self._finder = finder
        self._keeper = keeper

    async def CreateTrack(
        self, request: catalog_pb.CreateTrackRequest, _context: Any
    ) -> catalog_pb.CreateTrackResponse:
        """Registers a track."""
        track, outcome = await self._catalog.register(messages.registration_from(request))
        return catalog_pb.CreateTrackResponse(
            track=messages.track_to(track),
            outcome=f"REGISTRATION_OUTCOME_{outcome.value}",
        )

    async def GetTrack(
        self, request: catalog_pb.GetTrackRequest, _context: Any
    ) -> catalog_pb.GetTrackResponse:
        """Returns one track."""
        track = await self._catalog.get(request.track_id)
        return catalog_pb.GetTrackResponse(track=messages.track_to(track))

    async def ListTracks(
        self, request: catalog_pb.ListTracksRequest, _context: Any
    ) -> catalog_pb.ListTracksResponse:
        """Lists tracks in the order of registration."""
        size = min(request.page_size or _PAGE_DEFAULT, _PAGE_MAX)
        question = (request.filter.strip(), request.order_by.removeprefix("create_time"))
        wanted = track_filter(request.filter, descending=bool(question[1]))
        after = pages.start(request.page_token, *question)
        # One more than wanted tells whether there is a next page.
        tracks, total = await self._catalog.page(after, size + 1, wanted)
        more = len(tracks) > size
        return catalog_pb.ListTracksResponse(
            tracks=[messages.track_to(track) for track in tracks[:size]],
            next_page_token=pages.token(tracks[size - 1].track_number, *question) if more else "",
            total_count=total,
        )

    async def SearchTracks(
        self, request: catalog_pb.SearchTracksRequest, _context: Any
    ) -> catalog_pb.SearchTracksResponse:
        """Finds tracks by words."""
        size = min(request.page_size or _RESULTS_DEFAULT, _RESULTS_MAX)
        begin = pages.start(request.page_token, "search", request.query)
        found, count = await self._finder.find(request.query, begin, size)
        end = begin + size
        return catalog_pb.SearchTracksResponse(
            results=[
                catalog_pb.TrackSearchResult(
                    track=messages.track_to(each.track), relevance=each.relevance
                )
                for each in found
            ],
            next_page_token=pages.token(end, "search", request.query) if end < count else "",
        )

    async def UpdateTrack(
        self, request: catalog_pb.UpdateTrackRequest, _context: Any
    ) -> catalog_pb.UpdateTrackResponse:
        """Changes what is stored about a track."""
        wanted = request.track
        track = await self._catalog.describe(
            wanted.track_id, lambda about: changed(about, request), wanted.etag
        )
        return catalog_pb.UpdateTrackResponse(track=messages.track_to(track))

    async def LookupTracks(
        self, request: catalog_pb.LookupTracksRequest, _context: Any
    ) -> catalog_pb.LookupTracksResponse:
        """Finds which recordings are registered already."""
        tracks = await self._catalog.lookup(list(request.content_sha256s))
        return catalog_pb.LookupTracksResponse(tracks=[messages.track_to(t) for t in tracks])

    async def DeleteTrack(
        self, request: catalog_pb.DeleteTrackRequest, _context: Any
    ) -> catalog_pb.DeleteTrackResponse:
        """Removes a track for good."""
        await self._catalog.delete(request.track_id)
        return catalog_pb.DeleteTrackResponse()

    async def GetTrackFingerprint(
        self, request: catalog_pb.GetTrackFingerprintRequest, _context: Any
    ) -> catalog_pb.GetTrackFingerprintResponse:
        """Returns the stored fingerprint of a track."""
        fingerprint = await self._catalog.read_fingerprint(request.track_id)
        return catalog_pb.GetTrackFingerprintResponse(
            fingerprint=messages.fingerprint_to(fingerprint)
        )

    async def RebuildIndex(
        self, request: catalog_pb.RebuildIndexRequest, _context: Any
    ) -> AsyncIterator[catalog_pb.RebuildIndexResponse]:
        """Makes the vector index anew, by the extractor asked for."""
        rebuilding = self._keeper.rebuild(
            request.algorithm_version, drop_others=request.drop_other_versions
        )
        async with aclosing(rebuilding) as steps:
            async for progress in steps:
                yield catalog_pb.RebuildIndexResponse(
                    track_count=progress.track_count,
                    total_track_count=progress.total_track_count,
                    done=progress.done,
                    dropped_fingerprint_count=progress.dropped_fingerprint_count,
                )

    async def GetCatalogStatistics(
        self, _request: catalog_pb.GetCatalogStatisticsRequest, _context: Any
    ) -> catalog_pb.GetCatalogStatisticsResponse:
        """Returns the size of the catalogue."""
        statistics = await self._catalog.statistics()
        now = statistics.ledger
        return catalog_pb.GetCatalogStatisticsResponse(
            active_track_count=now.active_track_count,
            pending_track_count=statistics.pending_track_count,
            total_duration=messages.microseconds_to(now.active_duration),
            vector_count=statistics.vector_count,
            algorithm_version=now.algorithm_version,
            current_algorithm_version=sonica_core.CURRENT_ALGORITHM_VERSION,
            building_algorithm_version=now.building.algorithm_version if now.building else 0,
            coverages=[
                catalog_pb.AlgorithmCoverage(algorithm_version=version, track_count=count)
                for version, count in sorted(statistics.track_counts.items())
            ],
        )
