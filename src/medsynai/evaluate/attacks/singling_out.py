"""Singling out: do the synthetic rows tell how to pick exactly one train row?

WP29 opinion 05/2014 (WP216), measured as in Giomi et al. 2022: predicates that fit
one synthetic row only are tried on the train rows, and on the holdout rows for what is luck.

The holdout is usually smaller than train, and picking exactly one row is harder or easier by size
alone. So the train figure is the exact expectation over all samples of train as large as the
holdout. Such a sample holds a memorised row with the chance (holdout rows / train rows), by which
the excess is then divided.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from medsynai.data.table import Table
from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import WHOLE, Round, obstacle, rounds
from medsynai.evaluate.attacks.predicates import Predicate, Shelf, Test
from medsynai.evaluate.attacks.space import Space
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

PREDICATES = 2_000
ANCHOR = 500  # predicates of a round that is compared with, not judged
TRIES = 3  # rows tried for each: not every row can be set apart
WIDEST = 16  # most columns in one predicate
SPARE = 2  # columns that a predicate may have beyond those that it needs
LEAST = 20  # fewer predicates tell nothing
_SOURCE = "Giomi et al. 2022; WP216"
UNIVARIATE = Heading(
    "singling_out_univariate", "Singling out by one column: residual risk", _SOURCE
)
MULTIVARIATE = Heading(
    "singling_out_multivariate", "Singling out by several columns: residual risk", _SOURCE
)


def measure(trial: Trial) -> Findings:
    """Residual risk of singling out, by one column and by several, with exhibit "singling_out"."""
    ways: list[tuple[Heading, int, Draw]] = [
        (UNIVARIATE, 1, univariate),
        (MULTIVARIATE, 2, multivariate),
    ]
    able = [(h, draw) for h, columns, draw in ways if not obstacle(trial, columns)]
    outcomes: dict[str, dict[str, Outcome]] = {heading.name: {} for heading, _ in able}
    for name, field in _fields(rounds(trial, WHOLE, WHOLE)).items() if able else ():
        for heading, draw in able:
            rng = trial.seeds.of(heading.name, name).numpy()
            most = PREDICATES if name == "synthetic" else ANCHOR
            outcomes[heading.name][name] = _try(field, draw, rng, len(trial.train), most)
    scores, exhibit = [], {}
    for heading, columns, _ in ways:
        if heading.name not in outcomes:
            scores.append(heading.absent(obstacle(trial, columns)))
            continue
        own = outcomes[heading.name]["synthetic"]
        found = {name: o.residual for name, o in outcomes[heading.name].items()}
        note = f"{own.guesses} predicates"
        scores.append(heading.score(found, len(trial.train), note))
        exhibit[heading.name] = {
            "predicates": own.guesses,
            "attack": own.attack.value,
            "control": own.control.value,
            "naive": own.naive,
        }
    return Findings(tuple(scores), {"singling_out": exhibit} if exhibit else {})


@dataclass(frozen=True)
class Outcome:
    """What the predicates did: success rates at one size, and the risk that is left.

    `naive` is the success on train rows of predicates of the same columns and signs, whose values
    are each taken from another synthetic row: what asking at random reaches (Giomi et al. 2022).
    """

    guesses: int
    attack: Interval
    control: Interval
    residual: Interval
    naive: float


@dataclass(frozen=True)
class _Field:
    """The rows of one round, and which columns are levels."""

    train: Shelf
    holdout: Shelf
    released: Shelf
    is_level: Numbers


def _fields(played: dict[str, Round]) -> dict[str, _Field]:
    """The rounds' rows in one space; train, and the holdout where it is whole, are read once."""
    tables = [t for r in played.values() for t in (r.train, r.holdout, r.released)]
    space, read = Space.of(*tables), {}
    is_level = np.arange(len(space.columns)) >= len(space.values)

    def shelf(key: tuple[str, int], table: Table) -> Shelf:
        if key not in read:
            read[key] = Shelf.of(_values(table, space))
        return read[key]

    return {
        name: _Field(
            shelf(("train", len(r.train)), r.train),
            shelf(("other half" if name == "holdout" else "holdout", len(r.holdout)), r.holdout),
            Shelf.of(_values(r.released, space)),
            is_level,
        )
        for name, r in played.items()
    }


# released rows, which columns are levels, chance, and how many predicates at most
Draw = Callable[[Shelf, Numbers, np.random.Generator, int], list[Predicate]]


def _try(
    field: _Field, draw: Draw, rng: np.random.Generator, train_rows: int, most: int
) -> Outcome:
    from scipy.stats import hypergeom

    train, holdout = field.train, field.holdout
    predicates = distinct(draw(field.released, field.is_level, rng, most))
    if len(predicates) < LEAST:
        nothing = intervals.wilson(0, 0)
        return Outcome(len(predicates), nothing, nothing, nothing, float("nan"))
    size = min(len(train), len(holdout))

    def rate(rows: Shelf, asked: list[Predicate]) -> Interval:
        fits = np.array([len(rows.matching(p)) for p in asked])
        once = np.asarray(hypergeom.pmf(1, len(rows), fits, size))
        return intervals.wilson(float(once.sum()), len(asked))

    attack, control = rate(train, predicates), rate(holdout, predicates)
    grown = intervals.scaled(intervals.residual_risk(attack, control), train_rows / size)
    naive = rate(train, blind(predicates, field.released.values, rng)).value
    return Outcome(len(predicates), attack, control, intervals.capped(grown), naive)


def distinct(predicates: list[Predicate]) -> list[Predicate]:
    """Each question once, whatever the order of its tests.

    On a table of few columns and levels a handful of rows can be set apart at all; asked a thousand
    times they would pass for a thousand pieces of evidence.
    """
    found = {frozenset((t.column, repr(t.value), t.sign) for t in p): p for p in predicates}
    return list(found.values())


def blind(predicates: list[Predicate], rows: Numbers, rng: np.random.Generator) -> list[Predicate]:
    """The same columns and signs, each value from a row (columns, rows) drawn on its own."""
    return [
        tuple(Test(t.column, float(rows[t.column, rng.integers(rows.shape[1])]), t.sign) for t in p)
        for p in predicates
    ]


def _values(table: Table, space: Space) -> Numbers:
    """(columns, rows) float64: numbers as they are, levels as codes; missing is NaN or -1."""
    codes = space.place(table).codes[: len(space.levels)]
    numbers = [table.frame[c].to_numpy(float) for c in space.values]
    whole = np.array(numbers).reshape(len(numbers), len(table))
    return np.concatenate([whole, codes.astype(float)])


def univariate(
    rows: Shelf, is_level: Numbers, rng: np.random.Generator, most: int = PREDICATES
) -> list[Predicate]:
    """Values that occur once, and at most the least and at least the greatest number.

    Args:
        rows: the synthetic rows.
        is_level: (columns,) which of their columns are levels.
        rng: draws from them if there are more than `most`.
        most: predicates.
    """
    ends, single = [], []
    for column, values in enumerate(rows.values):
        found, counts = np.unique(values, return_counts=True)
        single += [(Test(column, float(v), 0),) for v in found[counts == 1]]
        known = found[~np.isnan(found)]
        if not is_level[column] and len(known):
            ends += [(Test(column, float(known[0]), -1),), (Test(column, float(known[-1]), 1),)]
    room = max(0, most - len(ends))
    chosen = rng.permutation(len(single))[:room]
    return ends[:most] + [single[i] for i in chosen]


def multivariate(
    rows: Shelf, is_level: Numbers, rng: np.random.Generator, most: int = PREDICATES
) -> list[Predicate]:
    """Random synthetic rows, described by as many random columns as set them apart, or a few more.

    Levels are asked for as they are; numbers by the side of the median that they lie on.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column may be missing throughout
        middle = np.nanmedian(rows.values, axis=1)
    drawn = (_apart(rows, is_level, middle, rng) for _ in range(TRIES * most))
    return list(islice((p for p in drawn if p), most))


def _apart(rows: Shelf, is_level: Numbers, middle: Numbers, rng: np.random.Generator) -> Predicate:
    """A predicate that fits one synthetic row only; empty if `WIDEST` columns do not do it."""
    row, fits = int(rng.integers(len(rows))), None
    tests: list[Test] = []
    spare = int(rng.integers(SPARE + 1))
    for column in rng.permutation(len(rows.values))[:WIDEST]:
        value = float(rows.values[column, row])
        equal = bool(is_level[column]) or np.isnan(value)
        sign = 0 if equal else -1 if value <= middle[column] else 1
        test = Test(int(column), value, sign)
        tests.append(test)
        if fits is not None and len(fits) == 1:
            spare -= 1
        else:
            fits = rows.passing(test, fits)
        if len(fits) == 1 and spare <= 0:
            break
    return tuple(tests) if fits is not None and len(fits) == 1 else ()
