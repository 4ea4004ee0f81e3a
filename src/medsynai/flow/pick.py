"""Which private model `auto` takes: by public facts alone, from one table with its evidence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pick:
    """A line of the table: the first that fits is taken.

    Attributes:
        columns: learnt columns at most.
        why: what was measured; docs/privacy.md has the figures.
    """

    name: str
    columns: float
    why: str


@dataclass(frozen=True)
class Picked:
    """The model, and why; no word where a person named it."""

    name: str
    sentence: str = ""


PICKS = (
    Pick("aim", 32, "on a table of 11 columns AIM was nearer than MST at epsilon 1 and 10"),
    Pick(
        "mst",
        float("inf"),
        "beyond 32 columns AIM's graphs grow too large (Ganev, Xu and De Cristofaro 2024), and a "
        "tree stays small",
    ),
)


def pick(columns: int, rows: int, epsilon: float) -> Picked:
    """The model for a table of so many learnt columns, by the plan and the contract alone."""
    line = next(p for p in PICKS if columns <= p.columns)
    sentence = (
        f"By public facts alone ({columns} columns, {rows:,} rows asked for, epsilon {epsilon:g}): "
        f"{line.why}."
    )
    return Picked(line.name, sentence)
