"""Are all protected groups served alike? Fidelity, utility and representation, group by group."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medsynai.data.table import Table
from medsynai.errors import AssessmentError
from medsynai.evaluate.encode import Encoding, Floats
from medsynai.evaluate.fidelity import mean_distance
from medsynai.evaluate.groups import LEAST, Group, protected_groups
from medsynai.evaluate.interval import Rows, Z
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.evaluate.sides import MIN_ROWS, Sides, compare, take_sides, unassessed
from medsynai.evaluate.tasks import MIN_CLASS, task_of
from medsynai.evaluate.trial import Trial
from medsynai.evaluate.utility import (
    CAP,
    CLASS_FIGURES,
    NUMBER_FIGURES,
    Figure,
    boosted,
    capped,
    interval,
)

TVD = blank(
    "group_tvd",
    "Within the group: single columns, total variation distance",
    Family.FAIRNESS,
    "low",
    "as tvd_columns, rows of the group only (Bhanot et al. 2021 on subgroup fidelity)",
)
MISSING = blank(
    "group_missing",
    "Within the group: difference in missing rates",
    Family.FAIRNESS,
    "low",
    "mean |p - q| of missing rates over all columns, rows of the group only",
)
DISPARITY = blank(
    "group_disparity",
    "Share of the group among the rows: log disparity",
    Family.FAIRNESS,
    "low",
    "|log odds ratio| of being in the group, synthetic v. holdout (Bhanot et al. 2021)",
    "Shuffling keeps shares, so the shuffled anchor equals the holdout's here.",
)
WORST = "{} in the worst-served group"


@dataclass(frozen=True)
class _Stage:
    """What every group's figures are computed from."""

    trial: Trial
    sides: Sides[Floats]
    whose: Sides[Rows]
    stacks: dict[str, tuple[Floats, Floats]] | None
    figure: Figure | None
    reason: str


def measure(trial: Trial) -> Findings:
    """Fidelity, missing rates, utility and representation of every protected group.

    Raises:
        AssessmentError: no protected column, or no holdout.
    """
    groups = protected_groups(trial)
    if not groups:
        raise AssessmentError("the schema marks no column as protected")
    tables = take_sides(trial, CAP, needs_holdout=True)
    stage = _stage(trial, tables.map(trial.encoding.values), tables.map(Table.whose))
    judged = [(g, _judge(g, stage)) for g in groups]
    scores = [s for _, found in judged for s in found]
    worst = [
        _worst(name, scores) for name in ("group_tvd", _utility_name(stage), "group_disparity")
    ]
    exhibit = [_line(g, found, stage) for g, found in judged]
    return Findings((*(w for w in worst if w), *scores), {"groups": exhibit})


def _stage(trial: Trial, sides: Sides[Floats], whose: Sides[Rows]) -> _Stage:
    """Fit the three models once; every group is a part of the same test rows."""
    try:
        task = task_of(trial)
    except AssessmentError as error:
        return _Stage(trial, sides, whose, None, None, str(error))
    assert trial.holdout is not None  # task_of has refused otherwise
    test = capped(task.known(trial.holdout), CAP, trial, "test")
    found = boosted(task, trial, test, ("synthetic", "real", "shuffled"))
    stacks = {name: (test, stack) for name, stack in found.items()}
    figure = (CLASS_FIGURES if task.is_class else NUMBER_FIGURES)[0]
    return _Stage(trial, sides, whose, stacks, figure, "")


def _utility_name(stage: _Stage) -> str:
    return f"group_{stage.figure.name}" if stage.figure else "group_utility"


def _judge(group: Group, stage: _Stage) -> list[Score]:
    utility = _utility_blank(stage)
    blanks = [replace(s, group=group.name) for s in (TVD, MISSING, DISPARITY, utility)]
    parts = stage.sides.map(lambda v: v[group.of(v)])
    if _is_small(group, stage):
        return [unassessed(s, f"fewer than {LEAST} real patients in this group") for s in blanks]
    found = [_disparity(blanks[2], group, stage.sides), _utility(blanks[3], group, stage)]
    if len(parts.synthetic) < MIN_ROWS:
        reason = f"fewer than {MIN_ROWS} synthetic rows in this group"
        return [*(unassessed(s, reason) for s in blanks[:2]), *found]
    even = _even(parts, stage.trial, group)
    encoding = stage.trial.encoding
    return [*_fidelity(blanks[0], blanks[1], even, encoding, stage.trial), *found]


def _even(parts: Sides[Floats], trial: Trial, group: Group) -> Sides[Floats]:
    """The candidates in equal numbers: a small group is far from itself by chance alone."""
    candidates = [p for p in (parts.synthetic, parts.real, parts.shuffled) if p is not None]
    n = min(len(p) for p in candidates)
    rng = trial.seeds.of("groups", group.name).numpy()

    def some(rows: Floats) -> Floats:
        return rows[np.sort(rng.choice(len(rows), n, replace=False))]

    even = Sides(parts.synthetic, parts.synthetic, parts.real, parts.shuffled).map(some)
    return replace(even, reference=parts.reference)


def _fidelity(
    tvd: Score, missing: Score, sides: Sides[Floats], encoding: Encoding, trial: Trial
) -> list[Score]:
    def distance(a: Floats, b: Floats) -> float:
        return mean_distance(encoding.codes_of(a), encoding.codes_of(b), encoding)

    def rates(a: Floats, b: Floats) -> float:
        return float(np.abs(np.isnan(a).mean(axis=0) - np.isnan(b).mean(axis=0)).mean())

    seeds = trial.seeds.of("groups", tvd.group)
    found = [compare(tvd, sides, distance, seeds), compare(missing, sides, rates, seeds)]
    return [replace(s, n=_about(s.n)) for s in found]


def log_disparity(a: int, of_a: int, b: int, of_b: int) -> tuple[float, float]:
    """Log odds ratio of two shares and its standard error, half a row added to each cell.

    >>> log_disparity(50, 100, 50, 100)[0]
    0.0
    """
    cells = [a + 0.5, of_a - a + 0.5, b + 0.5, of_b - b + 0.5]
    value = math.log(cells[0] / cells[1]) - math.log(cells[2] / cells[3])
    return value, math.sqrt(sum(1 / c for c in cells))


def _disparity(score: Score, group: Group, sides: Sides[Floats]) -> Score:
    def against(rows: Floats) -> tuple[float, float]:
        inside = int(group.of(rows).sum()), int(group.of(sides.reference).sum())
        return log_disparity(inside[0], len(rows), inside[1], len(sides.reference))

    value, error = against(sides.synthetic)
    return replace(
        score,
        value=abs(value),
        low=max(0.0, abs(value) - Z * error),
        high=abs(value) + Z * error,
        n=len(sides.synthetic),
        holdout=None if sides.real is None else abs(against(sides.real)[0]),
        shuffled=abs(against(sides.shuffled)[0]),
        note=f"{'More' if value > 0 else 'Fewer'} than among real rows. {score.note}",
    )


def _utility_blank(stage: _Stage) -> Score:
    title = stage.figure.title if stage.figure else "utility"
    return blank(
        _utility_name(stage),
        f"Within the group: trained on synthetic, tested on real, {title}",
        Family.FAIRNESS,
        "high",
        "as tstr_auroc or tstr_r2, test rows of the group only (Bhanot et al. 2022)",
    )


def _utility(score: Score, group: Group, stage: _Stage) -> Score:
    if stage.stacks is None or stage.figure is None:
        return unassessed(score, stage.reason)
    parts = {name: stack[group.of(test)] for name, (test, stack) in stage.stacks.items()}
    own = parts["synthetic"]
    if len(own) < LEAST:
        return unassessed(score, f"fewer than {LEAST} test rows with a known target")
    if own.shape[1] > 2:
        counts = np.bincount(own[:, 0].astype(np.int64), minlength=own.shape[1] - 1)
        if (counts >= MIN_CLASS).sum() < 2:
            return unassessed(score, f"fewer than {MIN_CLASS} test rows of a second class")
    found = {name: stage.figure.metric(part) for name, part in parts.items()}
    if not all(math.isfinite(v) for v in found.values()):
        return unassessed(score, "the figure is not defined on the group's test rows")
    low, high = interval(stage.figure, own, stage.trial)
    return replace(
        score,
        value=found["synthetic"],
        low=low,
        high=high,
        holdout=found["real"],
        shuffled=found["shuffled"],
        n=_about(len(own)),
    )


def _worst(name: str, scores: Sequence[Score]) -> Score | None:
    """The group that loses most against what real rows give it."""
    judged = [s for s in scores if s.name == name and s.value is not None and s.holdout is not None]
    if not judged:
        return None

    def loss(value: float | None, score: Score) -> float:
        gap = (value or 0.0) - (score.holdout or 0.0)
        return -gap if score.better == "high" else gap

    worst = max(judged, key=lambda s: loss(s.value, s))
    ends = sorted(loss(end, worst) for end in (worst.low, worst.high) if end is not None)
    title = worst.title.removeprefix("Within the group: ")
    skipped = len({s.group for s in scores if s.name == name and s.value is None})
    said = f" {skipped} groups were too small to judge." if skipped else ""
    return replace(
        worst,
        name=name.replace("group_", "worst_group_"),
        title=WORST.format(f"Loss against real rows ({title})"),
        value=loss(worst.value, worst),
        low=ends[0] if ends else None,
        high=ends[-1] if ends else None,
        better="low",
        holdout=0.0,
        shuffled=max(loss(s.shuffled, s) for s in judged),
        group="",
        note=f"Worst of {len(judged)} groups: {worst.group}.{said}",
    )


def _about(n: int) -> int:
    """To the nearest ten: exact sizes of all but one group would give the last one's away."""
    return round(n, -1)


def _is_small(group: Group, stage: _Stage) -> bool:
    """Whether the group has fewer than `LEAST` patients in train or in the holdout."""
    pairs = ((stage.sides.reference, stage.whose.reference), (stage.sides.real, stage.whose.real))
    return any(
        values is not None and whose is not None and len(np.unique(whose[group.of(values)])) < LEAST
        for values, whose in pairs
    )


def _line(group: Group, scores: list[Score], stage: _Stage) -> dict[str, Any]:
    found = {s.name: s for s in scores}
    sizes = stage.sides.map(lambda v: int(group.of(v).sum()))
    small = _is_small(group, stage)
    line: dict[str, Any] = {
        "group": group.name,
        "about_train_rows": None if small else _about(sizes.real or 0),
        "about_holdout_rows": None if small else _about(sizes.reference),
        "synthetic_rows": sizes.synthetic,
        "note": f"fewer than {LEAST} real patients: not judged" if small else "",
    }
    for name, score in found.items():
        key = name.removeprefix("group_")
        line[key] = _rounded(score.value)
        line[f"{key}_anchor"] = _rounded(score.holdout)
    return line


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
