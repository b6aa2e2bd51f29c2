"""Aim: the downmix is the plain mean and the resampling is exact, whatever comes in."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
import pytest

from fingerprint_svc.worker.mono import Mono
from tests.unit.fingerprint_svc.recordings import LAYOUTS

F32Array = npt.NDArray[np.float32]


def frame(channels: F32Array, rate_hz: int, sample_format: str = "flt") -> av.AudioFrame:
    """Returns a frame of `channels`, shape (channels, samples)."""
    packed = channels.T.reshape(1, -1)
    if sample_format == "s16":
        samples = (packed * 32_768).astype(np.int16)
    else:
        samples = packed.astype(np.float32)
    made = av.AudioFrame.from_ndarray(samples, sample_format, LAYOUTS[len(channels)])
    made.sample_rate = rate_hz
    return made


def mono(*frames: av.AudioFrame) -> F32Array:
    stage = Mono()
    chunks = [chunk for made in frames for chunk in stage.push(made)]
    return np.concatenate([*chunks, *stage.finish()])


@pytest.mark.parametrize("sample_format", ["s16", "flt"])
@pytest.mark.parametrize("channel_count", range(1, 9))
def test_downmix_is_the_mean_of_the_channels(channel_count: int, sample_format: str) -> None:
    """FFmpeg's own weighs them by the layout, and adds 3 dB to float stereo."""
    levels = np.linspace(-0.5, 0.25, channel_count)
    channels = np.repeat(levels[:, None], 4_000, axis=1).astype(np.float32)
    found = mono(frame(channels, 8_000, sample_format))
    np.testing.assert_allclose(found, np.full(4_000, levels.mean()), atol=1e-4)


@pytest.mark.parametrize("rate_hz", [4_000, 8_000, 11_025, 44_100, 48_000, 192_000])
def test_tone_keeps_its_pitch_its_level_and_its_place(rate_hz: int) -> None:
    time = np.arange(rate_hz) / rate_hz
    tone = (0.5 * np.sin(2 * np.pi * 1_000 * time)).astype(np.float32)
    found = mono(*(frame(part[None, :], rate_hz) for part in np.array_split(tone, 7)))
    assert len(found) == pytest.approx(8_000, abs=1)
    expected = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(len(found)) / 8_000)
    np.testing.assert_allclose(found[200:-200], expected[200:-200], atol=3e-3)


def test_what_8_khz_cannot_hold_is_filtered_out() -> None:
    time = np.arange(44_100) / 44_100
    found = mono(frame(np.sin(2 * np.pi * 5_000 * time)[None, :].astype(np.float32), 44_100))
    assert np.abs(found[200:-200]).max() < 1e-3


def test_change_within_the_stream_is_followed() -> None:
    stereo = np.full((2, 44_100), 0.5, np.float32)
    found = mono(frame(stereo, 44_100), frame(stereo[:1, :16_000], 16_000, "s16"))
    assert len(found) == pytest.approx(16_000, abs=2)
    middle = np.concatenate([found[200:7_800], found[8_200:15_800]])
    np.testing.assert_allclose(middle, 0.5, atol=1e-3)


def test_nothing_in_nothing_out() -> None:
    assert list(Mono().finish()) == []
