"""Linkability: do the synthetic rows join what two parties know apart about one person?

WP29 opinion 05/2014 (WP216), measured as in Giomi et al. 2022: one party knows one
half of the columns of a train row, the other the other half. They link the two if both halves lie
near the same synthetic row. Holdout rows, tried alike, tell what is luck.
"""

from typing import Any

import numpy as np

from medsynai.evaluate.attacks import intervals, parts
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.lineup import Effort, Round, obstacle, rounds, varies
from medsynai.evaluate.attacks.space import Points, Space, nearest
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

NEIGHBOURS = 3  # synthetic rows that each half may point to
SPLITS = 4  # random halvings of the columns; each is tried on its own rows
HEADING = Heading(
    "linkability",
    "Linkability of two halves of the columns: residual risk",
    "Giomi et al. 2022; WP216",
)
TENTH, GROUP = parts.headings("linkability", "Linkability", HEADING.source)
_EFFORT = Effort(rows=4_000, pairs=2e8)


def measure(trial: Trial, effort: Effort | None = None) -> Findings:
    """Residual risk of linking: all rows, the furthest tenth, the worst-off named group.

    With exhibit "linkability" (rates only).
    """
    reason = obstacle(trial, columns=2)
    if reason:
        return Findings(tuple(h.absent(reason) for h in (HEADING, TENTH, GROUP)))
    names = [c for c in trial.train.schema.names if varies(trial.train, c)]
    draw = trial.seeds.of("linkability").numpy()
    halves = [set(draw.permutation(names)[: len(names) // 2]) for _ in range(SPLITS)]
    played = rounds(trial, effort or _EFFORT)
    linked = {name: _sides(r, set(names), halves) for name, r in played.items()}
    rates = {name: [parts.rate(side) for side in pair] for name, pair in linked.items()}
    found = {name: intervals.residual_risk(*pair) for name, pair in rates.items()}
    own, released = rates["synthetic"], len(played["synthetic"].released)
    exhibit = {
        "attack": own[0].value,
        "control": own[1].value,
        "blind_guess": 1 - (1 - NEIGHBOURS / released) ** NEIGHBOURS,
        "neighbours": NEIGHBOURS,
    }
    hidden = {name: parts.hidden(trial, r, *linked[name]) for name, r in played.items()}
    scores = (
        HEADING.score(found, len(played["synthetic"].train)),
        *parts.scores((TENTH, GROUP), hidden),
    )
    groups = hidden["synthetic"].groups
    return Findings(scores, {"linkability": exhibit}, {"linkability": groups} if groups else {})


def _sides(round_: Round, names: set[str], halves: list[set[str]]) -> tuple[Numbers, Numbers]:
    """(rows,) whether each train row, and each holdout row, is linked."""
    tables = (round_.train, round_.holdout, round_.released)
    space = Space.of(*tables)
    train, holdout, released = (space.place(t) for t in tables)
    return _linked(train, released, names, halves), _linked(holdout, released, names, halves)


def _linked(points: Points, released: Points, names: set[str], halves: list[set[str]]) -> Numbers:
    """(rows,) 1 where the halves meet in a released row, else 0; every row is tried once."""
    turn, linked = np.arange(len(points)) % len(halves), np.zeros(len(points))
    for i, half in enumerate(halves):
        mine = points.rows(turn == i)
        _, a = nearest(mine.only(half), released.only(half), NEIGHBOURS)
        _, b = nearest(mine.only(names - half), released.only(names - half), NEIGHBOURS)
        linked[turn == i] = (a[:, :, None] == b[:, None, :]).any(axis=(1, 2))
    return linked
