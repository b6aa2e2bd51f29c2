"""People talking, by espeak-ng: numbers read out in every language it knows, alone or as babble."""

from __future__ import annotations

import io
import subprocess
import wave
from functools import cache

import numpy as np

from sonica_cli.demo.timbres import Pcm

RATE_HZ = 16_000
_ESPEAK_RATE_HZ = 22_050
_HEADER_BYTES = 44
_TRIES = 50
# What a language says of two numbers, at least, to count as spoken.
_SPEECH_SAMPLES = _ESPEAK_RATE_HZ // 2
_VARIANTS = ("", "+f1", "+f2", "+f3", "+f4", "+m1", "+m3", "+m5", "+m7", "+croak", "+whisper")


@cache
def languages() -> tuple[str, ...]:
    """Returns the languages in which espeak-ng says numbers; some are listed that it cannot speak.

    Raises:
        FileNotFoundError: it is not installed.
    """
    listed = subprocess.run(["espeak-ng", "--voices"], check=True, capture_output=True, text=True)
    found = sorted({line.split()[1] for line in listed.stdout.splitlines()[1:]})
    return tuple(name for name in found if len(_spoken("-v", name, "1234 5678")) > _SPEECH_SAMPLES)


def utterance(seconds: float, rng: np.random.Generator) -> Pcm:
    """Returns somebody reading numbers, at least so long; a number is a word in every language.

    Returns:
        Mono float32 at `RATE_HZ`, mean power 1.

    Raises:
        FileNotFoundError, RuntimeError: espeak-ng is not installed, or cannot speak.
    """
    voice = str(rng.choice(languages())) + str(rng.choice(_VARIANTS))
    speed, pitch = str(int(rng.integers(120, 230))), str(int(rng.integers(15, 85)))
    pcm = np.zeros(0, dtype=np.float32)
    for _ in range(_TRIES):
        numbers = " ".join(str(int(n)) for n in rng.integers(1_000, 10_000, 8))
        pcm = np.concatenate([pcm, _spoken("-v", voice, "-s", speed, "-p", pitch, numbers)])
        if len(pcm) >= seconds * _ESPEAK_RATE_HZ:
            break
    else:
        raise RuntimeError(f"espeak-ng says too little in voice {voice}")
    where = np.arange(int(len(pcm) * RATE_HZ / _ESPEAK_RATE_HZ)) * (_ESPEAK_RATE_HZ / RATE_HZ)
    spoken_pcm: Pcm = np.interp(where, np.arange(len(pcm)), pcm).astype(np.float32)
    spoken_pcm /= np.float32(np.sqrt(np.square(spoken_pcm).mean()) + 1e-9)
    return spoken_pcm


def babble(
    voices: list[Pcm], seconds: float, rng: np.random.Generator, talkers: tuple[int, int] = (3, 9)
) -> Pcm:
    """Returns several of the voices talking at once, each from a place of its own.

    Args:
        voices: utterances.
        seconds: how long.
        rng: decides who talks, and how loud.
        talkers: fewest, and most but one.
    """
    total = np.zeros(int(seconds * RATE_HZ), dtype=np.float32)
    for _ in range(int(rng.integers(*talkers))):
        voice = voices[int(rng.integers(len(voices)))]
        turned = np.roll(voice, int(rng.integers(len(voice))))
        total += np.resize(turned, len(total)) * np.float32(10 ** (rng.uniform(-8, 0) / 20))
    return total


def _spoken(*arguments: str) -> Pcm:
    """Returns what espeak-ng says, at `_ESPEAK_RATE_HZ`; nothing where it cannot."""
    wav = subprocess.run(
        ["espeak-ng", "--stdout", *arguments], check=False, capture_output=True
    ).stdout
    if not wav.startswith(b"RIFF"):
        return np.zeros(0, dtype=np.float32)
    # To a pipe espeak-ng writes a header without the length.
    with wave.open(io.BytesIO(wav)) as file:
        rate_hz = file.getframerate()
    samples = np.frombuffer(wav[_HEADER_BYTES:], "<i2", (len(wav) - _HEADER_BYTES) // 2)
    where = np.arange(0, len(samples), rate_hz / _ESPEAK_RATE_HZ)
    pcm: Pcm = np.interp(where, np.arange(len(samples)), samples).astype(np.float32)
    pcm /= np.float32(32_768)
    return pcm
