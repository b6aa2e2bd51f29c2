"""Measures recognition through the whole mesh; run by `make evaluate`.

Registers the corpus with `sonica index --manifest`, answers the clips with
`sonica recognize --batch --all-answers`, both as a user would, and prints the tables of
`score.py`: top-1 accuracy raw and at the threshold that lets at most 1 % of unknown clips through.
What is made already (corpus, clips, answers) is not made again.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
GATE = HERE.parents[1] / "rust_core" / "crates" / "sonica-core" / "data" / "decision-v1.txt"
SONICA = Path(sys.executable).with_name("sonica")


def say(text: str) -> None:
    """Prints one line of progress at once, also into a pipe."""
    print(text, flush=True)


def build(tools: Path, work: Path) -> None:
    """Builds the corpus and the clips with the interpreter `tools`, unless they are there."""
    corpus = work / "corpus"
    if not (corpus / "complete").exists():
        say("building the corpus: 5 to 30 min")
        command = [tools, HERE / "build_corpus.py", "all", "--work", corpus]
        subprocess.run(command, check=True, cwd=work)
        (corpus / "complete").touch()
    if not (corpus / "q-dev" / "queries.csv").exists():
        say("making the clips: 3 to 15 min")
        manifest = ["--manifest", HERE / "manifest-dev.csv", "--wav", corpus / "wav"]
        out = ["--out", corpus / "q-dev", "--seed", "1", "--jobs", str(os.cpu_count() or 1)]
        subprocess.run([tools, HERE / "make_queries.py", *manifest, *out], check=True, cwd=work)


def write_index_manifest(corpus: Path) -> Path:
    """Writes the rows that are to be registered, in the columns of `sonica index --manifest`."""
    out = corpus / "index.csv"
    with (HERE / "manifest-dev.csv").open(newline="") as source, out.open("w", newline="") as sink:
        writer = csv.DictWriter(sink, ["file", "external_id", "title"])
        writer.writeheader()
        for row in csv.DictReader(source):
            if row["in_index"] == "1":
                name = row["track_id"]
                writer.writerow({"file": f"wav/{name}.wav", "external_id": name, "title": name})
    return out


def select(corpus: Path, lengths: set[float], degradations: set[str]) -> Path:
    """Writes the chosen clips beside `queries.csv`; all unknown clips of the lengths are kept."""
    out = corpus / "q-dev" / "selected.csv"
    with (
        (corpus / "q-dev" / "queries.csv").open(newline="") as source,
        out.open("w", newline="") as sink,
    ):
        reader = csv.DictReader(source)
        writer = csv.DictWriter(sink, reader.fieldnames or [])
        writer.writeheader()
        for row in reader:
            wanted = not degradations or not row["track_id"] or row["degradation"] in degradations
            if float(row["length_s"]) in lengths and wanted:
                writer.writerow(row)
    return out


def print_at_own_gate(queries: Path, predictions: Path) -> None:
    """Prints what the service itself answers: scores that pass the gate it ships with."""
    gate = float(GATE.read_text().split()[-1])
    with predictions.open(newline="") as source:
        answers = {row["query_id"]: row for row in csv.DictReader(source)}
    cells: dict[tuple[str, str], list[int]] = {}
    unknown = answered_unknown = known = wrong = 0
    with queries.open(newline="") as source:
        for row in csv.DictReader(source):
            answer = answers.get(row["query_id"], {})
            passed = bool(answer.get("track_id")) and float(answer["score"]) > gate
            right = passed and answer["track_id"] == row["track_id"]
            if not row["track_id"]:
                unknown, answered_unknown = unknown + 1, answered_unknown + passed
                continue
            known, wrong = known + 1, wrong + (passed and not right)
            cells.setdefault((row["degradation"], row["length_s"]), []).append(right)
    lengths = list(dict.fromkeys(length for _, length in cells))
    say(f"\nanswered rightly at the gate of the service ({gate:g}), %")
    say("degradation " + "".join(f"{length + 's':>7}" for length in lengths))
    for degradation in dict.fromkeys(name for name, _ in cells):
        shares = [cells.get((degradation, length), []) for length in lengths]
        row_text = "".join(f"{100 * sum(s) / len(s):7.1f}" if s else "      -" for s in shares)
        say(f"{degradation:12}{row_text}")
    say(f"answered wrongly: {wrong} of {known} clips of registered tracks")
    say(f"answered at all: {answered_unknown} of {unknown} clips of unknown tracks")


def main() -> None:
    """Builds what is missing, measures, prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="where corpus and answers lie")
    parser.add_argument("--tools", type=Path, required=True, help="interpreter that has music21")
    parser.add_argument("--lengths", default="1,2,5,10", help="seconds")
    parser.add_argument("--degradations", default="", help="only these, comma-separated")
    parser.add_argument("--port", default="18080")
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    build(options.tools, work)

    corpus = work / "corpus"
    manifest = write_index_manifest(corpus)
    lengths = {float(length) for length in options.lengths.split(",")}
    queries = select(corpus, lengths, set(filter(None, options.degradations.split(","))))
    predictions = work / "predictions.csv"
    mesh = {**os.environ, "SONICA_DATA_DIR": str(work / "mesh")}
    mesh["SONICA_ADDRESS"] = f"127.0.0.1:{options.port}"
    subprocess.run([SONICA, "up", "--port", options.port], check=True, env=mesh)
    try:
        began = time.monotonic()
        subprocess.run([SONICA, "index", "--manifest", manifest], check=True, env=mesh)
        say(f"indexing took {time.monotonic() - began:.0f} s")
        batch = ["--batch", queries, "--out", predictions, "--all-answers", "--restart"]
        subprocess.run([SONICA, "recognize", *batch], check=True, env=mesh)
    finally:
        subprocess.run([SONICA, "down"], check=False, env=mesh)
    subprocess.run([sys.executable, HERE / "score.py", queries, predictions], check=True)
    print_at_own_gate(queries, predictions)


if __name__ == "__main__":
    main()
