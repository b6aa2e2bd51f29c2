"""The tables of a run, made of its figures."""

from __future__ import annotations

from typing import Any

from tests.evaluation.figures import Figures
from tests.evaluation.judged import RULES
from tests.evaluation.table import Table, number, rare, share

Row = dict[str, Any]


def tables(figures: Figures) -> list[Table]:
    """Returns every table there are figures for, the most important first."""
    made = [
        overview(figures["cells"]),
        _held_out(figures.get("held_out")),
        _groups(figures["groups"]),
        _wrong(figures["wrong"]),
        _false_accepts(figures["false_accepts"]),
        _thousandth(figures["thousandth"]),
        _first_answers(figures["first_answers"]),
        _streaming(figures["streaming"]),
        scale(figures.get("scale", [])),
        _offsets(figures["offsets"]),
        _latency(figures["latency"]),
        *_by_length(figures["cells"]),
    ]
    return [table for table in made if table is not None and table.rows]


def overview(cells: list[Row]) -> Table:
    """Returns all cells at a glance."""
    lengths = list(dict.fromkeys(cell["length_s"] for cell in cells))
    by_name = {(cell["degradation"], cell["length_s"]): cell for cell in cells}

    def triple(cell: Row | None) -> str:
        if cell is None:
            return "-"
        return " / ".join(f"{100 * cell[rule] / cell['n']:.0f}" for rule in RULES)

    return Table(
        "Right answers, %",
        ["degradation", *(f"{length:g} s" for length in lengths)],
        [
            [name, *(triple(by_name.get((name, length))) for length in lengths)]
            for name in dict.fromkeys(cell["degradation"] for cell in cells)
        ],
        "Best candidate / above the threshold that lets at most 1 % of the unknown clips of that "
        "length through / answered by the service at its own gate.",
    )


def _held_out(found: Row | None) -> Table | None:
    if found is None:
        return None
    about, table = found["about"], overview(found["cells"])
    wrong = sum(row["registered_wrong"] for row in found["wrong"])
    answered = sum(row["unknown_answered"] for row in found["wrong"])
    return Table(
        "On music, noise and rooms that no choice was made on: right answers, %",
        table.head,
        table.rows,
        f"{about['date']}, algorithm_version {about['algorithm_version']}, {about['machine']}: "
        f"{about['registered']} registered tracks, seed {about['seed']}. At the gate {wrong} of "
        f"{about['known_clips']} clips of them were answered wrongly, {answered} of "
        f"{about['unknown_clips']} clips of unregistered ones answered. What the music is: "
        "`make eval MUSIC=` in the evaluation's README.",
    )


def _by_length(cells: list[Row]) -> list[Table]:
    found = []
    for length in dict.fromkeys(cell["length_s"] for cell in cells):
        some = [cell for cell in cells if cell["length_s"] == length]
        total = {key: sum(cell[key] for cell in some) for key in ("n", *RULES)}
        rows = [_triple(c["degradation"], c) for c in some] + [_triple("all", total)]
        title = f"{length:g} s: right answers, % with 95 % interval"
        found.append(Table(title, _TRIPLE, rows))
    return found


_TRIPLE = ["degradation", "n", "best candidate", "at ≤ 1 % of unknown", "at the gate"]


def _triple(name: str, counts: Row) -> list[str]:
    return [name, str(counts["n"]), *(share(counts[rule], counts["n"]) for rule in RULES)]


def _groups(rows: list[Row]) -> Table:
    head = ["group", "length", *_TRIPLE[1:]]
    body = [[row["group"], *_triple(f"{row['length_s']:g} s", row)] for row in rows]
    note = "All degradations but noise at 0 and -5 dB."
    return Table("By group: right answers down to 5 dB, %", head, body, note)


def _wrong(rows: list[Row]) -> Table:
    return Table(
        "Wrong answers at the gate",
        ["length", "registered clips", "another track", "≤ %", "unknown clips", "a track", "≤ %"],
        [
            [
                f"{row['length_s']:g} s",
                str(row["registered"]),
                str(row["registered_wrong"]),
                rare(row["registered_wrong"], row["registered"]),
                str(row["unknown"]),
                str(row["unknown_answered"]),
                rare(row["unknown_answered"], row["unknown"]),
            ]
            for row in rows
        ],
        "≤ %: 95 % upper bound.",
    )


def _false_accepts(rows: list[Row]) -> Table:
    return Table(
        "Unknown clips answered at the gate",
        ["kind", "n", "answered", "95 % upper bound, %", "refused as unreadable"],
        [
            [
                row["kind"],
                str(row["n"]),
                str(row["gate"]),
                rare(row["gate"], row["n"]),
                str(row["refused"]),
            ]
            for row in rows
        ],
        "Clips of 1 to 10 s, half of them degraded, made from a seed.",
    )


def _thousandth(found: Row | None) -> Table | None:
    if found is None:
        return None
    cells = found["cells"]
    total = {
        "degradation": "all",
        "n": sum(cell["n"] for cell in cells),
        "right": sum(cell["right"] for cell in cells),
    }
    return Table(
        "5 s, at most 0.1 % of unknown clips answered: right answers, %",
        ["degradation", "n", "right"],
        [
            [cell["degradation"], str(cell["n"]), share(cell["right"], cell["n"])]
            for cell in [*cells, total]
        ],
        f"Threshold {found['threshold']:.6f}, set by {found['unknown']} unknown clips of 5 s.",
    )


def _first_answers(rows: list[Row]) -> Table:
    lengths = list(rows[0]["within"]) if rows else []
    return Table(
        "Excerpts answered rightly by their first seconds, %",
        ["degradation", "n", *(f"{length} s" for length in lengths), "median, s"],
        [
            [
                row["degradation"],
                str(row["n"]),
                *(f"{100 * row['within'][length] / row['n']:.0f}" for length in lengths),
                number(row["median_s"], 0),
            ]
            for row in rows
        ],
        "At the gate; clips of all lengths are cut from the same excerpts.",
    )


def _streaming(rows: list[Row]) -> Table:
    return Table(
        "Audio until the right answer of StreamingRecognize",
        ["degradation", "n", "right", "wrong", "median of audio, s", "answer after that, s"],
        [
            [
                row["degradation"],
                str(row["n"]),
                share(row["right"], row["n"]),
                str(row["wrong"]),
                number(row["median_heard_s"]),
                number(row["median_wait_s"]),
            ]
            for row in rows
        ],
        "Clips of 10 s played in real time, 8 at once, in chunks of 0.25 s.",
    )


def scale(rows: list[Row]) -> Table:
    """Returns what a larger catalogue costs."""
    return Table(
        "5 s, by the size of the catalogue",
        [
            "tracks added",
            "best candidate",
            "at ≤ 1 % of unknown",
            "at the gate",
            "wrong",
            "unknown answered",
            "≤ %",
        ],
        [
            [
                str(row["distractors"]),
                *(share(row[rule], row["n"]) for rule in RULES),
                str(row["wrong"]),
                f"{row['false_accepts']} of {row['unknown']}",
                rare(row["false_accepts"], row["unknown"]),
            ]
            for row in rows
        ],
        "Tracks added: pieces of 30 s composed from seeds. `make eval-scale`.",
    )


def _offsets(rows: list[Row]) -> Table:
    return Table(
        "Offsets of right, unambiguous answers at the gate",
        ["group", "n", "at a repeat", "median, s", "90 %, s", "99 %, s", "within 0.1 s, %"],
        [
            [
                row["group"],
                str(row["n"]),
                str(row["at_a_repeat"]),
                number(row["median_s"], 3),
                number(row["p90_s"], 3),
                number(row["p99_s"], 3),
                share(row["within_a_tenth"], row["n"] - row["at_a_repeat"]),
            ]
            for row in rows
        ],
        "A passage that its track repeats may be found at any of its repeats: where the recording "
        "itself sounds the same at the answered place, an answer is counted as that, and the other "
        "figures are of the rest.",
    )


def _latency(rows: list[Row]) -> Table:
    return Table(
        "Time of a call",
        ["length", "n", "median, ms", "95th percentile, ms"],
        [
            [
                f"{row['length_s']:g} s",
                str(row["n"]),
                number(row["median_ms"], 0),
                number(row["p95_ms"], 0),
            ]
            for row in rows
        ],
        "As many calls at once as the machine has cores, services and client on it.",
    )
