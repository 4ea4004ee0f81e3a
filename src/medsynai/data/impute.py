"""Filling missing values in before a model learns: only ever as a stated choice.

Missingness is information, and models here draw it like any other value. Some papers and some
downstream tools want complete tables; whoever does gets them, and every document says so.
"""

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pandas as pd

from medsynai.data.schema import Column, Kind, Role
from medsynai.data.table import Table

WAYS = ("mean", "median", "model")
LEARNABLE = 20  # present values from which a column is learnt from the others; else its median


@dataclass(frozen=True)
class Imputed:
    """A table without gaps where they could be filled, and how many values of which column were."""

    table: Table
    filled: dict[str, int]


def impute(table: Table, way: str, spared: tuple[str, ...] = ()) -> Imputed:
    """Fill the missing values of learnable columns in.

    Numbers get the column's mean or median, on its own lattice and within its range; levels their
    commonest one. With `model` each column is foretold from the others by gradient boosting
    (scikit-learn's, which takes gaps as they are), or as by `median` where fewer than 20 values
    are present. One value is filled in for each gap, so spreads come out too narrow (Rubin 1987,
    Multiple imputation for nonresponse in surveys).

    Args:
        table: train rows; outcomes and columns that are wholly missing stay as they are.
        way: one of WAYS.
        spared: columns to leave as they are.
    """
    frame, columns, filled = table.frame.copy(), [], {}
    for column in table.schema.columns:
        gaps = table.frame[column.name].isna().to_numpy(bool)
        if _fillable(table, column, spared) and gaps.any() and not gaps.all():
            frame[column.name] = _filled(table, column, gaps, way)
            filled[column.name] = int(gaps.sum())
            column = replace(column, missing=False)
        columns.append(column)
    schema = table.schema.replacing(*columns)
    return Imputed(replace(table, frame=frame, schema=schema), filled)


def _fillable(table: Table, column: Column, spared: tuple[str, ...]) -> bool:
    outcomes = {name for s in table.schema.survival for name in (s.time, s.event)}
    if column.role is Role.TARGET or column.name in outcomes or column.name in spared:
        return False
    return any(c.name == column.name for c in table.schema.learnt)


def _filled(table: Table, column: Column, gaps: np.ndarray, way: str) -> pd.Series:
    values = table.frame[column.name]
    if way == "model" and (~gaps).sum() >= LEARNABLE and values.nunique() > 1:
        told = _foretold(table, column, gaps)
    elif column.kind.is_number:
        told = np.repeat(values.mean() if way == "mean" else values.median(), gaps.sum())
    else:
        told = np.repeat(int(values.cat.codes[~gaps].mode().iloc[0]), gaps.sum())
    if column.kind.is_number:
        numbers = values.to_numpy(np.float64, copy=True)
        numbers[gaps] = _on_lattice(np.asarray(told, np.float64), column)
        return pd.Series(numbers, index=values.index)
    codes = values.cat.codes.to_numpy().copy()
    codes[gaps] = told
    dtype = cast(pd.CategoricalDtype, values.dtype)
    return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype), index=values.index)


def _foretold(table: Table, column: Column, gaps: np.ndarray) -> np.ndarray:
    """What gradient boosting says of the gaps, from all other learnable columns."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    others = [_as_numbers(table.frame[c.name]) for c in table.schema.learnt if c is not column]
    seen = [x for x in others if not np.isnan(x[~gaps]).all()]
    features = np.column_stack([np.zeros(len(table)), *seen])  # the zeros: there may be no others
    target = _as_numbers(table.frame[column.name])
    kind = (
        HistGradientBoostingRegressor if column.kind.is_number else HistGradientBoostingClassifier
    )
    model = kind(max_iter=50, early_stopping=False, random_state=0)
    return np.asarray(model.fit(features[~gaps], target[~gaps]).predict(features[gaps]))


def _as_numbers(values: pd.Series) -> np.ndarray:
    if not isinstance(values.dtype, pd.CategoricalDtype):
        return values.to_numpy(np.float64)
    codes = values.cat.codes.to_numpy(np.float64, copy=True)
    codes[codes < 0] = np.nan
    return codes


def _on_lattice(numbers: np.ndarray, column: Column) -> np.ndarray:
    decimals = 0 if column.kind is Kind.INTEGER else column.decimals
    if decimals is not None:
        numbers = np.round(numbers, decimals)
    return np.clip(numbers, column.minimum, column.maximum)
