"""A table as a matrix of small codes, and back: what every table generator works on."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from jaxtyping import Bool, Integer

from medsynai.codec.numbers import NumberCodec
from medsynai.data.schema import Column, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import ConditionError
from medsynai.generator import Condition, Wanted
from medsynai.store import Arrays

Codes = Integer[np.ndarray, " n"]
CodeMatrix = Integer[np.ndarray, "n columns"]


@dataclass(frozen=True)
class LevelCodec:
    """Levels as their place in the schema's list; the code behind the last means missing."""

    levels: int

    @property
    def bins(self) -> int:
        """How many levels; also the code of a missing value."""
        return self.levels


@dataclass(frozen=True)
class ColumnCodec:
    """One column: its schema entry and its codes' meaning."""

    column: Column
    inner: NumberCodec | LevelCodec

    @property
    def size(self) -> int:
        """How many codes, the one for missing included; it is the last."""
        return self.inner.bins + 1

    def encode(self, values: pd.Series) -> Codes:
        """Codes of a canonical column."""
        if isinstance(self.inner, NumberCodec):
            return self.inner.encode(values.to_numpy(np.float64, na_value=np.nan))
        codes = values.cat.codes.to_numpy().astype(np.int64)
        return np.where(codes < 0, self.inner.levels, codes)

    def decode(self, codes: Codes, rng: np.random.Generator) -> pd.Series:
        """A canonical column drawn from codes."""
        if isinstance(self.inner, NumberCodec):
            return pd.Series(self.inner.decode(codes, rng), name=self.column.name)
        places = np.where(codes >= self.inner.levels, -1, codes)
        dtype = cast(pd.CategoricalDtype, canonical_dtype(self.column))
        values = pd.Categorical.from_codes(places, dtype=dtype)
        return pd.Series(values, name=self.column.name)

    def allowed(self, wanted: Wanted) -> Bool[np.ndarray, " codes"]:
        """Which codes can meet a wish.

        Raises:
            ConditionError: none can; the message says what is possible.
        """
        if wanted.absent:
            able = (np.arange(self.size) == self.inner.bins) & self.column.missing
            possible = "it is never missing"
        elif isinstance(self.inner, NumberCodec):
            able = self.inner.allowed(wanted.low, wanted.high)
            possible = self._range()
        else:
            levels = self.column.categories or ()
            able = np.array([*(level in (wanted.levels or ()) for level in levels), False])
            possible = "one of " + ", ".join(levels[:30])
        if not able.any():
            raise ConditionError(f"no row can meet the condition on {wanted.column!r}: {possible}")
        return able

    def _range(self) -> str:
        low, high = self.column.minimum, self.column.maximum
        return (
            f"its values lie in {low:g} to {high:g}"
            if low is not None and high is not None
            else "it has no values there"
        )

    def narrow(
        self,
        values: pd.Series,
        codes: Codes,
        wanted: Wanted,
        rng: np.random.Generator,
    ) -> pd.Series:
        """Draw again, inside their bins, the numbers that fall outside the wish.

        A bin at the border of a range also holds values beyond it.

        Raises:
            ConditionError: a bin that is too seldom inside the range.
        """
        if wanted.levels is not None:
            return values
        low = -np.inf if wanted.low is None else wanted.low
        high = np.inf if wanted.high is None else wanted.high
        drawn = values.to_numpy(np.float64).copy()
        for _ in range(_TRIES):
            out = ~((drawn >= low) & (drawn <= high))
            if not out.any():
                return pd.Series(drawn, name=values.name)
            drawn[out] = self.decode(codes[out], rng).to_numpy()
        raise ConditionError(
            f"the range asked of {wanted.column!r} holds too few of the values it was learnt from;"
            " widen it"
        )


_TRIES = 2000  # a border bin holds its values in quantile steps, so a miss rate of 0.99 still ends


@dataclass(frozen=True)
class TableCodec:
    """All columns of a table, in the order of its schema."""

    columns: tuple[ColumnCodec, ...]

    @staticmethod
    def fit(
        table: Table, max_bins: int = 200, min_bin: int = 5, min_shared: int = 3
    ) -> "TableCodec":
        """Learn every column's codes from train rows.

        Args:
            table: learnable columns only.
            max_bins: about how many bins a number gets at most.
            min_bin: rows that a bin stands for at least.
            min_shared: patients who must share a number before it is drawn as it is.
        """
        fitted, whose = [], table.repeated()
        for column in table.schema.columns:
            inner: NumberCodec | LevelCodec
            if column.kind.is_number:
                values = table.frame[column.name].to_numpy(np.float64, na_value=np.nan)
                inner = NumberCodec.fit(values, max_bins, min_bin, min_shared, whose)
            else:
                inner = LevelCodec(len(column.categories or ()))
            fitted.append(ColumnCodec(column, inner))
        return TableCodec(tuple(fitted))

    def __getitem__(self, name: str) -> ColumnCodec:
        return next(c for c in self.columns if c.column.name == name)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many codes each column has."""
        return tuple(c.size for c in self.columns)

    def encode(self, table: Table) -> CodeMatrix:
        """Codes of rows that have these columns, as small integers."""
        smallest = np.min_scalar_type(max(self.sizes, default=1))
        codes = np.empty((len(table), len(self.columns)), dtype=smallest)
        for place, codec in enumerate(self.columns):
            codes[:, place] = codec.encode(table.frame[codec.column.name])
        return codes

    def decode(
        self, codes: CodeMatrix, condition: Condition, given: Table | None, rng: np.random.Generator
    ) -> pd.DataFrame:
        """Columns of these codes, as canonical values; the inverse of `encode`.

        Args:
            codes: drawn ones, that meet the condition as far as codes can.
            condition: numbers are moved within their bins to where they meet it.
            given: real columns that stand as they are.
            rng: where in its bin a number lies.
        """
        kept = given.schema.names if given is not None else ()
        wanted = {w.column: w for w in condition.wanted}
        columns: dict[str, pd.Series] = {}
        for place, codec in enumerate(self.columns):
            name = codec.column.name
            if given is not None and name in kept:
                columns[name] = given.frame[name].reset_index(drop=True)
                continue
            mine = codes[:, place].astype(np.int64)
            columns[name] = codec.decode(mine, rng)
            if name in wanted:
                columns[name] = codec.narrow(columns[name], mine, wanted[name], rng)
        return pd.DataFrame(columns)

    def arrays(self) -> Arrays:
        """For a safetensors file; levels live in the schema."""
        stored: Arrays = {}
        for place, codec in enumerate(self.columns):
            if isinstance(codec.inner, NumberCodec):
                stored |= codec.inner.arrays(f"codec.{place}")
        return stored

    @staticmethod
    def load(schema: Schema, arrays: Arrays) -> "TableCodec":
        """The inverse of `arrays`."""
        fitted = []
        for place, column in enumerate(schema.columns):
            number = column.kind.is_number
            inner: NumberCodec | LevelCodec = (
                NumberCodec.load(arrays, f"codec.{place}")
                if number
                else LevelCodec(len(column.categories or ()))
            )
            fitted.append(ColumnCodec(column, inner))
        return TableCodec(tuple(fitted))
