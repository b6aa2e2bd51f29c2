"""The network of algorithm versions 2 to 4; `crates/sonica-core/src/network.rs` computes the same.

Four strided convolutions over a normalised log-mel window, and beside them a linear path that
starts as version 1's projection (OPCA, Burges, Platt, Jana 2003): training begins where the
closed form ends.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from fitting.front_end import BANDS, WINDOW_FRAMES
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = (1, 16, 32, 64, 128)
STRIDES = ((1, 2), (2, 2), (2, 2), (2, 2))
DIMENSION = 128
FLAT = WINDOW_FRAMES * BANDS


class Network(nn.Module):
    """Maps normalised windows to unit embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride, 1, bias=False)
            for before, after, stride in zip(CHANNELS, CHANNELS[1:], STRIDES, strict=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for after in CHANNELS[1:])
        self.head = nn.Linear(FLAT, DIMENSION, bias=False)
        self.linear_path = nn.Linear(FLAT, DIMENSION, bias=False)

    def start_from(self, projection: Path) -> None:
        """Sets the linear path to version 1's projection and the head to a tenth of its size."""
        rows = np.fromfile(projection, "<f2").astype(np.float32).reshape(FLAT, DIMENSION)
        with torch.no_grad():
            self.linear_path.weight.copy_(torch.from_numpy(rows.T.copy()))
            self.head.weight.normal_(0, 0.1 * float(np.std(rows)))

    def forward(self, windows: Tensor) -> Tensor:
        """Returns unit embeddings (n, 128) of windows (n, 24, 64)."""
        x = windows[:, None].contiguous(memory_format=torch.channels_last)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.relu(norm(convolution(x)))
        # Time, band, channel: the order the Rust core has them in memory.
        deep = x.permute(0, 2, 3, 1).reshape(len(windows), -1)
        return functional.normalize(
            self.head(deep) + self.linear_path(windows.reshape(len(windows), -1))
        )
