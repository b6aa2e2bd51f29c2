"""What happens to music between a loudspeaker and a recognition service, simulated at 8 kHz.

Everything is drawn from the generator passed in, so a fit is reproducible from its seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import signal

from .codecs_8k import opus_round_trip

SAMPLE_RATE_HZ = 8_000
Audio = npt.NDArray[np.float32]


def root_mean_square(audio: npt.NDArray[np.floating]) -> float:
    """Returns the level of audio; never 0."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)) + 1e-20))


def coloured_noise(sample_count: int, exponent: float, rng: np.random.Generator) -> Audio:
    """Returns noise of level 1 whose power falls with frequency to the `exponent`."""
    hz = np.fft.rfftfreq(sample_count, 1 / SAMPLE_RATE_HZ)
    phases = rng.standard_normal(len(hz)) + 1j * rng.standard_normal(len(hz))
    noise = np.fft.irfft(phases * np.maximum(hz, 30.0) ** (-exponent / 2), sample_count)
    even: Audio = (noise / root_mean_square(noise)).astype(np.float32)
    return even


def reverberate(audio: Audio, rng: np.random.Generator) -> Audio:
    """Puts audio into a room: a few early reflections and a tail that darkens as it decays."""
    reverberation_seconds = rng.uniform(0.2, 1.0)
    direct_to_reverberant_db = rng.uniform(-3, 10)
    time = np.arange(int(reverberation_seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    bright = rng.standard_normal(len(time))
    dark = signal.lfilter([0.35], [1.0, -0.65], bright) * 2.0
    share = np.exp(-time / (reverberation_seconds / rng.uniform(2, 5)))
    tail = (bright * share + dark * (1 - share)) * 10 ** (-3 * time / reverberation_seconds)
    tail[: rng.integers(16, 80)] = 0
    response = tail / np.sqrt(np.sum(tail**2)) * 10 ** (-direct_to_reverberant_db / 20)
    response[0] = 1.0
    for delay in rng.integers(16, 400, rng.integers(3, 12)):
        response[delay] += rng.choice([-1, 1]) * rng.uniform(0.1, 0.6)
    return _same_level(signal.fftconvolve(audio, response)[: len(audio)], audio)


def equalise(audio: Audio, rng: np.random.Generator) -> Audio:
    """Colours audio with a smooth random response of up to about +-12 dB."""
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE_HZ)
    knots = np.linspace(0, 12, 9)
    gain_db = np.interp(np.log2(np.maximum(hz, 60) / 60) * 2, knots, rng.normal(0, 5, len(knots)))
    return _same_level(np.fft.irfft(np.fft.rfft(audio) * 10 ** (gain_db / 20), len(audio)), audio)


def band_limit(audio: Audio, rng: np.random.Generator) -> Audio:
    """Passes what a telephone or a small loudspeaker passes."""
    edges = [rng.uniform(150, 450), rng.uniform(2_600, 3_800)]
    sections = signal.butter(
        int(rng.integers(2, 6)), edges, "band", fs=SAMPLE_RATE_HZ, output="sos"
    )
    return _same_level(signal.sosfilt(sections, audio), audio)


def clip(audio: Audio, rng: np.random.Generator) -> Audio:
    """Drives audio into limiting, soft or hard."""
    driven = audio / root_mean_square(audio) * 10 ** (rng.uniform(-4, 6) / 20)
    limited: Audio = np.tanh(driven) if rng.random() < 0.5 else np.clip(driven, -1, 1)
    return limited.astype(np.float32)


@dataclass(frozen=True)
class Degrader:
    """Draws chains of degradations.

    Args:
        talkers: recordings of single voices, level 1, from which babble is mixed.
        codec_share: of all chains that end in a codec, by far the slowest link.
        noise_share: of all chains that hold noise.
        signal_to_noise_max_db: of those, the quietest noise; the loudest is 6 dB above the music.
    """

    talkers: list[Audio] = field(default_factory=list)
    codec_share: float = 0.2
    noise_share: float = 0.75
    signal_to_noise_max_db: float = 15.0

    def degrade(self, audio: Audio, rng: np.random.Generator) -> Audio:
        """Returns audio as a microphone may have heard it; same length, no delay."""
        out = audio
        if rng.random() < 0.5:
            out = reverberate(out, rng)
        if rng.random() < 0.25:
            out = equalise(out, rng)
        if rng.random() < self.noise_share:
            noise = self.noise(len(out), rng)
            out = out + noise * root_mean_square(out) * 10 ** (
                -rng.uniform(-6, self.signal_to_noise_max_db) / 20
            )
        if rng.random() < 0.4:
            out = band_limit(out, rng)
        if rng.random() < 0.15:
            out = clip(out, rng)
        if rng.random() < self.codec_share:
            out = opus_round_trip(out, int(rng.integers(12_000, 24_000)))
        return out.astype(np.float32)

    def noise(self, sample_count: int, rng: np.random.Generator) -> Audio:
        """Returns a bed of noise, level 1: steady, babble, or a busy place."""
        kind = rng.choice(3, p=[0.34, 0.33, 0.33]) if self.talkers else 0
        if kind == 0:
            return coloured_noise(sample_count, rng.uniform(0, 2), rng)
        babble = self._babble(sample_count, int(rng.integers(3, 14)), rng)
        if kind == 1:
            return babble
        bed = 0.6 * babble + 0.4 * coloured_noise(sample_count, 1.0, rng)
        for _ in range(rng.poisson(sample_count / SAMPLE_RATE_HZ * 1.5)):
            _add_knock(bed, rng)
        return (bed / root_mean_square(bed)).astype(np.float32)

    def _babble(self, sample_count: int, talker_count: int, rng: np.random.Generator) -> Audio:
        mixed = np.zeros(sample_count, np.float32)
        for _ in range(talker_count):
            voice = self.talkers[rng.integers(len(self.talkers))]
            turned = np.roll(voice, rng.integers(len(voice)))
            mixed += np.resize(turned, sample_count) * 10 ** (rng.uniform(-9, 0) / 20)
        return (mixed / root_mean_square(mixed)).astype(np.float32)


def _add_knock(bed: Audio, rng: np.random.Generator) -> None:
    """Adds one short noise burst or ring: a glass, a step, a door."""
    length = int(rng.uniform(0.02, 0.15) * SAMPLE_RATE_HZ)
    begin = int(rng.integers(max(1, len(bed) - length)))
    time = np.arange(min(length, len(bed) - begin)) / SAMPLE_RATE_HZ
    carrier = rng.standard_normal(len(time))
    if rng.random() < 0.5:
        carrier = np.sin(2 * np.pi * rng.uniform(300, 3_500) * time) * 1.4
    bed[begin : begin + len(time)] += (
        carrier * np.exp(-time / rng.uniform(0.005, 0.04)) * rng.uniform(1, 5)
    ).astype(np.float32)


def _same_level(audio: npt.NDArray[np.floating], like: Audio) -> Audio:
    return (audio * (root_mean_square(like) / root_mean_square(audio))).astype(np.float32)
