"""Finds exact relations in the train rows: conservative, for a false rule damages data."""

from medsynai.constraints.evidence import rows_of
from medsynai.constraints.implied import find_absences, find_levels, without_echoes
from medsynai.constraints.numeric import find_orders, find_sums
from medsynai.data.table import Table

MOST = 300


def discover(table: Table) -> tuple[str, ...]:
    """Rules that every row keeps, with enough rows that could have broken them.

    Sought are: values missing exactly for some levels, below or above some whole number, or
    together with another column; levels that follow from others; numbers never above others;
    sums, differences and equalities. Candidates come from a sample of the rows and must hold in
    all of them. A bound that a rule names is shown by at least eleven patients.

    Args:
        table: train rows, learnable columns only.

    >>> import pandas as pd
    >>> from medsynai.data.schema import Column, Kind, Schema
    >>> dead = pd.Series(pd.Categorical(["0", "1"] * 400))
    >>> cause = pd.Series(pd.Categorical([None, "heart", None, "lung"] * 200))
    >>> schema = Schema((
    ...     Column("death", Kind.BINARY, categories=("0", "1")),
    ...     Column("cause", Kind.BINARY, categories=("heart", "lung"), missing=True)))
    >>> discover(Table(pd.DataFrame({"death": dead, "cause": cause}), schema))
    ('cause is missing when death = 0', 'cause is present when death = 1')
    """
    rows = rows_of(table)
    if len(rows) < 2:
        return ()
    implied = without_echoes([*find_absences(rows), *find_levels(rows)], rows)
    found = [*implied, *find_orders(rows), *find_sums(rows)]
    return tuple(dict.fromkeys(str(rule) for rule in found))[:MOST]
