"""`python -m sonica_cli` is `sonica`."""

from __future__ import annotations

from sonica_cli.main import main

main()
