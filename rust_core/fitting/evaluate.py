"""`python -m fitting.evaluate`: answers an evaluation's queries without the services.

Writes `query_id,track_id,offset_s,score,latency_ms`, the best candidate of every query whether
it passes the gate or not, and says how many known and unknown clips pass it.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import defaultdict
from pathlib import Path

import sonica_core as core

from .catalogue import Catalogue, extract
from .recordings import read_audio


def main() -> None:
    """Parses the arguments, registers the tracks and answers the queries."""
    parser = argparse.ArgumentParser(prog="python -m fitting.evaluate", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="CSV: track_id, in_index")
    parser.add_argument("--wav", type=Path, required=True, help="folder of <track_id>.wav")
    parser.add_argument("--queries", type=Path, required=True, help="queries.csv")
    parser.add_argument("--out", type=Path, required=True, help="predictions.csv")
    parser.add_argument("--lengths", default="1,2,5,10", help="lengths answered, seconds")
    parser.add_argument("--version", type=int, default=core.CURRENT_ALGORITHM_VERSION)
    arguments = parser.parse_args()
    with arguments.manifest.open() as file:
        names = [row["track_id"] for row in csv.DictReader(file) if row["in_index"] == "1"]
    audio = (read_audio(arguments.wav / f"{name}.wav", 3_600) for name in names)
    catalogue = Catalogue(audio, arguments.version)
    with arguments.queries.open() as file:
        lengths = set(arguments.lengths.split(","))
        queries = [row for row in csv.DictReader(file) if row["length_s"] in lengths]
    answers = [_answer(catalogue, names, arguments.queries.parent, query) for query in queries]
    with arguments.out.open("w", newline="") as file:
        fields = ["query_id", "track_id", "offset_s", "score", "latency_ms"]
        writer = csv.DictWriter(file, fields, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(answers)
    _print_gate(queries, answers)


def _answer(
    catalogue: Catalogue, names: list[str], folder: Path, query: dict[str, str]
) -> dict[str, object]:
    audio = read_audio(folder / query["file"])
    begin = time.perf_counter()
    found = catalogue.recognise(extract(audio, "query", catalogue.version))
    answer: dict[str, object] = {
        "query_id": query["query_id"],
        "latency_ms": f"{1e3 * (time.perf_counter() - begin):.1f}",
        "accepted": False,
    }
    if found:
        answer |= {
            "track_id": names[found[0].track_number],
            "offset_s": f"{found[0].track_offset_seconds:.4f}",
            "score": f"{found[0].score:.9f}",
            "accepted": found[0].accepted,
        }
    return answer


def _print_gate(queries: list[dict[str, str]], answers: list[dict[str, object]]) -> None:
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for query, answer in zip(queries, answers, strict=True):
        kind = query["degradation"] if query["track_id"] else "unknown " + query["degradation"]
        right = answer.get("track_id") == query["track_id"]
        count = counts[(query["length_s"], kind)]
        count[0] += 1
        count[1] += bool(answer["accepted"] and right)
        count[2] += bool(answer["accepted"] and not right)
    for (length, kind), (total, right_count, wrong_count) in sorted(counts.items()):
        print(f"{length:>3} s {kind:20} n {total:4} right {right_count:4} wrong {wrong_count:3}")


if __name__ == "__main__":
    main()
