"""Aim: bytes are asked for only when needed, tags are dropped, spooling is bounded and nameless."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fingerprint_svc.model import JobError
from fingerprint_svc.worker.source import Source
from tests.unit.fingerprint_svc.recordings import id3


def source_of(*pieces: bytes) -> tuple[Source, Iterator[bytes]]:
    arriving = iter(pieces)
    return Source(lambda: next(arriving, b"")), arriving


def test_reads_no_further_than_needed() -> None:
    source, arriving = source_of(b"abc", b"de", b"fgh")
    assert source.peek(2) == b"ab"
    assert (source.read(2), source.read(9), source.read(9)) == (b"ab", b"c", b"de")
    assert list(arriving) == [b"fgh"]


def test_peek_joins_pieces_and_stops_at_the_end() -> None:
    source, _ = source_of(b"abc", b"de")
    assert source.peek(4) == b"abcd"
    assert source.peek(100) == b"abcde"
    assert source.peek_available(3) == b"abc"
    source.skip(4)
    assert (source.read(9), source.read(9), source.read(9)) == (b"e", b"", b"")
    assert source.byte_count == 5


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_tags_are_dropped_whatever_the_pieces(size: int) -> None:
    content = id3(500) + id3(3) + b"audio"
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    source, _ = source_of(*pieces)
    source.skip_id3()
    assert source.peek(9) == b"audio"


def test_tag_with_footer_and_tag_that_never_ends() -> None:
    footed = bytearray(id3(20) + b"f" * 10 + b"audio")
    footed[5] |= 0x10
    source, _ = source_of(bytes(footed))
    source.skip_id3()
    assert source.peek(9) == b"audio"
    source, _ = source_of(id3(1_000)[:200])
    source.skip_id3()
    assert source.peek(1) == b""


def test_failure_is_kept_and_repeated() -> None:
    def receive() -> bytes:
        raise KeyError("gone")

    source = Source(receive)
    for _ in range(2):
        with pytest.raises(KeyError):
            source.read(1)
    assert isinstance(source.failure, KeyError)


def test_spooled_file_has_no_name(tmp_path: Path) -> None:
    source, _ = source_of(b"x" * 10, *[b"y" * 50_000] * 4)
    source.skip(5)
    with source.spool(str(tmp_path), memory_bytes=1_000) as file:
        assert list(tmp_path.iterdir()) == []
        assert file.read() == b"x" * 5 + b"y" * 200_000
        file.seek(5)
        assert file.read(1) == b"y"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_disk_is_typed(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, _: Any) -> int:
            raise OSError(number, "no")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Full)
    source, _ = source_of(b"abc")
    with pytest.raises(JobError) as caught, source.spool(str(tmp_path), memory_bytes=0):
        pass
    assert caught.value.reason == "STORAGE_FULL"
