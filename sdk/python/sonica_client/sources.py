"""Audio as the caller has it: bytes in memory or a file, read in chunks off the event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from ._messages.sonica.catalog.v1 import Track
from .errors import CLIENT_DOMAIN, SonicaError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ._messages.sonica.audio.v1 import AudioFormat

UNARY_BYTES_MAX = 16 * 1024 * 1024
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class ImportSource:
    """One recording to register.

    Attributes:
        item_id: the caller's name for it, 1 to 2,000 characters, unique in the import.
        audio: the bytes, or the path of a file that is read when its turn comes.
        track: what to store about it.
        format: how to read the bytes; None means a container, detected.
        request_id: a UUID; the same id never registers twice. Empty means no such protection
            beyond the bytes themselves.
        algorithm_version: of the extractor; 0 means that of the catalogue. Another one is for a
            recording that is registered, before the catalogue is moved to it.
    """

    item_id: str
    audio: bytes | Path
    track: Track = field(default_factory=Track)
    format: AudioFormat | None = None
    request_id: str = ""
    algorithm_version: int = 0


def file_unreadable(path: Path, error: OSError) -> SonicaError:
    """Returns the typed form of a file that cannot be read."""
    code, reason = grpc.StatusCode.FAILED_PRECONDITION, "FILE_UNREADABLE"
    if isinstance(error, FileNotFoundError):
        code, reason = grpc.StatusCode.NOT_FOUND, "FILE_NOT_FOUND"
    elif isinstance(error, PermissionError):
        code, reason = grpc.StatusCode.PERMISSION_DENIED, "FILE_PERMISSION_DENIED"
    message = f"{path}: {error.strerror or error}"
    return SonicaError(code, message, reason, CLIENT_DOMAIN, metadata={"path": str(path)})


def audio_empty(name: str) -> SonicaError:
    """Returns the typed form of audio without a single byte."""
    message = f"{name}: 0 bytes; there is nothing to read"
    return SonicaError(
        grpc.StatusCode.INVALID_ARGUMENT, message, "AUDIO_EMPTY", "sonica.fingerprint"
    )


def audio_too_large(byte_count: int) -> SonicaError:
    """Returns the typed form of audio that does not fit into one message."""
    return SonicaError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"audio has {byte_count} bytes; one message carries {UNARY_BYTES_MAX}: cut it, "
        "or send it with recognize_stream",
        "AUDIO_TOO_LARGE",
        "sonica.fingerprint",
        metadata={"byte_count": str(byte_count), "max_byte_count": str(UNARY_BYTES_MAX)},
    )


async def read_whole(audio: bytes | Path) -> bytes:
    """Returns all bytes of audio that fits into one message.

    Raises:
        SonicaError: FILE_*, AUDIO_EMPTY, AUDIO_TOO_LARGE.
    """
    if isinstance(audio, Path):
        byte_count = await byte_count_of(audio)
        if byte_count > UNARY_BYTES_MAX:
            raise audio_too_large(byte_count)
        try:
            content = await asyncio.to_thread(audio.read_bytes)
        except OSError as error:
            raise file_unreadable(audio, error) from None
        if not content:
            raise audio_empty(str(audio))
        return content
    if not audio:
        raise audio_empty("audio")
    if len(audio) > UNARY_BYTES_MAX:
        raise audio_too_large(len(audio))
    return audio


async def byte_count_of(audio: bytes | Path) -> int:
    """Returns the size of the audio.

    Raises:
        SonicaError: FILE_*.
    """
    if not isinstance(audio, Path):
        return len(audio)
    try:
        status = await asyncio.to_thread(audio.stat)
    except OSError as error:
        raise file_unreadable(audio, error) from None
    return status.st_size


async def chunks(audio: bytes | Path) -> AsyncGenerator[bytes, None]:
    """Yields the audio in chunks of at most `CHUNK_BYTES`; at least one, unless it is empty.

    Raises:
        SonicaError: FILE_*, AUDIO_EMPTY.
    """
    if not isinstance(audio, Path):
        if not audio:
            raise audio_empty("audio")
        for start in range(0, len(audio), CHUNK_BYTES):
            yield audio[start : start + CHUNK_BYTES]
        return
    offset = 0
    while True:
        try:
            chunk = await asyncio.to_thread(_read_at, audio, offset)
        except OSError as error:
            raise file_unreadable(audio, error) from None
        if not chunk:
            break
        offset += len(chunk)
        yield chunk
    if not offset:
        raise audio_empty(str(audio))


def _read_at(path: Path, offset: int) -> bytes:
    """Reads one chunk; nothing stays open between chunks, however the call ends."""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(CHUNK_BYTES)
