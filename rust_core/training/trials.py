"""Compares ways to build and train the network, each for the same few steps on the same pairs.

`python -m training.trials --work FOLDER NAME...` needs pairs `training.generate` has written; it
prints one row of the model card's table for each name.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from fitting.front_end import BANDS, WINDOW_FRAMES
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from . import network as shipped
from .generate import Buffer
from .train import HAS_BF16, TEMPERATURE, draw, held_out_hits, loss_of, repeats_in

# All trials learn from the same excerpts, however many there are by now.
EXCERPTS = 24_576
FLAT = WINDOW_FRAMES * BANDS
Channels = tuple[int, ...]


class Trial(nn.Module):
    """Features of a window, a head over them, and the linear path of the shipped network."""

    def __init__(self, features: nn.Module, dimension: int = 128, *, linear: bool = True) -> None:
        super().__init__()
        self.features = features
        with torch.no_grad():
            count = features(torch.zeros(2, 1, WINDOW_FRAMES, BANDS)).numel() // 2
        self.head = nn.Linear(count, dimension, bias=False)
        self.linear_path = nn.Linear(FLAT, dimension, bias=False) if linear else None

    def start_from(self, projection: Path) -> None:
        """Starts as the shipped network does, from the first rows of version 1's projection."""
        rows = np.fromfile(projection, "<f2").astype(np.float32).reshape(FLAT, -1)
        if self.linear_path is None:
            return
        with torch.no_grad():
            self.linear_path.weight.copy_(torch.from_numpy(rows.T[: self.head.out_features].copy()))
            self.head.weight.normal_(0, 0.1 * float(np.std(rows)))

    def forward(self, windows: Tensor) -> Tensor:
        """Returns unit embeddings of windows (n, 24, 64)."""
        out = self.head(self.features(windows[:, None]).flatten(1))
        if self.linear_path is not None:
            out = out + self.linear_path(windows.flatten(1))
        return functional.normalize(out)


class Cropped(nn.Module):
    """Features of the middle frames alone, their mean taken away anew."""

    def __init__(self, inner: nn.Module, frames: int) -> None:
        super().__init__()
        self.inner, self.frames = inner, frames

    def forward(self, windows: Tensor) -> Tensor:
        """Returns the features of windows (n, 1, 24, 64)."""
        first = (WINDOW_FRAMES - self.frames) // 2
        part = windows[:, :, first : first + self.frames]
        part = part - part.mean((2, 3), keepdim=True)
        out: Tensor = self.inner(part)
        return out


class Attention(nn.Module):
    """One layer of self-attention over the places of a feature map."""

    def __init__(self, channels: int, places: int) -> None:
        super().__init__()
        self.places = nn.Parameter(0.02 * torch.randn(places, channels))
        self.layer = nn.TransformerEncoderLayer(channels, 4, 2 * channels, 0.0, batch_first=True)

    def forward(self, maps: Tensor) -> Tensor:
        """Returns features (n, places, channels) of maps (n, channels, time, band)."""
        out: Tensor = self.layer(maps.flatten(2).transpose(1, 2) + self.places)
        return out


def convolution(before: int, after: int, stride: tuple[int, int]) -> list[nn.Module]:
    """Returns a 3 x 3 convolution, normalised, rectified."""
    layer = nn.Conv2d(before, after, 3, stride, 1, bias=False)
    return [layer, nn.BatchNorm2d(after), nn.ReLU()]


def depthwise(before: int, after: int, stride: tuple[int, int]) -> list[nn.Module]:
    """Returns a 3 x 3 convolution of each channel, then one of 1 x 1 over all."""
    layer = nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False)
    mixing = nn.Conv2d(before, after, 1, bias=False)
    return [layer, nn.BatchNorm2d(before), mixing, nn.BatchNorm2d(after), nn.ReLU()]


def plain(channels: Channels = shipped.CHANNELS) -> nn.Module:
    """Returns the convolutions of the shipped network at some widths."""
    pairs = zip(channels, channels[1:], shipped.STRIDES, strict=False)
    return nn.Sequential(*(m for b, a, s in pairs for m in convolution(b, a, s)))


def separable() -> nn.Module:
    """Returns depthwise separable convolutions of about the shipped network's cost."""
    widths, strides = (1, 32, 96, 192, 256), shipped.STRIDES
    layers = convolution(1, widths[1], strides[0])
    for before, after, stride in zip(widths[1:], widths[2:], strides[1:], strict=False):
        layers += depthwise(before, after, stride)
    return nn.Sequential(*layers)


def hybrid() -> nn.Module:
    """Returns three convolutions and attention, of about the shipped network's cost."""
    strides = shipped.STRIDES
    layers = [
        m
        for before, after, stride in zip((1, 16, 32), (16, 32, 64), strides, strict=False)
        for m in convolution(before, after, stride)
    ]
    return nn.Sequential(*layers, Attention(64, 48), nn.Flatten(), nn.Unflatten(1, (48, 64)))


def triplet_loss(clean: Tensor, heard: Tensor, repeats: Tensor) -> Tensor:
    """Returns the margin triplet loss with semi-hard negatives (FaceNet, Schroff et al. 2015)."""
    margin = 0.2
    cosines = heard @ clean.T
    right = cosines.diagonal()[:, None]
    same = torch.eye(len(clean), dtype=torch.bool) | repeats
    semi_hard = cosines.masked_fill(same | (cosines >= right), -1.0).max(1).values
    return functional.relu(margin + semi_hard - right[:, 0]).mean()


def mixed(heard: Tensor) -> Tensor:
    """Returns heard windows with some other heard window 6 to 16 dB below in half of them."""
    gain = -torch.empty(len(heard), 1, 1).uniform_(6, 16) * float(np.log(10) / 10)
    gain[torch.rand(len(heard)) < 0.5] = -30.0
    both = torch.logaddexp(heard, heard[torch.randperm(len(heard))] + gain)
    return both - both.mean((1, 2), keepdim=True)


def unchanged(heard: Tensor) -> Tensor:
    """Returns heard windows as they are."""
    return heard


Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
Change = Callable[[Tensor], Tensor]
TRIALS: dict[str, tuple[Callable[[], nn.Module], Loss, Change]] = {
    "as shipped": (lambda: Trial(plain()), loss_of, unchanged),
    "wider": (lambda: Trial(plain((1, 16, 48, 96, 192))), loss_of, unchanged),
    "twice as wide": (lambda: Trial(plain((1, 32, 64, 128, 256))), loss_of, unchanged),
    "without the linear path": (lambda: Trial(plain(), linear=False), loss_of, unchanged),
    "64 numbers": (lambda: Trial(plain(), 64), loss_of, unchanged),
    "96 numbers": (lambda: Trial(plain(), 96), loss_of, unchanged),
    "16 frames": (lambda: Trial(Cropped(plain(), 16), linear=False), loss_of, unchanged),
    "depthwise": (lambda: Trial(separable()), loss_of, unchanged),
    "attention": (lambda: Trial(hybrid()), loss_of, unchanged),
    "triplets": (lambda: Trial(plain()), triplet_loss, unchanged),
    "mixed": (lambda: Trial(plain()), loss_of, mixed),
    "distilled": (lambda: Trial(plain()), loss_of, unchanged),
}


# Trials that also learn which moments another trial, trained before, finds alike.
TEACHERS = {"distilled": "twice as wide"}


def distillation(embeddings: Tensor, teacher: Tensor) -> Tensor:
    """Returns how far the likeness of moments is from a teacher's (Hinton et al. 2015).

    Args:
        embeddings: the student's, clean ones above heard ones, shape (2 n, d).
        teacher: the teacher's of the same windows, shape (2 n, e).
    """
    student, wanted = (
        functional.log_softmax(heard @ clean.T / TEMPERATURE, dim=1)
        for clean, heard in (embeddings.chunk(2), teacher.chunk(2))
    )
    return functional.kl_div(student, wanted, reduction="batchmean", log_target=True)


def trained(name: str, buffer: Buffer, projection: Path, steps: int, seed: int) -> nn.Module:
    """Trains one trial, its teacher before it."""
    teacher = TEACHERS.get(name)
    teaching = trained(teacher, buffer, projection, steps, seed).eval() if teacher else None
    build, loss_function, change = TRIALS[name]
    torch.manual_seed(seed)
    network = build()
    network.start_from(projection)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.5e-3, steps, pct_start=0.1)
    for step in range(steps):
        clean, heard = draw(buffer, EXCERPTS, 96, np.random.default_rng([seed, 3, step]))
        windows = torch.cat([clean, change(heard)])
        with torch.autocast("cpu", torch.bfloat16, enabled=HAS_BF16):
            embeddings = network(windows).float()
        count = len(clean)
        loss = loss_function(embeddings[:count], embeddings[count:], repeats_in(clean))
        if teaching is not None:
            with torch.no_grad():
                wanted = teaching(windows)
            loss = loss + distillation(embeddings, wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network


def run(name: str, buffer: Buffer, projection: Path, steps: int, seed: int) -> str:
    """Trains one trial; returns its row of the table."""
    began = time.thread_time()
    network = trained(name, buffer, projection, steps, seed)
    minutes = (time.thread_time() - began) / 60
    weights = sum(p.numel() for p in network.parameters()) / 1e6
    cost = multiplications(TRIALS[name][0]()) / 1e6
    hits = held_out_hits(network, buffer)
    return f"| {name} | {weights:.2f} M | {cost:.1f} M | {minutes:.1f} min | {hits:.3f} |"


def multiplications(network: nn.Module) -> int:
    """Returns how many multiplications one window takes."""
    # In evaluation layers of attention are fused, and would not be counted.
    network.train()
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        network(torch.zeros(1, WINDOW_FRAMES, BANDS))
    return counted.get_total_flops() // 2


def main() -> None:
    """Runs the trials named, or all."""
    parser = argparse.ArgumentParser(prog="python -m training.trials", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*TRIALS, []])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--projection", type=Path, required=True, help="version 1's, to start from")
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    buffer = Buffer.at(arguments.work / "pairs")
    for name in arguments.names or TRIALS:
        print(run(name, buffer, arguments.projection, arguments.steps, arguments.seed), flush=True)


if __name__ == "__main__":
    main()
