"""The network of algorithm versions 2 to 4 in NumPy: what the Rust core is tested against."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

RUST_CORE = Path(__file__).parents[2] / "rust_core"
sys.path.insert(0, str(RUST_CORE))
from fitting import front_end  # noqa: E402  (a folder of scripts, not an installed package)

DATA = RUST_CORE / "crates" / "sonica-core" / "data"
VERSIONS = (2, 3)
CHANNELS = (1, 16, 32, 64, 128)
FRAME_STRIDES = (1, 2, 2, 2)
BAND_STRIDE = 2
DIMENSION = 128
Floats = npt.NDArray[np.float32]


def convolve(x: Floats, weights: Floats, biases: Floats, frame_stride: int) -> Floats:
    """Returns the rectified convolution of 3 x 3.

    Args:
        x: shape (n, frames, bands, in).
        weights: shape (3, 3, in, out): kernel frame, kernel band.
        biases: shape (out,).
        frame_stride: frames between neighbouring outputs; bands are `BAND_STRIDE` apart.

    Returns:
        Shape (n, frames / frame_stride, bands / `BAND_STRIDE`, out). Output i is centred on
        input i * stride; beyond the edges are zeros.
    """
    frames, bands = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    summed = biases
    for frame in range(3):
        for band in range(3):
            seen = padded[:, frame : frame + frames, band : band + bands]
            summed = summed + seen[:, ::frame_stride, ::BAND_STRIDE] @ weights[frame, band]
    rectified: Floats = np.maximum(summed, 0)
    return rectified


def embed(patches: Floats, weights: Floats) -> Floats:
    """Returns the embeddings, shape (n, `DIMENSION`), of normalised windows, shape (n, 1536).

    Args:
        patches: windows as `front_end.patches` returns them.
        weights: all numbers of the weights file, in its order: weights and biases of each
            convolution, the projection of what the last one gives, that of the window itself.
    """
    at = 0

    def take(*shape: int) -> Floats:
        nonlocal at
        at += int(np.prod(shape))
        return weights[at - int(np.prod(shape)) : at].reshape(shape)

    x = patches.reshape(-1, front_end.WINDOW_FRAMES, front_end.BANDS, 1)
    for inputs, outputs, frame_stride in zip(CHANNELS, CHANNELS[1:], FRAME_STRIDES, strict=False):
        x = convolve(x, take(3, 3, inputs, outputs), take(outputs), frame_stride)
    features = x.reshape(len(x), -1)
    summed = features @ take(features.shape[1], DIMENSION)
    summed = summed + patches @ take(patches.shape[1], DIMENSION)
    if at != len(weights):
        raise ValueError(f"the weights file has {len(weights)} numbers; the network takes {at}")
    unit: Floats = summed / np.linalg.norm(summed, axis=1, keepdims=True)
    return unit


def read_weights(version: int) -> Floats:
    """Returns the numbers of a version's weights file."""
    return np.fromfile(DATA / f"network-v{version}.f16", "<f2").astype(np.float32)
