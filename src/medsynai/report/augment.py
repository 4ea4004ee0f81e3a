"""The augmentation study as a page: verdicts, a picture a size, and the tables behind them."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from medsynai.evaluate.arms import MAIN, Arm, Difference, Outcome
from medsynai.report.html import page
from medsynai.report.markup import Child, Markup, bullets, paragraph, table, tag
from medsynai.report.rounding import count, figure, interval
from medsynai.report.svg import Scale, frame, line, rect, text

SAID = (
    "Duplicated, classic and synthetic records are added in the same number, and trained on for as "
    "long: what duplicating the real records gains is no merit of synthetic ones. The ratio was "
    "chosen by validation patients; the holdout chose nothing. Intervals are over "
    "draws of train patients, for this one holdout."
)
WORDS = {MAIN: "AUROC", "brier": "Brier score"}


def augment_page(
    outcomes: Sequence[Outcome], found: Sequence[Difference], said: Sequence[str], unit: str
) -> str:
    """The text of study.html."""
    sizes = list(dict.fromkeys(o.size for o in outcomes))
    top = tag(
        "header",
        paragraph("Internal: figures on real patients; no budget covers them", kind="kicker"),
        tag("h1", "Does it help to add synthetic records?"),
        bullets(said),
        paragraph(SAID),
    )
    parts = [
        tag(
            "section",
            tag("h2", f"{_named(size, unit)} at hand"),
            tag("div", _picture(size, outcomes, unit), class_="wide"),
            _figures([o for o in outcomes if o.size == size], _named(size, unit)),
            _ratios([o for o in outcomes if o.size == size], _named(size, unit)),
        )
        for size in sizes
    ]
    return page("Augmentation study", top, tag("main", *parts, _differences(found, unit)))


def _named(size: int | None, unit: str) -> str:
    return f"all {unit}" if size is None else f"{size} {unit} a class"


def _spread(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Mean and 95 % interval over seeds (Student's t); none of a single one."""
    kept = np.array([v for v in values if math.isfinite(v)])
    if not len(kept):
        return math.nan, None, None
    mean, n = float(kept.mean()), len(kept)
    if n < 2:
        return mean, None, None
    half = float(student.ppf(0.975, n - 1) * kept.std(ddof=1) / math.sqrt(n))
    return mean, mean - half, mean + half


def _by_arm(outcomes: Sequence[Outcome]) -> dict[Arm, list[Outcome]]:
    return {
        arm: mine for arm in Arm if (mine := [o for o in outcomes if o.arm is arm and o.chosen])
    }


def _picture(size: int | None, outcomes: Sequence[Outcome], unit: str) -> Markup:
    """Mean AUROC of each arm with its interval, one below another."""
    arms = _by_arm([o for o in outcomes if o.size == size])
    drawn = {arm: _spread([o.figures[MAIN] for o in mine]) for arm, mine in arms.items()}
    ends = [v for spread in drawn.values() for v in spread if v is not None and math.isfinite(v)]
    if not ends:
        return paragraph("No arm could be tried.")
    width, left, row = 560.0, 150.0, 24.0
    across = Scale(min(ends), max(ends), left + 10, width - 60)
    floor = 10 + row * len(drawn)
    shapes: list[Child] = []
    for tick in across.ticks(4):
        shapes.append(line(across(tick), 6, across(tick), floor, "grid"))
        shapes.append(text(across(tick), floor + 14, f"{tick:g}", "tiny", "middle"))
    for i, (arm, (mean, low, high)) in enumerate(drawn.items()):
        y = 6 + row * (i + 0.5)
        shapes.append(text(left, y + 4, arm.value, "tiny", "end"))
        if low is not None and high is not None:
            shapes.append(line(across(low), y, across(high), y, "whisker"))
        kind = "real" if arm in (Arm.REAL, Arm.DUPLICATED, Arm.CLASSIC) else "syn"
        shapes.append(rect(across(mean) - 3, y - 3, 6, 6, kind))
        shapes.append(text(width - 4, y + 4, figure(mean), "tiny", "end"))
    title = f"AUROC on the holdout, {_named(size, unit)}"
    return frame(width, floor + 22, title, "mean and 95 % interval over seeds", *shapes)


def _figures(outcomes: Sequence[Outcome], caption: str) -> Markup:
    arms = _by_arm(outcomes)
    names = list(dict.fromkeys(n for o in outcomes for n in o.figures))
    rows = [
        (
            arm.value,
            figure(float(np.mean([o.ratio for o in mine]))),
            count(round(np.mean([o.fitted for o in mine]))),
            *(figure(_spread([o.figures[n] for o in mine])[0]) for n in names),
        )
        for arm, mine in arms.items()
    ]
    head = ("Trained on", "Ratio added", "Records", *(WORDS.get(n, n) for n in names))
    return table(head, rows, f"Means over seeds, {caption}", range(1, len(head)))


def _ratios(outcomes: Sequence[Outcome], caption: str) -> Markup:
    mixed = [o for o in outcomes if o.arm is Arm.MIXED]
    rows = []
    for ratio in sorted({o.ratio for o in mixed}):
        mine = [o for o in mixed if o.ratio == ratio]
        seen = _spread([o.validated for o in mine])[0]
        mean, low, high = _spread([o.figures[MAIN] for o in mine])
        times = str(sum(o.chosen for o in mine))
        rows.append((f"{ratio:g}", figure(seen), times, figure(mean), interval(low, high)))
    head = ("Ratio", "AUROC on validation", "Times chosen", "AUROC on the holdout", "95 % interval")
    return table(head, rows, f"Real and synthetic by ratio, {caption}", range(1, 5))


def _differences(found: Sequence[Difference], unit: str) -> Markup:
    rows = [
        (
            _named(d.size, unit),
            d.arm.value,
            d.against.value,
            figure(d.value),
            interval(d.low, d.high),
            figure(d.p),
            str(d.seeds),
        )
        for d in found
    ]
    head = ("At hand", "Arm", "Against", "AUROC gained", "95 % interval", "p (Holm)", "Seeds")
    caption = "Paired by seed; p corrected for every line of this table (Holm 1979)"
    return tag("section", tag("h2", "Differences"), table(head, rows, caption, range(3, 7)))
