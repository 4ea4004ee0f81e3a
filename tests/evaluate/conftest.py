"""A made-up clinic whose laws are known: fresh draws of it are the perfect generator."""

import os
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Role, Schema, Survival
from medsynai.data.table import Table, canonical_dtype
from medsynai.evaluate.trial import Trial
from medsynai.seeds import Seeds

# Boosting on tables this small only loses by threads that wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SCHEMA = Schema(
    (
        Column("sex", Kind.BINARY, Role.PROTECTED, categories=("female", "male")),
        Column("age", Kind.INTEGER, Role.PROTECTED, minimum=18, maximum=99),
        Column("stage", Kind.ORDINAL, categories=("I", "II", "III", "IV"), missing=True),
        Column("crp", Kind.CONTINUOUS, minimum=0, maximum=2000, missing=True),
        Column("albumin", Kind.CONTINUOUS, minimum=0, maximum=80, missing=True),
        Column("time", Kind.CONTINUOUS, minimum=0, maximum=10_000),
        Column("died", Kind.BINARY, Role.TARGET, categories=("no", "yes")),
    ),
    survival=(Survival("time", "died", "yes"),),
)


def draw_clinic(n: int, seed: int) -> pd.DataFrame:
    """Older and sicker patients have a higher CRP, a lower albumin and die sooner."""
    rng = np.random.default_rng(seed)
    age = np.clip(np.round(rng.normal(62, 14, n)), 18, 99)
    sick = rng.normal(0, 1, n) + (age - 62) / 20
    stage = np.digitize(sick, [-0.7, 0.3, 1.2])
    crp = np.round(np.exp(2.5 + 0.9 * sick + 0.4 * rng.normal(0, 1, n)), 1)
    albumin = np.round(40 - 4 * sick + 2 * rng.normal(0, 1, n))
    latent = rng.exponential(600 * np.exp(-0.9 * sick))
    censor = rng.uniform(100, 1500, n)
    crp[rng.random(n) < 0.1 + 0.1 * (sick < 0)] = np.nan
    albumin[np.isnan(crp) & (rng.random(n) < 0.8)] = np.nan
    levels = np.array(["I", "II", "III", "IV"], dtype=object)[stage]
    levels[rng.random(n) < 0.05] = None
    return pd.DataFrame(
        {
            "sex": np.where(rng.random(n) < 0.45, "female", "male"),
            "age": age,
            "stage": levels,
            "crp": np.minimum(crp, 2000),
            "albumin": albumin,
            "time": np.round(np.minimum(latent, censor)),
            "died": np.where(latent <= censor, "yes", "no"),
        }
    )


def as_table(frame: pd.DataFrame, schema: Schema = SCHEMA, origin: str = "real") -> Table:
    """A frame in canonical dtypes."""
    cells = {c.name: frame[c.name].astype(canonical_dtype(c)) for c in schema.columns}
    return Table(pd.DataFrame(cells), schema, origin)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def clinic() -> Callable[[int, int], Table]:
    """Rows of the clinic: clinic(n, seed)."""
    return lambda n, seed: as_table(draw_clinic(n, seed))


@pytest.fixture(scope="session")
def table_of() -> Callable[..., Table]:
    """A frame and a schema as a table."""
    return as_table


@pytest.fixture(scope="session")
def trial_of() -> Callable[..., Trial]:
    """A trial of train, holdout and synthetic rows."""

    def make(
        train: Table,
        holdout: Table | None,
        synthetic: Table,
        target: str | None = None,
        **more: object,
    ) -> Trial:
        return Trial(train, holdout, synthetic, target, Seeds(11), **more)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def fair_trial(clinic: Callable[[int, int], Table], trial_of: Callable[..., Trial]) -> Trial:
    """The synthetic rows are a fresh draw from the truth: a perfect generator."""
    return trial_of(clinic(700, 1), clinic(700, 2), clinic(700, 3), "died")
