"""One way to write a number, so that figures of one kind line up and none pretends to precision."""

import math
import re

ABSENT = "—"  # an em dash: the reader's "no figure here"
MINUS = "\u2212"
SPAN = re.compile(r"-?\d[\d.,]*( to -?\d[\d.,]*)?")


def figure(value: float | None) -> str:
    """A score: three decimals below ten, fewer above, whole counts as counts.

    >>> figure(0.0534), figure(-1e-9), figure(123.456), figure(12), figure(None)
    ('0.053', '0.000', '123.5', '12', '—')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    if isinstance(value, int):
        return count(value)
    size = abs(value)
    decimals = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def interval(low: float | None, high: float | None) -> str:
    """An interval with both ends in one precision; a one-sided one says so.

    >>> interval(0.05, 0.0612), interval(None, 0.02), interval(None, None)
    ('0.050 to 0.061', 'up to 0.020', '—')
    """
    if low is None and high is None:
        return ABSENT
    if low is None:
        return f"up to {figure(high)}"
    if high is None:
        return f"from {figure(low)}"
    return f"{figure(low)} to {figure(high)}"


def count(value: int | None) -> str:
    """A number of things.

    >>> count(9105), count(None)
    ('9,105', '—')
    """
    return ABSENT if value is None else f"{value:,d}".replace("-", MINUS)


def share(value: float | None) -> str:
    """A share of a whole as a percentage.

    >>> share(0.1234), share(0.0), share(0.0001), share(None)
    ('12.3 %', '0 %', '< 0.1 %', '—')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0 %"
    if 0 < value < 0.0005:
        return "< 0.1 %"
    return f"{100 * value:.1f} %".replace("-", MINUS)


def seconds(value: float) -> str:
    """A duration.

    >>> seconds(0.42), seconds(75.2)
    ('0.4 s', '1 min 15 s')
    """
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {round(value % 60):d} s"


def plain(value: object) -> str:
    """Any plain value of an exhibit or a setting in a table's cell.

    >>> plain(True), plain(None), plain(0.5), plain(["a", "b"]), plain("x")
    ('yes', '—', '0.500', 'a, b', 'x')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ABSENT
    if isinstance(value, int | float):
        return figure(value)
    if isinstance(value, list | tuple):
        if not value:
            return "none"
        return ", ".join(plain(v) for v in value)
    if isinstance(value, dict):
        return "; ".join(f"{k}: {plain(v)}" for k, v in value.items())
    words = str(value)
    return words.replace("-", MINUS) if is_figure(words) else words


def is_figure(value: object) -> bool:
    """Whether a value is set as a figure: a number, an absent one, or an interval in words.

    >>> is_figure(0.5), is_figure(None), is_figure("-0.2 to 0.4"), is_figure("2-4 days")
    (True, True, True, False)
    """
    if isinstance(value, str):
        return SPAN.fullmatch(value) is not None
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
