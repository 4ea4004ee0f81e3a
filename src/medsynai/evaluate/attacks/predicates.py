"""Descriptions of a row by several columns, and the rows that answer to them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Test:
    """One column's part of a predicate: `sign` 0 asks for equality, -1 at most, +1 at least.

    Equality with NaN asks for a missing value.
    """

    column: int
    value: float
    sign: int


Predicate = tuple[Test, ...]


@dataclass(frozen=True)
class Shelf:
    """Rows that are also kept in order of each column, so that a test finds its rows at once.

    Thousands of predicates are asked of a hundred thousand rows: looking at all of them for each
    test is what takes the time.

    Attributes:
        values: (columns, rows) numbers, levels as codes; NaN for missing.
        order: (columns, rows) the rows by rising value, missing ones last.
        sorted: (columns, rows) their values.
    """

    values: Numbers
    order: Numbers
    sorted: Numbers

    @staticmethod
    def of(values: Numbers) -> "Shelf":
        """Put (columns, rows) in order."""
        order = np.argsort(values, axis=1, kind="stable")
        return Shelf(values, order, np.take_along_axis(values, order, axis=1))

    def __len__(self) -> int:
        return int(self.values.shape[1])

    def span(self, test: Test) -> slice:
        """Which of `order` pass a test."""
        known = self.sorted[test.column]
        if np.isnan(test.value):
            return slice(int(np.searchsorted(known, np.nan)), len(known))
        first = int(np.searchsorted(known, test.value, "left"))
        last = int(np.searchsorted(known, test.value, "right"))
        if test.sign > 0:
            return slice(first, int(np.searchsorted(known, np.nan)))
        return slice(0 if test.sign < 0 else first, last)

    def passing(self, test: Test, among: Numbers | None = None) -> Numbers:
        """Positions of the rows that pass a test, of all or of those `among`."""
        if among is None:
            return self.order[test.column, self.span(test)]
        values = self.values[test.column, among]
        if np.isnan(test.value):
            passes = np.isnan(values)
        elif test.sign > 0:
            passes = values >= test.value
        elif test.sign < 0:
            passes = values <= test.value
        else:
            passes = values == test.value
        return among[passes]

    def matching(self, predicate: Predicate) -> Numbers:
        """Positions of the rows that pass every test, the test of fewest rows first.

        >>> Shelf.of(np.array([[1.0, 2.0, 3.0]])).matching((Test(0, 2.0, 1),)).tolist()
        [1, 2]
        """
        spans = [self.span(test) for test in predicate]
        first, *others = sorted(range(len(spans)), key=lambda i: spans[i].stop - spans[i].start)
        fits = self.passing(predicate[first])
        for i in others:
            fits = self.passing(predicate[i], fits)
        return fits
