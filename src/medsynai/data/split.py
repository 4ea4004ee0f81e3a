"""Train and holdout, by patient: no patient is ever in both."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pandas as pd

from medsynai.data.cohort import Cohort
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.seeds import Seeds


@dataclass(frozen=True)
class Parts:
    """Rows of different patients, in random order.

    Attributes:
        train: what the generator may see.
        holdout: what it never sees; None if nothing was held out.
        places: (train rows,) where each train row stood in the table, from 0.
    """

    train: Table
    holdout: Table | None
    places: np.ndarray


def split(table: Table, holdout: float, seeds: Seeds) -> Parts:
    """Hold out a share of the patients, with all their rows.

    Without a subject column every row is a patient. A row whose subject is missing is a patient of
    its own. Both parts are shuffled, so that the order of the rows tells nothing.

    Args:
        table: real rows.
        holdout: the share of patients, 0 <= holdout < 1; at least one patient stays in each part.
        seeds: the same seeds give the same parts.

    Raises:
        PlanError: a share out of range, or fewer than two patients.
    """
    check_share(holdout)
    patients = table.whose()
    if patients.max(initial=-1) < 1:
        rows = "one row" if len(table) == 1 else f"{len(table)} rows"
        what = rows if table.schema.subject is None else "one patient or none"
        raise PlanError(f"the table has {what}; at least two patients are needed")
    inside, outside = split_patients(patients, holdout, seeds)
    held = table.rows(outside) if len(outside) else None
    return Parts(table.rows(inside), held, inside)


def split_patients(
    patients: np.ndarray, holdout: float, seeds: Seeds
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the rows to train on and of those held out, in random order; see `split`.

    Args:
        patients: (rows,) whose row it is, as numbers from 0; at least two patients.
        holdout: the share of patients.
        seeds: the same seeds give the same positions.
    """
    count = int(patients.max(initial=-1)) + 1
    rng = seeds.of("split").numpy()
    order = rng.permutation(count)
    out = min(max(round(holdout * count), 1), count - 1) if holdout else 0
    held = np.zeros(count, dtype=bool)
    held[order[:out]] = True
    rows = rng.permutation(len(patients))
    inside = held[patients[rows]]
    return rows[~inside], rows[inside]


def split_cohort(cohort: Cohort, holdout: float, seeds: Seeds) -> tuple[Cohort, Cohort | None]:
    """Hold out a share of a cohort's patients, with their rows in all its tables; see `split`.

    Raises:
        PlanError: a share out of range, or fewer than two patients.
    """
    check_share(holdout)
    if len(cohort) < 2:
        raise PlanError(f"the cohort has {len(cohort)} patients; at least two are needed")
    inside, outside = split_patients(np.arange(len(cohort)), holdout, seeds)
    return cohort.only(inside), cohort.only(outside) if len(outside) else None


def check_share(holdout: float) -> None:
    """Refuse a share of patients that cannot be held out.

    Raises:
        PlanError: not in 0 to below 1.
    """
    if not 0 <= holdout < 1:
        raise PlanError(f"holdout = {holdout}: the share must be at least 0 and below 1")


def split_apart(table: Table, holdout: float, salt: int) -> Parts:
    """Hold out about a share of the patients, each by a hash of their own key, or of their row.

    What `split` draws depends on how many patients there are: one more, and others change sides.
    Here nobody moves: the parts of two tables that differ in one patient differ in that patient.
    Rows keep their order.

    Args:
        table: real rows; without a subject column every row is a patient, and among equal rows
            the first, the second, ... are told apart.
        holdout: the share, 0 <= holdout < 1.
        salt: public; the same salt puts the same patient on the same side.

    Raises:
        PlanError: a share out of range.
    """
    check_share(holdout)
    subject = table.schema.subject
    if subject is not None:
        keys = table.frame[subject].astype(str)
    else:
        content = pd.util.hash_pandas_object(table.frame, index=False)
        keys = content.astype(str) + "/" + content.groupby(content).cumcount().astype(str)
    outside = held_apart(keys, holdout, salt)
    held = table.rows(outside) if holdout else None
    return Parts(table.rows(~outside), held, np.flatnonzero(~outside))


def held_apart(keys: pd.Series, holdout: float, salt: int) -> np.ndarray:
    """(rows,) which are held out: each key by a hash of its own, see `split_apart`."""
    secret = salt.to_bytes(32, "little")
    coins = {k: _coin(k, secret) for k in keys.unique()}
    outside: np.ndarray = keys.map(coins).to_numpy("float64") < holdout
    return outside


def _coin(key: str, secret: bytes) -> float:
    """A number in [0, 1) that hangs on the key and the salt alone."""
    return int.from_bytes(blake2b(key.encode(), key=secret, digest_size=8).digest()) / 2.0**64
