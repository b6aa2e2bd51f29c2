"""The composed catalogue: the same from the same seed, different otherwise; what is done to clips.

Method: a few pieces are made twice and compared; likeness of pieces is the correlation of their
spectrograms at the best offset.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sonica_cli import media
from sonica_cli.demo.compose import compose, write
from sonica_cli.demo.degrade import KINDS, degrade, mix
from sonica_cli.demo.drums import STROKES
from sonica_cli.demo.encode import FORMATS, decode, encode
from sonica_cli.demo.styles import STYLES
from sonica_cli.demo.timbres import FAMILIES, RATE_HZ

F32 = npt.NDArray[np.float32]


def test_same_seed_same_piece() -> None:
    first, second = compose(7, 3, duration_seconds=8), compose(7, 3, duration_seconds=8)
    assert first.title == second.title
    assert np.array_equal(first.pcm, second.pcm)
    assert not np.array_equal(first.pcm, compose(8, 3, duration_seconds=8).pcm)


@pytest.mark.parametrize("index", range(len(STYLES)))
def test_pieces_are_sound(index: int) -> None:
    piece = compose(1, index, duration_seconds=12)
    assert piece.pcm.dtype == np.float32
    assert piece.duration_seconds == pytest.approx(12, abs=0.01)
    assert np.isfinite(piece.pcm).all()
    assert 0.5 < np.abs(piece.pcm).max() <= 1.0
    seconds = piece.pcm[: 11 * RATE_HZ].reshape(11, -1)
    assert (np.sqrt(np.square(seconds).mean(axis=1)) > 0.01).all(), "silence in the middle"


def test_titles_of_a_catalogue_differ() -> None:
    names = [compose(1, index, duration_seconds=5).title for index in range(40)]
    assert len(set(names)) == 40


def spectrogram(pcm: F32) -> F32:
    frames = pcm[: len(pcm) // 1024 * 1024].reshape(-1, 1024) * np.hanning(1024)
    bands = np.log(np.abs(np.fft.rfft(frames, axis=1))[:, 8:200] + 1e-3)
    return np.asarray(bands - bands.mean(axis=0), dtype=np.float32)


def test_pieces_are_unlike_each_other_and_themselves_later() -> None:
    spectra = [spectrogram(compose(1, index, duration_seconds=30).pcm) for index in range(24)]
    for index, one in enumerate(spectra):
        clip = one[200:310]
        for other_index, other in enumerate(spectra):
            scores = [
                float(np.corrcoef(clip.ravel(), other[at : at + 110].ravel())[0, 1])
                for at in range(0, len(other) - 110, 10)
                if other_index != index or abs(at - 200) > 110
            ]
            assert max(scores) < 0.85, (index, other_index)


def test_pieces_last_about_a_minute() -> None:
    made = [compose(1, index).duration_seconds for index in range(6)]
    assert all(40 <= seconds <= 70 for seconds in made)


def test_styles_name_what_exists() -> None:
    for style in STYLES:
        assert set(style.lead) | set(style.chords) <= FAMILIES.keys()
        for pattern in style.drums:
            for layer in pattern:
                assert len(layer) == style.beats * style.steps_per_beat, style.genre
                assert set(layer) <= STROKES.keys() | {"."}


@pytest.mark.parametrize("suffix", FORMATS)
def test_written_files_are_read_with_their_tags(suffix: str, tmp_path: Path) -> None:
    piece = compose(1, 0, duration_seconds=6)
    path = tmp_path / f"piece{suffix}"
    write(piece, path)
    heard = media.decode(path, RATE_HZ)
    assert abs(len(heard) - len(piece.pcm)) < 0.06 * RATE_HZ
    assert media.tags(path)["title"] == piece.title
    assert media.tags(path)["artist"] == piece.artist


@pytest.mark.parametrize("kind", KINDS)
def test_degradations_keep_length_range_and_place(kind: str) -> None:
    clip = compose(1, 0, duration_seconds=12).pcm[2 * RATE_HZ : 7 * RATE_HZ]
    heard = degrade(clip, RATE_HZ, kind, np.random.default_rng(1))
    again = degrade(clip, RATE_HZ, kind, np.random.default_rng(1))
    assert np.array_equal(heard, again)
    assert heard.shape == clip.shape
    assert heard.dtype == np.float32
    assert np.abs(heard).max() <= 1.0
    spectrum = np.fft.rfft(heard, 1 << 18) * np.conj(np.fft.rfft(clip, 1 << 18))
    lag = int(np.argmax(np.fft.irfft(spectrum)))
    assert min(lag, (1 << 18) - lag) < 0.005 * RATE_HZ


@pytest.mark.parametrize("kind", KINDS)
def test_degradations_bear_silence(kind: str) -> None:
    silence = np.zeros(RATE_HZ, dtype=np.float32)
    heard = degrade(silence, RATE_HZ, kind, np.random.default_rng(1))
    assert np.isfinite(heard).all()


def test_mix_holds_the_ratio() -> None:
    rng = np.random.default_rng(1)
    signal = rng.standard_normal(50_000).astype(np.float32)
    noise = rng.standard_normal(50_000).astype(np.float32) * 7
    added = mix(signal, noise, 6.0) - signal
    ratio = 10 * np.log10(np.square(signal).mean() / np.square(added).mean())
    assert ratio == pytest.approx(6.0, abs=0.01)


def test_codec_round_trip() -> None:
    clip = compose(1, 0, duration_seconds=6).pcm
    coded = encode(clip, RATE_HZ, ".mp3", bit_rate=64_000)
    assert len(coded) < 6 * 64_000 / 8 * 1.3
    assert np.corrcoef(decode(coded, RATE_HZ)[: len(clip)], clip)[0, 1] > 0.95
