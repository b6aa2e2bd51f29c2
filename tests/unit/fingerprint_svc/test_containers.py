"""Aim: containers are told apart by their first bytes, from as few of them as decide."""

from __future__ import annotations

import struct

import pytest

from fingerprint_svc.worker import adts, containers


class Peeked:
    """Bytes that remember how many of them were looked at."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.byte_count = 0

    def __call__(self, byte_count: int) -> bytes:
        self.byte_count = max(self.byte_count, byte_count)
        return self.content[:byte_count]


def box(name: bytes, size: int) -> bytes:
    return struct.pack(">I", size) + name + bytes(size - 8)


FILE_TYPE = box(b"ftyp", 32)


@pytest.mark.parametrize(
    ("boxes", "seeks"),
    [
        (FILE_TYPE + box(b"moov", 100), False),
        (FILE_TYPE + box(b"free", 500) + box(b"moov", 100), False),
        (FILE_TYPE + box(b"mdat", 100) + box(b"moov", 100), True),
        (box(b"wide", 8) + box(b"mdat", 100), True),
        (box(b"mdat", 100), True),
        (FILE_TYPE, True),
        (FILE_TYPE + b"\0\0\0\0mdat", True),
        (FILE_TYPE + b"\0\0\0\1mdat" + (2**40).to_bytes(8), True),
        (FILE_TYPE + b"\0\0\0\1free" + (24).to_bytes(8) + bytes(8) + box(b"moov", 16), False),
        (FILE_TYPE + box(b"free", 100_000) + box(b"moov", 16), True),
        (FILE_TYPE + b"\0\0\0\3free" * 10, True),
    ],
)
def test_mp4_streams_when_its_header_comes_first(boxes: bytes, seeks: bool) -> None:
    peek = Peeked(boxes)
    found = containers.detect(peek)
    assert found is not None
    assert (found.name, found.seeks) == ("mp4", seeks)
    assert peek.byte_count < 70_000


def test_signature_needs_twelve_bytes() -> None:
    for head in (b"fLaC", b"OggS", b"RIFF\0\0\0\0WAVE", b"\x1a\x45\xdf\xa3"):
        peek = Peeked(head + bytes(1_000))
        assert containers.detect(peek) is not None
        assert peek.byte_count == 12


@pytest.mark.parametrize("head", [b"", b"R", b"RIFF\0\0\0\0AVI ", b"ID3", b"\xff\xfb\x90\x64"])
def test_no_signature(head: bytes) -> None:
    assert containers.detect(Peeked(head)) is None


def test_no_playlist_or_network_format_can_be_opened() -> None:
    signatures = {c.demuxer for _, _, c in containers._SIGNATURES}
    opened = signatures | set(containers.MPEG_DEMUXERS.split(","))
    assert opened == {"flac", "ogg", "matroska", "wav", "aiff", "mov", "mp3", "aac"}


def adts_frame(length: int, *, rate_index: int = 4) -> bytes:
    head = bytes(
        (0xFF, 0xF1, 0x40 | rate_index << 2, 0x80 | length >> 11, length >> 3 & 0xFF)
    ) + bytes(((length & 7) << 5 | 0x1F, 0xFC))
    return head + b"\xaa" * (length - 7)


FRAMES = adts_frame(300) + adts_frame(310) + adts_frame(290) + adts_frame(300)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (b"", 0),
        (b"\xaa" * 100, 100),
        (b"\xff\xf1\x4c\x80\x02\x9f\xfc" + b"\xaa" * 50, 57),  # looks like a frame
        (b"\xff" * 20, 20),
        (b"\xaa" * 2_000, 2_000),
    ],
)
def test_adts_begins_with_three_frames_in_a_row(before: bytes, expected: int) -> None:
    assert adts.leading_bytes(Peeked(before + FRAMES)) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"\xff\xf1",
        b"\xff\xfb\x90\x64" * 3_000,
        bytes(10_000),
        adts_frame(300) + adts_frame(300, rate_index=5) + adts_frame(300),
        b"\xff\xf1\x50\x80\x00\x1f\xfc" * 100,  # frames of no length
    ],
)
def test_nothing_is_dropped_of_what_is_not_adts(content: bytes) -> None:
    peek = Peeked(content)
    assert adts.leading_bytes(peek) == 0
    assert peek.byte_count <= 4_096
