"""`python -m tests.mesh.replica ADDRESS`: one match service of stand-ins in its own process."""

from __future__ import annotations

import asyncio
import sys

from mesh.runtime.testing import serving
from tests.mesh.stand_ins import StandIns


async def main(address: str) -> None:
    """Serves until killed."""
    async with serving(StandIns().match_registrations(), listen=address):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
