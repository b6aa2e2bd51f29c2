"""Runs an import before a person's eyes: a bar, Ctrl-C that asks first, a table of what failed."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from sonica_cli.edge import admin_at
from sonica_cli.importing import Tally
from sonica_cli.running import Interruption, run
from sonica_cli.screen import gauge, note, show_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sonica_client import SonicaClient

    from sonica_cli.edge import Edge
    from sonica_cli.importing import Import
    from sonica_cli.recordings import Problem

_PROBLEMS_SHOWN = 200


class Sending:
    """One run, and what came of it.

    Args:
        label: what it is called beside the bar.
        address: of the mesh.

    Attributes:
        tally: how far it has come; kept when it fails.
    """

    def __init__(self, label: str, edge: Edge) -> None:
        self.tally = Tally()
        self._label = label
        self._edge = edge
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Time since it began."""
        return max(time.monotonic() - self._began, 1e-3)

    def run(self, make: Callable[[SonicaClient, Callable[[Tally], None]], Import]) -> bool:
        """Runs the import that `make` returns; returns whether it was interrupted.

        Raises:
            SonicaError: the mesh is out of reach, or its disk is full.
        """
        try:
            return run(self._work(make))
        except KeyboardInterrupt:
            return True

    async def _work(self, make: Callable[[SonicaClient, Callable[[Tally], None]], Import]) -> bool:
        with gauge(self._label) as bar:

            def show(now: Tally) -> None:
                bar.show(now.done_bytes, now.total_bytes or None, self._pace())

            async with admin_at(self._edge) as client:
                running = make(client, show)
                self.tally = running.tally

                def stop() -> None:
                    running.stop()
                    note(f"Finishing {running.under_way} under way; Ctrl-C again stops at once.")

                with Interruption(stop) as interruption:
                    await running.run()
                return interruption.asked.is_set()

    def _pace(self) -> str:
        tally, seconds = self.tally, self.seconds
        return (
            f"{tally.done}/{tally.total} tracks, {tally.done / seconds:.1f} a second, "
            f"{tally.audio_seconds / seconds:.0f} x real time"
        )

    def rates(self) -> str:
        """Returns how long it took and how fast it was."""
        tally, seconds = self.tally, self.seconds
        return (
            f"in {seconds:.1f} s ({tally.done / seconds:.1f} tracks a second, "
            f"{tally.audio_seconds / seconds:.0f} x real time)"
        )


def show_problems(heading: str, problems: Sequence[Problem]) -> None:
    """Lists what could not be done; the first of many."""
    if not problems:
        return
    rows = [(p.name, p.message, p.advice) for p in problems[:_PROBLEMS_SHOWN]]
    show_table((heading, "Why", "What to do"), rows, stream=sys.stderr)
    if len(problems) > _PROBLEMS_SHOWN:
        note(f"... and {len(problems) - _PROBLEMS_SHOWN} more")
