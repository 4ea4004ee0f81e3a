"""The one interface that the flow sees: `Generator.fit` gives a `Fitted` that samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.errors import ConditionError, PlanError
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

if TYPE_CHECKING:  # so that a run on a table does not load scipy for it
    from medsynai.data.codes import CodeMatrix
    from medsynai.data.cohort import Cohort
    from medsynai.data.images import ImageSet
    from medsynai.data.series import SeriesSet


@dataclass(frozen=True)
class Wanted:
    """What one column is asked to be: one of some levels, a number in [low, high], or absent.

    `low` and `high` are inclusive; None leaves that side open. No level at all (`()`) asks that
    there is no value.
    """

    column: str
    levels: tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None

    @property
    def absent(self) -> bool:
        """It is asked to have no value."""
        return self.levels == ()

    def met_by(self, values: pd.Series) -> np.ndarray:
        """Which of a column's values are as asked; a missing one if just that is. Shape (rows,)."""
        met = values.notna().to_numpy(bool, copy=True)
        if self.absent:
            return ~met
        if self.levels is not None:
            met &= values.isin(list(self.levels)).to_numpy(bool)
        if self.low is not None:
            met &= (values >= self.low).to_numpy(bool)
        if self.high is not None:
            met &= (values <= self.high).to_numpy(bool)
        return met


@dataclass(frozen=True)
class Condition:
    """What every synthetic row is asked to be. Empty: whatever the data are."""

    wanted: tuple[Wanted, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.wanted)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it speaks of."""
        return tuple(w.column for w in self.wanted)

    def met_by(self, table: Table) -> np.ndarray:
        """Which rows are all that is asked. Shape (rows,)."""
        met = np.ones(len(table), bool)
        for wanted in self.wanted:
            met &= wanted.met_by(table.frame[wanted.column])
        return met

    def __post_init__(self) -> None:
        if len(set(self.columns)) < len(self.columns):
            raise ConditionError("a column is conditioned more than once; write one condition")


def check_settings(
    model: str, settings: object, least: Mapping[str, float], shares: tuple[str, ...] = ()
) -> None:
    """Refuse settings below their least, and shares outside 0 to below 1.

    Raises:
        PlanError: which setting of which model, and what it may be.
    """
    for name, low in least.items():
        if not getattr(settings, name) >= low:  # nor what is no number
            raise PlanError(f"{model}: {name} must be at least {low:g}")
    for name in shares:
        if not 0 <= getattr(settings, name) < 1:
            raise PlanError(f"{model}: {name} must lie in 0 to below 1")


FREE, SEEDS = Condition(), Seeds(0)  # what a draw is asked, and its randomness, if no one says


def check_draw(
    n: int, condition: Condition = FREE, given: Table | None = None, both: bool = False
) -> None:
    """Refuse what no model can draw; the first thing that every `Fitted.sample` does.

    Args:
        n: rows asked for.
        condition: what every row is asked to be.
        given: columns to keep.
        both: the model can meet a condition beside given columns.

    Raises:
        PlanError: `n` below 1.
        ConditionError: given columns of another length, or beside a condition.
    """
    if n < 1:
        raise PlanError(f"cannot draw {n} rows; ask for at least 1")
    if given is None:
        return
    if condition and not both:
        raise ConditionError("rows can be conditioned or given, not both: filter the given rows")
    if len(given) != n:
        raise ConditionError(f"{len(given)} given rows cannot be completed to {n} rows")


class Fitted(Protocol):
    """A trained model: weights and facts, never rows."""

    def sample(
        self,
        n: int,
        seeds: Seeds = ...,
        condition: Condition = ...,
        given: Table | None = None,
    ) -> Table:
        """Draw exactly `n` synthetic rows.

        Args:
            n: how many rows, at least 1.
            seeds: the same seeds give the same rows.
            condition: met by every row, or refused.
            given: for partially synthetic data: real columns to keep, `n` rows; the others are
                drawn given these.

        Raises:
            PlanError: `n` below 1.
            ConditionError: the condition or the given columns cannot be met exactly.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the model to an existing folder: model.json, weights.safetensors; no pickle."""
        ...


class Generator(Protocol):
    """A way to make synthetic rows; its fields are its public settings."""

    def fit(self, table: Table, ledger: Ledger = ..., seeds: Seeds = ...) -> Fitted:
        """Learn from the train rows, after charging the ledger.

        Args:
            table: only learnable columns (`Table.learnt()`).
            ledger: where the release is written down before a row is read.
            seeds: the same seeds give the same model.
        """
        ...


class FittedCodes(Protocol):
    """A trained model of codes: weights and facts, never rows."""

    @property
    def codes(self) -> tuple[str, ...]:
        """What may be drawn."""
        ...

    def sample(self, n: int, seeds: Seeds = ...) -> "CodeMatrix":
        """Draw exactly `n` rows, each a patient of its own; the same seeds give the same rows.

        Raises:
            PlanError: `n` below 1.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the model to an existing folder: model.json, weights.safetensors; no pickle."""
        ...


class CodeGenerator(Protocol):
    """A way to make synthetic rows of codes; its fields are its public settings."""

    def fit(self, matrix: "CodeMatrix", ledger: Ledger = ..., seeds: Seeds = ...) -> FittedCodes:
        """Learn from the train rows, after charging the ledger.

        Args:
            matrix: the codes that may be learnt, rare ones rolled up or withheld.
            ledger: where the release is written down before a row is read.
            seeds: the same seeds give the same model.
        """
        ...


class FittedImages(Protocol):
    """A trained model of images: weights and facts, never an image."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What may be asked for."""
        ...

    def sample(self, n: int, seeds: Seeds = ..., condition: Condition = ...) -> "ImageSet":
        """Draw exactly `n` images, each a patient of its own; the same seeds give the same ones.

        Args:
            n: how many, at least 1.
            seeds: all randomness.
            condition: on `label`, met by every image, or refused.

        Raises:
            PlanError: `n` below 1.
            ConditionError: a condition on anything but a known label.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the model to an existing folder: model.json, weights.safetensors; no pickle."""
        ...


class ImageGenerator(Protocol):
    """A way to make synthetic images; its fields are its public settings."""

    def fit(self, images: "ImageSet", ledger: Ledger = ..., seeds: Seeds = ...) -> FittedImages:
        """Learn from the train images, after charging the ledger.

        Args:
            images: of one size, at least eight patients a class.
            ledger: where the release is written down before an image is read.
            seeds: the same seeds give the same model.
        """
        ...


class FittedSeries(Protocol):
    """A trained model of regular series: weights and facts, never a series."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What may be asked for."""
        ...

    def sample(self, n: int, seeds: Seeds = ..., condition: Condition = ...) -> "SeriesSet":
        """Draw exactly `n` series, each a patient of its own; the same seeds give the same ones.

        Args:
            n: how many, at least 1.
            seeds: all randomness.
            condition: on `label`, met by every series, or refused.

        Raises:
            PlanError: `n` below 1.
            ConditionError: a condition on anything but a known label.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the model to an existing folder: model.json, weights.safetensors; no pickle."""
        ...


class SeriesGenerator(Protocol):
    """A way to make synthetic series of one length; its fields are its public settings."""

    def fit(self, series: "SeriesSet", ledger: Ledger = ..., seeds: Seeds = ...) -> FittedSeries:
        """Learn from the train series, after charging the ledger.

        Args:
            series: at least eight patients a class.
            ledger: where the release is written down before a series is read.
            seeds: the same seeds give the same model.
        """
        ...


class FittedCohort(Protocol):
    """A trained model of cohorts: weights and facts, never a row of a patient."""

    @property
    def schema(self) -> Schema:
        """What is told of a patient once, which is what may be asked for."""
        ...

    def sample(self, n: int, seeds: Seeds = ..., condition: Condition = ...) -> "Cohort":
        """Draw exactly `n` patients with all that happened to them.

        Keys are counted from 1; beginnings are any moment of the source's years. Every visit and
        event is of a patient who is there, in order, none behind a death.

        Args:
            n: how many patients, at least 1.
            seeds: the same seeds give the same patients.
            condition: on what is told of a patient once; met by every patient, or refused.

        Raises:
            PlanError: `n` below 1.
            ConditionError: a condition that cannot be met exactly.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the model to an existing folder: JSON, TOML and safetensors; no pickle."""
        ...


class CohortGenerator(Protocol):
    """A way to make synthetic patients with all that happens to them; its fields are public."""

    def fit(self, cohort: "Cohort", ledger: Ledger = ..., seeds: Seeds = ...) -> FittedCohort:
        """Learn from train patients, after charging the ledger.

        Args:
            cohort: with keys that hold.
            ledger: where the release is written down before a row is read.
            seeds: the same seeds give the same model.
        """
        ...
