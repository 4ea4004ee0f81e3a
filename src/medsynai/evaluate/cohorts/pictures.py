"""Patients as pictures: how their numbers run beside real ones, and some synthetic lives.

No real patient is drawn, and no quarter of fewer than 11 real patients.
"""

from typing import Any

import numpy as np

from medsynai.evaluate.cohorts.lives import timelines
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.cohorts.view import View
from medsynai.evaluate.score import Findings

LEAST = 44  # patients with a number in a part of the time: a quarter of them is eleven
FEW = 4  # synthetic ones, who need no protection, only quarters
QUARTERS = (0.25, 0.5, 0.75)
SHOWN, MOST, PARTS = 3, 8, 24  # synthetic patients a picture; pictures; parts of the time
LONG = 0.9  # of all numbers lie within the time that is drawn
DIGITS = 4
HOUR = 3.6e9  # microseconds
UNITS = (("hours", HOUR, 96.0), ("days", 24 * HOUR, 730.0), ("years", 8766 * HOUR, np.inf))
Numbers = np.ndarray[Any, Any]


def measure(trial: CohortTrial) -> Findings:
    """The commonest variables with numbers as "courses", and some patients as "timelines"."""
    train, made = trial.views["train"], trial.views["synthetic"]
    told = train.code[~np.isnan(train.value)]
    many = np.bincount(told, minlength=len(trial.variables))
    titles = _titles(trial)
    drawn = (
        _picture(train, made, int(code), titles[code])
        for code in np.argsort(-many, kind="stable")
        if many[code] >= LEAST
    )
    found = [p for p, _ in zip((p for p in drawn if p), range(MOST), strict=False)]
    lives = timelines(trial.synthetic)
    exhibits = {"courses": found, "timelines": lives}
    return Findings((), {k: v for k, v in exhibits.items() if v})


def _titles(trial: CohortTrial) -> list[str]:
    """What each variable is called: the code's description, or the code, and its unit."""
    codes = trial.train.codes
    said = {
        (str(k or ""), str(c)): d
        for k, c, d in zip(codes["kind"], codes["code"], codes["description"], strict=True)
    }
    titles = []
    for name in trial.variables:
        kind, _, rest = str(name).partition("|")
        code, _, unit = rest.rpartition("|")
        shown = said.get((kind, code)) or code
        titles.append(f"{shown} ({unit})" if unit else str(shown))
    return titles


def unit_of(microseconds: float) -> tuple[str, float]:
    """The unit in which a time is easily read, and how long it is in microseconds.

    >>> unit_of(48 * 3.6e9)[0], unit_of(400 * 24 * 3.6e9)[0]
    ('hours', 'days')
    """
    return next((name, size) for name, size, most in UNITS if microseconds <= most * size)


def _picture(train: View, made: View, code: int, title: str) -> dict[str, Any] | None:
    """Bands over time of one variable; None where no three parts have numbers enough."""
    mine = (train.code == code) & ~np.isnan(train.value) & (train.time >= 0)
    top = float(np.quantile(train.time[mine], LONG)) if mine.any() else 0.0
    if top <= 0:
        return None
    unit, size = unit_of(top)
    edges = np.linspace(0, float(f"{top / size:.2g}"), PARTS + 1)
    real, drawn = (_parts(v, code, edges * size) for v in (train, made))
    kept = ((~np.isnan(real)).sum(0) >= LEAST) & ((~np.isnan(drawn)).sum(0) >= FEW)
    if kept.sum() < 3:
        return None
    middles = ((edges[1:] + edges[:-1]) / 2)[kept]
    real, drawn = real[:, kept], drawn[:, kept]
    full = np.argsort(-(~np.isnan(drawn)).sum(1), kind="stable")[:SHOWN]
    return {
        "title": title,
        "axis": unit,
        "step": _short(middles),
        "real": _bands(real),
        "synthetic": _bands(drawn),
        "drawn": [_through(middles, drawn[i]) for i in full],
    }


def _parts(view: View, code: int, edges: Numbers) -> Numbers:
    """(patients, parts) the mean of each one's numbers in each part of the time; NaN for none."""
    place = np.searchsorted(edges, view.time, side="right") - 1
    mine = (view.code == code) & ~np.isnan(view.value) & (place >= 0) & (place < len(edges) - 1)
    cell = view.patient[mine] * (len(edges) - 1) + place[mine]
    total = len(view) * (len(edges) - 1)
    count = np.bincount(cell, minlength=total)
    mean = np.full(total, np.nan)
    np.divide(np.bincount(cell, view.value[mine], total), count, out=mean, where=count > 0)
    return mean.reshape(len(view), len(edges) - 1)


def _bands(values: Numbers) -> dict[str, list[float]]:
    found = np.nanquantile(values, QUARTERS, axis=0)
    return {k: _short(x) for k, x in zip(("low", "middle", "high"), found, strict=True)}


def _through(at: Numbers, values: Numbers) -> list[float]:
    """One patient's numbers, straight on where there is none."""
    known = ~np.isnan(values)
    return _short(np.interp(at, at[known], values[known]))


def _short(values: Numbers) -> list[float]:
    return [float(f"{v:.{DIGITS}g}") for v in values]
