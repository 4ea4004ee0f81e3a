"""Columns of patients that another one settles: a code and its text, a part and its whole.

A model of columns gives a patient in a hundred a pair that no real patient has. What is settled is
not learnt but told by what settles it, so that the pair holds by construction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medsynai.data.canonical import text_of
from medsynai.data.cohort import SUBJECTS, Cohort
from medsynai.data.infer import infer
from medsynai.data.outcomes import FATAL

MOST = 200  # levels of a column that settles another
SURE = 0.98  # of patients, how many have levels of `least` patients: rarer ones prove nothing


@dataclass(frozen=True)
class Settled:
    """One column, and the one that settles it.

    Attributes:
        levels, values: of `by`, and what the column says then ("" for nothing).
        other: what it says beside a level that is not listed.
    """

    name: str
    by: str
    levels: tuple[str, ...]
    values: tuple[str, ...]
    other: str

    def told(self, by: pd.Series) -> pd.Series:
        """The column, from what settles it; None for nothing."""
        known = dict(zip(self.levels, self.values, strict=True))
        said = [known.get(_text(v), self.other) or None for v in by]
        return pd.Series(said, by.index, dtype=object)

    def asked(self, values: Iterable[str]) -> tuple[str, ...]:
        """The levels beside which the column says one of these; "" of a level is none."""
        wanted = set(values)
        pairs = zip(self.levels, self.values, strict=True)
        return tuple(level for level, value in pairs if level and value in wanted)

    @property
    def said(self) -> tuple[str, ...]:
        """What the column may say."""
        return tuple(sorted({v for v in self.values if v}))


def settled_in(cohort: Cohort, least: int) -> tuple[Settled, ...]:
    """Which columns of patients others settle; the later ones of a pair first.

    Exactly, in all patients; beside levels of `least` patients or more, which are listed.

    >>> people = pd.DataFrame({"subject_id": list("abcdef"), "code": list("112212"),
    ...                        "name": ["x", "x", "y", "y", "x", "y"]})
    >>> found = settled_in(Cohort.of(people), 2)
    >>> [(s.name, s.by, s.levels, s.values) for s in found]
    [('name', 'code', ('1', '2'), ('x', 'y'))]
    """
    people = cohort.subjects
    own = [n for n in people if n not in SUBJECTS and people[n].dtype == object]
    texts = {n: people[n].map(_text) for n in [*own, "sex"] if people[n].notna().any()}
    if not len(people) or len(texts) < 2:
        return ()
    kinds = infer(pd.DataFrame({str(n): t for n, t in texts.items()}), text=True)
    codes = {n: pd.factorize(t)[0] for n, t in texts.items()}
    by = [n for n in texts if kinds[str(n)].kind.is_level and _common(codes[n], least)]
    found: list[Settled] = []
    for name in reversed(own):
        if name not in texts or codes[name].max() == 0 or FATAL.search(str(name)):
            continue  # an outcome is foretold by what happens, so it is learnt
        able = [b for b in by if b != name and _settles(codes[b], codes[name])]
        if able:
            first = min(able, key=lambda b: codes[b].max())
            found.append(_learnt(str(name), str(first), texts[name], texts[first], least))
            by = [b for b in by if b != name]
    return tuple(found)


def without(cohort: Cohort, settled: tuple[Settled, ...]) -> Cohort:
    """The cohort without the columns that others settle."""
    names = [s.name for s in settled if s.name in cohort.subjects]
    return replace(cohort, subjects=cohort.subjects.drop(columns=names)) if names else cohort


def with_settled(cohort: Cohort, settled: tuple[Settled, ...]) -> Cohort:
    """The inverse: each told by what settles it, which may itself be told so."""
    people = cohort.subjects.copy()
    for one in reversed(settled):
        if one.by in people:
            people[one.name] = one.told(people[one.by])
    return replace(cohort, subjects=people)


def _text(value: object) -> str:
    return "" if value is None or value is pd.NaT or value != value else text_of(value)


def _common(codes: np.ndarray, least: int) -> bool:
    """Whether a column has few levels, nearly all of them of several patients."""
    counts = np.bincount(codes)
    return 1 < len(counts) <= MOST and counts[counts >= least].sum() >= SURE * len(codes)


def _settles(by: np.ndarray, codes: np.ndarray) -> bool:
    """Whether no level of one column stands beside two of the other."""
    pairs = np.unique(by.astype(np.int64) * (int(codes.max()) + 1) + codes)
    return len(pairs) == int(by.max()) + 1


def _learnt(name: str, by: str, texts: pd.Series, beside: pd.Series, least: int) -> Settled:
    counts = beside.value_counts()
    levels = tuple(sorted(map(str, counts.index[counts >= least])))
    first = texts.groupby(beside.to_numpy()).first()
    values = tuple(str(first[level]) for level in levels)
    return Settled(name, by, levels, values, str(texts.value_counts().index[0]))
