"""Synthetic patients as lanes of events over time; what each mark is stands in its own title."""

from typing import Any

from medsynai.report.markup import Child, Markup, joined, paragraph, tag
from medsynai.report.plots import short
from medsynai.report.svg import Scale, at, frame, line, text

WIDTH, LEFT, LANE, TOP = 560.0, 110.0, 20.0, 26.0
RIGHT = 24.0  # half of the last number lies there
OPEN = 4  # patients that are shown at once
LETTERS = 16  # of a lane's name
_SAID = (
    "All of them synthetic. A mark is an event, a bar a visit; a pointer that rests on one tells "
    "what it is. The first patients of the release, not chosen."
)


def timelines(exhibit: list[dict[str, Any]]) -> Markup:
    """A picture for each patient of a "timelines" exhibit; all but the first behind a line."""
    drawn = [tag("div", _life(one), class_="wide") for one in exhibit]
    more = None
    if drawn[OPEN:]:
        summary = tag("summary", f"{len(drawn) - OPEN} more patients")
        more = tag("details", summary, *drawn[OPEN:])
    return joined([*drawn[:OPEN], more, paragraph(_SAID, kind="note")])


def _life(life: dict[str, Any]) -> Markup:
    first = min([0.0, *(v for lane in life["lanes"] for v in lane["at"])])
    across = Scale(first, max(life["span"], first + 1e-9), LEFT, WIDTH - RIGHT)
    floor = TOP + LANE * len(life["lanes"])
    parts: list[Child] = [text(0, 12, str(life["title"]), "name")]
    for tick in across.ticks(6):
        parts.append(line(across(tick), TOP - 4, across(tick), floor, "grid"))
        parts.append(text(across(tick), floor + 13, short(tick), "tiny", "middle"))
    for number, lane in enumerate(life["lanes"]):
        parts += _lane(lane, across, TOP + LANE * number)
    left = f"; {life['more']} more events are not drawn" if life["more"] else ""
    parts.append(
        text(WIDTH - RIGHT, floor + 26, f"{life['unit']} since the beginning{left}", "tiny", "end")
    )
    return frame(WIDTH, floor + 30, str(life["title"]), f"{len(life['lanes'])} lanes", *parts)


def _lane(lane: dict[str, Any], across: Scale, y: float) -> list[Child]:
    parts: list[Child] = [text(0, y + 13, str(lane["name"])[:LETTERS], "tiny")]
    ends = lane.get("until", lane["at"])
    for start, end, said in zip(lane["at"], ends, lane["said"], strict=True):
        wide = max(across(end) - across(start), 2.0)
        kind = "band-synthetic" if "until" in lane else "dot"
        shape = {"x": at(across(start)), "y": at(y + 3), "width": at(wide), "height": at(LANE - 7)}
        parts.append(tag("rect", tag("title", f"{short(start)}: {said}"), class_=kind, **shape))
    return parts
