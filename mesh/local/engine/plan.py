"""When to build, and from what: size-tiered merging.

A build takes the fresh points and, smallest first, every shard that is no larger than all it takes
so far. Each point is then rewritten about log2(n / seal_points) times, and at most about that many
shards stand beside each other. While writes are near the point where they have to wait, a build is
kept short and takes no more from shards than it takes from the fresh points; the shards this leaves
are merged by the same rule when it is quiet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fresh:
    """What is in no shard yet."""

    points: int
    log_bytes: int
    idle_seconds: float


@dataclass(frozen=True)
class ShardSize:
    """Points of one shard, now and when it was built."""

    live: int
    built: int


@dataclass(frozen=True)
class Rules:
    """When a build is worth it."""

    seal_points: int
    idle_seal_points: int
    idle_seal_seconds: float
    deleted_threshold: float
    pressing_points: int
    deleted_points: int = 1_000
    log_bytes: int = 64 * 1024 * 1024


def inputs(fresh: Fresh, shards: Sequence[ShardSize], rules: Rules) -> list[int] | None:
    """Returns which shards to merge with the fresh points, in order; None for no build."""
    idle = fresh.idle_seconds >= rules.idle_seal_seconds
    ripe = (
        fresh.points >= (rules.idle_seal_points if idle else rules.seal_points)
        or fresh.log_bytes >= rules.log_bytes
    )
    ascending = sorted(range(len(shards)), key=lambda index: shards[index].live)
    if fresh.points >= rules.pressing_points:
        return _tier(fresh.points, [], ascending, shards, most=2 * fresh.points)
    worn = [index for index, shard in enumerate(shards) if _is_worn(shard, rules)]
    if ripe or (idle and worn):
        return _tier(fresh.points, worn, ascending, shards)
    if idle and shards:
        tier = _tier(fresh.points, ascending[:1], ascending, shards)
        return tier if len(tier) > 1 else None
    return None


def _tier(
    taken: int,
    chosen: list[int],
    ascending: list[int],
    shards: Sequence[ShardSize],
    most: float = math.inf,
) -> list[int]:
    """Returns `chosen` and, smallest first, all shards no larger than what is taken before them."""
    tier = set(chosen)
    taken += sum(shards[index].live for index in tier)
    for index in ascending:
        if index in tier:
            continue
        if shards[index].live > taken or taken + shards[index].live > most:
            break
        tier.add(index)
        taken += shards[index].live
    return sorted(tier)


def _is_worn(shard: ShardSize, rules: Rules) -> bool:
    """Returns whether a shard holds so many deleted points that it is rewritten for that alone."""
    deleted = shard.built - shard.live
    if not shard.live:
        return True
    return deleted >= rules.deleted_points and deleted >= rules.deleted_threshold * shard.built
