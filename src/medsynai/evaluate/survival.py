"""Time to event: Kaplan-Meier curves, Cox hazard ratios, and models tested by the C-index."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medsynai.data.schema import Survival
from medsynai.data.table import Table
from medsynai.errors import AssessmentError
from medsynai.evaluate.coefficients import Coefficients, fit_cox, overlap
from medsynai.evaluate.design import Design, design
from medsynai.evaluate.encode import Encoding, Floats
from medsynai.evaluate.interval import Rows, Z, wilson
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.evaluate.sides import Sides, compare, take_sides, unassessed
from medsynai.evaluate.trial import Trial

CAP = 5_000
SMALL, MIN_EVENTS, POINTS, TICKS = 11, 20, 50, 6

AREA = blank(
    "km_area",
    "Survival curves: mean distance between real and synthetic",
    Family.UTILITY,
    "low",
    "integral |S - T| dt / tau of Kaplan-Meier curves, tau: 11 holdout rows still at risk "
    "(Kaplan and Meier 1958)",
    note="Shuffling each column alone keeps times and events but not their pairing.",
)
HAZARDS = blank(
    "hazard_overlap",
    "Cox regression: overlap of 95 % intervals of log hazard ratios with the holdout's",
    Family.UTILITY,
    "high",
    "mean interval overlap over up to 12 coefficients (Cox 1972, ties by Breslow 1974; Karr et al. "
    "2006), -1 to 1",
)
SIGNS = blank(
    "hazard_signs",
    "Cox regression of one term at a time: clear hazard ratios on the same side of 1",
    Family.UTILITY,
    "high",
    "share of the terms whose 95 % interval on the holdout, alone, leaves out 1 (Cox 1972)",
)
CINDEX = blank(
    "tstr_cindex",
    "Cox model trained on synthetic, tested on real: C-index",
    Family.UTILITY,
    "high",
    "Harrell's C on the holdout (Harrell et al. 1982); holdout anchor: trained on real",
)


@dataclass(frozen=True)
class Pair:
    """A survival pair in an encoding: which columns, and which level means that it happened."""

    time: int
    event: int
    happened: float

    def known(self, values: Floats) -> Rows:
        """(rows,) which rows have a time of 0 or more and an event that is known."""
        time, event = values[:, self.time], values[:, self.event]
        return np.isfinite(time) & np.isfinite(event) & (np.nan_to_num(time, nan=-1.0) >= 0)

    def rows(self, values: Floats, plan: Design) -> Floats:
        """Time, event (0 or 1), design without its constant; rows with both known, time >= 0."""
        time, event = values[:, self.time], values[:, self.event]
        known = self.known(values)
        kept = values[known]
        return np.column_stack(
            [time[known], event[known] == self.happened, plan.matrix(kept)[:, 1:]]
        ).astype(np.float64)


def measure(trial: Trial) -> Findings:
    """Curves, hazard ratios and C-index of every survival pair of the schema.

    Raises:
        AssessmentError: no pair, no holdout, or too few events.
    """
    pairs = trial.train.schema.survival
    if not pairs:
        raise AssessmentError("the schema names no survival pair (time and event)")
    tables = take_sides(trial, CAP, needs_holdout=True)
    found = [_judge(p, tables, trial, len(pairs) > 1) for p in pairs]
    curves = [curve for _, curve, _ in found if curve]
    ratios = [row for _, _, rows in found for row in rows]
    exhibits: dict[str, Any] = {"km": curves} if curves else {}
    if ratios:
        exhibits["hazard_ratios"] = ratios
    return Findings(tuple(s for scores, _, _ in found for s in scores), exhibits)


Judged = tuple[list[Score], dict[str, Any] | None, list[dict[str, Any]]]


def _judge(spec: Survival, tables: Sides[Table], trial: Trial, several: bool) -> Judged:
    named = (AREA, HAZARDS, SIGNS, CINDEX)
    titles = [replace(s, group=spec.event if several else "") for s in named]
    encoding = trial.encoding
    try:
        pair = _pair(spec, encoding)
        plan = _design(pair, trial)
        values = tables.map(encoding.values)
        sides = values.map(lambda v: pair.rows(v, plan))
        whose = [
            t.whose()[pair.known(v)]
            for t, v in ((tables.reference, values.reference), (tables.real, values.real))
            if t is not None and v is not None
        ]
        named_sides = ("holdout", sides.reference), ("synthetic", sides.synthetic)
        for name, rows in (*named_sides, ("train", sides.real)):
            if rows is not None and rows[:, 1].sum() < MIN_EVENTS:
                raise AssessmentError(f"fewer than {MIN_EVENTS} {name} rows with an event")
    except AssessmentError as error:
        return [unassessed(s, str(error)) for s in titles], None, []
    scores = [_area(titles[0], sides, trial, whose[0])]
    if plan.terms:
        fits = sides.map(fit_cox)
        scores += [_hazards(titles[1], fits, sides), _signs(titles[2], sides)]
        scores.append(_cindex(titles[3], fits, sides))
        ratios = _ratios(spec, plan, fits)
    else:
        scores += [unassessed(s, "no column is filled and varies enough") for s in titles[1:]]
        ratios = []
    return scores, _curves(spec, sides, whose[-1]), ratios


def _pair(spec: Survival, encoding: Encoding) -> Pair:
    for name in (spec.time, spec.event):
        if name not in encoding.names:
            raise AssessmentError(f"column {name!r} of the survival pair is not compared")
    time, event = (encoding.names.index(n) for n in (spec.time, spec.event))
    if encoding.is_level[time]:
        raise AssessmentError(f"column {spec.time!r} holds levels, not times")
    if not encoding.is_level[event]:
        return Pair(time, event, float(spec.happened))
    if spec.happened not in encoding.levels[event]:
        raise AssessmentError(f"the level that means an event never occurs in {spec.event!r}")
    return Pair(time, event, float(encoding.levels[event].index(spec.happened)))


def _design(pair: Pair, trial: Trial) -> Design:
    """Terms by correlation with the event, from columns that do not tell it afterwards."""
    encoding, schema = trial.encoding, trial.train.schema
    out = {*trial.leaks, trial.target or ""}
    out |= {name for p in schema.survival for name in (p.time, p.event)}
    columns = tuple(j for j, name in enumerate(encoding.names) if name not in out)
    happened = (encoding.train[:, pair.event] == pair.happened).astype(float)
    return design(encoding, encoding.train, happened, columns)


def kaplan_meier(rows: Floats) -> tuple[Floats, Floats, Floats]:
    """Distinct times, survival just after each, and rows at risk just before.

    Args:
        rows: time and event (0 or 1) in the first two columns.

    >>> t, s, n = kaplan_meier(np.array([[1.0, 1], [2, 0], [3, 1]]))
    >>> [round(float(v), 3) for v in s], n.tolist()
    ([0.667, 0.667, 0.0], [3.0, 2.0, 1.0])
    """
    times, place = np.unique(rows[:, 0], return_inverse=True)
    events = np.bincount(place, weights=rows[:, 1])
    leaving = np.bincount(place)
    at_risk = len(rows) - np.r_[0, np.cumsum(leaving)[:-1]]
    return times, np.cumprod(1 - events / at_risk), at_risk.astype(np.float64)


def survival_at(rows: Floats, times: Floats) -> Floats:
    """The Kaplan-Meier estimate at some times."""
    found, survival, _ = kaplan_meier(rows)
    return np.r_[1.0, survival][np.searchsorted(found, times, "right")]


def _horizon(rows: Floats, whose: Rows | None = None) -> float:
    """The last time at which 11 patients or more are at risk."""
    ordered = np.sort(rows[:, 0] if whose is None else _last(rows[:, 0], whose))
    return float(ordered[-SMALL]) if len(ordered) >= SMALL else 0.0


def _last(times: Floats, whose: Rows) -> Floats:
    """(patients,) until when each patient is at risk with some row."""
    known, place = np.unique(whose, return_inverse=True)
    last = np.zeros(len(known))
    np.maximum.at(last, place, times)
    return last


def _area(score: Score, sides: Sides[Floats], trial: Trial, whose: Rows) -> Score:
    tau = _horizon(sides.reference, whose)
    if tau <= 0:
        return unassessed(score, f"fewer than {SMALL} holdout patients with a time above 0")
    grid = np.linspace(0, tau, 400)

    def distance(a: Floats, b: Floats) -> float:
        return float(np.abs(survival_at(a, grid) - survival_at(b, grid)).mean())

    return compare(score, sides, distance, trial.seeds)


def _hazards(score: Score, fits: Sides[Coefficients], sides: Sides[Floats]) -> Score:
    value = overlap(fits.synthetic, fits.reference)
    if not math.isfinite(value):
        return unassessed(score, "the holdout is too small to estimate any hazard ratio")
    each = np.array(
        [
            overlap(_term(fits.synthetic, k), _term(fits.reference, k))
            for k in range(len(fits.reference[0]))
        ]
    )
    each = each[np.isfinite(each)]
    # Refitting for a jackknife is dear; the spread over coefficients stands in for it.
    half = Z * float(each.std(ddof=1)) / math.sqrt(len(each)) if len(each) > 1 else None
    return replace(
        score,
        value=value,
        low=None if half is None else max(-1.0, value - half),
        high=None if half is None else min(1.0, value + half),
        holdout=None if fits.real is None else overlap(fits.real, fits.reference),
        shuffled=overlap(fits.shuffled, fits.reference),
        n=len(sides.synthetic),
        note="The interval is that of the mean over coefficients.",
    )


def _signs(score: Score, sides: Sides[Floats]) -> Score:
    def alone(rows: Floats) -> Coefficients:
        each = [fit_cox(rows[:, [0, 1, 2 + k]]) for k in range(rows.shape[1] - 2)]
        return np.concatenate([b for b, _ in each]), np.concatenate([e for _, e in each])

    fits = sides.map(alone)
    beta, error = fits.reference
    sure = np.abs(beta) > Z * error
    if not sure.any():
        return unassessed(score, "no hazard ratio of the holdout differs from 1 beyond its error")

    def agreed(fit: Coefficients) -> int:
        return int((np.sign(fit[0][sure]) == np.sign(beta[sure])).sum())

    low, high = wilson(agreed(fits.synthetic), int(sure.sum()))
    many = int(sure.sum())
    share = [None if f is None else agreed(f) / many for f in (fits.real, fits.shuffled)]
    return replace(
        score,
        value=agreed(fits.synthetic) / many,
        low=low,
        high=high,
        holdout=share[0],
        shuffled=share[1],
        n=len(sides.synthetic),
        note=f"Of {many} terms.",
    )


def _term(fit: Coefficients, k: int) -> Coefficients:
    return fit[0][[k]], fit[1][[k]]


def _cindex(score: Score, fits: Sides[Coefficients], sides: Sides[Floats]) -> Score:
    def tested(fit: Coefficients) -> tuple[float, float]:
        return concordance(sides.reference[:, :2], sides.reference[:, 2:] @ fit[0])

    value, error = tested(fits.synthetic)
    if not math.isfinite(value):
        return unassessed(score, "no two holdout rows can be compared")
    return replace(
        score,
        value=value,
        low=max(0.0, value - Z * error),
        high=min(1.0, value + Z * error),
        holdout=None if fits.real is None else tested(fits.real)[0],
        shuffled=tested(fits.shuffled)[0],
        n=len(sides.reference),
    )


def concordance(outcome: Floats, risk: Floats) -> tuple[float, float]:
    """Harrell's C of a risk score and its standard error by the infinitesimal jackknife.

    Args:
        outcome: time and event (0 or 1), (rows, 2).
        risk: higher means earlier, (rows,).

    >>> concordance(np.array([[1.0, 1], [2, 1], [3, 0]]), np.array([3.0, 2.0, 1.0]))[0]
    1.0
    """
    time, event = outcome[:, 0], outcome[:, 1] > 0
    agreed, compared = np.zeros(len(time)), np.zeros(len(time))
    for i in np.flatnonzero(event):
        later = (time > time[i]) | ((time == time[i]) & ~event)
        gain = np.where(risk[i] > risk, 1.0, np.where(risk[i] == risk, 0.5, 0.0)) * later
        agreed += gain
        compared += later
        agreed[i] += gain.sum()
        compared[i] += later.sum()
    total = compared.sum()
    if total == 0:
        return math.nan, math.nan
    value = float(agreed.sum() / total)
    influence = 2 * (agreed - value * compared) / (total / len(time))
    return value, float(np.sqrt((influence**2).sum())) / len(time)


def _ratios(spec: Survival, plan: Design, fits: Sides[Coefficients]) -> list[dict[str, Any]]:
    """Hazard ratios with intervals, one line a term."""
    sides = {"holdout": fits.reference, "synthetic": fits.synthetic}
    rows = []
    for k, name in enumerate(plan.names):
        row: dict[str, Any] = {"event": spec.event, "term": name}
        for side, (beta, error) in sides.items():
            low, high = (math.exp(min(30.0, beta[k] + sign * Z * error[k])) for sign in (-1.0, 1.0))
            row[f"{side}_ratio"] = round(math.exp(min(30.0, beta[k])), 3)
            row[f"{side}_interval"] = f"{low:.2f} to {high:.2f}"
        rows.append(row)
    return rows


def _curves(spec: Survival, sides: Sides[Floats], whose: Rows) -> dict[str, Any] | None:
    """Both curves on one grid of times, up to where 11 real patients are at risk."""
    real = sides.reference if sides.real is None else sides.real
    tau = min(_horizon(real, whose), _horizon(sides.synthetic))
    if tau <= 0:
        return None
    grid = np.linspace(0, tau, POINTS)
    ticks = np.linspace(0, tau, TICKS)
    return {
        "title": f"Time to {spec.event}",
        "unit": spec.time,
        "real": _curve(real, grid, ticks),
        "synthetic": _curve(sides.synthetic, grid, ticks),
    }


def _curve(rows: Floats, grid: Floats, ticks: Floats) -> dict[str, Any]:
    """Survival with Greenwood's log-log band (Kalbfleisch and Prentice 1980)."""
    times, survival, at_risk = kaplan_meier(rows)
    place = np.searchsorted(times, grid, "right")
    s = np.r_[1.0, survival][place]
    events = np.bincount(np.searchsorted(times, rows[:, 0]), weights=rows[:, 1])
    terms = events / (at_risk * np.maximum(at_risk - events, 1))
    greenwood = np.r_[0.0, np.cumsum(terms)][place]
    inner = np.clip(s, 1e-9, 1 - 1e-9)
    width = Z * np.sqrt(greenwood) / np.abs(np.log(inner))
    left = [int((rows[:, 0] >= t).sum()) for t in ticks]
    return {
        "time": [round(float(t), 6) for t in grid],
        "survival": _rounded(s),
        "low": _rounded(np.where(greenwood > 0, inner ** np.exp(width), s)),
        "high": _rounded(np.where(greenwood > 0, inner ** np.exp(-width), s)),
        "at_risk_time": [round(float(t), 6) for t in ticks],
        "at_risk": [n if n >= SMALL else None for n in left],
    }


def _rounded(values: Floats) -> list[float]:
    return [round(float(v), 3) for v in values]
