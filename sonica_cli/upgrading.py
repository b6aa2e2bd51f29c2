"""Sends recordings that are registered once more, for their fingerprints by another extractor.

Fingerprints of different extractors are never compared, and no audio is kept: a catalogue can only
move to another one when its files are read again. Run again, it sends only what is still missing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sonica_client import ImportOutcome, ImportSource, SonicaClient, Track

from sonica_cli.importing import Hashed, Import, Tally
from sonica_cli.recordings import Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Upgrade(Import):
    """One run over files of the catalogue's recordings.

    Args:
        client: of the mesh.
        recordings: files; those of other recordings are counted and left out.
        algorithm_version: extractor whose fingerprints are wanted.
        jobs: import streams at once.
        on_change: called after every step with the tally.
    """

    def __init__(
        self,
        client: SonicaClient,
        recordings: list[Recording],
        algorithm_version: int,
        *,
        jobs: int,
        on_change: Callable[[Tally], None],
    ) -> None:
        super().__init__(client, recordings, jobs=jobs, on_change=on_change)
        self._algorithm_version = algorithm_version

    def _wanted(self, entry: Hashed, track: Track | None) -> bool:
        if track is None:
            self.tally.strangers += 1
        elif self._algorithm_version in track.algorithm_versions:
            self.tally.known += 1
        else:
            return True
        self._finish(entry.byte_count)
        return False

    async def _described(self, item_id: str, entry: Hashed) -> ImportSource:
        """Returns the bytes alone: what is stored about the recording stays as it is."""
        version = self._algorithm_version
        return ImportSource(item_id, entry.recording.path, algorithm_version=version)

    def _stored(self, entry: Hashed, outcome: ImportOutcome) -> None:
        self._registered(entry, outcome.track or Track())


async def lacking(client: SonicaClient, algorithm_version: int) -> list[Track]:
    """Returns the registered recordings that have no fingerprint by an extractor."""
    return [
        track
        async for track in client.all_tracks()
        if algorithm_version not in track.algorithm_versions
    ]


def where_registered(tracks: Iterable[Track]) -> list[Recording]:
    """Returns the files that recordings were registered from, as far as they are on this machine.

    Whether one still holds the same bytes is seen when it is read.
    """
    found = []
    for track in tracks:
        uri = urlsplit(track.source_uri)
        path = Path(unquote(uri.path))
        if uri.scheme == "file" and path.is_file():
            found.append(Recording(path))
    return found
