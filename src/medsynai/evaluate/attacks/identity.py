"""Identity: the chance that a person is recognised in the synthetic rows and something is learnt.

After El Emam, Mosquera and Bass 2020 (JMIR 22:e23139): a train row
counts if a synthetic row has the same quasi-identifiers and tells something new, and then by one
over the number of train rows that share them. Here the train rows stand for the whole population
and every match is taken for verified, so the estimate is an upper one.
"""

from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.schema import Role
from medsynai.data.table import Table
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import WHOLE, Round, obstacle, rounds, varies
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

BINS = 20  # what an outsider knows of a continuous quasi-identifier
LEARNT = 0.05  # share of the other columns that must be told rightly and surprisingly
CLOSE = 0.05  # a number is told rightly within this share of the true one
HEADING = Heading(
    "identity_disclosure",
    "Meaningful identity disclosure, upper estimate",
    "after El Emam, Mosquera and Bass 2020, JMIR 22:e23139",
)


def measure(trial: Trial) -> Findings:
    """Mean risk of the train rows by their quasi-identifiers (or protected columns).

    The holdout anchor is the same estimate with fresh real rows released.
    """
    reason = obstacle(trial, columns=2)
    quasi, other = _sides(trial)
    if reason or not quasi or not other:
        why = reason or "the schema declares no quasi-identifiers or protected columns"
        return Findings((HEADING.absent(why),))
    played = rounds(trial, WHOLE, WHOLE)
    found = {
        name: _risk(r, quasi, other, trial.seeds.of("identity", name).numpy())
        for name, r in played.items()
    }
    note = f"{len(quasi)} columns known: {', '.join(quasi)}"
    return Findings((HEADING.score(found, len(played["synthetic"].train), note),))


def _sides(trial: Trial) -> tuple[list[str], list[str]]:
    """The columns that an outsider may know, and those that he may learn."""
    schema = trial.train.schema
    known = schema.having(Role.QUASI, Role.PROTECTED)
    open_ = [c for c in schema.names if varies(trial.train, c)]
    return [c for c in open_ if c in known], [c for c in open_ if c not in known]


def _risk(round_: Round, quasi: list[str], other: list[str], rng: np.random.Generator) -> Interval:
    real, released = _classes(round_.train, round_.released, quasi)
    share = 1 / np.bincount(real)[real]
    match = _matches(real, released, rng)
    told = _told(round_.train, round_.released, other, np.maximum(match, 0))
    risk = np.where((match >= 0) & (told >= max(LEARNT, 1 / len(other))), share, 0.0)
    half = 1.959964 * float(risk.std(ddof=1)) / np.sqrt(len(risk))
    mean = float(risk.mean())
    return Interval(mean, max(0.0, mean - half), min(1.0, mean + half))


def _classes(train: Table, released: Table, quasi: list[str]) -> tuple[Numbers, Numbers]:
    """Numbers of the groups of equal quasi-identifiers, the same for both tables."""
    parts = []
    for name in quasi:
        both = pd.concat([train.frame[name], released.frame[name]], ignore_index=True)
        if train.schema[name].kind.is_number and both.nunique() > 5 * BINS:
            cuts = np.unique(train.frame[name].dropna().quantile(np.linspace(0, 1, BINS + 1)[1:-1]))
            both = pd.Series(np.where(both.isna(), -1, np.searchsorted(cuts, both, "right")))
        parts.append(pd.factorize(both.astype(object))[0])
    groups = np.unique(np.column_stack(parts), axis=0, return_inverse=True)[1].reshape(-1)
    return groups[: len(train)], groups[len(train) :]


def _matches(real: Numbers, released: Numbers, rng: np.random.Generator) -> Numbers:
    """(rows,) a released row of the same group, drawn at random; -1 where there is none."""
    order = rng.permutation(len(released))
    order = order[np.argsort(released[order], kind="stable")]
    first = np.searchsorted(released[order], real, "left")
    last = np.searchsorted(released[order], real, "right")
    drawn = first + (rng.random(len(real)) * (last - first)).astype(int)
    return np.where(last > first, order[np.minimum(drawn, len(order) - 1)], -1)


def _told(train: Table, released: Table, other: list[str], at: Numbers) -> Numbers:
    """(rows,) share of the other columns that are right where the usual guess is wrong."""
    told = np.zeros(len(train))
    for name in other:
        true, guess = train.frame[name], released.frame[name]
        if train.schema[name].kind.is_number:
            t, g, usual = true.to_numpy(float), guess.to_numpy(float)[at], float(true.median())
            near = CLOSE * np.abs(t)
            told += (np.abs(g - t) <= near) & (np.abs(usual - t) > near)
        else:
            known = true.astype(object).to_numpy()
            common = true.astype(object).mode()
            right = (known == guess.astype(object).to_numpy()[at]) & true.notna().to_numpy()
            told += right & (known != (common.iloc[0] if len(common) else None))
    return told / len(other)
