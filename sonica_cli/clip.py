"""Brings a clip to what one message carries: as it is, or cut when the file is too large."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sonica_client import UNARY_BYTES_MAX

from sonica_cli.failures import CliError

if TYPE_CHECKING:
    from typing import BinaryIO

STDIN = "-"
# What the service analyses of a clip, and a little more against rounding.
_CLIP_SECONDS = 15.5
_CUT_RATE_HZ = 44_100
_STDIN_BYTES_MAX = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Clip:
    """What is sent.

    Attributes:
        content: 1 byte to 16 MiB.
        start_seconds: where in it the clip begins.
    """

    content: bytes
    start_seconds: float


async def load(name: str, start_seconds: float) -> Clip:
    """Reads a file; cuts the clip out when it is over 16 MiB.

    Raises:
        CliError: it is empty, or too large and not readable as audio.
        OSError: the file cannot be read.
    """
    return await asyncio.to_thread(_from_file, Path(name), start_seconds, name)


def from_stdin(start_seconds: float) -> Clip:
    """Reads standard input to its end; cuts the clip out when it is over 16 MiB.

    For the main thread, before there is an event loop: so Ctrl-C ends a wait for input.

    Raises:
        CliError: it is empty, or too large and not readable as audio.
    """
    return _from_stream(sys.stdin.buffer, start_seconds)


def _from_file(path: Path, start_seconds: float, name: str) -> Clip:
    if path.stat().st_size > UNARY_BYTES_MAX:
        return _cut(path, start_seconds)
    content = path.read_bytes()
    if not content:
        raise CliError(f"{name}: 0 bytes", "There is nothing in it to recognise.")
    return Clip(content, start_seconds)


def _from_stream(stream: BinaryIO, start_seconds: float) -> Clip:
    content = stream.read(UNARY_BYTES_MAX + 1)
    if not content:
        raise CliError("standard input: 0 bytes", "There is nothing in it to recognise.")
    if len(content) <= UNARY_BYTES_MAX:
        return Clip(content, start_seconds)
    with tempfile.TemporaryDirectory(prefix="sonica-") as folder:
        file = Path(folder, "clip")
        with file.open("wb") as copy:
            while content:
                copy.write(content)
                if copy.tell() > _STDIN_BYTES_MAX:
                    raise CliError(
                        f"standard input: over {_STDIN_BYTES_MAX >> 30} GiB",
                        "Give `sonica listen` what does not end.",
                    )
                content = stream.read(1 << 20)
        return _cut(file, start_seconds)


def _cut(path: Path, start_seconds: float) -> Clip:
    from sonica_cli.media import decode, wav_bytes

    pcm = decode(path, _CUT_RATE_HZ, start_seconds=start_seconds, seconds_max=_CLIP_SECONDS)
    if not pcm.size:
        raise CliError(f"{path}: it ends before {start_seconds:g} s", "Name an earlier --start.")
    return Clip(wav_bytes(pcm, _CUT_RATE_HZ), 0.0)
