"""Rarer classes brought up with synthetic rows, by the interface of imbalanced-learn."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from medsynai.data.canonical import from_canonical
from medsynai.errors import PlanError
from medsynai.flow import stages
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.flow.training import train
from medsynai.flow.watch import Watch
from medsynai.privacy.ledger import Ledger

AUTO, MINORITY = ("auto", "not majority"), "minority"


class SyntheticOverSampler(BaseEstimator):  # type: ignore[misc]
    """Draw synthetic rows of the rarer classes until they have as many as is asked for.

    It stands where imbalanced-learn's samplers stand, in its pipelines too, so that rows are drawn
    inside each fold of a cross-validation and never for the rows that are tried on. The rows are
    for training only: they are not a release, nobody has judged them, and no budget covers them.

    Args:
        sampling_strategy: "auto" or "not majority": all classes to the size of the largest;
            "minority": the rarest only; a number: rows of the rarer of two classes as a share of
            the other's; a mapping of class to rows.
        model: a catalogue name of a model of tables that draws by condition.
        settings: of the model, where they differ from its own.
        random_state: all randomness: a number, or as scikit-learn has it a `RandomState` or None,
            other rows every time.

    >>> rng = np.random.default_rng(0)
    >>> x = pd.DataFrame({"age": rng.normal(60, 9, 200), "sex": rng.choice(["f", "m"], 200)})
    >>> y = pd.Series(np.r_[np.zeros(160, int), np.ones(40, int)], name="died")
    >>> more, truth = SyntheticOverSampler().fit_resample(x, y)
    >>> len(more), truth.value_counts().to_dict(), more[:200].equals(x)
    (320, {0: 160, 1: 160}, True)
    """

    def __init__(
        self,
        sampling_strategy: str | float | Mapping[Any, int] = "auto",
        model: str = "forest",
        settings: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.model = model
        self.settings = settings
        self.random_state = random_state

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:  # scikit-learn's names
        """The rows given, then the synthetic ones; frames where frames were given, else arrays.

        Args:
            X: (rows, features) a frame, or an array of numbers.
            y: (rows,) the classes; (rows, 1) is taken, too.

        Raises:
            PlanError: a strategy that asks for fewer rows than there are, or for a class unknown;
                rows without a class, a sparse matrix, or another number of classes than of rows.
            ConditionError: a model that does not draw by condition.
        """
        frame, truth = _rows_of(X), _classes_of(y)
        if len(truth) != len(frame):
            raise PlanError(f"X has {len(frame):,} rows and y {len(truth):,} classes")
        names, codes = np.unique(truth, return_inverse=True)
        missing = self._missing(dict(zip(names.tolist(), np.bincount(codes), strict=True)))
        if not missing:
            return X, y
        drawn, which = self._drawn(frame, codes, _coded(names, missing))
        if drawn.shape[1] != frame.shape[1]:
            raise PlanError("a column of X is never drawn: leave identifiers and free text out")
        drawn = drawn.set_axis(frame.columns, axis=1).astype(frame.dtypes.to_dict())
        rows = pd.concat([frame.reset_index(drop=True), drawn], ignore_index=True)
        labels = np.concatenate([truth.to_numpy(), names[which]])
        out = rows if isinstance(X, pd.DataFrame) else rows.to_numpy(np.asarray(X).dtype)
        return out, pd.Series(labels, name=y.name) if isinstance(y, pd.Series) else labels

    def _seed(self) -> int:
        """A number as it is; else one that is drawn."""
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))

    def _missing(self, counts: dict[Any, int]) -> dict[Any, int]:
        """Rows to draw of each class."""
        asked, most = self.sampling_strategy, max(counts.values())
        rarest = min(counts, key=counts.__getitem__)
        if len(counts) < 2:
            raise PlanError("there is one class only, so none is rarer")
        if isinstance(asked, Mapping):
            wanted = dict(asked)
        elif asked in AUTO:
            wanted = dict.fromkeys(counts, most)
        elif asked == MINORITY:
            wanted = {rarest: most}
        elif isinstance(asked, int | float) and len(counts) == 2 and 0 < asked <= 1:
            wanted = {rarest: round(asked * most)}
        else:
            raise PlanError(
                f"sampling_strategy {asked!r}: write auto, not majority, minority, a share of the "
                "larger of two classes, or rows by class"
            )
        for name, n in wanted.items():
            if name not in counts:
                raise PlanError("sampling_strategy names a class that y does not have")
            if n < counts[name]:
                raise PlanError("sampling_strategy asks for fewer rows of a class than y has")
        return {name: n - counts[name] for name, n in wanted.items() if n > counts[name]}

    def _drawn(
        self, frame: pd.DataFrame, codes: np.ndarray, missing: Mapping[int, int]
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Synthetic rows in the frame's own types, and their classes."""
        column = next(n for i in count() if (n := f"class{i or ''}") not in map(str, frame.columns))
        whole = frame.set_axis(list(map(str, frame.columns)), axis=1).reset_index(drop=True)
        whole[column] = [f"class {k}" for k in codes]
        plan = Plan(
            model=self.model,
            settings=dict(self.settings or {}),
            holdout=0.0,
            target=column,
            seed=self._seed(),
        )
        asked = [
            replace(plan, conditions=(f"{column}=class {k}",), rows=n, draw=k)
            for k, n in missing.items()
        ]
        ledger, watch = Ledger(), Watch()
        loaded = stages.read(plan, Handed(frame=whole), ledger, watch)
        parts = stages.divide(loaded, asked[0], watch)
        trained = train(parts, loaded.source, asked[0], ledger, watch)
        tables = [stages.draw(trained, parts, p, watch).whole for p in asked]
        frames = [from_canonical(t, loaded.source).drop(columns=column) for t in tables]
        return pd.concat(frames, ignore_index=True), np.repeat([*missing], [*missing.values()])


def _rows_of(given: Any) -> pd.DataFrame:
    if issparse(given):
        raise PlanError("X is a sparse matrix: give a frame, or an array")
    return given if isinstance(given, pd.DataFrame) else pd.DataFrame(np.asarray(given))


def _classes_of(given: Any) -> pd.Series:
    """One class a row, whatever held them."""
    truth = pd.Series(np.asarray(given).ravel())
    if truth.isna().any():
        raise PlanError(f"{int(truth.isna().sum()):,} rows have no class: leave them out")
    return truth


def _coded(names: np.ndarray, missing: Mapping[Any, int]) -> dict[int, int]:
    return {int(np.flatnonzero(names == name)[0]): n for name, n in missing.items()}
