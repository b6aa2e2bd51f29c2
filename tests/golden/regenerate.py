"""`regenerate.py VERSION`: writes what the built core makes of the golden clips.

Clips that are missing are composed first.
"""

from __future__ import annotations

import argparse
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sonica_core as core

HERE = Path(__file__).parent
SECONDS = 3
PURPOSES = ("reference", "query")


def compose(name: str, seed: int) -> npt.NDArray[np.int16]:
    """Returns a clip: plucked chords, a gliding voice, or drums under a drone."""
    rng = np.random.default_rng(seed)
    time = np.arange(SECONDS * core.SAMPLE_RATE_HZ) / core.SAMPLE_RATE_HZ
    audio = 0.003 * rng.standard_normal(len(time))
    for begin in np.arange(0, SECONDS, 0.25):
        local = np.maximum(time - begin, 0)
        on = time >= begin
        if name == "chords":
            for pitch_hz in 110 * 2 ** (rng.choice([0, 3, 5, 7, 10, 12, 15, 19], 3) / 12):
                for harmonic in range(1, 7):
                    wave_ = np.sin(2 * np.pi * pitch_hz * harmonic * local)
                    audio += on * 0.1 / harmonic * wave_ * np.exp(-local * (2 + harmonic))
        elif name == "drums":
            hit = np.sin(2 * np.pi * rng.uniform(80, 900) * local * np.exp(-3 * local))
            audio += on * 0.4 * hit * np.exp(-local * rng.uniform(8, 40))
    if name == "voice":
        pitch_hz = 220 * 2 ** (0.5 * np.sin(2 * np.pi * 0.7 * time) + np.round(time * 2) % 3 / 6)
        phase = 2 * np.pi * np.cumsum(pitch_hz) / core.SAMPLE_RATE_HZ
        audio += sum(0.2 / k * np.sin(k * phase) for k in range(1, 12)) * (np.sin(9 * time) ** 2)
    if name == "drums":
        audio += sum(0.1 / k * np.sin(2 * np.pi * 147 * k * time) for k in range(1, 9))
    return np.round(audio / np.abs(audio).max() * 16_000).astype(np.int16)


def read(path: Path) -> npt.NDArray[np.int16]:
    """Returns the samples of a clip."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def write(path: Path, pcm: npt.NDArray[np.int16]) -> None:
    """Writes a clip."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(core.SAMPLE_RATE_HZ)
        file.writeframes(pcm.astype("<i2").tobytes())


def extract(
    version: int, purpose: str, pcm: npt.NDArray[np.int16]
) -> dict[str, npt.NDArray[np.generic]]:
    """Returns the arrays a golden file holds."""
    extractor = core.Extractor(version, purpose)
    extractor.push(pcm.astype(np.float32) / 32_768)
    extractor.finish()
    part = extractor.take()
    rows = np.frombuffer(part.vectors_f16le, np.int8).reshape(-1, core.row_bytes(version))
    second = rows[:, 2 * core.DIMENSION :]
    return {
        "vectors": core.decode_vectors(version, part.vectors_f16le).astype(np.float16),
        **({"second": second} if second.size else {}),
        "active": np.frombuffer(part.active_windows, np.uint8),
        "landmarks": core.landmark_table(part.landmarks),
    }


def main() -> None:
    """Composes clips that are missing, then writes the fingerprints of one version."""
    parser = argparse.ArgumentParser(prog="regenerate.py", description=__doc__)
    parser.add_argument("version", type=int, choices=core.ALGORITHM_VERSIONS)
    version = parser.parse_args().version
    (HERE / "clips").mkdir(exist_ok=True)
    folder = HERE / "fingerprints" / f"v{version}"
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(("chords", "drums", "voice")):
        clip = HERE / "clips" / f"{name}.wav"
        if not clip.exists():
            write(clip, compose(name, seed))
        for purpose in PURPOSES:
            arrays = extract(version, purpose, read(clip))
            np.savez_compressed(folder / f"{name}-{purpose}.npz", **arrays)


if __name__ == "__main__":
    main()
