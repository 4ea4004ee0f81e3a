"""What a discriminator is shown of a row: how its numbers rank among drawn rows.

The ranks are of drawn rows alone, so that what is saved of them says nothing of a patient. A number
is told from the next one wherever drawn rows have few enough of them; a level is its place in the
schema's list; a missing value lies before all others.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.store import Arrays

MARKS = 250  # a number's, at most: as many as scikit-learn's histograms tell apart
MISSING = -1.0

Features = Float[np.ndarray, "rows columns"]


@dataclass(frozen=True)
class Marks:
    """Marks on the scale of each number of a table.

    Attributes:
        schema: the columns, in order.
        at: for each column its marks, ascending; none for levels.
    """

    schema: Schema
    at: tuple[np.ndarray, ...]

    @staticmethod
    def of(drawn: Table) -> "Marks":
        """Halfway between neighbouring values of drawn rows, or neighbouring quantiles if many."""
        return Marks(
            drawn.schema,
            tuple(
                _between(drawn.frame[c.name].to_numpy(np.float64, na_value=np.nan))
                if c.kind.is_number
                else np.zeros(0)
                for c in drawn.schema.columns
            ),
        )

    def see(self, table: Table) -> Features:
        """How many marks lie below each number; the place of each level."""
        seen = np.empty((len(table), len(self.schema.columns)), np.float32)
        for place, (column, at) in enumerate(zip(self.schema.columns, self.at, strict=True)):
            values = table.frame[column.name]
            if column.kind.is_number:
                numbers = values.to_numpy(np.float64, na_value=np.nan)
                ranks = np.searchsorted(at, numbers, side="right")
                seen[:, place] = np.where(np.isnan(numbers), MISSING, ranks)
            else:
                seen[:, place] = values.cat.codes.to_numpy()  # a missing one has code -1
        return seen

    def arrays(self) -> Arrays:
        """For a safetensors file."""
        return {f"marks.{place}": at for place, at in enumerate(self.at)}

    @staticmethod
    def load(schema: Schema, arrays: Arrays) -> "Marks":
        """The inverse of `arrays`."""
        return Marks(schema, tuple(arrays[f"marks.{p}"] for p in range(len(schema.columns))))


def _between(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " marks"]:
    found = np.unique(values[~np.isnan(values)])
    if len(found) > MARKS:
        shares = np.linspace(0, 1, MARKS)
        found = np.unique(np.quantile(values[~np.isnan(values)], shares, method="nearest"))
    return (found[1:] + found[:-1]) / 2
