"""What a mesh says of its catalogue: its size, and which extractors it has fingerprints of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sonica_client import SonicaError

from sonica_cli.edge import client_at

if TYPE_CHECKING:
    from sonica_client import GetCatalogStatisticsResponse

    from sonica_cli.edge import Edge

_SECONDS_MAX = 5.0


async def ask(edge: Edge) -> GetCatalogStatisticsResponse | None:
    """Returns the statistics; None when the mesh does not answer soon."""
    try:
        async with client_at(edge) as client:
            return await client.statistics(timeout_seconds=_SECONDS_MAX)
    except SonicaError:
        return None


def as_json(now: GetCatalogStatisticsResponse) -> dict[str, object]:
    """Returns the statistics for programs."""
    return {
        "track_count": now.active_track_count,
        "algorithm_version": now.algorithm_version,
        "current_algorithm_version": now.current_algorithm_version,
        "building_algorithm_version": now.building_algorithm_version,
        "track_counts": {str(c.algorithm_version): c.track_count for c in now.coverages},
    }


def summary(now: GetCatalogStatisticsResponse) -> str:
    """Returns one line: how many recordings, found by which version, which others are stored."""
    line = f"{now.active_track_count} recordings, searched by version {now.algorithm_version}"
    for coverage in now.coverages:
        if coverage.algorithm_version != now.algorithm_version and coverage.track_count:
            line += (
                f"; {coverage.track_count} have a fingerprint of version "
                f"{coverage.algorithm_version} too"
            )
    if now.building_algorithm_version:
        line += f"; an index of version {now.building_algorithm_version} is half built"
    return line


def advice(now: GetCatalogStatisticsResponse) -> str:
    """Returns how to get to the current version of the extractor; empty when it is there."""
    version = now.current_algorithm_version
    if version <= now.algorithm_version:
        return ""
    return (
        f"`sonica rebuild-index --algorithm {version}` moves the catalogue to version {version} "
        "of the extractor, while it serves."
    )
