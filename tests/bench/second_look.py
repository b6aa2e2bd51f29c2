"""What a second look costs a clip nobody knows: `python -m tests.bench.second_look`.

Two gateways over the same services are asked turn by turn, one of them looking twice. There is no
proxy between the services, and the catalogue is small: what is told is a ratio.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import psutil

from tests.integration.gateways import clip, gateways

_KNOWN = range(12)
_STRANGERS = range(20, 50)
_LENGTHS = (1.0, 2.0, 5.0)


def _processor_seconds() -> float:
    """Returns processor time of this process and of all it has started."""
    total = 0.0
    for process in (me := psutil.Process(), *me.children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system
    return total


async def main() -> None:
    """Prints a line a length: latency and processor time, once and twice."""
    async with gateways() as both:
        for number in _KNOWN:
            await both.register(number)
        for seconds in _LENGTHS:
            spent = {"once": 0.0, "twice": 0.0}
            waited: dict[str, list[float]] = {"once": [], "twice": []}
            for number in _STRANGERS:
                request = clip(number, 7.3, seconds, 1.0)
                for name, stub in (("once", both.looking_once), ("twice", both.looking_twice)):
                    before = _processor_seconds()
                    began = time.perf_counter()
                    await stub.Recognize(request)
                    waited[name].append((time.perf_counter() - began) * 1e3)
                    spent[name] += _processor_seconds() - before
            once, twice = (statistics.median(waited[name]) for name in ("once", "twice"))
            print(
                f"{seconds:g} s: median {once:.1f} ms once, {twice:.1f} ms twice, "
                f"{twice / once:.1f} x; processor time {spent['twice'] / spent['once']:.1f} x"
            )


if __name__ == "__main__":
    asyncio.run(main())
