"""What of a table its schema does not allow: counted, never shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from medsynai.data.schema import Schema
from medsynai.errors import SchemaError

BEYOND = "outside the range of the schema"
ABSENT = "missing, which the schema does not allow"
BROKEN = "not a whole number"
UNLISTED = "outside the categories of the schema"
HELD = frozenset((BEYOND, ABSENT, BROKEN))  # not allowed, but the value is kept as it is


@dataclass(frozen=True)
class Misfit:
    """Rows of a column that the schema does not allow; counted, never shown.

    >>> str(Misfit("age", "not a number", 3))
    "column 'age': 3 rows are not a number"
    """

    column: str
    what: str
    rows: int

    def __str__(self) -> str:
        be = "row is" if self.rows == 1 else "rows are"
        return f"column {self.column!r}: {self.rows:,} {be} {self.what}"


def check_columns(raw: pd.DataFrame, schema: Schema) -> None:
    """Refuse columns that the schema does not list.

    Raises:
        SchemaError: there are some.
    """
    extra = [str(n) for n in raw.columns if n not in schema]
    if extra:
        halves = [n for n in extra if f"{n} (1)" in schema]
        more = (
            ". Two numbers in a cell are not taken apart here: make two columns" if halves else ""
        )
        raise SchemaError(
            f"the schema does not list {named(extra)}; add the column there or leave it out here"
            + more
        )


def refuse(misfits: Sequence[Misfit]) -> None:
    """Refuse rows that do not fit their schema.

    Raises:
        SchemaError: there are some; names the columns and counts the rows.
    """
    if misfits:
        raise SchemaError(
            "the data do not fit the schema: "
            + "; ".join(map(str, misfits[:5]))
            + (f"; and {len(misfits) - 5} more" if len(misfits) > 5 else "")
            + ". Mend the schema (kind, categories, range, missing_tokens) or the data"
        )


def named(names: Sequence[str]) -> str:
    """Columns, named in an error."""
    shown = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if names[5:] else "")
    return f"column {shown}" if len(names) == 1 else f"columns {shown}"
