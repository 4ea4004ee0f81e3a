"""How much the rows must say before a relation becomes a rule.

A relation that all of `n` rows keep may still be broken by up to 3/n of the population (the rule
of three, 95 %), and one that would hold by chance says nothing. So a rule needs enough rows that
could have broken it, and enough that would have if the columns had nothing to do with each other.
All rows of a patient weigh one together: thirty stays of one are no evidence about the others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from medsynai.data.schema import Column
from medsynai.data.table import Table

Array = np.ndarray[Any, Any]
LEAST = 300  # patients who could break a rule: with none that does, at most 1 % of others do
SIDE = 30  # patients on each side of a relation that splits the whole table in two
SURPRISE = 20.0  # breaches expected by chance where none is seen: e**-20 is beyond any search
ONE_WAY = 60.0  # the same where only one side of a relation is sharp, and may be sharp by chance
SMALL = 11  # what fewer patients show is not published, not even as a bound
LOOKED_AT = 4000  # rows on which candidates are sought before all rows are asked
MOST_LEVELS = 100  # levels of a column that is used in a condition


@dataclass(frozen=True)
class Rows:
    """Train rows as arrays, for quick questions.

    Attributes:
        levels: codes of level columns (-1 for missing), by name.
        numbers: number columns as float64, by name.
        patients: (rows,) whose row each is.
        weight: (rows,) one over the rows of the same patient; what it sums to over some rows is
            never above the number of their patients.
        gone: which cells are missing (rows, columns), for the columns in `named`.
    """

    table: Table
    levels: dict[str, Array]
    numbers: dict[str, Array]
    patients: Array
    weight: Array
    gone: Array
    named: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.table)

    def absent(self, name: str) -> Array:
        """Which rows lack this column."""
        mask: Array = self.gone[:, self.named.index(name)]
        return mask

    def heft(self, mask: Array) -> float:
        """How many patients these rows stand for, at the least."""
        return float(self.weight[mask].sum())

    def column(self, name: str) -> Column:
        """The schema's column."""
        return self.table.schema[name]

    def sampled(self) -> "Rows":
        """Evenly spaced rows, at most `LOOKED_AT`."""
        step = max(1, len(self.table) // LOOKED_AT)
        return self if step == 1 else rows_of(self.table.rows(np.arange(0, len(self), step)))


def rows_of(table: Table) -> Rows:
    """The learnable columns of a table as arrays; constants say nothing and are left out."""
    columns = [
        c
        for c in table.schema.columns
        if c.kind.is_number or (c.kind.is_level and len(c.categories or ()) > 0)
    ]
    frame = table.frame
    named = tuple(c.name for c in columns)
    gone = np.zeros((len(frame), len(named)), dtype=bool)
    levels, numbers = {}, {}
    for i, column in enumerate(columns):
        if column.kind.is_number:
            numbers[column.name] = frame[column.name].to_numpy("float64")
            gone[:, i] = np.isnan(numbers[column.name])
        else:
            levels[column.name] = frame[column.name].cat.codes.to_numpy().astype(np.int64)
            gone[:, i] = levels[column.name] < 0
    whose = table.whose()
    weight = 1.0 / np.bincount(whose)[whose]
    return Rows(table, levels, numbers, whose, weight, gone, named)
