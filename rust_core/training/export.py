"""Writes a trained network as the core reads it, with what PyTorch makes of a few windows."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from fitting.front_end import BANDS, WINDOW_FRAMES

from .network import Network

GOLDEN_WINDOWS = 32


def folded(network: Network) -> list[npt.NDArray[np.float32]]:
    """Returns all weights in the order of the file, normalisation folded into convolutions."""
    out: list[npt.NDArray[np.float32]] = []
    for convolution, norm in zip(network.convolutions, network.norms, strict=True):
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        # (out, in, time, band) becomes (time, band, in, out): the innermost loop is over outputs.
        kernel = (convolution.weight * gain[:, None, None, None]).permute(2, 3, 1, 0)
        out += [kernel.detach().numpy(), (norm.bias - norm.running_mean * gain).detach().numpy()]
    heads = (network.head, network.linear_path)
    return [*out, *(head.weight.detach().T.numpy() for head in heads)]


def rounded(network: Network) -> Network:
    """Returns the network with the weights the file holds: folded, rounded to binary16."""
    weights = [torch.from_numpy(w.astype("<f2").astype(np.float32)) for w in folded(network)]
    plain = Network().eval()
    with torch.no_grad():
        for index, (convolution, norm) in enumerate(
            zip(plain.convolutions, plain.norms, strict=True)
        ):
            convolution.weight.copy_(weights[2 * index].permute(3, 2, 0, 1))
            norm.bias.copy_(weights[2 * index + 1])
            norm.running_var.fill_(1 - norm.eps)
        plain.head.weight.copy_(weights[-2].T)
        plain.linear_path.weight.copy_(weights[-1].T)
    return plain


def golden_windows() -> npt.NDArray[np.float32]:
    """Returns windows that look like music and belong to nobody, shape (n, 24, 64)."""
    rng = np.random.default_rng(2)
    notes = rng.standard_normal((GOLDEN_WINDOWS, WINDOW_FRAMES, BANDS)).cumsum(1)
    notes -= notes.mean(1, keepdims=True)
    # The first lacks its first frames, the second its last, as windows at a clip's ends do.
    notes[0, :4] = notes[1, -4:] = 0
    windows: npt.NDArray[np.float32] = notes.astype(np.float32)
    return windows


def main() -> None:
    """Writes the weights; with `--golden FOLDER` also the windows and embeddings of the test."""
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="network-v3.f16")
    parser.add_argument("--golden", type=Path)
    arguments = parser.parse_args()
    network = Network()
    network.load_state_dict(torch.load(arguments.checkpoint)["network"])
    network.eval()
    flat = np.concatenate([w.astype("<f2").ravel() for w in folded(network)])
    arguments.out.write_bytes(flat.tobytes())
    if arguments.golden:
        windows = golden_windows()
        with torch.no_grad():
            embeddings = rounded(network)(torch.from_numpy(windows)).numpy()
        windows.astype("<f4").tofile(arguments.golden / "network-v3-patches.f32")
        embeddings.astype("<f4").tofile(arguments.golden / "network-v3-embeddings.f32")


if __name__ == "__main__":
    main()
