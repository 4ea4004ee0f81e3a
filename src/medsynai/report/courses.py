"""Series as pictures: the middle half of real and synthetic ones, and some synthetic ones."""

from typing import Any

from medsynai.report.markup import Child, Markup, joined, paragraph, tag
from medsynai.report.plots import short
from medsynai.report.svg import Scale, frame, line, path, text

WIDTH, HEIGHT, FLOOR = 460.0, 190.0, 160.0
_SAID = (
    "Bands hold the middle half of the series at each step, the thick lines their medians; thin "
    "lines are single synthetic series. No real series is drawn, and no band of fewer than 44 "
    "real patients."
)
_PATIENTS = (
    "Bands hold the middle half of patients' numbers at each time, the thick lines their medians; "
    "thin lines are single synthetic patients, straight on where they have no number. No real "
    "patient is drawn, and no band of fewer than 44."
)


def courses(exhibit: list[dict[str, Any]]) -> Markup:
    """A picture for each entry of a "courses" exhibit."""
    drawn = [_picture(entry) for entry in exhibit]
    said = _PATIENTS if any("axis" in entry for entry in exhibit) else _SAID
    return joined([tag("div", *drawn, class_="pictures"), paragraph(said, kind="note")])


def _picture(entry: dict[str, Any]) -> Markup:
    bands = [("real", entry["real"]), ("synthetic", entry["synthetic"])]
    told = [(kind, band) for kind, band in bands if band]
    values = [v for _, band in told for v in (*band["low"], *band["high"])]
    values += [v for one in entry["drawn"] for v in one]
    across = Scale(entry["step"][0], entry["step"][-1], 48, WIDTH - 8)
    up = Scale(min(values), max(values), FLOOR, 22)
    parts: list[Child] = [text(48, 12, str(entry["title"]), "name")]
    for tick in up.ticks(4):
        parts.append(line(48, up(tick), WIDTH - 8, up(tick), "grid"))
        parts.append(text(42, up(tick) + 3, short(tick), "tiny", "end"))
    for tick in across.ticks():
        parts.append(text(across(tick), FLOOR + 14, short(tick), "tiny", "middle"))
    parts.append(text(WIDTH - 8, HEIGHT - 2, str(entry.get("axis", "step")), "tiny", "end"))

    def through(ys: list[float]) -> list[tuple[float, float]]:
        return [(across(x), up(y)) for x, y in zip(entry["step"], ys, strict=True)]

    for kind, band in told:
        edge = [*through(band["high"]), *reversed(through(band["low"]))]
        parts.append(path(edge, f"band-{kind}", True))
        parts.append(path(through(band["middle"]), f"{kind}-line"))
    parts += [path(through(one), "synthetic") for one in entry["drawn"]]
    detail = "medians and middle halves" if entry["real"] else "synthetic series only"
    return frame(WIDTH, HEIGHT, str(entry["title"]), detail, *parts)
