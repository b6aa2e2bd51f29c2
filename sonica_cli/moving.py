"""Moves a catalogue to another extractor: what it has, which files to send, what is missing."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from sonica_cli.answers import name_of
from sonica_cli.edge import admin_at
from sonica_cli.failures import MISUSED, CliError
from sonica_cli.recordings import named
from sonica_cli.running import run
from sonica_cli.screen import note, say, show_table
from sonica_cli.sending import Sending, show_problems
from sonica_cli.upgrading import Upgrade, lacking, where_registered

if TYPE_CHECKING:
    from pathlib import Path

    from sonica_client import GetCatalogStatisticsResponse, Track

    from sonica_cli.edge import Edge
    from sonica_cli.recordings import Problem

_LACKING_SHOWN = 200


def is_served(edge: Edge, version: int) -> bool:
    """Returns whether the catalogue is searched by a version already.

    Raises:
        CliError: the mesh has no such version.
    """

    async def look() -> GetCatalogStatisticsResponse:
        async with admin_at(edge) as client:
            return await client.statistics()

    now = run(look())
    known = [coverage.algorithm_version for coverage in now.coverages]
    if version not in known:
        raise CliError(
            f"this mesh has no version {version} of the extractor",
            f"It has {', '.join(map(str, known))}.",
            exit_code=MISUSED,
        )
    return now.algorithm_version == version


def send_files(
    edge: Edge, version: int, paths: list[Path], manifest: Path | None, jobs: int | None
) -> bool:
    """Sends the files of recordings that lack a version; returns whether it was interrupted.

    Args:
        edge: address of the mesh.
        version: whose fingerprints are wanted.
        paths: files and folders. With none, and no manifest, the recordings' files are taken from
            where they were registered from.
        manifest: a CSV file instead.
        jobs: files at once; None means as many as there are cores.
    """
    problems: list[Problem] = []
    if paths or manifest is not None:
        found, problems = named(paths, manifest)
    else:
        found = where_registered(_lacking(edge, version))
    if not found and not problems:
        return False
    sending = Sending("Sending", edge)
    try:
        return bool(found) and sending.run(
            lambda client, show: Upgrade(
                client, found, version, jobs=jobs or os.cpu_count() or 1, on_change=show
            )
        )
    finally:
        _report(sending, version, problems)


def _report(sending: Sending, version: int, problems: list[Problem]) -> None:
    tally = sending.tally
    failed = [*problems, *tally.problems]
    show_problems("Not sent", failed)
    say(
        f"{tally.registered} sent for version {version} "
        f"({tally.audio_seconds / 60:.1f} min of audio), {tally.known} had it before, "
        f"{len(failed)} failed, {sending.rates()}"
    )
    if tally.strangers:
        note(
            f"{tally.strangers} files are not in the catalogue and were left out; "
            "`sonica index` registers them."
        )


def missing(edge: Edge, version: int) -> CliError:
    """Lists the recordings whose files are needed; returns what to say about them."""
    tracks = _lacking(edge, version)
    rows = [(name_of(t), t.external_id, t.source_uri) for t in tracks[:_LACKING_SHOWN]]
    columns = ("Without a fingerprint", "External id", "Was registered from")
    show_table(columns, rows, stream=sys.stderr)
    if len(tracks) > _LACKING_SHOWN:
        note(f"... and {len(tracks) - _LACKING_SHOWN} more")
    return CliError(
        f"{len(tracks)} recordings have no fingerprint of version {version} yet; "
        "the catalogue stays as it is",
        f"Name the folders of their files: `sonica rebuild-index --algorithm {version} FOLDER...`; "
        "or delete them with `sonica tracks delete`.",
    )


def _lacking(edge: Edge, version: int) -> list[Track]:
    async def look() -> list[Track]:
        async with admin_at(edge) as client:
            return await lacking(client, version)

    return run(look())
