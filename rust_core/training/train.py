"""Trains the network from the pairs `training.generate` writes; can be stopped and run again.

NT-Xent (Chang et al., "Neural audio fingerprint", ICASSP 2021): what is heard must lie nearer to
its own moment than to any other of the batch, other moments of the same piece among them.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from .generate import EXCERPTS_MAX, HELD_OUT, Buffer
from .network import Network
from .pairs import WINDOWS_PER_EXCERPT

TEMPERATURE = 0.05
LEARNING_RATE, LINEAR_RATE_SHARE, WEIGHT_DECAY = 1.5e-3, 0.2, 1e-2
WARM_UP_STEPS = 100
# Of the loss: clean moments asked for among the heard ones.
BACKWARD_SHARE = 0.3
# Moments whose clean windows are as alike as this are repeats, not negatives.
REPEAT_CORRELATION = 0.75
REPORT_STEPS = 100
# Excerpts that have to be written for each step, so that what is learned when, and how often, does
# not depend on which of the two processes the machine runs faster.
EXCERPTS_MIN, FRESH_PER_STEP = HELD_OUT + 3_840, 20
# Before the first excerpt all music is read, which takes minutes.
WAIT_SECONDS_MAX = 1_800
# Windows of an excerpt in a batch.
WINDOWS = 4
# Half the bits make a step twice as fast where the processor has instructions for them.
HAS_BF16 = bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def draw(
    buffer: Buffer, there: int, excerpts: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Returns clean and heard windows, each (4 n, 24, 64), of n excerpts of different tracks.

    Only the first `there` excerpts of the buffer are drawn from.
    """
    chosen: dict[int, int] = {}
    for index in rng.integers(HELD_OUT, there, 4 * excerpts):
        chosen.setdefault(int(buffer.tracks[index]), int(index))
        if len(chosen) == excerpts:
            break
    index = np.sort(np.fromiter(chosen.values(), np.int64))
    which = rng.permuted(np.tile(np.arange(WINDOWS_PER_EXCERPT), (len(index), 1)), axis=1)
    return windows_of(buffer, index, which[:, :WINDOWS])


def windows_of(
    buffer: Buffer, index: npt.NDArray[np.int64], which: npt.NDArray[np.int64]
) -> tuple[Tensor, Tensor]:
    """Returns clean and heard windows, each (n k, 24, 64): `which` (n, k) of n excerpts."""
    rows = index[:, None]
    clean, heard = buffer.windows[rows, 0, which], buffer.windows[rows, 1, which]
    return tuple(torch.from_numpy(w.astype(np.float32)).flatten(0, 1) for w in (clean, heard))


def loss_of(clean: Tensor, heard: Tensor, repeats: Tensor) -> Tensor:
    """Returns NT-Xent of embeddings (n, 128); `repeats` (n, n) are no negatives."""
    logits = heard @ clean.T / TEMPERATURE
    logits = logits.masked_fill(repeats, -1e4)
    target = torch.arange(len(clean))
    forward = functional.cross_entropy(logits, target)
    backward = functional.cross_entropy(logits.T, target)
    return (1 - BACKWARD_SHARE) * forward + BACKWARD_SHARE * backward


def repeats_in(clean: Tensor) -> Tensor:
    """Says which pairs of different clean windows (n, 24, 64) sound the same, shape (n, n)."""
    flat = functional.normalize(clean.flatten(1))
    alike = flat @ flat.T > REPEAT_CORRELATION
    return alike & ~torch.eye(len(clean), dtype=torch.bool)


@torch.no_grad()
def held_out_hits(network: nn.Module, buffer: Buffer) -> float:
    """Returns the share of held-out heard windows nearest to their own clean ones."""
    network.eval()
    spaced = np.arange(0, WINDOWS_PER_EXCERPT, WINDOWS_PER_EXCERPT // WINDOWS)
    clean, heard = windows_of(buffer, np.arange(HELD_OUT), np.tile(spaced, (HELD_OUT, 1)))
    logits = network(heard) @ network(clean).T
    network.train()
    return float((logits.argmax(1) == torch.arange(len(clean))).float().mean())


def main() -> None:
    """Trains for a number of steps; resumes from the last checkpoint of the folder."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--projection", type=Path, required=True, help="version 1's, to start from")
    parser.add_argument("--steps", type=int, default=9_000)
    parser.add_argument("--excerpts", type=int, default=96, help="in a batch")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end the schedule by then")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    # One processor is left to who makes the pairs: sharing them all takes four times as long.
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
    torch.manual_seed(arguments.seed)
    buffer = Buffer.at(arguments.work / "pairs")
    wait_for_excerpts(buffer, 0)
    network = Network()
    network.start_from(arguments.projection)
    linear = [network.linear_path.weight]
    others = [p for name, p in network.named_parameters() if not name.startswith("linear_path")]
    shares = (1.0, LINEAR_RATE_SHARE)
    optimiser = torch.optim.AdamW(
        [{"params": others}, {"params": linear}], lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
    )
    checkpoint = arguments.work / "checkpoint.pt"
    step = 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    began, total = time.monotonic(), 0.0
    print(f"step {step}: {held_out_hits(network, buffer):.3f} held-out hits", flush=True)
    while True:
        wait_for_excerpts(buffer, step)
        elapsed = (time.monotonic() - began) / 60 / arguments.minutes
        done = max(step / arguments.steps, elapsed)
        if done >= 1:
            break
        rng = np.random.default_rng([arguments.seed, 2, step])
        rate = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * done))
        for group, share in zip(optimiser.param_groups, shares, strict=True):
            group["lr"] = share * rate * min(1.0, (step + 1) / WARM_UP_STEPS)
        clean, heard = draw(buffer, min(buffer.written, EXCERPTS_MAX), arguments.excerpts, rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=HAS_BF16):
            embeddings = network(torch.cat([clean, heard])).float()
        loss = loss_of(embeddings[: len(clean)], embeddings[len(clean) :], repeats_in(clean))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        total += float(loss.detach())
        if step % REPORT_STEPS == 0:
            hits = held_out_hits(network, buffer)
            minutes = (time.monotonic() - began) / 60
            print(
                f"step {step}: loss {total / REPORT_STEPS:.3f}, held-out hits {hits:.3f}, "
                f"{minutes:.1f} min, {buffer.written} excerpts",
                flush=True,
            )
            total = 0.0
            keep(checkpoint, network, optimiser, step)
    keep(checkpoint, network, optimiser, step)


def wait_for_excerpts(buffer: Buffer, step: int) -> None:
    """Returns when as many excerpts are there as a step needs.

    Raises:
        TimeoutError: they did not come; who makes them has ended.
    """
    needed = EXCERPTS_MIN + FRESH_PER_STEP * step
    until = time.monotonic() + WAIT_SECONDS_MAX
    while buffer.written < needed:
        if time.monotonic() > until:
            raise TimeoutError(f"{buffer.written} of {needed} excerpts: `training.generate` ended?")
        time.sleep(0.1)


def keep(path: Path, network: Network, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Writes a checkpoint; the last one stays whole if this is cut off."""
    fresh = path.with_suffix(".new")
    state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
    torch.save(state, fresh)
    fresh.replace(path)


if __name__ == "__main__":
    main()
