"""The supervisor as a process of its own: what `up` starts, and what a service manager may run.

Reports go to the file descriptor `--report-to` as JSON lines: `{"pid"}`, `{"part", "state"}` while
starting, then `{"ready"}` or `{"error", "message", "advice"}`.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from mesh.local.errors import LaunchError
from mesh.local.running import DEFAULT_HOST, DEFAULT_PORT, run


def main() -> None:
    """Runs a mesh until told to stop; exits with 1 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m mesh.local", description=__doc__)
    parser.add_argument("--data", type=Path, help="data folder; default SONICA_DATA_DIR")
    parser.add_argument("--host", default=DEFAULT_HOST, help="of the edge listener")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="of the edge; 0 = any")
    parser.add_argument("--open", action="store_true", help="ask nobody for credentials")
    parser.add_argument("--report-to", type=int, help="file descriptor for reports")
    parser.add_argument("--detach", action="store_true", help="go on without the caller")
    arguments = parser.parse_args()
    if arguments.detach and os.fork() > 0:
        os._exit(0)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    reporter = _Reporter(arguments.report_to)
    reporter.send(pid=os.getpid())
    try:
        run(
            arguments.data,
            edge_host=arguments.host,
            edge_port=arguments.port,
            is_open=arguments.open,
            on_progress=lambda part, state: reporter.send(part=part, state=state),
            on_ready=lambda _mesh: reporter.finish(ready=True),
        )
    except LaunchError as error:
        reporter.finish(error=type(error).__name__, message=error.message, advice=error.advice)
        sys.exit(f"{error}")


class _Reporter:
    """Tells the process that started us how it goes, for as long as it listens."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            # The parts must not keep it open.
            os.set_inheritable(descriptor, False)

    def send(self, **report: Any) -> None:
        if self._descriptor is not None:
            with suppress(BrokenPipeError):
                os.write(self._descriptor, json.dumps(report).encode() + b"\n")

    def finish(self, **report: Any) -> None:
        self.send(**report)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


if __name__ == "__main__":
    main()
