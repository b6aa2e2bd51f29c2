"""What happens to music between a loudspeaker and a listener: seeded, one function a kind.

`degrade` takes mono float32 samples in [-1, 1] and returns as many, again in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sonica_cli.demo.encode import decode, encode
from sonica_cli.demo.timbres import Pcm

Degradation = Callable[[Pcm, int, np.random.Generator], Pcm]


def degrade(pcm: Pcm, sample_rate_hz: int, kind: str, rng: np.random.Generator) -> Pcm:
    """Returns `pcm` as it sounds after one kind of mistreatment.

    Args:
        pcm: mono float32, shape (n,), in [-1, 1], n >= 1.
        sample_rate_hz: rate of `pcm`.
        kind: one of `KINDS`.
        rng: decides the noise, the room, the level; the same state gives the same samples
            (codecs: with the same build of FFmpeg).

    Returns:
        Mono float32, shape (n,), in [-1, 1].

    Raises:
        KeyError: `kind` is not one of `KINDS`.
    """
    degraded = DEGRADATIONS[kind](np.asarray(pcm, dtype=np.float32), sample_rate_hz, rng)
    peak = float(np.abs(degraded).max(initial=0.0))
    return (degraded / np.float32(max(1.0, peak))).astype(np.float32)


def mix(pcm: Pcm, noise: Pcm, snr_db: float) -> Pcm:
    """Adds `noise` to `pcm` so that their powers differ by `snr_db` decibels."""
    signal_power = float(np.square(pcm, dtype=np.float64).mean())
    noise_power = float(np.square(noise, dtype=np.float64).mean())
    if signal_power == 0.0 or noise_power == 0.0:
        return pcm
    gain = np.sqrt(signal_power / noise_power * 10.0 ** (-snr_db / 10.0))
    return pcm + np.float32(gain) * noise


def coloured_noise(count: int, rng: np.random.Generator, slope: float = 1.0) -> Pcm:
    """Noise whose power falls with frequency to the power `slope`: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(count).astype(np.float32))
    spectrum *= np.maximum(np.arange(len(spectrum)), 1.0) ** (-slope / 2.0)
    noise: Pcm = np.fft.irfft(spectrum, count).astype(np.float32)
    return noise


def babble(count: int, sample_rate_hz: int, rng: np.random.Generator) -> Pcm:
    """Six voices at once: noise and pulses under moving formants, in syllables."""
    total = np.zeros(count, dtype=np.float32)
    time = np.arange(count) / sample_rate_hz
    for _ in range(6):
        knots = max(2, int(count / sample_rate_hz * 5) + 2)
        where = np.linspace(0, knots - 1, count)
        loudness = np.interp(where, np.arange(knots), rng.random(knots) ** 2)
        pitch = np.interp(
            where, np.arange(knots), rng.uniform(90, 240) * rng.uniform(0.85, 1.2, knots)
        )
        pulses = np.cumsum(pitch / sample_rate_hz) % 1.0 - 0.5
        source = pulses + 0.2 * rng.standard_normal(count)
        for low, high in ((250, 900), (900, 2600)):
            formant = np.interp(where, np.arange(knots), rng.uniform(low, high, knots))
            carrier = np.sin(2 * np.pi * np.cumsum(formant) / sample_rate_hz)
            total += (source * carrier * loudness).astype(np.float32)
    return total * (1.0 + 0.1 * np.sin(2 * np.pi * 0.4 * time)).astype(np.float32)


def reverberated(
    pcm: Pcm, sample_rate_hz: int, decay_seconds: float, rng: np.random.Generator
) -> Pcm:
    """Convolves with a made-up room: a direct sound, then noise that dies by 60 dB in the time."""
    time = np.arange(int(decay_seconds * sample_rate_hz)) / sample_rate_hz
    room = rng.standard_normal(len(time)) * np.exp(-6.91 * time / decay_seconds)
    room[: int(0.004 * sample_rate_hz)] = 0.0
    room *= 0.9 / np.sqrt(np.square(room).sum())
    room[0] = 1.0
    size = len(pcm) + len(room)
    spectrum = np.fft.rfft(pcm, size) * np.fft.rfft(room, size)
    wet: Pcm = np.fft.irfft(spectrum, size)[: len(pcm)].astype(np.float32)
    return wet


def band_passed(pcm: Pcm, sample_rate_hz: int, low_hz: float, high_hz: float) -> Pcm:
    """Keeps one band, with sixth-order slopes."""
    hz = np.maximum(np.fft.rfftfreq(len(pcm), 1 / sample_rate_hz), 1e-3)
    gain = 1 / np.sqrt((1 + (low_hz / hz) ** 12) * (1 + (hz / high_hz) ** 12))
    passed: Pcm = np.fft.irfft(np.fft.rfft(pcm) * gain, len(pcm)).astype(np.float32)
    return passed


def through_codec(pcm: Pcm, sample_rate_hz: int, suffix: str, bit_rate: int) -> Pcm:
    """Encodes and decodes in memory; the delay the codec reports is taken off.

    Args:
        pcm: mono float32.
        sample_rate_hz: rate of `pcm`.
        suffix: format, a key of `encode.FORMATS`.
        bit_rate: bits a second.
    """
    heard = np.zeros(len(pcm), dtype=np.float32)
    decoded = decode(encode(pcm, sample_rate_hz, suffix, bit_rate=bit_rate), sample_rate_hz)
    heard[: len(decoded)] = decoded[: len(heard)]
    return heard


def _clean(pcm: Pcm, _rate: int, _rng: np.random.Generator) -> Pcm:
    return pcm


def _level(pcm: Pcm, _rate: int, rng: np.random.Generator) -> Pcm:
    return pcm * np.float32(10.0 ** (rng.uniform(-30.0, -12.0) / 20.0))


def _noise(pcm: Pcm, _rate: int, rng: np.random.Generator) -> Pcm:
    return mix(pcm, coloured_noise(len(pcm), rng, float(rng.uniform(0.5, 1.5))), 5.0)


def _loud_noise(pcm: Pcm, _rate: int, rng: np.random.Generator) -> Pcm:
    return mix(pcm, coloured_noise(len(pcm), rng, float(rng.uniform(0.5, 1.5))), 0.0)


def _babble(pcm: Pcm, rate: int, rng: np.random.Generator) -> Pcm:
    return mix(pcm, babble(len(pcm), rate, rng), 5.0)


def _room(pcm: Pcm, rate: int, rng: np.random.Generator) -> Pcm:
    return reverberated(pcm, rate, float(rng.uniform(0.3, 0.8)), rng)


def _phone(pcm: Pcm, rate: int, rng: np.random.Generator) -> Pcm:
    return band_passed(pcm, rate, float(rng.uniform(250, 350)), 3_400.0)


def _clipped(pcm: Pcm, _rate: int, rng: np.random.Generator) -> Pcm:
    limit = float(np.quantile(np.abs(pcm), rng.uniform(0.7, 0.9))) or 1.0
    return np.clip(pcm, -limit, limit) / np.float32(limit)


def _mp3(pcm: Pcm, rate: int, _rng: np.random.Generator) -> Pcm:
    return through_codec(pcm, rate, ".mp3", 64_000)


def _opus(pcm: Pcm, rate: int, _rng: np.random.Generator) -> Pcm:
    return through_codec(pcm, rate, ".opus", 16_000)


def _combined(pcm: Pcm, rate: int, rng: np.random.Generator) -> Pcm:
    return _opus(_phone(_babble(_room(pcm, rate, rng), rate, rng), rate, rng), rate, rng)


DEGRADATIONS: dict[str, Degradation] = {
    "clean": _clean,
    "level": _level,
    "noise": _noise,
    "loud noise": _loud_noise,
    "babble": _babble,
    "room": _room,
    "phone band": _phone,
    "clipping": _clipped,
    "mp3 64k": _mp3,
    "opus 16k": _opus,
    "combined": _combined,
}
KINDS: tuple[str, ...] = tuple(DEGRADATIONS)
