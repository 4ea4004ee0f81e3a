"""The records that fare worst, by number: for the owner of the real data alone.

An average over thousands hides a patient whom anybody could find (Stadler et al. 2022; Meeus et al.
2023). So every train record is asked how many false alarms it takes to accuse it, by two signs: a
synthetic row lies near, and it lies nearer than any other real person does. Other people are train
and holdout rows alike, so both sides stand equal. In a large table the records that are rarest by
their single columns are asked.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.table import Table
from medsynai.evaluate.attacks.lineup import LEAST_ROWS, mixed_order, obstacle
from medsynai.evaluate.attacks.parts import NEIGHBOURS, furthest
from medsynai.evaluate.attacks.space import Points, Space, nearest
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

PAIRS = 4e8  # (record, row held) pairs looked at
HELD = 100_000  # released rows, and real rows, that records are compared with
FALSE_ALARMS = 0.01  # a record that takes no more is listed
LISTED = 200
SIGNS = ("nearer to a synthetic row than to anybody", "near a synthetic row")


@dataclass(frozen=True)
class _Asked:
    """Records of one side: where they stand, and what is seen of them."""

    places: Numbers
    signs: tuple[Numbers, ...]  # in the order of SIGNS, each (rows,); the higher, the worse
    apart: Numbers  # (rows,) mean distance to other people


def measure(trial: Trial) -> Findings:
    """No score: the internal part "exposed", a line for each listed record, worst first."""
    if obstacle(trial):
        return Findings()
    train, holdout = _ask(trial)
    alarms, sign = _alarms(train, holdout)
    order = np.lexsort((-train.signs[0], alarms))
    listed = [int(i) for i in order[:LISTED] if alarms[i] <= FALSE_ALARMS]
    far = furthest(train.apart, holdout.apart).inside
    numbers = trial.record_numbers[train.places]
    records = [
        {
            "record": int(numbers[i]),
            "why": sign[i],
            "false alarms": round(float(alarms[i]), 5),
            "lies far out": bool(far[i]),
        }
        for i in listed
    ]
    counts = {
        "asked": len(alarms),
        "train": len(trial.train),
        "chance": round(FALSE_ALARMS * len(alarms)),
    }
    return Findings(internal={"exposed": counts | {"records": records}})


def _ask(trial: Trial) -> tuple[_Asked, _Asked]:
    """Every train record, or the rarest, and as rare holdout rows."""
    assert trial.holdout is not None  # obstacle() has refused otherwise
    space = Space.of(trial.train, trial.holdout, trial.synthetic)
    order = mixed_order(trial, "synthetic", len(trial.synthetic))[:HELD]
    released = space.place(trial.synthetic.rows(order))
    sides = [space.place(trial.train), space.place(trial.holdout)]
    rare = _rarity(*sides)
    real = _held(trial, space)
    most = max(4 * LEAST_ROWS, int(PAIRS / (len(released) + len(real))))
    # rarest first; equally rare ones by their place, which is random
    n = len(trial.train)
    places = np.argsort(-rare[:n], kind="stable")[: 3 * most // 4]
    others = np.argsort(-rare[n:], kind="stable")[: most // 4]
    return (
        _signs(sides[0].rows(places), places, released, real),
        _signs(sides[1].rows(others), others, released, real),
    )


def isolated(trial: Trial) -> Numbers:
    """(records,) places of train records, those furthest from their closest neighbours first."""
    train, _ = _ask(trial)
    order: Numbers = train.places[np.argsort(-train.apart, kind="stable")]
    return order


def _held(trial: Trial, space: Space) -> Points:
    """Train and holdout rows, or a sample of them, as other people to compare with."""
    assert trial.holdout is not None
    frame = pd.concat([trial.train.frame, trial.holdout.frame], ignore_index=True)
    both = Table(frame.astype(dict(trial.train.frame.dtypes)), trial.train.schema)
    return space.place(both.rows(mixed_order(trial, "people", len(both))[:HELD]))


def _signs(points: Points, places: Numbers, released: Points, real: Points) -> _Asked:
    near = nearest(points, released)[0][:, 0].astype(float)
    people = nearest(points, real, NEIGHBOURS + 1)[0].astype(float)
    people = people[:, 1:]  # the first is the record itself, or its like
    tiny = 1e-3 * float(np.median(people[:, 0])) + 1e-9
    nearer = np.log((people[:, 0] + tiny) / (near + tiny))
    return _Asked(places, (nearer, -near), people.mean(axis=1))


def _rarity(train: Points, holdout: Points) -> Numbers:
    """(train + holdout rows,) sum of -log of how common each cell is: its tail, or its level."""
    ranks = np.concatenate([train.numbers, holdout.numbers], axis=1)
    codes = np.concatenate([train.codes, holdout.codes], axis=1)
    rows = ranks.shape[1]
    tail = np.clip(2 * np.minimum(ranks, 1 - ranks), 1 / rows, 1)
    total = -np.log(tail).sum(axis=0)
    for column in codes:
        _, code, counts = np.unique(column, return_inverse=True, return_counts=True)
        total = total - np.log(counts[code] / rows)
    rarity: Numbers = total
    return rarity


def _alarms(train: _Asked, holdout: _Asked) -> tuple[Numbers, list[str]]:
    """(train rows,) the least share of holdout rows accused with each record, and by which sign.

    Bonferroni over the signs; one alarm is added, as none among n rows is no proof of none.
    """
    shares = []
    for mine, theirs in zip(train.signs, holdout.signs, strict=True):
        above = len(theirs) - np.searchsorted(np.sort(theirs), mine, "left")
        shares.append((above + 1) / (len(theirs) + 1))
    both = np.array(shares)
    best = both.argmin(axis=0)
    return np.minimum(1.0, len(SIGNS) * both.min(axis=0)), [SIGNS[k] for k in best]
