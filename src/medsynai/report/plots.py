"""The report's pictures: own small SVG functions of plain numbers. Real is filled, synthetic drawn.

Colour never stands alone: real data are solid shapes, synthetic data outlines or darker bars, and
every picture carries its words.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from medsynai.report.markup import Child, Markup, joined
from medsynai.report.rounding import MINUS, figure, share
from medsynai.report.svg import Scale, at, cells, frame, line, path, rect, shade, steps, text

Shares = Sequence[float | None]
Grid = Sequence[Sequence[float | None]]


def range_bar(
    value: float,
    ends: tuple[float, float],
    names: tuple[str, str],
    interval: tuple[float | None, float | None] = (None, None),
    title: str = "",
) -> Markup:
    """Where a figure lies between a poor anchor (left) and a good one (right).

    Args:
        value: the figure.
        ends: the poor and the good anchor.
        names: what the anchors are.
        interval: of the figure.
        title: of the figure.
    """
    width, height, middle = 200.0, 34.0, 9.0
    poor, good = ends
    spread = [v for v in (value, poor, good, *interval) if v is not None]
    sign = 1.0 if good >= poor else -1.0
    across = Scale(min(sign * v for v in spread), max(sign * v for v in spread), 7.0, width - 7.0)

    def place(v: float) -> float:
        return across(sign * v)

    drawn: list[Child] = [line(7, middle, width - 7, middle, "track")]
    drawn.append(line(place(poor), middle, place(good), middle, "span"))
    drawn += [line(place(v), middle - 5, place(v), middle + 5, "anchor") for v in ends]
    low, high = interval
    if low is not None and high is not None:
        drawn.append(line(place(low), middle, place(high), middle, "whisker"))
    x = place(value)
    drawn.append(
        path([(x, middle - 5), (x + 5, middle), (x, middle + 5), (x - 5, middle)], "dot", True)
    )
    drawn += _anchor_words((place(poor), place(good)), names, width)
    between = (f"{n} {figure(v)}" for n, v in zip(names, ends, strict=True))
    return frame(width, height, title, f"{figure(value)}; {' and '.join(between)}", *drawn)


def _anchor_words(
    places: tuple[float, float], names: tuple[str, str], width: float
) -> list[Markup]:
    """Names below their ticks; anchors that lie on one another share one name in the middle."""
    left, right = places
    if abs(right - left) < 90:
        words = f"{names[0]} ≈ {names[1]}" if abs(right - left) < 12 else " · ".join(names)
        middle = min(max((left + right) / 2, 60.0), width - 60.0)
        return [text(middle, 30, words, "tiny", "middle")]
    return [
        text(left, 30, names[0], "tiny", _anchor(left, width)),
        text(right, 30, names[1], "tiny", _anchor(right, width)),
    ]


def _anchor(x: float, width: float) -> str | None:
    if x < 45:
        return None
    return "end" if x > width - 45 else "middle"


def histogram(title: str, edges: Sequence[float], real: Shares, synthetic: Shares) -> Markup:
    """A number's distribution: real as filled area, synthetic as an outline over it.

    Args:
        title: the column.
        edges: bin edges, one more than bins; bins may be of unequal width.
        real: share of the real rows in each bin; None where it is withheld.
        synthetic: the same of the synthetic rows.
    """
    width, height, floor = 280.0, 128.0, 104.0
    wide = [max(b - a, 1e-12) for a, b in pairwise(edges)]
    tall = [[_per(s, w) for s, w in zip(part, wide, strict=True)] for part in (real, synthetic)]
    top = _ceiling(tall)
    across, up = Scale(edges[0], edges[-1], 6, width - 6), Scale(0, top, floor, 20)
    drawn: list[Child] = [text(6, 12, title, "name")]
    hidden = False
    for i, (a, b) in enumerate(pairwise(edges)):
        held = tall[0][i]
        if held is None:
            hidden = True
            drawn.append(rect(across(a), floor - 4, across(b) - across(a), 4, "held"))
        elif held > 0:
            drawn.append(rect(across(a), up(held), across(b) - across(a), floor - up(held), "real"))
    outline = [(across(edges[0]), floor)]
    for i, (a, b) in enumerate(pairwise(edges)):
        level = up(tall[1][i] or 0.0)
        outline += [(across(a), level), (across(b), level)]
    drawn += [path([*outline, (across(edges[-1]), floor)], "synthetic"), *_base(across, floor)]
    return frame(width, height, title, _difference(real, synthetic, hidden), *drawn)


def _per(part: float | None, wide: float) -> float | None:
    return None if part is None else part / wide


def _ceiling(tall: Sequence[Shares]) -> float:
    """Highest bar; one spike (a heavy value) may not flatten all the others."""
    known = sorted(v for part in tall for v in part if v)
    if not known:
        return 1.0
    usual = known[int(0.9 * (len(known) - 1))]
    return min(known[-1], 2.5 * usual)


def _base(across: Scale, floor: float) -> list[Markup]:
    ticks = across.ticks(4)
    drawn = [line(across.start, floor, across.stop, floor, "axis")]
    for tick in ticks:
        x = across(tick)
        drawn.append(line(x, floor, x, floor + 3, "axis"))
        anchor = "end" if x > across.stop - 12 else None if x < across.start + 12 else "middle"
        drawn.append(text(x, floor + 14, short(tick), "tiny", anchor))
    return drawn


def short(value: float) -> str:
    """A tick: as few characters as tell it apart.

    >>> short(0.25), short(1500.0), short(20000.0), short(2500000.0)
    ('0.25', '1,500', '20k', '2.5M')
    """
    size = abs(value)
    if size >= 1e6:
        body = f"{size / 1e6:g}M"
    elif size >= 1e4:
        body = f"{size / 1e3:g}k"
    elif size >= 1:
        body = f"{size:,.10g}"
    else:
        body = f"{size:.3g}"
    return f"{MINUS}{body}" if value < 0 else body


def _difference(real: Shares, synthetic: Shares, hidden: bool) -> str:
    pairs = [(r, s or 0.0) for r, s in zip(real, synthetic, strict=True) if r is not None]
    gap = 0.5 * sum(abs(r - s) for r, s in pairs)
    held = "; bins with few real rows are withheld" if hidden else ""
    return f"Real and synthetic shares differ by {share(gap)} in all{held}"


def levels(title: str, names: Sequence[str], real: Shares, synthetic: Shares) -> Markup:
    """A category's levels: two bars each, real above synthetic."""
    width, row, left = 280.0, 22.0, 112.0
    height = 24 + row * len(names)
    top = max((v for v in (*real, *synthetic) if v is not None), default=1.0) or 1.0
    across = Scale(0, top, left, width - 42)
    drawn: list[Child] = [text(6, 12, title, "name")]
    for i, (name, r, s) in enumerate(zip(names, real, synthetic, strict=True)):
        y = 22 + row * i
        drawn.append(text(left - 6, y + 11, clipped(name, 18), "tiny", "end"))
        if r is not None:
            drawn.append(rect(left, y, across(r) - left, 8, "real"))
        drawn.append(rect(left, y + 9, across(s or 0.0) - left, 8, "syn"))
        farther = max(across(r or 0.0), across(s or 0.0))
        drawn.append(text(farther + 4, y + 12, _level_words(r, s), "tiny"))
    held = any(r is None for r in real)
    return frame(width, height, title, _difference(real, synthetic, held), *drawn)


def _level_words(real: float | None, synthetic: float | None) -> str:
    return f"{share(synthetic)}; real withheld" if real is None else share(synthetic)


def clipped(words: str, most: int) -> str:
    """Words cut to a length, with the cut shown.

    >>> clipped("nursing facility", 8)
    'nursing…'
    """
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def heatmap(title: str, names: Sequence[str], grid: Grid, most: float = 1.0) -> Markup:
    """A square of signed figures from -most (orange) to most (blue); blank where unknown.

    Args:
        title: what the squares are.
        names: of rows and columns.
        grid: the figures, row by row.
        most: the darkest shade.
    """
    side = 240.0
    step = side / max(len(names), 1)
    labelled = len(names) <= 12
    left = 84.0 if labelled else 6.0
    squares = []
    for i, row in enumerate(grid):
        for j, value in enumerate(row):
            kind = None if value is None else shade(value, most)
            if kind:
                squares.append((left + j * step, 20 + i * step, step, step, kind))
    drawn: list[Child] = [text(left, 12, title, "name"), rect(left, 20, side, side, "ground")]
    drawn.append(cells(squares))
    if labelled:
        drawn += [
            text(left - 5, 20 + (i + 0.5) * step + 3, clipped(n, 12), "tiny", "end")
            for i, n in enumerate(names)
        ]
    far = max((abs(v) for row in grid for v in row if v is not None), default=0.0)
    detail = f"{len(names)} by {len(names)} columns; largest figure {figure(far)}"
    return frame(left + side + 6, side + 26, title, detail, *drawn)


def density(title: str, grid: Grid, most: float) -> Markup:
    """Where rows lie on a plane: darker for more rows, blank for few real rows; never a point.

    Args:
        title: whose rows.
        grid: share of rows in each cell, lowest row first; None where withheld.
        most: the share that is darkest.
    """
    side, tall = 240.0, len(grid)
    step_y = side / max(tall, 1)
    squares = []
    for i, row in enumerate(grid):
        step_x = side / max(len(row), 1)
        for j, value in enumerate(row):
            kind = None if not value else shade(value**0.5, most**0.5) or "q1"
            if kind:
                y = 20 + (tall - 1 - i) * step_y
                squares.append((6 + j * step_x, y, step_x, step_y, kind))
    drawn = (text(6, 12, title, "name"), rect(6, 20, side, side, "ground"), cells(squares))
    filled = sum(bool(v) for row in grid for v in row)
    return frame(side + 12, side + 26, title, f"{filled} cells hold rows", *drawn)


def curves(
    title: str,
    real: tuple[Sequence[float], Sequence[float]],
    synthetic: tuple[Sequence[float], Sequence[float]],
    bands: tuple[tuple[Shares, Shares] | None, tuple[Shares, Shares] | None] = (None, None),
    unit: str = "time",
) -> Markup:
    """Two survival curves (times, share still free of the event) with their confidence bands."""
    width, height, floor = 460.0, 250.0, 214.0
    last = max([*real[0], *synthetic[0], 0.0]) or 1.0
    across, up = Scale(0, last, 40, width - 8), Scale(0, 1, floor, 14)
    drawn: list[Child] = []
    for level in (0.0, 0.25, 0.5, 0.75, 1.0):
        drawn.append(line(40, up(level), width - 8, up(level), "grid"))
        drawn.append(text(34, up(level) + 3, f"{level:.2f}".rstrip("0").rstrip("."), "tiny", "end"))
    parts = ((real, bands[0], "real"), (synthetic, bands[1], "synthetic"))
    for (times, alive), band, kind in parts:
        if band is not None:
            drawn.append(_ribbon(times, band, across, up, f"band-{kind}"))
        drawn.append(path(steps(times, alive, across, up), f"{kind}-line"))
    drawn += _base(across, floor)
    drawn.append(text(width - 8, height - 4, unit, "tiny", "end"))
    gap = max_gap(real, synthetic)
    return frame(width, height, title, f"Largest vertical gap {figure(gap)}", *drawn)


def _ribbon(
    times: Sequence[float], band: tuple[Shares, Shares], across: Scale, up: Scale, kind: str
) -> Markup:
    known = [
        (t, lo, hi)
        for t, lo, hi in zip(times, band[0], band[1], strict=True)
        if lo is not None and hi is not None
    ]
    if len(known) < 2:
        return joined([])
    xs = [k[0] for k in known]
    upper = steps(xs, [k[2] for k in known], across, up)
    lower = steps(xs, [k[1] for k in known], across, up)
    return path([*upper, *reversed(lower)], kind, True)


def max_gap(
    one: tuple[Sequence[float], Sequence[float]], other: tuple[Sequence[float], Sequence[float]]
) -> float:
    """The largest vertical distance of two staircases, up to where the shorter one ends.

    >>> max_gap(([0, 1, 2], [1, .5, .2]), ([0, 2], [1, .5]))
    0.5
    """
    end = min(max(one[0], default=0), max(other[0], default=0))
    times = sorted(t for t in {*one[0], *other[0]} if t <= end)
    gaps = [abs(_height(one, t) - _height(other, t)) for t in times]
    return max(gaps, default=0.0)


def _height(curve: tuple[Sequence[float], Sequence[float]], time: float) -> float:
    before = [y for t, y in zip(*curve, strict=True) if t <= time]
    return before[-1] if before else 1.0


def bars(title: str, names: Sequence[str], values: Sequence[float]) -> Markup:
    """One bar a name, longest first as given; for "what gives it away"."""
    width, row, left = 460.0, 20.0, 150.0
    across = Scale(0, max(values, default=1.0) or 1.0, left, width - 60)
    drawn: list[Child] = []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        y = 4 + row * i
        drawn.append(text(left - 6, y + 11, clipped(name, 22), "small", "end"))
        drawn.append(rect(left, y + 2, across(value) - left, 12, "syn"))
        drawn.append(text(across(max(value, 0)) + 5, y + 11, figure(value), "small"))
    return frame(width, 8 + row * len(names), title, f"{len(names)} columns", *drawn)


__all__ = [
    "at",
    "bars",
    "clipped",
    "curves",
    "density",
    "heatmap",
    "histogram",
    "levels",
    "max_gap",
    "range_bar",
    "short",
]


def scatter(title: str, x: Sequence[float], y: Sequence[float], names: tuple[str, str]) -> Markup:
    """Shares against shares on log scales, with the diagonal on which both are equal.

    Args:
        title: of the picture.
        x: shares above 0.
        y: shares; 0 is drawn at the lower edge.
        names: of the axes.
    """
    width, left, top, floor = 300.0, 52.0, 20.0, 262.0
    known = [v for v in (*x, *y) if v > 0]
    low = math.log10(min(known, default=1e-3)) - 0.2
    high = math.log10(max(known, default=1.0)) + 0.1
    across, up = Scale(low, high, left, width - 8), Scale(low, high, floor, top)

    def place(value: float) -> float:
        return math.log10(value) if value > 0 else low

    squares = [
        (across(place(a)) - 1.5, up(place(b)) - 1.5, 3, 3, "syn") for a, b in zip(x, y, strict=True)
    ]
    drawn: list[Child] = [text(6, 12, title, "name"), line(left, floor, width - 8, top, "anchor")]
    drawn += [line(left, floor, width - 8, floor, "axis"), line(left, top, left, floor, "axis")]
    for tick in range(math.ceil(low), math.floor(high) + 1):
        words = share(10.0**tick)
        drawn.append(text(across(tick), floor + 14, words, "tiny", "middle"))
        drawn.append(text(left - 4, up(tick) + 3, words, "tiny", "end"))
    drawn += [cells(squares), text(width - 8, floor + 30, names[0], "tiny", "end")]
    drawn.append(text(left + 4, top + 8, names[1], "tiny"))
    return frame(width, floor + 36, title, f"{len(x)} points", *drawn)
