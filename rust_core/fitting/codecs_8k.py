"""Lossy coding at 8 kHz, in process through PyAV."""

from __future__ import annotations

import io

import av
import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 8_000
ENCODER_RATE_HZ = 48_000


def opus_round_trip(audio: npt.NDArray[np.float32], bit_rate: int) -> npt.NDArray[np.float32]:
    """Codes mono 8 kHz audio with Opus and decodes it again; same length, delay removed."""
    peak = max(1.0, float(np.max(np.abs(audio))))
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=ENCODER_RATE_HZ, layout="mono")
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(
            (audio / peak * 32_767).astype(np.int16)[None], format="s16", layout="mono"
        )
        frame.sample_rate = SAMPLE_RATE_HZ
        resampler = av.AudioResampler("s16", "mono", ENCODER_RATE_HZ, frame_size=960)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    buffer.seek(0)
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE_HZ)
    with av.open(buffer, "r") as container:
        pieces = [p for f in container.decode(audio=0) for p in resampler.resample(f)]
        pieces += resampler.resample(None)
    decoded = np.concatenate([piece.to_ndarray()[0] for piece in pieces]) * peak
    return np.resize(decoded, len(audio)).astype(np.float32)
