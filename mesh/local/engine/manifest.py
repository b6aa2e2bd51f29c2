"""What makes up a collection: its definition, its shards, its first write log.

The manifest is replaced as a whole; what it does not name is a left-over and is removed at start.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from mesh.local.engine.durable import read_json, write_json
from mesh.local.engine.stubs import collections_pb2

_FILE = "manifest.json"
_VERSION = 1


@dataclass(frozen=True)
class ShardEntry:
    """One shard: its directory and how many points it was built from."""

    name: str
    built_points: int


@dataclass(frozen=True)
class Manifest:
    """The state of a collection that is on disk.

    Attributes:
        definition: the CreateCollection request, as JSON.
        created_seconds: when, since 1970.
        first_log: number of the oldest write log that is not in a shard.
        next_shard: number of the next shard.
        shards: all shards; no point is in two of them.
    """

    definition: dict[str, Any]
    created_seconds: int
    first_log: int = 1
    next_shard: int = 1
    shards: tuple[ShardEntry, ...] = field(default=())
    version: int = _VERSION

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Reads the manifest of the collection in `folder`.

        Raises:
            ValueError: it was written by a later version.
        """
        values = read_json(folder / _FILE)
        if values["version"] != _VERSION:
            raise ValueError(f"{folder}: written by another version ({values['version']})")
        shards = tuple(ShardEntry(**entry) for entry in values.pop("shards"))
        return cls(shards=shards, **values)

    def save(self, folder: Path) -> None:
        """Replaces the manifest in `folder`.

        Raises:
            OSError: the old one still stands.
        """
        write_json(folder / _FILE, asdict(self))

    def request(self) -> collections_pb2.CreateCollection:
        """Returns the definition as the request it came from."""
        return json_format.ParseDict(self.definition, collections_pb2.CreateCollection())


def definition(request: collections_pb2.CreateCollection) -> dict[str, Any]:
    """Returns a request in the form the manifest holds."""
    return json_format.MessageToDict(request, preserving_proto_field_name=True)


def log_path(folder: Path, number: int) -> Path:
    """Returns where write log `number` is."""
    return folder / f"log-{number:08d}"


def log_numbers(folder: Path) -> list[int]:
    """Returns the numbers of the write logs in `folder`, ascending."""
    return sorted(int(path.name.removeprefix("log-")) for path in folder.glob("log-*"))


def shard_name(number: int) -> str:
    """Returns the directory name of shard `number`."""
    return f"shard-{number:08d}"


def remove_leftovers(folder: Path, manifest: Manifest) -> None:
    """Removes what a crash left: unfinished builds, replaced shards, logs that are in a shard."""
    kept = {_FILE} | {entry.name for entry in manifest.shards}
    kept |= {f"log-{number:08d}" for number in log_numbers(folder) if number >= manifest.first_log}
    for path in folder.iterdir():
        if path.name in kept:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
