"""Which containers and codecs are read, and how bytes are told apart.

A container is named by its first bytes here, not by FFmpeg, so that none of FFmpeg's playlist,
subtitle, image or network formats is ever opened. Only MPEG audio (mp3, adts), which has no
signature, is left to FFmpeg's own detection, and only to those two formats.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass

# PCM needs no look at its packets, and 32 KiB of it may be 4 s.
_PCM_PROBE_BYTES = 2 * 1024
# How far into a file its first mp4 boxes are looked for.
_BOX_SEARCH_BYTES = 64 * 1024
_SIGNATURE_BYTES = 12


@dataclass(frozen=True)
class Container:
    """One container that is read.

    Attributes:
        name: as told to people and in spans.
        demuxer: FFmpeg's name; None lets FFmpeg choose among `MPEG_DEMUXERS`.
        seeks: whether its header may stand behind the audio, so that all bytes are needed first.
        probe_bytes: what FFmpeg may look at to tell what is inside; a live stream waits for it.
    """

    name: str
    demuxer: str | None
    seeks: bool = False
    probe_bytes: int = 32 * 1024


RAW_PCM = Container("pcm", None, probe_bytes=_PCM_PROBE_BYTES)
MPEG_AUDIO = Container("mpeg audio", None)
MPEG_DEMUXERS = "mp3,aac"

_WAV = Container("wav", "wav", probe_bytes=_PCM_PROBE_BYTES)
_AIFF = Container("aiff", "aiff", seeks=True)
_MP4 = Container("mp4", "mov")
_MP4_HEADER_LAST = Container("mp4", "mov", seeks=True)
_SIGNATURES: tuple[tuple[int, bytes, Container], ...] = (
    (0, b"fLaC", Container("flac", "flac")),
    (0, b"OggS", Container("ogg", "ogg")),
    (0, b"\x1a\x45\xdf\xa3", Container("matroska", "matroska")),
    (8, b"WAVE", _WAV),
    (8, b"AIFF", _AIFF),
    (8, b"AIFC", _AIFF),
    *((4, box, _MP4) for box in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")),
)

SUPPORTED = "wav, aiff, flac, ogg (vorbis, opus), mp3, m4a/mp4 (aac, he-aac), adts, webm, mkv"

_PCM = ("u8", "s8", "s16", "s24", "s32", "f32", "f64")
CODECS = frozenset(
    {
        *("mp1", "mp1float", "mp2", "mp2float", "mp3", "mp3float"),
        *("aac", "ac3", "eac3", "alac", "flac", "opus", "vorbis"),
        *("pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8", "pcm_u16le"),
        *(f"pcm_{sample}{order}" for sample in _PCM[2:] for order in ("le", "be")),
    }
)

_FOREIGN = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x30\x26\xb2\x75", "ASF (wma, wmv)"),
    (b"caff", "CAF"),
    (b"#!AMR", "AMR"),
    (b"#EXTM3U", "a playlist (m3u)"),
    (b"MAC ", "Monkey's Audio"),
    (b"wvpk", "WavPack"),
    (b"DSD ", "DSF"),
    (b"FLV", "Flash video"),
)
_TEXT_BYTES = frozenset(string.printable.encode())


def detect(peek: Callable[[int], bytes]) -> Container | None:
    """Returns the container whose signature the first bytes carry, None when none is known.

    Args:
        peek: returns the first n bytes, fewer only when there are no more; called for as few as
            decide, because a live stream has not more yet.
    """
    head = peek(_SIGNATURE_BYTES)
    for at, signature, container in _SIGNATURES:
        if head[at : at + len(signature)] == signature:
            return _mp4(peek) if container is _MP4 else container
    return None


def _mp4(peek: Callable[[int], bytes]) -> Container:
    """Returns whether the header (`moov`) comes before the audio (`mdat`): only then it streams."""
    at = 0
    while at <= _BOX_SEARCH_BYTES:
        box = peek(at + 16)[at:]
        size, name = int.from_bytes(box[:4]), box[4:8]
        if name == b"moov":
            return _MP4
        if size == 1:
            size = int.from_bytes(box[8:16])
        if name == b"mdat" or size < 8:
            break
        at += size
    return _MP4_HEADER_LAST


def describe(head: bytes) -> str:
    """Returns what bytes that no container is known for seem to be, for people."""
    for signature, name in _FOREIGN:
        if head.startswith(signature):
            return name
    if is_mpeg_sync(head):
        return "mpeg audio"
    if head and _TEXT_BYTES.issuperset(head[:512]):
        return "text"
    return f"unknown bytes {head[:8].hex(' ')}"


def is_mpeg_sync(head: bytes) -> bool:
    """Returns whether the bytes begin with the sync word of MPEG audio (mp3, adts)."""
    return len(head) >= 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
