"""Releases with a known fault, planted in draws of the made-up clinic."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from medsynai.data.table import Table
from medsynai.evaluate.attacks import (
    anonymity,
    attribute,
    attribution,
    copies,
    distances,
    exposed,
    identity,
    linkability,
    membership,
    singling_out,
)
from medsynai.evaluate.attacks.space import Space, nearest
from medsynai.evaluate.score import Family, Findings, Score
from medsynai.evaluate.trial import Trial

ROWS = 500
MEASURES = (
    membership,
    copies,
    singling_out,
    linkability,
    attribute,
    identity,
    distances,
    exposed,
    attribution,
    anonymity,
)
LAWFUL = Score("validity", "Validity", Family.VALIDITY, 1.0, "high", ROWS, "given")


def attack(trial: Trial) -> dict[str, Score]:
    """Every privacy score by name, with a validity of 1 that another measure would give."""
    found = [s for m in MEASURES for s in m.measure(trial).scores]
    return {s.name: s for s in [*found, LAWFUL]}


@pytest.fixture(scope="session")
def findings() -> Callable[[Trial], list[Findings]]:
    """What every privacy measure finds."""
    return lambda trial: [m.measure(trial) for m in MEASURES]


def _mixed(rows: Table, fresh: Table) -> Table:
    """These rows first, then fresh ones until the table is as long as `fresh`."""
    rest = fresh.frame.iloc[: len(fresh) - len(rows)]
    both = pd.concat([rows.frame, rest], ignore_index=True)
    return Table(both.astype(dict(fresh.frame.dtypes)), fresh.schema, "synthetic")


def _jittered(table: Table, share: float) -> Table:
    rng, frame = np.random.default_rng(4), table.frame.copy()
    for column in table.schema.columns:
        if column.kind.is_number:
            noise = share * float(frame[column.name].std()) * rng.normal(size=len(frame))
            frame[column.name] = frame[column.name] + noise
    return Table(frame, table.schema, "synthetic")


def _furthest(train: Table, holdout: Table, share: float) -> Table:
    """The train rows that lie furthest from other people's rows."""
    space = Space.of(train, holdout)
    out = nearest(space.place(train), space.place(holdout), 5)[0].mean(axis=1)
    return train.rows(np.argsort(out)[-int(share * len(train)) :])


@pytest.fixture(scope="session")
def release(
    clinic: Callable[[int, int], Table], trial_of: Callable[..., Trial]
) -> Callable[[str], Trial]:
    """The trial of a release with the fault of that name."""
    train, holdout, fresh = (clinic(ROWS, seed) for seed in (21, 22, 23))
    half, tenth = train.rows(np.arange(ROWS // 2)), train.rows(np.arange(ROWS // 10))

    def make(fault: str) -> Trial:
        synthetic = {
            "none": fresh,
            "shuffled": trial_of(fresh, None, fresh).shuffled,
            "copy": trial_of(train, holdout, fresh).copied,
            "jittered copy": _jittered(train, 0.03),
            "half copied": _mixed(half, fresh),
            "tenth copied": _mixed(tenth, fresh),
            "outliers copied": _mixed(_furthest(train, holdout, 0.1), fresh),
        }[fault]
        return trial_of(train, holdout, synthetic, "died")

    return make


@pytest.fixture(scope="session")
def found(release: Callable[[str], Trial]) -> Callable[[str], dict[str, Score]]:
    """Every score of the release with that fault, attacked once."""
    seen: dict[str, dict[str, Score]] = {}

    def make(fault: str) -> dict[str, Score]:
        if fault not in seen:
            seen[fault] = attack(release(fault))
        return seen[fault]

    return make
