"""How many times faster than real time the core extracts, on one core, decoding apart."""

from __future__ import annotations

import statistics
import time

import numpy as np
import sonica_core

from sonica_cli.demo.compose import compose
from tests.bench.catalogue import SEED

_CHUNK_SAMPLES = 8_000
_ROUNDS = 7


def extraction_rate(purpose: str) -> float:
    """Returns seconds of audio per second of computing; the median of several rounds."""
    piece = compose(SEED, 0)
    step = piece.sample_rate_hz / sonica_core.SAMPLE_RATE_HZ
    where = np.arange(0, len(piece.pcm) - 1, step)
    # Linear interpolation is no resampler, but speed does not depend on what is analysed.
    pcm = np.interp(where, np.arange(len(piece.pcm)), piece.pcm).astype(np.float32)
    pcm = np.tile(pcm, 4)
    seconds = len(pcm) / sonica_core.SAMPLE_RATE_HZ
    rates = []
    for _ in range(_ROUNDS):
        extractor = sonica_core.Extractor(sonica_core.CURRENT_ALGORITHM_VERSION, purpose)
        began = time.perf_counter()
        for start in range(0, len(pcm), _CHUNK_SAMPLES):
            extractor.push(pcm[start : start + _CHUNK_SAMPLES])
        extractor.finish()
        extractor.take()
        rates.append(seconds / (time.perf_counter() - began))
    return statistics.median(rates)
