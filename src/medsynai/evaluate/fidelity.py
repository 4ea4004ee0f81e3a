"""Total variation distance of columns, pairs and triples of columns, on decile codes."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from medsynai.evaluate.encode import Codes, Encoding
from medsynai.evaluate.interval import Rows
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.evaluate.sides import Sides, compare, take_sides, unassessed
from medsynai.evaluate.trial import Trial

CAP = 50_000
TRIPLES = 200
# Above this many cells a table of counts is sorted for instead of being laid out.
DENSE = 300_000
SHOWN = 10
SOURCE = "TVD = 1/2 sum |p - q| over decile or level cells, missing a cell of its own; mean over {}"

COLUMNS = blank(
    "tvd_columns",
    "Single columns: total variation distance",
    Family.FIDELITY,
    "low",
    SOURCE.format("columns"),
    note="Shuffling keeps single columns, so the shuffled anchor equals the holdout's here.",
)
PAIRS = blank(
    "tvd_pairs",
    "Pairs of columns: total variation distance",
    Family.FIDELITY,
    "low",
    SOURCE.format("all pairs of columns"),
)
TRIPLES_SCORE = blank(
    "tvd_triples",
    "Triples of columns: total variation distance",
    Family.FIDELITY,
    "low",
    SOURCE.format(f"up to {TRIPLES} random triples of columns"),
)

Group = tuple[int, ...]


def distances(a: Codes, b: Codes, sizes: Codes, groups: Sequence[Group]) -> np.ndarray[Any, Any]:
    """Total variation distance between the joint codes of each group of columns.

    Args:
        a: codes of the one table, (rows, columns).
        b: codes of the other.
        sizes: number of codes of each column.
        groups: the columns to take together.

    >>> a, b = np.array([[0], [0], [1], [1]]), np.array([[0], [0], [0], [1]])
    >>> distances(a, b, np.array([2]), [(0,)]).tolist()
    [0.25]
    """
    a, b = np.asfortranarray(a), np.asfortranarray(b)
    return np.array([_distance(*_joint(a, b, sizes, group)) for group in groups])


def _joint(a: Codes, b: Codes, sizes: Codes, group: Group) -> tuple[Codes, Codes, int]:
    left, right, cells = a[:, group[0]], b[:, group[0]], int(sizes[group[0]])
    for j in group[1:]:
        size = int(sizes[j])
        left, right, cells = left * size + a[:, j], right * size + b[:, j], cells * size
    return left, right, cells


def _distance(left: Codes, right: Codes, cells: int) -> float:
    if cells > DENSE:
        found, place = np.unique(np.concatenate([left, right]), return_inverse=True)
        left, right, cells = place[: len(left)], place[len(left) :], len(found)
    p = np.bincount(left, minlength=cells) / len(left)
    q = np.bincount(right, minlength=cells) / len(right)
    return float(0.5 * np.abs(p - q).sum())


def measure(trial: Trial) -> Findings:
    """Mean TVD over columns, pairs and triples, synthetic against holdout rows.

    Raises:
        AssessmentError: too few rows, or no column.
    """
    tables = take_sides(trial, CAP)
    encoding = trial.encoding
    sides = tables.map(encoding.codes)
    width = len(encoding.names)
    singles: list[Group] = [(j,) for j in range(width)]
    pairs: list[Group] = list(combinations(range(width), 2))
    scores = [_score(COLUMNS, sides, encoding, singles, trial)]
    for score, groups, least in (
        (PAIRS, pairs, 2),
        (TRIPLES_SCORE, _triples(width, trial), 3),
    ):
        if width < least:
            scores.append(unassessed(score, f"needs at least {least} columns"))
        else:
            scores.append(_score(score, sides, encoding, groups, trial))
    return Findings(tuple(scores), {"pairs_worst": _worst(sides, encoding, pairs)})


def mean_distance(candidate: Codes, reference: Codes, encoding: Encoding) -> float:
    """Mean TVD over single columns: what subgroups are judged by."""
    groups: list[Group] = [(j,) for j in range(len(encoding.names))]
    return float(distances(candidate, reference, encoding.sizes, groups).mean())


def _triples(width: int, trial: Trial) -> list[Group]:
    rng = trial.seeds.of("triples").numpy()
    if width <= 24:
        every: list[Group] = list(combinations(range(width), 3))
        return [every[i] for i in rng.permutation(len(every))[:TRIPLES]]
    drawn: dict[Group, None] = {}
    while len(drawn) < TRIPLES:
        drawn[tuple(sorted(int(j) for j in rng.choice(width, 3, replace=False)))] = None
    return list(drawn)


def _score(
    score: Score, sides: Sides[Rows], encoding: Encoding, groups: list[Group], trial: Trial
) -> Score:
    def mean(a: Rows, b: Rows) -> float:
        return float(distances(a, b, encoding.sizes, groups).mean())

    return compare(score, sides, mean, trial.seeds)


def _worst(sides: Sides[Rows], encoding: Encoding, pairs: list[Group]) -> list[dict[str, Any]]:
    """The pairs that lie furthest above what real rows score."""
    if not pairs:
        return []
    found = distances(sides.synthetic, sides.reference, encoding.sizes, pairs)
    floor = (
        np.zeros(len(pairs))
        if sides.real is None
        else distances(sides.real, sides.reference, encoding.sizes, pairs)
    )
    order = np.argsort(-(found - floor), kind="stable")[:SHOWN]
    return [
        {
            "columns": [encoding.names[j] for j in pairs[i]],
            "tvd": round(float(found[i]), 4),
            "holdout": None if sides.real is None else round(float(floor[i]), 4),
        }
        for i in order
    ]
