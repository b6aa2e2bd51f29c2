"""Plays drawn scores: acoustic instruments, hand drums and sung lines, as much as is wanted.

`python -m training.pieces FOLDER` needs fluidsynth, espeak-ng and the sound fonts of
`SOUND_FONTS` (Debian: timgm6mb-soundfont, opl3-soundfont, csound-soundfont), none of them the
evaluation's. The same seed and number always give the same piece; run again, it makes only what
is missing.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import tempfile
import wave
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt
from fitting.recordings import read_espeak
from scipy.signal import resample_poly

from .scores import Note, Score, draw_score

FONTS = Path("/usr/share/sounds/sf2")
# The larger two sound like instruments, the last like a game of 1994.
SOUND_FONTS = ("TimGM6mb.sf2", "sf_GMbank.sf2", "OPL-3_FM_128M.sf2")
FONT_SHARES = (0.6, 0.28, 0.12)
SAMPLE_RATE_HZ = 16_000
SECONDS = (45.0, 75.0)
TICKS_PER_SECOND = 960
BEND_STEPS = 5
SYLLABLES = ("aa", "na", "ri", "mo", "la", "re", "sa", "dil", "tu", "ho", "nee", "wo")
LANGUAGES = ("hi", "hi+f2", "en+f3", "hi+m3", "es+f1", "hi+f4", "en+m5", "ta+f2")
SUNG_SHARE = 0.4
# How far a syllable may be moved from the pitch it was spoken at, semitones.
SHIFT_MAX = 9.0
WORKERS = 2
Audio = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Syllable:
    """A spoken syllable and its pitch (MIDI number, with fraction)."""

    samples: Audio
    pitch: float


def spoken(language: str) -> list[Syllable]:
    """Returns the syllables of one voice."""
    out = []
    for text in SYLLABLES:
        audio = read_espeak(language, 90, text)
        loud = np.flatnonzero(np.abs(audio) > 0.05 * np.max(np.abs(audio)))
        audio = audio[loud[0] : loud[-1] + 1]
        middle = audio[len(audio) // 3 : len(audio) // 3 + 1_024].astype(np.float64)
        spectrum = np.fft.rfft(middle * np.hanning(len(middle)), 4_096)
        correlation = np.fft.irfft(np.abs(spectrum) ** 2)
        lags = np.arange(8_000 // 400, 8_000 // 70)
        hz = 8_000 / lags[np.argmax(correlation[lags])]
        out.append(Syllable(audio, float(69 + 12 * np.log2(hz / 440))))
    return out


def sing(
    line: list[Note], seconds: float, voice: list[Syllable], rng: np.random.Generator
) -> Audio:
    """Returns a line of notes sung, mono at 8 kHz."""
    out = np.zeros(int((seconds + 4) * 8_000), np.float32)
    for note in line:
        syllable = voice[rng.integers(len(voice))]
        # To the octave nearest to the speaker's own pitch.
        shift = (note.pitch - syllable.pitch + 6) % 12 - 6
        rate = 2 ** (np.clip(shift, -SHIFT_MAX, SHIFT_MAX) / 12)
        length = int(min(note.seconds + 0.05, 1.8) * 8_000)
        vibrato = 0.012 * np.sin(2 * np.pi * 5.5 * np.arange(length) / 8_000)
        position = np.cumsum(rate * (1 + vibrato))
        # A note longer than its syllable holds the vowel: back and forth through its middle.
        count = len(syllable.samples)
        held = 0.5 * count
        fold = np.abs((position - held) % (0.5 * count) - 0.25 * count) + 0.35 * count
        position = np.where(position < held, position, fold)
        tone = np.interp(position, np.arange(count), syllable.samples)
        fade = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / 160)
        begin = int(note.begin * 8_000)
        room = max(0, len(out) - begin)
        out[begin : begin + length] += (tone * fade)[:room].astype(np.float32)
    return out


def midi_of(score: Score, rng: np.random.Generator) -> mido.MidiFile:
    """Returns a score as a Standard MIDI File."""
    events: list[tuple[int, mido.Message]] = []

    def add(seconds: float, kind: str, **fields: int) -> None:
        events.append((int(seconds * TICKS_PER_SECOND), mido.Message(kind, **fields)))

    for channel, program in score.programs.items():
        add(0, "program_change", channel=channel, program=program)
        volume = int(rng.integers(60, 120))
        add(0, "control_change", channel=channel, control=7, value=volume)
    for note in score.notes:
        add(note.begin, "note_on", channel=note.channel, note=note.pitch, velocity=note.velocity)
        end = note.begin + max(0.03, note.seconds)
        add(end, "note_off", channel=note.channel, note=note.pitch)
        if glide := score.bends.get(note.channel, 0.0):
            from_below = int(rng.choice([-1, 1])) * glide / 2 * 8_191
            for step in range(BEND_STEPS + 1):
                bend = int(np.clip(from_below * (1 - step / BEND_STEPS), -8_192, 8_191))
                add(note.begin + 0.02 * step, "pitchwheel", channel=note.channel, pitch=bend)
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_SECOND // 2)
    track = mido.MidiTrack()
    file.tracks.append(track)
    now = 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=tick - now))
        now = tick
    return file


def rendered(score: Score, font: Path, rng: np.random.Generator) -> Audio:
    """Returns a score played by fluidsynth, mono at 16 kHz."""
    with tempfile.TemporaryDirectory() as scratch:
        midi, wav = Path(scratch) / "score.mid", Path(scratch) / "score.wav"
        midi_of(score, rng).save(midi)
        subprocess.run(
            ["fluidsynth", "-niq", "-g", "0.5", "-r", str(SAMPLE_RATE_HZ), "-F", wav, font, midi],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with wave.open(str(wav)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return samples.reshape(-1, 2).mean(axis=1).astype(np.float32) / 32_768


def make(number: int, seed: int, voices: list[list[Syllable]], target: Path) -> None:
    """Writes one piece."""
    rng = np.random.default_rng([seed, number])
    score = draw_score(float(rng.uniform(*SECONDS)), rng)
    audio = rendered(score, FONTS / SOUND_FONTS[rng.choice(3, p=FONT_SHARES)], rng)
    audio = audio[: int((score.seconds + 2) * SAMPLE_RATE_HZ)]
    if score.sung and rng.random() < SUNG_SHARE:
        voice = voices[rng.integers(len(voices))]
        sung = resample_poly(sing(score.sung, score.seconds, voice, rng), 2, 1)[: len(audio)]
        level = np.sqrt(np.mean(audio**2) / (np.mean(sung**2) + 1e-9))
        audio[: len(sung)] += sung * level * 10 ** (rng.uniform(-6, 6) / 20)
    samples = (audio / max(1e-6, float(np.max(np.abs(audio)))) * 0.9 * 32_767).astype("<i2")
    fresh = target.with_suffix(".new")
    with io.BytesIO() as buffer:
        with wave.open(buffer, "wb") as file:
            file.setparams((1, 2, SAMPLE_RATE_HZ, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
        fresh.write_bytes(buffer.getvalue())
    fresh.replace(target)


def main() -> None:
    """Makes every piece the folder lacks."""
    parser = argparse.ArgumentParser(prog="python -m training.pieces", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    voices = [spoken(language) for language in LANGUAGES]

    def one(number: int) -> None:
        target = folder / f"piece-{arguments.seed}-{number:04d}.wav"
        if not target.exists():
            make(number, arguments.seed, voices, target)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, range(arguments.count)))
    print(f"{arguments.count} pieces in {folder}")


if __name__ == "__main__":
    main()
