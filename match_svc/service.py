"""The catalogue: registering, reading and removing tracks.

A track is visible when it is ACTIVE, and only then. What the index is told, and when, is in
`writer`; what a search sees is in `recognition`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import sonica_core

from match_svc import admission
from match_svc.errors import (
    AlgorithmMismatchError,
    EtagMismatchError,
    ExternalIdTakenError,
    RequestIdReusedError,
    StoreUnreachableError,
    TrackNotFoundError,
)
from match_svc.filters import TrackFilter
from match_svc.hot import HotCache
from match_svc.model import (
    Description,
    Fingerprint,
    Ledger,
    Outcome,
    Registration,
    Track,
    TrackState,
)
from match_svc.scan_limit import scan_limit
from match_svc.stores import fingerprints, ledger, tracks
from match_svc.stores.port import VectorIndex
from match_svc.stores.postgres import Connection, Database
from match_svc.stores.tracks import Claim
from match_svc.workers import Workers
from match_svc.writer import TrackWriter

EXTERNAL_PREFIX = "external:"
# How often a registration may meet a removal of the same recording before it gives up.
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Statistics:
    """Size of the catalogue; `track_counts` by algorithm version, of each that is known."""

    ledger: Ledger
    pending_track_count: int
    vector_count: int
    track_counts: dict[int, int]


class Catalog:
    """Use cases of `sonica.catalog.v1.CatalogService`, rebuilds apart."""

    def __init__(
        self,
        database: Database,
        index: VectorIndex,
        writer: TrackWriter,
        hot: HotCache,
        workers: Workers,
    ) -> None:
        self._database = database
        self._index = index
        self._writer = writer
        self._hot = hot
        self._workers = workers

    async def register(self, registration: Registration) -> tuple[Track, Outcome]:
        """Registers a recording; it is searchable on return.

        The same recording, or the same request, is registered once however often and however
        concurrently it is asked for. One that was cut off is finished. Of a recording that is
        registered a fingerprint of another version is stored beside the others.

        Raises:
            AlgorithmMismatchError: the version is not the catalogue's, the recording is new.
            Those of `check_reference`, ExternalIdTakenError, RequestIdReusedError,
            IndexUnreachableError, StoreUnreachableError, StorageFullError.
        """
        version = registration.fingerprint.algorithm_version
        if version not in sonica_core.ALGORITHM_VERSIONS:
            raise AlgorithmMismatchError(version, await self._served_version())
        await self._workers.run(admission.check_reference, registration.fingerprint)
        for _ in range(_ATTEMPTS):
            async with self._database.transaction("store_track") as connection:
                served = (await ledger.read(connection)).algorithm_version
                stored = (
                    await tracks.insert(connection, registration) if version == served else None
                )
                claims = [] if stored else await tracks.claims(connection, registration)
            if not claims and version != served:
                raise AlgorithmMismatchError(version, served)
            track = stored or await self._settle(registration, claims)
            if track is not None and version not in track.algorithm_versions:
                track = await self._writer.add(track.track_number, registration.fingerprint)
            if track is not None and track.state is TrackState.PENDING:
                track = await self._writer.activate(track.track_number)
            if track is not None and track.state is TrackState.ACTIVE:
                return track, Outcome.REGISTERED if stored else Outcome.ALREADY_REGISTERED
        raise StoreUnreachableError("the same recording is being removed; try again")

    async def _served_version(self) -> int:
        async with self._database.connection("read_ledger") as connection:
            return (await ledger.read(connection)).algorithm_version

    async def _settle(self, registration: Registration, claims: list[Claim]) -> Track | None:
        """Returns the track a registration means; None when the way may be free by now."""
        leaving = [claim for claim in claims if claim.track.state is TrackState.DELETING]
        for claim in leaving:
            await self._writer.remove(claim.track.track_number)
        return None if leaving else meant_track(registration, claims)

    async def get(self, name: str) -> Track:
        """Returns the track with this id or, after `external:`, external id.

        Raises:
            TrackNotFoundError, StoreUnreachableError.
        """
        async with self._database.connection("get_track") as connection:
            return await _visible(connection, name)

    async def read_fingerprint(self, name: str) -> Fingerprint:
        """Returns the fingerprint a track is recognised by.

        Raises:
            TrackNotFoundError, StoreUnreachableError.
        """
        async with self._database.connection("get_fingerprint") as connection:
            track = await _visible(connection, name)
            fingerprint = await fingerprints.read(
                connection, track.track_number, track.algorithm_version
            )
        if fingerprint is None:
            raise _not_found(name)
        return fingerprint

    async def page(
        self, after: int, size: int, wanted: TrackFilter | None = None
    ) -> tuple[list[Track], int]:
        """Returns up to `size` tracks of a filter beyond track number `after`.

        Returns:
            The tracks, and how many there are in all, of any description.

        Raises:
            QueryTooBroadError, StoreUnreachableError.
        """
        async with self._database.connection("list_tracks") as connection:
            async with scan_limit():
                found = await tracks.page(connection, wanted or TrackFilter(), after, size)
            total = (await ledger.read(connection)).active_track_count
        return found, total

    async def lookup(self, content_sha256s: Sequence[bytes]) -> list[Track]:
        """Returns the tracks made of any of these recordings."""
        async with self._database.connection("lookup_tracks") as connection:
            return await tracks.find_contents(connection, content_sha256s)

    async def describe(
        self, name: str, change: Callable[[Description], Description], etag: str = ""
    ) -> Track:
        """Changes what is said of a track; answers that begin after the return say it.

        Args:
            name: of the track, as for `get`.
            change: makes the new description of the old one.
            etag: of the track that the change was made for; empty for any.

        Raises:
            TrackNotFoundError, EtagMismatchError, ExternalIdTakenError, StoreUnreachableError;
            what `change` raises.
        """
        async with self._database.transaction("describe_track") as connection:
            number = (await _visible(connection, name)).track_number
            track = await tracks.lock(connection, number)
            if track is None or track.state is not TrackState.ACTIVE:
                raise _not_found(name)
            description = change(track.description)
            if description == track.description:
                return track
            if etag not in ("", track.etag):
                raise EtagMismatchError(
                    f"the track has etag {track.etag!r} by now, not {etag!r}; read it again",
                    etag=etag,
                    current_etag=track.etag,
                )
            described = await tracks.describe(connection, number, description)
            if described is None:
                holder = await tracks.find_external(connection, description.external_id)
                raise _taken(description.external_id, str(holder.track_id) if holder else "")
            await ledger.renew_epoch(connection)
        await self._hot.forget(track)
        return described

    async def delete(self, name: str) -> None:
        """Removes a track for good; no search that begins after the return finds it.

        Raises:
            TrackNotFoundError, StoreUnreachableError.
            IndexUnreachableError: it is not recognised any more; its removal is finished later.
        """
        async with self._database.transaction("begin_removal") as connection:
            track = await _find(connection, name)
            track = track and await tracks.lock(connection, track.track_number)
            if track is None:
                raise _not_found(name)
            if track.state is TrackState.ACTIVE:
                await ledger.leave_active(connection, track.track_number)
            elif track.state is TrackState.PENDING:
                await tracks.begin_removal(connection, track.track_number)
        await self._hot.forget(track)
        await self._writer.remove(track.track_number)

    async def statistics(self) -> Statistics:
        """Returns the size of the catalogue.

        Raises:
            IndexUnreachableError, StoreUnreachableError.
        """
        async with self._database.connection("read_statistics") as connection:
            now = await ledger.read(connection)
            pending = await tracks.count_unfinished(connection)
            others = [v for v in sonica_core.ALGORITHM_VERSIONS if v != now.algorithm_version]
            track_counts = await fingerprints.count_tracks(connection, others)
        track_counts[now.algorithm_version] = now.active_track_count
        vectors = await self._index.count(now.serving) if now.serving else 0
        return Statistics(now, pending, vectors or 0, track_counts)


def meant_track(registration: Registration, claims: list[Claim]) -> Track | None:
    """Returns the registered track that is this recording; None when there is none.

    Raises:
        RequestIdReusedError: the request registered other audio.
        ExternalIdTakenError: the external id belongs to other audio.
    """
    content = registration.content_sha256
    for track, request_id in claims:
        if request_id is not None and request_id == registration.request_id:
            if track.content_sha256 != content:
                raise RequestIdReusedError(
                    f"request {request_id} registered other audio, as track {track.track_id}",
                    request_id=str(request_id),
                    track_id=str(track.track_id),
                )
            return track
    for track, _ in claims:
        if track.content_sha256 == content:
            return track
    for track, _ in claims:
        raise _taken(track.description.external_id, str(track.track_id))
    return None


def _taken(external_id: str, track_id: str) -> ExternalIdTakenError:
    return ExternalIdTakenError(
        f"external_id {external_id!r} belongs to other audio, track {track_id}",
        external_id=external_id,
        track_id=track_id,
    )


async def _find(connection: Connection, name: str) -> Track | None:
    if "\0" in name:
        return None  # PostgreSQL takes no NUL, so no track has one
    if name.startswith(EXTERNAL_PREFIX):
        return await tracks.find_external(connection, name.removeprefix(EXTERNAL_PREFIX))
    try:
        track_id = UUID(name)
    except ValueError:
        return None
    return await tracks.find(connection, track_id)


async def _visible(connection: Connection, name: str) -> Track:
    track = await _find(connection, name)
    if track is None or track.state is not TrackState.ACTIVE:
        raise _not_found(name)
    return track


def _not_found(name: str) -> TrackNotFoundError:
    return TrackNotFoundError(f"there is no track {name!r}", track_id=name)
