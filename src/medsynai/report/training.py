"""The report's chapter on how training went: who competed, the curves of a network, and alarms."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from medsynai.report.evidence import Evidence
from medsynai.report.exhibits import draw
from medsynai.report.markup import NOTHING, Child, Markup, definitions, joined, paragraph, tag
from medsynai.report.plots import short
from medsynai.report.rounding import count, figure, plain
from medsynai.report.svg import Scale, frame, line, path, text
from medsynai.report.words import label

OF_TRAINING = ("candidates", "film")  # exhibits of this chapter
ANCHOR, HEADING = "training", "How training went"
AXIS, COPIES = "rounds", "copies"
LOSSES = {"train": "train rows", "held": "held-out train rows"}  # in one picture
KNOWN = ("rounds", "ended", "healthy", "restarts", "losses", "order")
KINDS = ("synthetic-line", "real-line")
SERIES = {
    "train": "Loss on train rows",
    "held": "Distance to held-out train rows",
    "tvd": "Marginals: mean TVD to the train rows",
    "marginals": "Marginals: mean TVD to the train rows",
    "coverage": "Coverage: share of levels that are drawn",
    "covered": "Coverage: real images with a drawn one near",
    "variety": "Variety: Vendi score over that of real images",
    "near": "Drawn images close to a train image",
    "precision": "Precision: drawn rows that look real",
    "recall": "Recall: real rows that are reached",
    "generator": "Loss of the generator",
    "critic": "Loss of the critic on the same rows",
}

Line = tuple[str, Sequence[float | None]]


def training(evidence: Evidence) -> Markup:
    """The chapter; nothing where neither a contest nor a network was."""
    facts = evidence.model.training if evidence.model else {}
    rivals, film = map(evidence.shown.exhibits.get, OF_TRAINING)
    if not (facts.get("losses") or rivals or film):
        return NOTHING
    parts: list[Child] = []
    if rivals:
        parts += [tag("h3", "The models that competed"), paragraph(CONTEST)]
        parts += [draw("candidates", rivals, "Lower loss is better")]
    if facts.get("losses"):
        parts += [tag("h3", "The network's curves"), *_told(facts), *_pictures(facts["losses"])]
        more = [(_capital(label(k)), plain(v)) for k, v in facts.items() if k not in KNOWN and v]
        parts += [definitions([(k, v) for k, v in more])] if more else []
    if film:
        parts += [tag("h3", "What it painted meanwhile"), paragraph(FILM), draw("film", film)]
    return tag("section", tag("h2", HEADING), *parts, id_=ANCHOR)


FILM = "Each line is painted from the same noise, the classes by turns, as the network was by then."
CONTEST = (
    "Each was fitted to an inner split of the train rows and judged by rows of other patients, "
    "never by the holdout. The loss is the mean of what tells its rows from real ones (pairwise "
    "total variation distance, detection, lost usefulness), plus what it gives away beyond chance."
)


def _told(facts: Mapping[str, Any]) -> list[Markup]:
    """How it ended, in words."""
    marks = facts["losses"]
    ended = str(facts.get("ended") or "").rstrip(".")
    said = f"Training ended after {count(facts.get('rounds'))} rounds: {ended}."
    if restarts := int(facts.get("restarts") or 0):
        times = "twice" if restarts > 1 else "once"
        said += (
            f" It diverged before its first look and began anew {times} at a tenth of the learning "
            "rate, with other first weights."
        )
    held = [(bool(m.get(COPIES)), m["held"], m[AXIS]) for m in marks if _known(m.get("held"))]
    if held:
        copying, least, at = min(held)
        said += _copied(sum(bool(m.get(COPIES)) for m in marks), len(marks), copying)
        said += (
            f" The held-out loss was least at round {count(at)} ({figure(least)}); those weights "
            "draw the rows. What is held out here are train patients, never the holdout."
        )
    if facts.get("healthy", True):
        return [paragraph(said)]
    alarm = f"An alarm ended training early, and the last good weights were kept: {ended}."
    return [paragraph(alarm, kind="caution"), paragraph(said)]


def _copied(looks: int, of: int, kept: bool) -> str:
    """How often weights copied, and what became of them; "" where they never did."""
    if not looks:
        return ""
    when = "At every look" if looks == of else f"At {count(looks)} of {count(of)} looks"
    done = (
        "no weights without that were found, and those of the least loss draw: read near copies"
        if kept
        else "such weights were not kept"
    )
    return f" {when} more images were like one train image than chance explains; {done}."


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _pictures(marks: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """One picture for the losses, and one for every other figure that was written down."""
    keys = list(dict.fromkeys(k for m in marks for k in m if k not in (AXIS, COPIES)))
    found = {k: [m.get(k) if _known(m.get(k)) else None for m in marks] for k in keys}
    shown = {k: values for k, values in found.items() if any(v is not None for v in values)}
    at = [float(m[AXIS]) for m in marks]
    drawn = []
    if "coverage" not in shown:  # against a critic the two losses are of different units
        both = [(words, shown.pop(key)) for key, words in LOSSES.items() if key in shown]
        drawn = [trend("Loss", at, both)] if both else []
    for key, values in shown.items():
        drawn.append(trend(SERIES.get(key, _capital(label(key))), at, [("", values)]))
    return [tag("div", *drawn, class_="pictures")]


def trend(title: str, at: Sequence[float], lines: Sequence[Line]) -> Markup:
    """Figures over the rounds, a line each, named at the foot where there are two.

    Args:
        title: what they measure.
        at: (looks,) rounds.
        lines: names and (looks,) figures; None where there is none. Two at most.
    """
    width, height, floor, left = 280.0, 150.0, 120.0, 40.0
    known = [v for _, ys in lines for v in ys if v is not None]
    low, high = min(known), max(known)
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    across = Scale(min(at), max(at), left, width - 8)
    up = Scale(low - pad, high + pad, floor, 22)
    drawn: list[Child] = [text(6, 12, title, "name")]
    for tick in up.ticks(4):
        drawn.append(line(left, up(tick), width - 8, up(tick), "grid"))
        drawn.append(text(left - 4, up(tick) + 3, short(tick), "tiny", "end"))
    drawn.append(line(left, floor, width - 8, floor, "axis"))
    for tick in across.ticks(4):
        x = across(tick)
        drawn.append(
            text(x, floor + 13, short(tick), "tiny", "end" if x > width - 24 else "middle")
        )
    drawn.append(text(left - 6, floor + 13, AXIS, "tiny", "end"))
    for (_, ys), kind in zip(lines, KINDS, strict=False):
        points = [(across(x), up(y)) for x, y in zip(at, ys, strict=True) if y is not None]
        if len(points) == 1:  # one look: a dash, as a line of no length is not seen
            points = [(points[0][0] + aside, points[0][1]) for aside in (-4, 4)]
        drawn.append(path(points, kind))
    named = [name for name, _ in lines if name]
    if named:
        drawn.append(_legend(named, left, height - 4))
    ends = "; ".join(_ends(name, ys) for name, ys in lines)
    return frame(width, height, title, ends, *drawn)


def _legend(names: Sequence[str], left: float, y: float) -> Markup:
    """Short strokes with their names, along the foot."""
    drawn: list[Child] = []
    x = left
    for name, kind in zip(names, KINDS, strict=False):
        drawn += [line(x, y - 3, x + 14, y - 3, kind), text(x + 18, y, name, "tiny")]
        x += 30 + 5.2 * len(name)
    return joined(drawn)


def _ends(name: str, ys: Sequence[float | None]) -> str:
    known = [y for y in ys if y is not None]
    return f"{name or 'figure'}: from {figure(known[0])} to {figure(known[-1])}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
