"""Draws an Explanation as a PNG: two spectrograms above, the alignment below."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import sonica_core
from PIL import Image, ImageDraw, ImageFont

from sonica_cli.answers import name_of, seconds
from sonica_cli.screen import clock

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from sonica_cli.explanation import Explanation

    F32 = npt.NDArray[np.float32]

WIDTH, HEIGHT = 1280, 900
TOP_HZ = 4_000.0
_MARGIN = 70
_PANEL_HEIGHT = 300
_INK, _PAPER, _GREY = (30, 30, 35), (252, 252, 250), (150, 150, 155)
_AGREE, _OTHER = (255, 80, 40), (90, 190, 255)
_FFT_SAMPLES, _HOP_SAMPLES = 1024, 128
# Dark blue to pale yellow; even steps of lightness.
_COLOURS = np.array(
    [(10, 10, 45), (50, 25, 105), (110, 40, 125), (175, 60, 105), (230, 110, 70), (252, 240, 170)]
)


class Box(NamedTuple):
    """A panel: its corners in pixels, and what its axes span."""

    left: int
    top: int
    right: int
    bottom: int
    x_from: float
    x_to: float
    y_from: float
    y_to: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Returns where a value lies, in pixels."""
        across = (x - self.x_from) / max(self.x_to - self.x_from, 1e-9)
        up = (y - self.y_from) / max(self.y_to - self.y_from, 1e-9)
        return (
            self.left + across * (self.right - self.left),
            self.bottom - up * (self.bottom - self.top),
        )


def draw(explanation: Explanation, path: Path) -> None:
    """Writes the picture.

    Raises:
        OSError: it cannot be written.
    """
    image = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen = ImageDraw.Draw(image)
    match = explanation.match
    verdict = "match" if explanation.accepted else "best candidate, not accepted"
    _text(pen, (_MARGIN, 14), f"{verdict}: {name_of(match.track)}", 22)
    _text(pen, (_MARGIN, 44), _figures(explanation), 15, _GREY)
    middle = WIDTH // 2
    clip_seconds = len(explanation.clip) / sonica_core.SAMPLE_RATE_HZ
    top, bottom = 100, 100 + _PANEL_HEIGHT
    left = Box(_MARGIN, top, middle - 20, bottom, 0.0, clip_seconds, 0.0, TOP_HZ)
    start = explanation.passage_start
    end = start + explanation.passage_seconds
    right = Box(middle + 50, top, WIDTH - 30, bottom, start, end, 0.0, TOP_HZ)
    _sound(image, left, explanation.clip)
    if explanation.passage is not None:
        _sound(image, right, explanation.passage)
    else:
        pen.rectangle(right[:4], fill=tuple(int(c) for c in _COLOURS[0]))
    _peaks(pen, left, explanation.clip_peaks, explanation.agreeing[:, 0])
    _peaks(pen, right, explanation.passage_peaks, explanation.agreeing[:, 1])
    heard = "" if explanation.passage is not None else " (landmarks only: its audio is not here)"
    _axes(pen, left, "the clip", "time in the clip, s")
    _axes(pen, right, f"the recording{heard}", "time in the recording, s")
    _alignment(pen, explanation, clip_seconds)
    image.save(path, format="PNG")


def _figures(explanation: Explanation) -> str:
    match, evidence = explanation.match, explanation.match.evidence
    figures = f"at {clock(seconds(match.track_offset))}, score {match.score:.3f}"
    if evidence is not None:
        figures += (
            f", mean cosine {evidence.mean_cosine:.3f} "
            f"({evidence.cosine_margin:+.3f} over the next recording), "
            f"{evidence.aligned_landmark_count} of {evidence.clip_landmark_count} landmarks agree"
        )
    return figures


def _spectrogram(pcm: F32) -> npt.NDArray[np.uint8]:
    """Returns the picture of a sound, low frequencies at the bottom, as RGB of its own size."""
    padded = np.pad(pcm, (_FFT_SAMPLES // 2, _FFT_SAMPLES))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT_SAMPLES)[::_HOP_SAMPLES]
    power = np.abs(np.fft.rfft(frames * np.hanning(_FFT_SAMPLES), axis=1)) ** 2
    bins = int(TOP_HZ / sonica_core.SAMPLE_RATE_HZ * _FFT_SAMPLES)
    decibels = 10 * np.log10(power[:, :bins] + 1e-9)
    ceiling = float(np.percentile(decibels, 99.7))
    light = np.clip((decibels - (ceiling - 60)) / 60, 0, 1).T[::-1]
    places = np.linspace(0, 1, len(_COLOURS))
    channels = [np.interp(light, places, _COLOURS[:, c]) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _sound(image: Image.Image, box: Box, pcm: F32) -> None:
    if not pcm.size:
        return
    size = (box.right - box.left, box.bottom - box.top)
    covered = len(pcm) / sonica_core.SAMPLE_RATE_HZ / max(box.x_to - box.x_from, 1e-9)
    panel = Image.new("RGB", size, tuple(int(c) for c in _COLOURS[0]))
    width = max(1, min(size[0], round(size[0] * covered)))
    picture = Image.fromarray(_spectrogram(pcm)).resize((width, size[1]), Image.Resampling.BILINEAR)
    panel.paste(picture, (0, 0))
    image.paste(panel, (box.left, box.top))


def _peaks(pen: ImageDraw.ImageDraw, box: Box, peaks: F32, agreeing_times: F32) -> None:
    """Marks landmarks: those at a time at which some agree stand out."""
    frame = sonica_core.FRAME_SECONDS
    agreeing = set(np.rint(agreeing_times / frame).astype(int).tolist())
    for time, hz in peaks.tolist():
        x, y = box.point(time, hz)
        if not box.left <= x <= box.right:
            continue
        if round(time / frame) in agreeing:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), outline=_AGREE, width=2)
        else:
            pen.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=_OTHER)


def _alignment(pen: ImageDraw.ImageDraw, explanation: Explanation, clip_seconds: float) -> None:
    start = explanation.passage_start
    end = start + explanation.passage_seconds
    box = Box(_MARGIN, 500, WIDTH - 30, HEIGHT - 55, start, end, 0.0, clip_seconds)
    pen.rectangle(box[:4], outline=_GREY)
    offset = seconds(explanation.match.track_offset)
    speed = explanation.match.speed_factor or 1.0
    from_, to = box.point(offset, 0.0), box.point(offset + clip_seconds * speed, clip_seconds)
    pen.line((*from_, *to), fill=(255, 205, 190), width=7)
    for clip_time, track_time in explanation.possible.tolist():
        _dot(pen, box, track_time, clip_time, _OTHER, 1.5)
    for clip_time, track_time in explanation.agreeing.tolist():
        _dot(pen, box, track_time, clip_time, _AGREE, 3.0)
    title = "landmarks with equal hashes; those of a true match lie on the line of the offset"
    _axes(pen, box, title, "time in the recording, s", "clip, s")


def _dot(
    pen: ImageDraw.ImageDraw, box: Box, x: float, y: float, ink: tuple[int, int, int], size: float
) -> None:
    at_x, at_y = box.point(x, y)
    if box.left <= at_x <= box.right and box.top <= at_y <= box.bottom:
        pen.ellipse((at_x - size, at_y - size, at_x + size, at_y + size), fill=ink)


def _axes(pen: ImageDraw.ImageDraw, box: Box, title: str, below: str, beside: str = "kHz") -> None:
    _text(pen, (box.left, box.top - 24), title, 15)
    for value in _ticks(box.x_from, box.x_to):
        x, _ = box.point(value, box.y_from)
        pen.line((x, box.bottom, x, box.bottom + 5), fill=_INK)
        _text(pen, (x, box.bottom + 7), f"{value:g}", 13, _INK, "ma")
    scale = 1_000.0 if beside == "kHz" else 1.0
    for value in _ticks(box.y_from, box.y_to):
        _, y = box.point(box.x_from, value)
        pen.line((box.left - 5, y, box.left, y), fill=_INK)
        _text(pen, (box.left - 8, y), f"{value / scale:g}", 13, _INK, "rm")
    _text(pen, (box.left - 8, box.top - 10), beside, 13, _GREY, "rs")
    _text(pen, (box.right, box.bottom + 24), below, 13, _GREY, "ra")


def _ticks(first: float, last: float) -> list[float]:
    """Returns four to nine round values between two."""
    rough = max(last - first, 1e-6) / 6
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= rough)
    count = int((last - np.ceil(first / step) * step) / step + 1e-9)
    return [float(round((np.ceil(first / step) + i) * step, 6)) for i in range(count + 1)]


def _text(
    pen: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: int,
    ink: tuple[int, int, int] = _INK,
    anchor: str = "la",
) -> None:
    pen.text(at, text, fill=ink, font=ImageFont.load_default(size), anchor=anchor)
