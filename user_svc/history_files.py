"""The history as a file: JSON Lines or CSV, made page by page."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

from google.protobuf.json_format import MessageToJson

from user_svc.history_messages import recognition_to
from user_svc.recognition import Recognition

JSON_LINES_TYPE = "application/x-ndjson"
CSV_TYPE = "text/csv; charset=utf-8"

_COLUMNS = (
    "name", "create_time", "clip_seconds", "track_id", "title", "artist", "album", "isrc", "score",
    "track_offset_seconds", "clip_offset_seconds", "match_count", "api_key_id", "trace_id",
)  # fmt: skip
# How a spreadsheet knows a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Pages = AsyncIterator[Sequence[Recognition]]


async def json_lines(pages: Pages) -> AsyncIterator[bytes]:
    """Yields one JSON object a line, in the form REST gives them."""
    async for page in pages:
        lines = (
            MessageToJson(
                recognition_to(each),
                indent=None,
                ensure_ascii=False,
                always_print_fields_with_no_presence=True,
            )
            for each in page
        )
        yield "".join(f"{line}\n" for line in lines).encode()


async def comma_separated(pages: Pages) -> AsyncIterator[bytes]:
    """Yields RFC 4180 with a header, one line a recognition, with its surest match."""
    yield _rows([_COLUMNS])
    async for page in pages:
        yield _rows(map(_row, page))


def _row(recognition: Recognition) -> Sequence[object]:
    best = recognition.matches[0] if recognition.matches else None
    track: Sequence[object] = ("",) * 8
    if best is not None:
        texts = (best.track_id, best.title, best.artist, best.album, best.isrc)
        track = (
            *map(_harmless, texts),
            best.score,
            best.track_offset_seconds,
            best.clip_offset_seconds,
        )
    return (
        f"users/{recognition.user_id}/recognitions/{recognition.recognition_id}",
        recognition.create_time.isoformat(),
        recognition.clip_seconds,
        *track,
        len(recognition.matches),
        recognition.key_id,
        recognition.trace_id,
    )


def _harmless(text: str) -> str:
    """Returns a text that no spreadsheet takes for a formula: a title may be anybody's."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _rows(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)  # RFC 4180 lines end with CR LF, as the writer's do
    return text.getvalue().encode()
