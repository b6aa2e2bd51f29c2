"""Aim: the networks of versions 2 and 3 are what they were trained to be.

Method: windows and the embeddings the training framework made of them, compared with the NumPy
specification; the Rust core is compared with both.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import network_reference as network

HERE = Path(__file__).parent


@pytest.mark.parametrize("version", network.VERSIONS)
def test_numpy_equals_the_training_framework(version: int) -> None:
    patches = np.fromfile(HERE / f"network-v{version}-patches.f32", "<f4").reshape(-1, 24 * 64)
    expected = np.fromfile(HERE / f"network-v{version}-embeddings.f32", "<f4").reshape(-1, 128)
    assert len(patches) >= 8
    found = network.embed(patches, network.read_weights(version))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("version", network.VERSIONS)
def test_weights_of_another_size_are_refused(version: int) -> None:
    weights = np.append(network.read_weights(version), np.float32(0))
    with pytest.raises(ValueError, match="the network takes"):
        network.embed(np.ones((1, 24 * 64), np.float32), weights)
