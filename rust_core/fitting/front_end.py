"""The extractor's front end in NumPy: the specification the Rust core is tested against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 8_000
FRAME_SAMPLES = 1_024
HOP_SAMPLES = 256
BANDS = 64
MEL_LOW_HZ, MEL_HIGH_HZ = 160.0, 4_000.0
WINDOW_FRAMES = 24
EDGE_FRAMES = 4
STRIDE_FRAMES = {"reference": 16, "query": 4}
RELATIVE_FLOOR = 1e-3
ABSOLUTE_FLOOR = 1e-9
Floats = npt.NDArray[np.float32]


def mel_weights(pitch_factor: float = 1.0) -> Floats:
    """Returns the triangular filters, shape (`BANDS`, bins).

    Args:
        pitch_factor: how many times higher than its recording the audio sounds.
    """
    mel = 2_595 * np.log10(1 + np.array([MEL_LOW_HZ, MEL_HIGH_HZ]) / 700)
    edges = pitch_factor * 700 * (10 ** (np.linspace(mel[0], mel[1], BANDS + 2) / 2_595) - 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    hz = np.arange(FRAME_SAMPLES // 2 + 1) * SAMPLE_RATE_HZ / FRAME_SAMPLES
    rising, falling = (hz - low) / (centre - low), (high - hz) / (high - centre)
    weights: Floats = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    return weights


def mel_frames(audio: Floats, pitch_factor: float = 1.0) -> Floats:
    """Returns the power in each band of each frame, shape (n, `BANDS`)."""
    if len(audio) < FRAME_SAMPLES:
        return np.zeros((0, BANDS), np.float32)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_SAMPLES) / FRAME_SAMPLES)
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME_SAMPLES)[::HOP_SAMPLES]
    spectra = np.fft.rfft(frames * hann.astype(np.float32), axis=1)
    weights = mel_weights(pitch_factor)
    return ((spectra.real**2 + spectra.imag**2) @ weights.T).astype(np.float32)


def patches(bands: Floats, begins: npt.NDArray[np.int64]) -> Floats:
    """Returns normalised windows beginning at the given frames, shape (n, frames * bands).

    Frames outside the audio are zero, as their band's mean is.
    """
    index = begins[:, None] + np.arange(WINDOW_FRAMES)
    present = ((index >= 0) & (index < len(bands)))[:, :, None]
    power = np.where(present, bands[np.clip(index, 0, len(bands) - 1)], 0)
    floor = RELATIVE_FLOOR * power.max(axis=(1, 2), keepdims=True) + ABSOLUTE_FLOOR
    logs = np.log(power + floor)
    mean = np.sum(logs * present, axis=1, keepdims=True) / present.sum(axis=1, keepdims=True)
    flat: Floats = ((logs - mean) * present).reshape(len(begins), -1).astype(np.float32)
    return flat


def row_begins(frame_count: int, purpose: str) -> npt.NDArray[np.int64]:
    """Returns the frame each row of a fingerprint begins at; negative before the audio."""
    last = frame_count + EDGE_FRAMES - WINDOW_FRAMES
    return np.arange(-EDGE_FRAMES, last + 1, STRIDE_FRAMES[purpose], dtype=np.int64)


def embeddings(
    audio: Floats, purpose: str, projection: Floats, pitch_factor: float = 1.0
) -> Floats:
    """Returns the embeddings of all rows, silent or not, shape (n, dimension)."""
    bands = mel_frames(audio, pitch_factor)
    projected = patches(bands, row_begins(len(bands), purpose)) @ projection
    unit: Floats = projected / np.linalg.norm(projected, axis=1, keepdims=True)
    return unit
