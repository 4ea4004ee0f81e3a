"""A time budget for any model: networks watch the clock, others are cut to what a probe predicts.

A probe fits the model to a few of the rows and is thrown away. What it finds is a forecast, so a
fifth of the time is kept in hand.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.forest.forest import Forest
from medsynai.generator import Generator
from medsynai.learn.job import Pace
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

IN_HAND = 0.8  # share of the time that is planned with
SMALL, LARGE = 250, 1_000  # rows of the probes
COLD = 100  # rows of a fit that nobody times: the first of a process also loads libraries
TREES = 3  # of the probe that tells what a tree costs
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_seconds(text: str) -> float:
    """Seconds, from a number with s, m or h behind it, or without.

    Raises:
        PlanError: anything else.

    >>> parse_seconds("90s"), parse_seconds("2m"), parse_seconds("1.5h"), parse_seconds("30")
    (90.0, 120.0, 5400.0, 30.0)
    """
    number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "s")
    try:
        seconds = float(number) * UNITS[unit]
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise PlanError(f"cannot read the time {text!r}; write 90s, 2m or 1h")
    return seconds


def within(
    model: Generator, seconds: float, table: Table, seeds: Seeds, always: bool = False
) -> Generator:
    """The model, changed so that its fit to the table takes about that long at most.

    Args:
        model: what is to be fitted.
        seconds: how long that may take.
        table: the train rows.
        seeds: of the rows of a probe.
        always: a forest too slow for the time is grown all the same, of one tree.

    Raises:
        PlanError: no time is enough, said before the fit; networks say it themselves.
    """
    if always and isinstance(model, Forest):
        try:
            return within(model, seconds, table, seeds)
        except PlanError:
            return replace(model, trees=1)
    if seconds <= 0:
        raise PlanError("the time budget was used up before this model was fitted: raise it")
    pace = getattr(model, "pace", None)
    if isinstance(pace, Pace):
        least = min(s for s in (pace.seconds, seconds) if s is not None)
        changed: Any = {"pace": replace(pace, seconds=least)}
        return replace(model, **changed)  # type: ignore[type-var]
    began = perf_counter()
    if isinstance(model, Forest):
        _seconds(replace(model, trees=1), table, seeds, COLD)
        return _fewer_trees(model, seconds, table, seeds, began)
    _seconds(model, table, seeds, COLD)
    needed = _forecast(partial(_seconds, model, table, seeds), len(table))
    left = IN_HAND * seconds - (perf_counter() - began)
    if needed > left:
        raise _too_long(f"this model needs about {needed:.2g} s", seconds)
    return model


def _fewer_trees(
    model: Forest, seconds: float, table: Table, seeds: Seeds, began: float
) -> Generator:
    """The forest with as many trees as there is time for.

    Raises:
        PlanError: there is no time for one.
    """
    one = replace(model, trees=1)
    few, probe = min(LARGE, len(table)), partial(_seconds, one, table, seeds)
    single = probe(few)
    if single > IN_HAND * seconds:  # so will all rows: no more time is lost on finding out
        raise _too_long(f"a forest of one tree took {single:.2g} s for {few:,} rows", seconds)
    each = (_seconds(replace(model, trees=1 + TREES), table, seeds, few) - single) / TREES
    grown = _forecast(probe, min(len(table), max(model.max_rows, few)), single) / single
    each, base = max(each, 1e-6) * grown, max(single - each, 0.0) * grown
    left = IN_HAND * seconds - (perf_counter() - began)
    trees = int((left - base) / each)
    if trees < 1:
        raise _too_long(f"a forest of one tree needs about {base + each:.2g} s", seconds)
    return replace(model, trees=min(model.trees, trees))


def _forecast(probe: Callable[[int], float], rows: int, larger: float | None = None) -> float:
    """Seconds for all rows, on a line through two probes; the table itself where it is small.

    `larger` is what the larger probe took, where that is known.
    """
    one, two = min(SMALL, rows), min(LARGE, rows)
    second = probe(two) if larger is None else larger
    if two == one:
        return second
    slope = max(second - probe(one), 0.0) / (two - one)
    return second + slope * (rows - two)


def _seconds(model: Generator, table: Table, seeds: Seeds, rows: int) -> float:
    """How long a fit to that many rows takes; nothing of it is kept."""
    pick = np.sort(seeds.of("probe").numpy().permutation(len(table))[:rows])
    part, began = table.rows(pick), perf_counter()
    model.fit(part, Ledger(), seeds.of("probe"))
    return perf_counter() - began


def _too_long(what: str, seconds: float) -> PlanError:
    return PlanError(
        f"a time budget of {seconds:.3g} s is too small: {what} here; raise it, or name a quicker "
        "model"
    )


def cut_by(before: Generator, after: Generator, ended: str) -> str:
    """What the clock did to a fit, in plain words; empty if it did nothing.

    Args:
        before: the model as it was asked for.
        after: the model as the time allowed it.
        ended: why a network's training ended; empty for other models.
    """
    if isinstance(before, Forest) and isinstance(after, Forest) and after.trees < before.trees:
        what = f"The time budget allowed {after.trees} of {before.trees} trees a column."
    elif ended:
        what = f"Training ended by the clock: {ended}."
    else:
        return ""
    return f"{what} The same seed need not give the same rows again, as another run may be quicker."
