"""Which private model `auto` takes: by public facts alone, from one table with its evidence."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Pick:
    """A line of the table: the first that fits is taken.

    Attributes:
        columns: learnt columns at most.
        strength: rows times epsilon at most.
        why: what was measured; docs/privacy.md has the figures.
    """

    name: str
    columns: float
    strength: float
    why: str


@dataclass(frozen=True)
class Picked:
    """The model, and why; no word where a person named it."""

    name: str
    sentence: str = ""


PICKS = (
    Pick(
        "mst",
        math.inf,
        300,
        "of so few rows at such an epsilon a tree of pairs, all measured at once, was nearer than "
        "AIM's rounds",
    ),
    Pick("aim", 128, math.inf, "on tables of 9 to 128 columns AIM was nearer than MST"),
    Pick(
        "mst",
        math.inf,
        math.inf,
        "beyond 128 columns AIM was not measured, its graphs grow large (Ganev, Xu and De "
        "Cristofaro 2024), and a tree stays small",
    ),
)


def pick(columns: int, rows: int | None, epsilon: float) -> Picked:
    """The model for a table, by the plan and the contract alone; real rows are not looked at.

    Args:
        columns: learnt ones, from the contract.
        rows: asked for; None, and taken for many, where their number is bought later: what is
            released must not hang on a release.
        epsilon: of the release.

    >>> [pick(*facts).name for facts in ((11, 4000, 1.0), (47, 4500, 1.0), (11, 300, 1.0))]
    ['aim', 'aim', 'mst']
    >>> pick(200, 50_000, 1.0).name, pick(11, None, 1.0).name
    ('mst', 'aim')
    """
    strength = math.inf if rows is None else rows * epsilon
    line = next(p for p in PICKS if columns <= p.columns and strength <= p.strength)
    asked = "" if rows is None else f"{rows:,} rows asked for, "
    facts = f"{columns} columns, {asked}epsilon {epsilon:g}"
    return Picked(line.name, f"By public facts alone ({facts}): {line.why}.")
