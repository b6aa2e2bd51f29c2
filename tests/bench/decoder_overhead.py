"""What a worker process costs a 5 s clip, and itself: `python -m tests.bench.decoder_overhead`.

The same clip is analysed in this process and through a pool of one worker, turn by turn.
"""

from __future__ import annotations

import asyncio
import statistics
import time

import psutil

from fingerprint_svc.model import Purpose
from fingerprint_svc.pool import WorkerPool
from fingerprint_svc.service import Extraction, FingerprintService, Limits
from fingerprint_svc.settings import Settings
from tests.unit.fingerprint_svc.in_process import analyse
from tests.unit.fingerprint_svc.recordings import encode

_ROUNDS = 100
_CLIPS = {
    "mp3": encode("mp3", "mp3"),
    "m4a": encode("mp4", "aac"),
    "ogg opus": encode("ogg", "libopus", rate_hz=48_000),
    "wav": encode("wav", "pcm_s16le"),
}


async def main() -> None:
    """Prints medians and minima in milliseconds, then start and memory of the worker."""
    limits = {purpose: Limits(15.0, 1 << 26, 30.0) for purpose in Purpose}
    wanted = Extraction(Purpose.QUERY, None, 0.0, None)
    pool = WorkerPool(
        Settings().worker_limits(), worker_count=1, queue_length=0, jobs_per_worker=1_000_000
    )
    began = time.perf_counter()
    async with pool.running(1):
        start_seconds = time.perf_counter() - began
        service = FingerprintService(pool, limits, idle_seconds_max=30.0)
        for name, content in _CLIPS.items():
            inside, through, beyond = [], [], []
            for _ in range(_ROUNDS):
                began = time.perf_counter()
                analyse(content)
                middle = time.perf_counter()
                _, summary = await service.extract(wanted, content)
                end = time.perf_counter()
                inside.append((middle - began) * 1e3)
                through.append((end - middle) * 1e3)
                work = summary.decode_seconds + summary.extract_seconds
                beyond.append((end - middle - work) * 1e3)
            figures = (
                f"{what} {statistics.median(values):.1f} ({min(values):.1f})"
                for what, values in (
                    ("in process", inside),
                    ("through a worker", through),
                    ("beyond its work", beyond),
                )
            )
            print(f"{name:9} {len(content):7} bytes, median (least) ms:", ", ".join(figures))
        (pid,) = pool.pids
        own_mib = psutil.Process(pid).memory_full_info().uss / 2**20
        print(f"a worker starts in {start_seconds:.2f} s and holds {own_mib:.0f} MiB of its own")


if __name__ == "__main__":
    asyncio.run(main())
