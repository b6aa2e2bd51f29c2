"""Secrets that are known to a test, and the search for them wherever they have no business."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import asyncpg
from redis.asyncio import Redis

if TYPE_CHECKING:
    from collections.abc import Iterable

# A token is known by its signature: header and claims of a session are alike for a while.
_SHORTEST = 16


@dataclass
class Canaries:
    """Secrets by what they are; each in all forms in which it might be written down."""

    _forms: dict[bytes, str] = field(default_factory=dict)

    def add(self, kind: str, text: str) -> str:
        """Takes one more; returns it."""
        secret = text.rpartition(".")[2] if text.startswith("ey") else text
        assert len(secret) >= _SHORTEST, f"{kind}: chance might write this"
        plain = secret.encode()
        for form in (
            plain,
            plain.hex().encode(),
            quote(secret, safe="").encode(),
            base64.b64encode(plain).rstrip(b"="),
        ):
            self._forms[form] = kind
        return text

    def within(self, content: bytes) -> set[str]:
        """Returns what is in there."""
        return {kind for form, kind in self._forms.items() if form in content}


def files_with(canaries: Canaries, folder: Path) -> dict[str, set[str]]:
    """Returns the files below a folder that hold something, by their path in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (kinds := canaries.within(path.read_bytes())):
            found[str(path.relative_to(folder))] = kinds
    return found


async def columns_with(canaries: Canaries, dsn: str) -> dict[str, set[str]]:
    """Returns the columns of the schema of accounts that hold something, as `table.column`."""
    connection = await asyncpg.connect(dsn)
    try:
        columns = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'users'"
        )
        found = {}
        for table, column in columns:
            rows = await connection.fetch(
                f'SELECT "{column}"::text FROM users."{table}"'  # noqa: S608 - names from itself
            )
            content = "\n".join(row[0] or "" for row in rows).encode()
            if kinds := canaries.within(content):
                found[f"{table}.{column}"] = kinds
        return found
    finally:
        await connection.close()


async def redis_with(canaries: Canaries, url: str) -> set[str]:
    """Returns what the names and values of a Redis hold."""
    async with Redis.from_url(url) as redis:
        names = [name async for name in redis.scan_iter()]
        dumps = [await redis.dump(name) or b"" for name in names]
    assert names, "nothing was counted"
    return canaries.within(b"\n".join([*names, *dumps]))


def answers_with(canaries: Canaries, answers: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Returns the calls whose answers hold something; `answers` are pairs of a call and its."""
    return {call: kinds for call, answer in answers if (kinds := canaries.within(answer.encode()))}
