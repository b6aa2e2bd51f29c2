"""Finds the recordings a clip was taken from: search, vote, read passages, align, decide.

Why a cached answer is right: it carries the epoch of the catalogue, which changes in the commit of
every write that changes what can be found, and never returns. An answer is kept only if that epoch
was seen before its search began and again when its passages were read, so nothing changed between;
and it is given only after PostgreSQL has said that the epoch is still the current one.

The catalogue is searched by one version of the extractor, which a rebuild may change at any time. A
search begins with the version seen last; whether it is still the one is said by the statement that
reads its passages, so that no answer is computed of what is about to be dropped.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
import sonica_core
from sonica_core import Alignment

from match_svc.admission import check_query
from match_svc.errors import AlgorithmMismatchError, IndexUnreachableError
from match_svc.hot import CachedAnswer, HotCache
from match_svc.model import Answer, Fingerprint, Match, Track, TrackState
from match_svc.passage_ranges import passage_ranges
from match_svc.stores import ledger, tracks
from match_svc.stores.passages import Passages, Song, read_epoch, read_passages
from match_svc.stores.port import NEIGHBOUR_COUNT, NO_POINT, Neighbours, VectorIndex
from match_svc.stores.postgres import Database
from match_svc.workers import Workers
from mesh.runtime import telemetry

# Alignments looked at closely; several may lie in one track.
_CANDIDATE_COUNT = 40


@dataclass(frozen=True, slots=True)
class Question:
    """A clip's fingerprint and what is wanted of the answer."""

    fingerprint: Fingerprint
    max_match_count: int
    include_rejected: bool

    def digest(self) -> str:
        """Returns a name for this question, the same for the same question only."""
        parts = self.fingerprint
        digest = hashlib.sha256()
        options = (parts.algorithm_version, parts.duration, self.max_match_count)
        digest.update(repr((*options, self.include_rejected)).encode())
        for part in (parts.vectors_f16le, parts.active_windows, parts.landmarks):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """An answer and what it took, seconds."""

    answer: Answer
    search_seconds: float = 0.0
    align_seconds: float = 0.0


_NOTHING = Answer((), ())


class Recognizer:
    """Use case of `sonica.matching.v1.MatchingService`."""

    def __init__(
        self, database: Database, index: VectorIndex, hot: HotCache, workers: Workers
    ) -> None:
        self._database = database
        self._index = index
        self._hot = hot
        self._workers = workers
        self._epoch_seen: UUID | None = None
        self._version_seen = 0

    async def find(self, question: Question) -> Found:
        """Answers a question; the answer is empty when no track passes the gate.

        Raises:
            AlgorithmMismatchError, FingerprintMalformedError, IndexUnreachableError,
            StoreUnreachableError.
        """
        version = question.fingerprint.algorithm_version
        if version != self._version_seen:
            await self._require_served(version)
        query = await self._workers.run(check_query, question.fingerprint)
        if not any(question.fingerprint.active_windows):
            return Found(_NOTHING)
        digest = question.digest()
        cached = await self._still_true(digest)
        if cached is not None:
            return Found(cached)
        epoch_before = self._epoch_seen
        started = time.perf_counter()
        neighbours = await self._search(question.fingerprint)
        searched = time.perf_counter()
        passages = await self._passages(neighbours, question.fingerprint)
        with telemetry.span("align", candidate_count=len(passages.references)):
            alignments = await self._workers.run(
                sonica_core.align, version, query, passages.references
            )
        answer = await self._answer(question, alignments, passages)
        self._epoch_seen = passages.epoch
        if passages.epoch == epoch_before:
            await self._hot.keep_answer(digest, CachedAnswer(passages.epoch, answer))
        return Found(answer, searched - started, time.perf_counter() - searched)

    async def _require_served(self, version: int) -> None:
        """Raises AlgorithmMismatchError unless the catalogue is searched by this version."""
        async with self._database.connection("read_ledger") as connection:
            self._version_seen = (await ledger.read(connection)).algorithm_version
        if version != self._version_seen:
            raise AlgorithmMismatchError(version, self._version_seen)

    async def _still_true(self, digest: str) -> Answer | None:
        cached = await self._hot.answer(digest)
        if cached is None:
            return None
        async with self._database.connection("read_epoch") as connection:
            self._epoch_seen = await read_epoch(connection)
        return cached.answer if cached.epoch == self._epoch_seen else None

    async def _search(self, fingerprint: Fingerprint) -> Neighbours:
        """Searches with rows enough to find all candidates; the others have no neighbours."""
        searched = sonica_core.searched_rows(fingerprint.active_windows)
        version = fingerprint.algorithm_version
        vectors = sonica_core.decode_vectors(version, fingerprint.vectors_f16le)[searched]
        try:
            with telemetry.span("search", query_count=len(vectors)):
                found = await self._index.search(version, vectors)
        except IndexUnreachableError:
            await self._require_served(version)  # it may have been dropped for another
            raise
        ids = np.full((len(searched), NEIGHBOUR_COUNT), NO_POINT, dtype=np.uint64)
        scores = np.zeros((len(searched), NEIGHBOUR_COUNT), dtype=np.float32)
        ids[searched], scores[searched] = found
        return Neighbours(ids, scores)

    async def _passages(self, neighbours: Neighbours, fingerprint: Fingerprint) -> Passages:
        version = fingerprint.algorithm_version
        with telemetry.span("vote"):
            candidates = await self._workers.run(
                sonica_core.vote, version, neighbours.ids, neighbours.scores, _CANDIDATE_COUNT
            )
        ranges = passage_ranges(candidates, fingerprint.duration / 1e6)
        async with self._database.connection("read_passages") as connection:
            passages = await read_passages(connection, version, ranges)
        self._version_seen = passages.algorithm_version
        if version != self._version_seen:
            raise AlgorithmMismatchError(version, self._version_seen)
        return passages

    async def _answer(
        self, question: Question, alignments: Sequence[Alignment], passages: Passages
    ) -> Answer:
        accepted = [a for a in alignments if a.accepted][: question.max_match_count]
        rejected = [a for a in alignments if not a.accepted][: question.max_match_count]
        if not question.include_rejected:
            rejected = []
        wanted = [passages.songs[a.track_number] for a in (*accepted, *rejected)]
        known = await self._tracks(wanted)
        version = passages.algorithm_version

        def matches(chosen: Sequence[Alignment]) -> tuple[Match, ...]:
            found = ((known.get(passages.songs[a.track_number].track_id), a) for a in chosen)
            return tuple(_match(version, track, a) for track, a in found if track is not None)

        return Answer(matches(accepted), matches(rejected))

    async def _tracks(self, songs: Sequence[Song]) -> dict[UUID, Track]:
        """Returns metadata of tracks that were ACTIVE just now; one may be gone by now."""
        known = await self._hot.songs(songs)
        missing = [song.track_id for song in songs if song.track_id not in known]
        if missing:
            async with self._database.connection("read_tracks") as connection:
                read = await tracks.find_ids(connection, missing)
            fresh = [track for track in read if track.state is TrackState.ACTIVE]
            await self._hot.keep_songs(fresh)
            known |= {track.track_id: track for track in fresh}
        return known


def _match(version: int, track: Track, alignment: Alignment) -> Match:
    return Match(
        # Metadata may have been read before the catalogue moved, or a fingerprint was added.
        track=replace(track, algorithm_version=version, algorithm_versions=()),
        track_offset_seconds=alignment.track_offset_seconds,
        clip_offset_seconds=alignment.clip_offset_seconds,
        matched_duration_seconds=alignment.matched_duration_seconds,
        speed_factor=alignment.speed_factor,
        score=alignment.score,
        ambiguous=alignment.ambiguous,
        mean_cosine=alignment.mean_cosine,
        cosine_margin=alignment.cosine_margin,
        aligned_landmark_count=alignment.aligned_landmark_count,
        clip_landmark_count=alignment.clip_landmark_count,
    )
