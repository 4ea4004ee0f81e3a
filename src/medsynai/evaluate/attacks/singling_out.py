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
from medsynai.evaluate.attacks.space import Space
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Numbers = np.ndarray[Any, np.dtype[Any]]

PREDICATES = 2_000
TRIES = 3 * PREDICATES  # rows tried for them: not every row can be set apart
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


@dataclass(frozen=True)
class Test:
    """One column's part of a predicate: `sign` 0 asks for equality, -1 at most, +1 at least."""

    column: int
    value: float
    sign: int


Predicate = tuple[Test, ...]


def measure(trial: Trial) -> Findings:
    """Residual risk of singling out, by one column and by several, with exhibit "singling_out"."""
    ways: list[tuple[Heading, int, Callable[[Numbers, Numbers, np.random.Generator], Any]]] = [
        (UNIVARIATE, 1, univariate),
        (MULTIVARIATE, 2, multivariate),
    ]
    able = [(h, draw) for h, columns, draw in ways if not obstacle(trial, columns)]
    outcomes: dict[str, dict[str, Outcome]] = {heading.name: {} for heading, _ in able}
    for name, round_ in rounds(trial, WHOLE, WHOLE).items() if able else ():
        field = _Field.of(round_)
        for heading, draw in able:
            rng = trial.seeds.of(heading.name, name).numpy()
            outcomes[heading.name][name] = _try(field, draw, rng, len(trial.train))
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
    """The rows of one round as numbers, (columns, rows) each, and which columns are levels."""

    train: Numbers
    holdout: Numbers
    released: Numbers
    is_level: Numbers

    @staticmethod
    def of(round_: Round) -> "_Field":
        space = Space.of(round_.train, round_.holdout, round_.released)
        rows = [_values(t, space) for t in (round_.train, round_.holdout, round_.released)]
        return _Field(rows[0], rows[1], rows[2], _is_level(space))


def _try(
    field: _Field,
    draw: Callable[[Numbers, Numbers, np.random.Generator], list[Predicate]],
    rng: np.random.Generator,
    train_rows: int,
) -> Outcome:
    from scipy.stats import hypergeom

    train, holdout = field.train, field.holdout
    predicates = draw(field.released, field.is_level, rng)
    if len(predicates) < LEAST:
        nothing = intervals.wilson(0, 0)
        return Outcome(len(predicates), nothing, nothing, nothing, float("nan"))
    size = min(train.shape[1], holdout.shape[1])

    def rate(rows: Numbers, asked: list[Predicate]) -> Interval:
        fits = np.array([len(matching(rows, p)) for p in asked])
        once = np.asarray(hypergeom.pmf(1, rows.shape[1], fits, size))
        return intervals.wilson(float(once.sum()), len(asked))

    attack, control = rate(train, predicates), rate(holdout, predicates)
    grown = intervals.scaled(intervals.residual_risk(attack, control), train_rows / size)
    naive = rate(train, blind(predicates, field.released, rng)).value
    return Outcome(len(predicates), attack, control, intervals.capped(grown), naive)


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


def _is_level(space: Space) -> Numbers:
    return np.arange(len(space.columns)) >= len(space.values)


def matching(rows: Numbers, predicate: Predicate) -> Numbers:
    """Positions of the rows (columns, rows) that fit every test.

    >>> matching(np.array([[1.0, 2.0, 3.0]]), (Test(0, 2.0, 1),)).tolist()
    [1, 2]
    """
    fits = np.arange(rows.shape[1])
    for test in predicate:
        fits = fits[_passes(rows[test.column][fits], test)]
    return fits


def _passes(values: Numbers, test: Test) -> Numbers:
    if test.sign > 0:
        passes = values >= test.value
    elif test.sign < 0:
        passes = values <= test.value
    elif np.isnan(test.value):
        passes = np.isnan(values)
    else:
        passes = values == test.value
    result: Numbers = passes
    return result


def univariate(rows: Numbers, is_level: Numbers, rng: np.random.Generator) -> list[Predicate]:
    """Values that occur once, and at most the least and at least the greatest number.

    Args:
        rows: (columns, rows) synthetic values.
        is_level: (columns,) which of them are levels.
        rng: draws from them if there are more than `PREDICATES`.
    """
    ends, single = [], []
    for column, values in enumerate(rows):
        found, counts = np.unique(values, return_counts=True)
        single += [(Test(column, float(v), 0),) for v in found[counts == 1]]
        known = found[~np.isnan(found)]
        if not is_level[column] and len(known):
            ends += [(Test(column, float(known[0]), -1),), (Test(column, float(known[-1]), 1),)]
    room = max(0, PREDICATES - len(ends))
    chosen = rng.permutation(len(single))[:room]
    return ends[:PREDICATES] + [single[i] for i in chosen]


def multivariate(rows: Numbers, is_level: Numbers, rng: np.random.Generator) -> list[Predicate]:
    """Random synthetic rows, described by as many random columns as set them apart, or a few more.

    Levels are asked for as they are; numbers by the side of the median that they lie on.
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column may be missing throughout
        middle = np.nanmedian(rows, axis=1)
    drawn = (_apart(rows, is_level, middle, rng) for _ in range(TRIES))
    return list(islice((p for p in drawn if p), PREDICATES))


def _apart(
    rows: Numbers, is_level: Numbers, middle: Numbers, rng: np.random.Generator
) -> Predicate:
    """A predicate that fits one synthetic row only; empty if `WIDEST` columns do not do it."""
    row, fits = int(rng.integers(rows.shape[1])), np.arange(rows.shape[1])
    tests: list[Test] = []
    spare = int(rng.integers(SPARE + 1))
    for column in rng.permutation(len(rows))[:WIDEST]:
        value = float(rows[column, row])
        equal = bool(is_level[column]) or np.isnan(value)
        sign = 0 if equal else -1 if value <= middle[column] else 1
        test = Test(int(column), value, sign)
        tests.append(test)
        if len(fits) == 1:
            spare -= 1
        else:
            fits = fits[_passes(rows[column][fits], test)]
        if len(fits) == 1 and spare <= 0:
            break
    return tuple(tests) if len(fits) == 1 else ()
