"""Line charts as SVG: small, and a change of a figure is a change of a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 760, 430
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 40, 60
_INKS = ("#d1495b", "#00798c", "#edae49", "#66a182", "#2e4057", "#8d6a9f", "#444444")


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a chart.

    Attributes:
        title: what it shows.
        ticks: (value, label); the first and the last are its ends.
        place: maps a value to where it is drawn evenly, such as a logarithm.
    """

    title: str
    ticks: Sequence[tuple[float, str]]
    place: Callable[[float], float] = float

    def along(self, value: float) -> float:
        """Returns where a value lies between the ends, 0 to 1; values beyond lie on the end."""
        first, last = self.place(self.ticks[0][0]), self.place(self.ticks[-1][0])
        clipped = min(max(value, self.ticks[0][0]), self.ticks[-1][0])
        return (self.place(clipped) - first) / (last - first)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    Attributes:
        name: as the legend says.
        points: (x, y).
        ranges: (x, low, high) of a bar through each point; may be empty.
        dashed: for what is drawn to compare with.
    """

    name: str
    points: Sequence[tuple[float, float]]
    ranges: Sequence[tuple[float, float, float]] = field(default_factory=tuple)
    dashed: bool = False


def chart(title: str, across: Axis, up: Axis, lines: Sequence[Line]) -> str:
    """Returns the chart as an SVG document."""
    width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def x(value: float) -> float:
        return round(_LEFT + across.along(value) * width, 1)

    def y(value: float) -> float:
        return round(_TOP + (1 - up.along(value)) * height, 1)

    frame = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fcfcfa"/>',
        _text(_LEFT, 22, title, "start", 15),
        _text(_LEFT + width / 2, HEIGHT - 14, across.title),
        f'<g transform="rotate(-90)">{_text(-(_TOP + height / 2), 16, up.title)}</g>',
    ]
    for value, label in across.ticks:
        parts += [_stroke(x(value), _TOP, x(value), _TOP + height)]
        parts += [_text(x(value), _TOP + height + 18, label)]
    for value, label in up.ticks:
        parts += [_stroke(_LEFT, y(value), _LEFT + width, y(value))]
        parts += [_text(_LEFT - 6, y(value) + 4, label, "end")]
    for number, line in enumerate(lines):
        ink = _INKS[number % len(_INKS)]
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        points = " ".join(f"{x(a)},{y(b)}" for a, b in line.points)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="2"{dash}/>'
        )
        parts += [_stroke(x(a), y(low), x(a), y(high), ink) for a, low, high in line.ranges]
        beside, level = WIDTH - _RIGHT + 16, _TOP + 12 + 20 * number
        parts.append(
            f'<line x1="{beside}" y1="{level - 4}" x2="{beside + 22}" y2="{level - 4}" '
            f'stroke="{ink}" stroke-width="2"{dash}/>'
        )
        parts.append(_text(beside + 28, level, line.name, "start"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, anchor: str = "middle", size: int = 12) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
    )


def _stroke(x1: float, y1: float, x2: float, y2: float, ink: str = "#e2e2e0") -> str:
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{ink}"/>'
