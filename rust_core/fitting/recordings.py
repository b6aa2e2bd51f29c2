"""Audio a fit starts from: a folder of music and synthetic voices, mono at 8 kHz."""

from __future__ import annotations

import hashlib
import io
import subprocess
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

SAMPLE_RATE_HZ = 8_000
TRACK_SECONDS_MAX = 240
# One track in this many is kept for the decision.
DECISION_SHARE = 5
EXTENSIONS = {".aac", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav"}
Audio = npt.NDArray[np.float32]

# Read by several voices each, mixed many at a time: nobody is to be understood.
SENTENCES = (
    (
        "en",
        (
            "Two coffees and a slice of the lemon cake, please. Is this seat taken? We meant to be "
            "here an hour ago, but the bus broke down on the hill and everybody had to walk."
        ),
    ),
    (
        "en-us",
        (
            "My sister called from the airport. They found the suitcase, but not the umbrella. "
            "Put it on the table, no, on the small one next to the window, thank you."
        ),
    ),
    ("hi", "आज बाज़ार में आम बहुत सस्ते हैं। तुम कब आओगे, हम सब राह देख रहे हैं। दरवाज़ा खुला है, अंदर आ जाओ।"),
    ("hi", "दो टिकट चाहिए, खिड़की के पास वाली। बच्चे बाहर खेल रहे हैं और दादी कहानी सुना रही हैं।"),
    (
        "de",
        (
            "Der Schlüssel liegt unter der Matte, wie immer. Hast du das Fenster zu? Es soll "
            "heute Abend noch regnen, und die Wäsche hängt draußen."
        ),
    ),
    (
        "es",
        (
            "La cuenta, por favor. Mi hermano trabaja en el puerto desde hace diez años y todavía "
            "se marea en los barcos. ¿Quién ha dejado la luz encendida?"
        ),
    ),
    (
        "fr",
        (
            "Il faut tourner à gauche après la boulangerie. Les enfants ont encore caché mes "
            "lunettes, et le chat dort sur le journal d'hier."
        ),
    ),
)
VOICES = ("", "+f1", "+f4", "+m2", "+m6")


def track_paths(folder: Path) -> list[Path]:
    """Returns the audio files under a folder, ordered by name so that a fit is reproducible."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS)


def is_kept_for_decision(name: str) -> bool:
    """Says whether the track with this name is kept from the network, for the decision to judge.

    So the decision sees embeddings of music the network has never heard.
    """
    return hashlib.sha256(name.encode()).digest()[0] % DECISION_SHARE == 0


def read_audio(source: Path | io.BytesIO, seconds_max: float = TRACK_SECONDS_MAX) -> Audio:
    """Returns the beginning of the first audio stream, mono at 8 kHz, full scale 1."""
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE_HZ)
    pieces: list[Audio] = []
    sample_count = 0
    with av.open(str(source) if isinstance(source, Path) else source, "r") as container:
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                pieces.append(piece.to_ndarray()[0])
                sample_count += len(pieces[-1])
            if sample_count > seconds_max * SAMPLE_RATE_HZ:
                break
    pieces += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    return np.concatenate(pieces)[: int(seconds_max * SAMPLE_RATE_HZ)]


def talkers() -> list[Audio]:
    """Returns single voices, level 1, read by espeak-ng."""
    voices: list[Audio] = []
    for index, (language, text) in enumerate(SENTENCES):
        for voice in VOICES:
            speed = 140 + 12 * (index + len(voices)) % 60
            audio = read_espeak(language + voice, speed, text)
            voices.append(audio / np.sqrt(np.mean(audio**2)))
    return voices


def read_espeak(voice: str, words_per_minute: int, text: str) -> Audio:
    """Returns a text spoken by a voice of espeak-ng, mono at 8 kHz."""
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "--stdout", text]
    spoken = subprocess.run(command, check=True, capture_output=True).stdout
    return read_audio(io.BytesIO(_with_true_length(spoken)))


def _with_true_length(wav: bytes) -> bytes:
    """Writes the data length into a WAV header that was made for a pipe."""
    data_at = wav.index(b"data")
    length = len(wav) - data_at - 8
    return wav[: data_at + 4] + length.to_bytes(4, "little") + wav[data_at + 8 :]
