"""Columns that stand beside an event or a visit: drawn by its code, when it has been drawn itself.

A column hangs on the code, or on one column before it (a reason's name on the reason's code) or the
event's number (a flag), whichever tells it best. What is told by one of these is never drawn
without it, so that what belongs together stays together. Dates are counted from the event's own
times, keys are fresh, numbers lie in bins; each level, bin and pair is of several train patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from medsynai.codec.choices import Choices
from medsynai.codec.counted import FORGET, choices_of
from medsynai.codec.marks import Marks
from medsynai.codec.spots import NUMBER, PLAIN, Spot, Way
from medsynai.deidentify.keys import draw_column
from medsynai.store import Arrays

BINS, PARTS = 60, 8  # of numbers beside; and of the event's own number, that others hang on
SURE = 0.99  # share of rows that a law must hold for to be one
ROOM = 200_000  # pairs of code and level beyond which a column hangs on the code alone
SOME = 20_000  # rows that laws are looked for in


@dataclass(frozen=True)
class Rows:
    """The rows of one kind of event, or visits, without what is beside them.

    Attributes:
        code: (rows,) texts; of visits their kind.
        value: (rows,) numbers, NaN for none.
        start, end: (rows,) microseconds, NaN for none.
        whose: (rows,) patients by number.
    """

    code: pd.Series
    value: np.ndarray
    start: np.ndarray
    end: np.ndarray
    whose: np.ndarray

    def __len__(self) -> int:
        return len(self.code)

    def taken(self, at: np.ndarray) -> "Rows":
        """These rows."""
        return Rows(
            self.code.iloc[at], self.value[at], self.start[at], self.end[at], self.whose[at]
        )


@dataclass(frozen=True)
class Column:
    """One column, ready to be drawn.

    Attributes:
        spot: what is known of it in words.
        first, second, third: levels by what it hangs on, by code, and over all.
        numbers: of times and numbers.
    """

    spot: Spot
    first: Choices
    second: Choices
    third: Choices
    numbers: Marks | None = None


@dataclass(frozen=True)
class Beside:
    """What stands beside the rows of one kind.

    Attributes:
        codes: that levels may hang on; each is of several train patients.
        columns: in the order in which they are drawn.
        parts: bins of the event's own number, by code.
    """

    codes: tuple[str, ...]
    columns: tuple[Column, ...]
    parts: Marks

    @staticmethod
    def fit(rows: Rows, spots: Sequence[tuple[Spot, pd.Series]], least: int) -> "Beside":
        """Learn from train patients.

        Args:
            rows: of one kind.
            spots: what is known of each column, and its values as `symbols_of` and
                `amounts_of` need them.
            least: patients behind whatever is drawn as it is.
        """
        held = pd.DataFrame({"code": rows.code.to_numpy(), "whose": rows.whose})
        many = held.groupby("code")["whose"].nunique()
        codes = tuple(map(str, many.index[many >= least]))
        code = _places(rows.code, codes)
        parts = Marks.fit(code, rows.value, rows.whose, PARTS, least)
        known: list[np.ndarray] = []
        columns = []
        for spot, values in spots:
            symbol = spot.symbols(values)
            hung = _hung(spot, symbol, code, [*known, part_of(parts, code, rows.value)])
            first, groups = _group(hung, code, known, parts, rows.value, len(codes))
            choose = (symbol, rows.whose, least)
            columns.append(
                Column(
                    hung,
                    _choices(first, *choose, groups),
                    _choices(code, *choose, len(codes) + 1),
                    _choices(np.zeros(len(rows), np.int64), *choose, 1),
                    _amounts(spot, values, rows, code, least),
                )
            )
            known.append(symbol)
        return Beside(codes, tuple(columns), parts)

    def draw(self, rows: Rows, rng: np.random.Generator) -> pd.DataFrame:
        """(rows, columns) texts, None for none."""
        code = _places(rows.code, self.codes)
        known: list[np.ndarray] = []
        made: dict[str, pd.Series] = {}
        for column in self.columns:
            spot = column.spot
            first, _ = _group(spot, code, known, self.parts, rows.value, len(self.codes))
            symbol = column.first.draw(first, rng.random(len(rows)))
            wider = (column.second, code), (column.third, np.zeros(len(rows), np.int64))
            for choices, group in () if spot.sure else wider:
                lost = np.flatnonzero(symbol == FORGET)
                symbol[lost] = choices.draw(group[lost], rng.random(len(lost)))
            symbol = np.maximum(symbol, 0)
            known.append(symbol)
            made[spot.name] = self._texts(column, symbol, rows, code, rng)
        return pd.DataFrame(made, index=rows.code.index)

    def _texts(
        self,
        column: Column,
        symbol: np.ndarray,
        rows: Rows,
        code: np.ndarray,
        rng: np.random.Generator,
    ) -> pd.Series:
        spot, there = column.spot, np.flatnonzero(symbol > 0)
        texts = np.full(len(rows), None, dtype=object)
        if spot.way is Way.LEVEL:
            texts[:] = np.array([None, *spot.levels], dtype=object)[symbol]
        elif spot.way is Way.KEY and spot.key is not None:
            mine = rows.taken(there)
            if spot.together and len(mine):
                pairs = np.column_stack([mine.whose, np.nan_to_num(mine.start, nan=-1)])
                group = np.unique(pairs, axis=0, return_inverse=True)[1].ravel()
                keys = spot.fresh(int(group.max()) + 1, rng)
                texts[there] = np.array(keys, dtype=object)[group]
            else:
                texts[there] = draw_column(spot.key, mine.whose, rng)[0].to_numpy()
        elif column.numbers is not None:
            group = code[there] if spot.way is Way.NUMBER else np.zeros(len(there), np.int64)
            amount = column.numbers.draw(group, rng)
            texts[there] = spot.spelt(amount, rows.start[there], rows.end[there])
        return pd.Series(texts, index=rows.code.index, dtype=object)

    def arrays(self, prefix: str) -> Arrays:
        """For a safetensors file; codes and spots are kept apart."""
        own = self.parts.arrays(f"{prefix}.parts")
        for place, column in enumerate(self.columns):
            for name in ("first", "second", "third"):
                own |= getattr(column, name).arrays(f"{prefix}.{place}.{name}")
            if column.numbers is not None:
                own |= column.numbers.arrays(f"{prefix}.{place}.numbers")
        return own

    @staticmethod
    def load(
        codes: tuple[str, ...], spots: Sequence[Spot], arrays: Arrays, prefix: str
    ) -> "Beside":
        """The inverse of `arrays`."""
        columns = []
        for place, spot in enumerate(spots):
            at = f"{prefix}.{place}"
            first, second, third = (
                Choices.load(arrays, f"{at}.{n}") for n in ("first", "second", "third")
            )
            marks = Marks.load(arrays, f"{at}.numbers") if spot.counts else None
            columns.append(Column(spot, first, second, third, marks))
        return Beside(codes, tuple(columns), Marks.load(arrays, f"{prefix}.parts"))


def _places(texts: pd.Series, codes: tuple[str, ...]) -> np.ndarray:
    """(rows,) places of the codes; those that are not listed share the last."""
    found = pd.Index(codes).get_indexer(pd.Index(texts.astype(object)))
    return np.where(found < 0, len(codes), found).astype(np.int64)


def part_of(parts: Marks, code: np.ndarray, value: np.ndarray) -> np.ndarray:
    """(rows,) the bin of the event's own number, from 1; 0 for none."""
    made = np.zeros(len(code), np.int64)
    for which, codec in zip(parts.tokens, parts.codecs, strict=True):
        rows = np.flatnonzero((code == which) & ~np.isnan(value))
        made[rows] = codec.encode(value[rows]) + 1
    return made


def _hung(spot: Spot, symbol: np.ndarray, code: np.ndarray, known: list[np.ndarray]) -> Spot:
    """What the column hangs on: the code, or a column before it, or the number (the last known)."""
    widths = [int(k.max(initial=0)) + 2 for k in known]
    some = np.linspace(0, len(symbol) - 1, min(len(symbol), SOME)).astype(int)
    symbol, code, known = symbol[some], code[some], [k[some] for k in known]
    if _purity(code, symbol) >= SURE:
        return spot.hung(PLAIN, sure=True)
    places = [*range(len(known) - 1), NUMBER]
    for place, other in zip(places[:-1], known, strict=False):
        if _purity(other, symbol) >= SURE:
            return spot.hung(place, widths[place], alone=True, sure=True)
    base, best = _told(code, symbol), spot.hung(PLAIN)
    for place, other, width in zip(places, known, widths, strict=True):
        if (int(code.max(initial=0)) + 1) * width <= ROOM:
            gain = _told(code * width + other + 1, symbol)
            if gain > base:
                base, best = gain, spot.hung(place, width)
    return best


def _purity(group: np.ndarray, symbol: np.ndarray) -> float:
    """The share of rows that have their group's commonest symbol; groups of one row say nothing."""
    pairs = pd.DataFrame({"g": group, "s": symbol}).value_counts().reset_index(name="n")
    sizes, most = pairs.groupby("g")["n"].sum(), pairs.groupby("g")["n"].max()
    many = sizes > 1
    return float(most[many].sum() / max(sizes[many].sum(), 1))


def _told(group: np.ndarray, symbol: np.ndarray) -> float:
    """Log-likelihood of symbols by group, less what so many cells are expected to win by chance."""
    pairs = pd.DataFrame({"g": group, "s": symbol}).value_counts().reset_index(name="n")
    total = pairs["g"].map(pairs.groupby("g")["n"].sum())
    won = float((pairs["n"] * np.log(pairs["n"] / total)).sum())
    return won - 0.5 * np.log(max(len(group), 2)) * (len(pairs) - pairs["g"].nunique())


def _group(
    spot: Spot,
    code: np.ndarray,
    known: list[np.ndarray],
    parts: Marks,
    value: np.ndarray,
    codes: int,
) -> tuple[np.ndarray, int]:
    """(rows,) which group of the first choices each row is of, and how many there are."""
    if spot.parent == PLAIN:
        return code, codes + 1
    other = part_of(parts, code, value) if spot.parent == NUMBER else known[spot.parent]
    width = spot.width
    other = np.minimum(other + 1, width - 1)
    return (other, width) if spot.alone else (code * width + other, (codes + 1) * width)


def _choices(
    group: np.ndarray, symbol: np.ndarray, whose: np.ndarray, least: int, groups: int
) -> Choices:
    """Choices of the rows whose level is not a rare one; rare ones make way to a wider group."""
    seen = symbol >= 0
    return choices_of(group[seen], symbol[seen], whose[seen], least, groups)


def _amounts(
    spot: Spot, values: pd.Series, rows: Rows, code: np.ndarray, least: int
) -> Marks | None:
    """Bins of what a column counts, where it is there."""
    if not spot.counts:
        return None
    amount = spot.amounts(values, rows.start, rows.end)
    there = ~np.isnan(amount)
    group = code[there] if spot.way is Way.NUMBER else np.zeros(int(there.sum()), np.int64)
    return Marks.fit(group, amount[there], rows.whose[there], BINS, least)
