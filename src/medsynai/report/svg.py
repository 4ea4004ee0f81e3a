"""Scales, shapes and frames for small inline SVG pictures. Reproducible: plain text, no clock."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medsynai.report.markup import Child, Markup, joined, tag


@dataclass(frozen=True)
class Scale:
    """A straight map from data to pixels: `low` lands on `start`, `high` on `stop`.

    >>> Scale(0, 10, 100, 200)(5)
    150.0
    """

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Where a value lies; values outside the data range are held at its ends."""
        span = self.high - self.low
        part = 0.5 if span == 0 else (value - self.low) / span
        return self.start + min(max(part, 0.0), 1.0) * (self.stop - self.start)

    def ticks(self, most: int = 5) -> tuple[float, ...]:
        """Round numbers within the data range, at most `most` + 1 of them.

        >>> Scale(0, 1, 0, 100).ticks(), Scale(3, 3, 0, 1).ticks()
        ((0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (3,))
        """
        span = self.high - self.low
        # A range that floats can hardly tell apart has no round numbers inside.
        if span <= 1e-12 * max(abs(self.low), abs(self.high), 1e-280):
            return (self.low,)
        rough = span / most
        power = 10.0 ** _floor_log(rough)
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        found = (float(f"{i * step:.12g}") for i in range(first, last + 1))
        return tuple(dict.fromkeys(found)) or (self.low,)


def _floor_log(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])


def at(value: float) -> str:
    """A coordinate: tenths of a pixel are enough, and keep the file small.

    >>> at(12.04), at(3.0), at(-0.01)
    ('12', '3', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def frame(width: float, height: float, title: str, detail: str, *children: Child) -> Markup:
    """A picture with a name and a description for those who do not see it."""
    return tag(
        "svg",
        tag("title", title),
        tag("desc", detail),
        *children,
        viewBox=f"0 0 {at(width)} {at(height)}",
        width=at(width),
        height=at(height),
        role="img",
        aria_label=f"{title}. {detail}",
    )


def rect(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    """A bar."""
    size = {"x": at(x), "y": at(y), "width": at(max(width, 0)), "height": at(max(height, 0))}
    return tag("rect", class_=kind, **size)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """A straight line."""
    return tag("line", x1=at(x1), y1=at(y1), x2=at(x2), y2=at(y2), class_=kind)


def text(x: float, y: float, words: str, kind: str = "", anchor: str | None = None) -> Markup:
    """Words at a point; `anchor` is start (the default), middle or end."""
    return tag("text", words, x=at(x), y=at(y), class_=kind or None, text_anchor=anchor)


def path(points: Iterable[tuple[float, float]], kind: str, closed: bool = False) -> Markup:
    """A line through points."""
    steps = " ".join(f"{at(x)} {at(y)}" for x, y in points)
    return tag("path", d=f"M{steps}{'Z' if closed else ''}", class_=kind)


def steps(
    xs: Sequence[float], ys: Sequence[float], across: Scale, up: Scale
) -> list[tuple[float, float]]:
    """A right-continuous staircase through (xs, ys), in pixels."""
    corners: list[tuple[float, float]] = []
    for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
        if i:
            corners.append((across(x), up(ys[i - 1])))
        corners.append((across(x), up(y)))
    return corners


def cells(squares: Iterable[tuple[float, float, float, float, str]]) -> Markup:
    """Many rectangles (x, y, width, height, kind): one path a kind, which keeps a map small."""
    drawn: dict[str, list[str]] = {}
    for x, y, width, height, kind in squares:
        step = f"M{at(x)} {at(y)}h{at(width)}v{at(height)}h{at(-width)}z"
        drawn.setdefault(kind, []).append(step)
    return joined(tag("path", d="".join(d), class_=kind) for kind, d in sorted(drawn.items()))


def shade(value: float, most: float) -> str | None:
    """The class of a cell on a map from -most to most: q1..q9 above zero, m1..m9 below.

    >>> shade(0.9, 1.0), shade(-0.2, 1.0), shade(0.01, 1.0)
    ('q8', 'm2', None)
    """
    if most <= 0:
        return None
    level = min(round(abs(value) / most * 9), 9)
    if level == 0:
        return None
    return f"{'q' if value > 0 else 'm'}{level}"
