"""One answer in the forms it is shown in: a row of a table, an object of JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sonica_cli.screen import clock

if TYPE_CHECKING:
    import datetime as dt

    from rich.text import Text
    from sonica_client import Match, RecognizeResponse, Track

    from sonica_cli.failures import Failure

COLUMNS = ("Clip", "Recording", "Offset", "Score", "Time")
NUMBERS = ("Offset", "Score", "Time")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one clip.

    Attributes:
        clip: its name.
        response: what the mesh said; None on failure.
        failure: why there is no response; None on success.
        seconds: time of the call.
    """

    clip: str
    response: RecognizeResponse | None
    failure: Failure | None
    seconds: float


def seconds(duration: dt.timedelta | None) -> float:
    """Returns a duration in seconds; 0 when unset."""
    return duration.total_seconds() if duration is not None else 0.0


def name_of(track: Track | None) -> str:
    """Returns how a recording is called: title and artist, else its ids."""
    if track is None:
        return "?"
    if track.title and track.artist:
        return f"{track.title} - {track.artist}"
    return track.title or track.artist or track.external_id or track.track_id


def public_id(track: Track | None) -> str:
    """Returns the registrant's own id, else ours."""
    return (track.external_id or track.track_id) if track is not None else ""


def row(answer: Answer) -> tuple[Text | str, ...]:
    """Returns the cells under `COLUMNS`."""
    from rich.text import Text

    took = f"{answer.seconds * 1000:.0f} ms"
    if answer.failure is not None:
        return answer.clip, Text(answer.failure.message, style="red"), "", "", took
    matches = answer.response.matches if answer.response else []
    if not matches:
        return answer.clip, Text("no match", style="yellow"), "", "", took
    best = matches[0]
    named = Text(name_of(best.track), style="green")
    if best.ambiguous:
        others = ", ".join(name_of(match.track) for match in matches[1:3])
        named.append(f" (or {others})" if others else " (or a recording that shares it)")
    return answer.clip, named, clock(seconds(best.track_offset)), f"{best.score:.2f}", took


def as_json(answer: Answer) -> dict[str, Any]:
    """Returns the answer as plain values; times in seconds and milliseconds."""
    shown: dict[str, Any] = {"clip": answer.clip, "time_ms": round(answer.seconds * 1000, 1)}
    if answer.failure is not None:
        failure = answer.failure
        shown["error"] = {
            "reason": failure.reason,
            "message": failure.message,
            "advice": failure.advice,
        }
        return shown
    response = answer.response
    assert response is not None  # noqa: S101 - an answer without a failure has one
    shown["matches"] = [match_json(match) for match in response.matches]
    if response.rejected:
        shown["rejected"] = [match_json(match) for match in response.rejected]
    shown["analysed_s"] = round(seconds(response.analysed_duration), 3)
    if response.timing is not None:
        parts = ("decode", "extract", "search", "align", "total")
        durations = {part: getattr(response.timing, f"{part}_duration") for part in parts}
        shown["timing_ms"] = {part: round(seconds(d) * 1e3, 2) for part, d in durations.items()}
    shown["trace_id"] = response.trace_id
    return shown


def match_json(match: Match) -> dict[str, Any]:
    """Returns one match as plain values."""
    track = match.track
    described = track_json(track) if track is not None else {}
    return described | {
        "offset_s": round(seconds(match.track_offset), 3),
        "clip_offset_s": round(seconds(match.clip_offset), 3),
        "clip_end_s": round(seconds(match.clip_end_offset), 3),
        "track_begin_s": round(seconds(match.track_begin_offset), 3),
        "track_end_s": round(seconds(match.track_end_offset), 3),
        "matched_s": round(seconds(match.matched_duration), 3),
        "speed_factor": round(match.speed_factor, 4),
        "score": round(match.score, 6),
        "ambiguous": match.ambiguous,
    }


def track_json(track: Track) -> dict[str, Any]:
    """Returns what is known about a recording, without what is empty."""
    names = (
        "external_id", "title", "artist", "artists", "album", "label", "isrc", "external_ids",
        "language", "genre", "year", "release_date",
    )  # fmt: skip
    stated = {name: getattr(track, name) for name in names if getattr(track, name)}
    return {"track_id": track.track_id} | stated
