"""The frontier as a page: one picture a figure, a line a model, and the table behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medsynai.report.html import page
from medsynai.report.markup import Child, Markup, paragraph, table, tag
from medsynai.report.rounding import figure, interval
from medsynai.report.svg import Scale, frame, line, path, rect, text

FIGURES = {
    "tvd_pairs": "Pairs of columns: total variation distance (lower is better)",
    "tstr_auroc": "Trained on synthetic, tested on real: AUROC (higher is better)",
    "c2st": "Telling synthetic from real rows: AUC (.5 is best)",
    "membership_auc": "Membership, strongest attack: AUC (.5 is guessing)",
    "membership_tpr_1": "Train rows found at 1 % false alarms",
    "membership_tpr_10": "Train rows found at 10 % false alarms",
}
NONE = "none"


@dataclass(frozen=True)
class Point:
    """A figure of a model at an epsilon (None: without), over `n` seeds."""

    model: str
    epsilon: float | None
    name: str
    value: float
    low: float | None
    high: float | None
    n: int


def frontier_page(points: Sequence[Point], left: int, anchors: Mapping[str, float]) -> str:
    """The text of frontier.html.

    Args:
        points: every figure.
        left: cells that were not made.
        anchors: what as many real rows that no model saw score, by figure.
    """
    models = list(dict.fromkeys(p.model for p in points))
    drawn = [
        tag("section", tag("h2", words), tag("div", picture, class_="wide"))
        for name, words in FIGURES.items()
        if (mine := [p for p in points if p.name == name])
        for picture in (_picture(words, mine, models, anchors.get(name)),)
    ]
    top = tag(
        "header",
        paragraph("Internal: computed on real rows, not paid for, must not leave", kind="kicker"),
        tag("h1", "Privacy against use"),
        paragraph(
            "Each picture has one figure by epsilon, for every model: to the left more privacy, to "
            "the right less; none is a release without protection. Lines need two epsilons, "
            "intervals two seeds. Each seed has a split of its own. The level line is what as many "
            "real rows score that no model saw."
        ),
        paragraph(f"{left} cells were left when the time was over.") if left else None,
    )
    return page("Privacy against use", top, tag("main", *drawn, _table(points)))


def _picture(
    title: str, points: Sequence[Point], models: Sequence[str], anchor: float | None
) -> Markup:
    """Epsilons side by side in their order; none, the least private, at the right."""
    width, floor, left = 460.0, 200.0, 46.0
    steps = sorted({p.epsilon for p in points}, key=lambda e: float("inf") if e is None else e)
    values = [v for p in points for v in (p.value, p.low, p.high, anchor) if v is not None]
    across, up = Scale(-0.3, len(steps) - 0.7, left, width - 90), Scale(0, 1, floor, 12)
    spread = Scale(min(values), max(values), 0.05, 0.95)
    drawn: list[Child] = [line(left, floor, width - 90, floor, "axis")]
    for tick in Scale(min(values), max(values), 0, 1).ticks(4):
        drawn.append(line(left, up(spread(tick)), width - 90, up(spread(tick)), "grid"))
        drawn.append(text(left - 5, up(spread(tick)) + 3, f"{tick:g}", "tiny", "end"))
    for i, epsilon in enumerate(steps):
        words = NONE if epsilon is None else f"{epsilon:g}"
        drawn.append(text(across(i), floor + 14, words, "tiny", "middle"))
    drawn.append(text(width - 90, floor + 28, "epsilon", "tiny", "end"))
    names: list[tuple[float, float, str]] = []
    if anchor is not None:
        drawn.append(line(left, up(spread(anchor)), width - 90, up(spread(anchor)), "real-line"))
        names.append((width - 87, up(spread(anchor)) + 3, "real holdout"))
    for number, model in enumerate(models):
        mine = sorted((steps.index(p.epsilon), p) for p in points if p.model == model)
        shift = 0.06 * (number - (len(models) - 1) / 2)
        places = [(across(i + shift), up(spread(p.value))) for i, p in mine]
        kind = ("synthetic-line", "real-line")[number % 2]
        drawn.append(path(places, kind)) if len(places) > 1 else None
        for (x, y), (_, p) in zip(places, mine, strict=True):
            drawn.append(rect(x - 2.5, y - 2.5, 5, 5, "syn" if number % 2 == 0 else "real"))
            if p.low is not None and p.high is not None:
                drawn.append(line(x, up(spread(p.low)), x, up(spread(p.high)), "whisker"))
        if places:
            names.append((places[-1][0] + 7, places[-1][1] + 3, model))
    drawn += [text(x, y, words, "tiny") for x, y, words in _apart(names)]
    return frame(width, floor + 34, title, f"{len(models)} models, {len(steps)} epsilons", *drawn)


def _apart(names: Sequence[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Names from the top down, none written over another (x, y, words)."""
    found: list[tuple[float, float, str]] = []
    for x, y, words in sorted(names, key=lambda n: n[1]):
        near = [b for a, b, w in found if a < x + 6 * len(words) and x < a + 6 * len(w)]
        found.append((x, max([y, *(b + 11 for b in near)]), words))
    return found


def _table(points: Sequence[Point]) -> Markup:
    head = ("Figure", "Model", "Epsilon", "Mean", "95 % interval over seeds", "Seeds")
    rows = [
        (
            FIGURES[p.name],
            p.model,
            NONE if p.epsilon is None else f"{p.epsilon:g}",
            figure(p.value),
            interval(p.low, p.high),
            str(p.n),
        )
        for p in points
    ]
    return tag("section", tag("h2", "All figures"), table(head, rows, "Every point", range(2, 6)))
