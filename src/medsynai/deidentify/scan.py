"""A last look at what goes out: do real identifiers, or things that look like some, occur in it?"""

from dataclasses import dataclass

import pandas as pd

from medsynai.data.facts import look
from medsynai.data.patterns import LOOKS, SURE, count_like
from medsynai.data.schema import Kind
from medsynai.data.table import Table


@dataclass(frozen=True)
class Leak:
    """Cells of a released column that hold what they should not; counted, never shown.

    Attributes:
        column: of the release.
        what: which identifier, or of which real column the values are.
        values: how many different values.
    """

    column: str
    what: str
    values: int


def scan(released: Table, real: Table | None = None) -> tuple[Leak, ...]:
    """What a release holds that it should not.

    Any text cell equal to a value of a real identifier or text column counts, in whatever column
    it stands; and so does a cell that looks like an e-mail address, a telephone or social
    security number or a web address. Fresh keys are only held against the real keys.

    Args:
        released: the finished rows.
        real: the rows they were made from; without them only the looks are checked.
    """
    leaks = []
    kept_out = _kept_out(real) if real is not None else {}
    for column in released.schema.columns:
        values = released.frame[column.name]
        if column.kind.is_number or column.kind is Kind.DATE:
            continue
        texts = set(look(values, column.name, text=False).texts)
        for name, known in kept_out.items():
            own = name == column.name
            if column.kind is Kind.IDENTIFIER and not own:
                continue  # drawn from another space of numbers, which may overlap
            # A short number in another column is no key: 17 may be an age.
            both = {t for t in texts & known if own or len(t) > 5}
            if both:
                leaks.append(Leak(column.name, f"values of {name}", len(both)))
        if column.kind is Kind.IDENTIFIER:
            continue
        for one in LOOKS:
            hits = count_like(sorted(texts), one) if one.identifier in SURE else 0
            if hits:
                leaks.append(Leak(column.name, one.identifier, hits))
    return tuple(leaks)


def _kept_out(real: Table) -> dict[str, set[str]]:
    """The values of every identifier and text column."""
    kinds = (Kind.IDENTIFIER, Kind.TEXT)
    return {
        c.name: set(pd.unique(real.frame[c.name].dropna()).tolist())
        for c in real.schema.columns
        if c.kind in kinds
    }
