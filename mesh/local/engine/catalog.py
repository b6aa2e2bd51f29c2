"""All collections of a data folder, and the aliases that name them.

A collection exists once the catalogue file names it, so creating and deleting are atomic; so is a
change of aliases, which is how a rebuilt index goes live.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh.local.engine import schema
from mesh.local.engine.collection import Collection
from mesh.local.engine.durable import read_json, write_json
from mesh.local.engine.errors import (
    AliasMissingError,
    CollectionExistsError,
    CollectionMissingError,
    EngineError,
    from_os_error,
)
from mesh.local.engine.manifest import Manifest, definition
from mesh.local.engine.stubs import collections_pb2 as pb

_FILE = "catalog.json"
_FOLDER = "collections"


@dataclass(frozen=True)
class _Names:
    """What is on disk: folder number of each collection, collection of each alias."""

    collections: dict[str, int]
    aliases: dict[str, str]
    next_number: int


class Catalog:
    """The open collections. All methods belong to one event loop."""

    def __init__(self, data_dir: Path, max_unindexed_points: int) -> None:
        """Opens every collection and removes what a crash left half made or half deleted.

        Raises:
            EngineError, OSError, ValueError: the folder cannot be opened.
        """
        self._data_dir = data_dir
        self._max_unindexed = max_unindexed_points
        (data_dir / _FOLDER).mkdir(parents=True, exist_ok=True)
        file = data_dir / _FILE
        self._names = _Names(**read_json(file)) if file.exists() else _Names({}, {}, 1)
        kept = {str(number) for number in self._names.collections.values()}
        for path in (data_dir / _FOLDER).iterdir():
            if path.name not in kept:
                shutil.rmtree(path)
        self._open = {
            name: Collection(self._folder(number), max_unindexed_points)
            for name, number in self._names.collections.items()
        }

    def collections(self) -> list[Collection]:
        """Returns all collections."""
        return list(self._open.values())

    def names(self) -> list[str]:
        """Returns the names of all collections, sorted."""
        return sorted(self._open)

    def aliases(self) -> dict[str, str]:
        """Returns the collection of each alias."""
        return self._names.aliases

    def find(self, name: str) -> Collection:
        """Returns the collection of a name or an alias.

        Raises:
            CollectionMissingError.
        """
        collection = self._open.get(self._names.aliases.get(name, name))
        if collection is None:
            raise _missing(name)
        return collection

    async def create(self, request: pb.CreateCollection) -> None:
        """Creates a collection.

        Raises:
            CollectionExistsError, InvalidArgumentError, UnsupportedError, DiskFullError,
            StorageError: nothing was created.
        """
        schema.check(request)
        name = request.collection_name
        if name in self._open or name in self._names.aliases:
            raise _taken(name)
        number = self._names.next_number
        collection = _make(self._folder(number), request, self._max_unindexed)
        try:
            self._save({**self._names.collections, name: number}, self._names.aliases, number + 1)
        except EngineError:
            await collection.close()
            shutil.rmtree(collection.folder, ignore_errors=True)
            raise
        self._open[name] = collection

    async def delete(self, name: str, release: Callable[[Collection], Awaitable[None]]) -> bool:
        """Deletes a collection with its aliases; returns whether there was one.

        Args:
            name: of the collection; an alias names none.
            release: ends other use of the collection before it is closed.

        Raises:
            DiskFullError, StorageError: it is still there.
        """
        collection = self._open.get(name)
        if collection is None:
            return False
        self._save(
            {key: number for key, number in self._names.collections.items() if key != name},
            {alias: target for alias, target in self._names.aliases.items() if target != name},
            self._names.next_number,
        )
        del self._open[name]
        await release(collection)
        await collection.close()
        await asyncio.to_thread(shutil.rmtree, collection.folder, ignore_errors=True)
        return True

    def change_aliases(self, actions: Sequence[pb.AliasOperations]) -> None:
        """Applies all actions, or none; no search sees some of them.

        Raises:
            AliasMissingError, CollectionExistsError, CollectionMissingError, InvalidArgumentError,
            DiskFullError, StorageError: nothing has changed.
        """
        aliases = dict(self._names.aliases)
        for action in actions:
            kind = action.WhichOneof("action")
            if kind == "create_alias":
                self._point(aliases, action.create_alias.alias_name, action.create_alias)
            elif kind == "rename_alias":
                old = action.rename_alias.old_alias_name
                if old not in aliases:
                    raise AliasMissingError(f"Alias {old} does not exists!", alias=old)
                self._check_alias(action.rename_alias.new_alias_name)
                aliases[action.rename_alias.new_alias_name] = aliases.pop(old)
            elif kind == "delete_alias":
                aliases.pop(action.delete_alias.alias_name, None)
        self._save(self._names.collections, aliases, self._names.next_number)

    def _point(self, aliases: dict[str, str], alias: str, action: pb.CreateAlias) -> None:
        self._check_alias(alias)
        if action.collection_name not in self._open:
            raise _missing(action.collection_name)
        aliases[alias] = action.collection_name

    def _check_alias(self, alias: str) -> None:
        schema.check_name(alias)
        if alias in self._open:
            raise _taken(alias)

    def _save(self, collections: dict[str, int], aliases: dict[str, str], next_number: int) -> None:
        names = _Names(collections, aliases, next_number)
        try:
            write_json(self._data_dir / _FILE, vars(names))
        except OSError as error:
            raise from_os_error(error) from error
        self._names = names

    def _folder(self, number: int) -> Path:
        return self._data_dir / _FOLDER / str(number)

    async def close(self) -> None:
        """Closes all collections."""
        for collection in self._open.values():
            await collection.close()


def _make(folder: Path, request: pb.CreateCollection, max_unindexed_points: int) -> Collection:
    """Makes the folder of an empty collection and opens it; no folder is left by a failure."""
    try:
        folder.mkdir()
        Manifest(definition(request), int(time.time())).save(folder)
        return Collection(folder, max_unindexed_points)
    except (OSError, EngineError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise from_os_error(error) if isinstance(error, OSError) else error from error


def _missing(name: str) -> CollectionMissingError:
    return CollectionMissingError(f"Collection `{name}` doesn't exist!", collection=name)


def _taken(name: str) -> CollectionExistsError:
    return CollectionExistsError(f"Collection `{name}` already exists!", collection=name)
