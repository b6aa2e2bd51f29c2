"""Writes the document for people and for the edge, and its page."""

from __future__ import annotations

import json
from pathlib import Path

from docs.reference.openapi.contracts import read
from docs.reference.openapi.document import document
from docs.reference.openapi.page import page

REFERENCE = Path(__file__).resolve().parents[1]
SERVED = REFERENCE.parents[1] / "mesh" / "envoy" / "static"


def main() -> None:
    """Writes `openapi.json` beside the reference, and what the edge serves."""
    made = document(read())
    compact = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    (REFERENCE / "openapi.json").write_text(
        json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    SERVED.mkdir(exist_ok=True)
    (SERVED / "openapi.json").write_text(compact + "\n", encoding="utf-8")
    (SERVED / "docs.html").write_text(page(made), encoding="utf-8")


if __name__ == "__main__":
    main()
