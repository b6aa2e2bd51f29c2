"""What is hot: answers to clips, and metadata of songs.

Two tiers, this process and Redis; both may lose anything at any time and no answer depends on them:

- `recognition:<hash>` carries the epoch of the catalogue it was computed in. Whoever reads it has
  to compare that with the current one.
- `song:<track id>:<revision>` never becomes wrong in what an answer tells of it: what is said of a
  track changes only with its revision, and a track id is never used again. Which revision is the
  current one, and whether the track is still ACTIVE, is asked of PostgreSQL, always.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter, ValidationError

from match_svc.model import Answer, Track
from match_svc.stores.lru import LruCache
from match_svc.stores.passages import Song
from match_svc.stores.redis import RedisCache

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer and the epoch of the catalogue it is true in."""

    epoch: UUID
    answer: Answer


# Pydantic takes a configuration for a tuple, not for a plain dataclass: hence tuples of one.
_JSON = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
_ANSWER: TypeAdapter[tuple[CachedAnswer]] = TypeAdapter(tuple[CachedAnswer], config=_JSON)
_TRACK: TypeAdapter[tuple[Track]] = TypeAdapter(tuple[Track], config=_JSON)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long entries are kept, seconds."""

    answer: float
    song: float


class HotCache:
    """Typed entries over the two tiers.

    Args:
        prefix: what all keys begin with.
        local: tier in this process.
        shared: Redis, None for none.
        lifetimes: of the entries.
    """

    def __init__(
        self, prefix: str, local: LruCache, shared: RedisCache | None, lifetimes: Lifetimes
    ) -> None:
        self._answers = f"{prefix}:recognition:"
        self._songs = f"{prefix}:song:"
        self._local = local
        self._shared = shared
        self._lifetimes = lifetimes

    async def answer(self, digest: str) -> CachedAnswer | None:
        """Returns the answer once given to a clip; true only if its epoch is the current one."""
        key = self._answers + digest
        found = await self._get([key], self._lifetimes.answer)
        return _decoded(_ANSWER, found.get(key))

    async def keep_answer(self, digest: str, cached: CachedAnswer) -> None:
        """Keeps the answer to a clip."""
        entry = {self._answers + digest: _ANSWER.dump_json((cached,))}
        await self._put(entry, self._lifetimes.answer)

    async def songs(self, wanted: Iterable[Song]) -> dict[UUID, Track]:
        """Returns those tracks whose metadata, of that revision, is at hand."""
        keys = {self._song(*song): song.track_id for song in wanted}
        found = await self._get(list(keys), self._lifetimes.song)
        songs = ((keys[key], _decoded(_TRACK, value)) for key, value in found.items())
        return {track_id: track for track_id, track in songs if track is not None}

    async def keep_songs(self, tracks: Iterable[Track]) -> None:
        """Keeps metadata of tracks."""
        entries = {self._song(t.track_id, t.revision): _TRACK.dump_json((t,)) for t in tracks}
        await self._put(entries, self._lifetimes.song)

    def _song(self, track_id: UUID, revision: int) -> str:
        return f"{self._songs}{track_id}:{revision}"

    async def forget(self, track: Track) -> None:
        """Forgets a track as it was, and every answer, since any may name it."""
        song = self._song(track.track_id, track.revision)
        self._local.drop(song)
        self._local.drop_prefix(self._answers)
        if self._shared is not None:
            await self._shared.forget(song, self._answers)

    async def _get(self, keys: list[str], ttl_seconds: float) -> dict[str, bytes]:
        found = {key: value for key in keys if (value := self._local.get(key)) is not None}
        missing = [key for key in keys if key not in found]
        if missing and self._shared is not None:
            for key, value in zip(missing, await self._shared.get(missing), strict=True):
                if value is not None:
                    found[key] = value
                    self._local.put(key, value, ttl_seconds)
        return found

    async def _put(self, entries: dict[str, bytes], ttl_seconds: float) -> None:
        for key, value in entries.items():
            self._local.put(key, value, ttl_seconds)
        if entries and self._shared is not None:
            await self._shared.put(entries, ttl_seconds)


def _decoded(adapter: TypeAdapter[tuple[T]], value: bytes | None) -> T | None:
    """Returns an entry; None for what another version of this service, or a stranger, wrote."""
    if value is None:
        return None
    try:
        return adapter.validate_json(value)[0]
    except ValidationError:
        _log.warning("a cache entry is not ours and is ignored")
        return None
