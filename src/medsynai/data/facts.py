"""What a column holds before it has a kind: its distinct values, how often, and as numbers."""

import datetime
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.canonical import distinct, text_of
from medsynai.data.levels import patients_of_levels
from medsynai.data.numerals import parse_numbers
from medsynai.errors import SchemaError

Array = np.ndarray[Any, Any]

# Words that stand for "absent" in exports of R, pandas, SQL, SAS and spreadsheets. `None`,
# `Unknown` and their like are not among them: in clinical tables they are often a level
# ("no test was done"), so they are kept and reported as sentinels.
MISSING = frozenset(
    ("NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "-NaN", "-nan")
) | frozenset(
    ("NULL", "Null", "null", "NaT", "#NULL!", "#VALUE!", "#DIV/0!", "?", "??", "\\N", ".")
)
# A dash is a result ("+" or "-") among words, but stands for absent among numbers and dates.
DASHES = frozenset(("-", "--", "---", "0000-00-00", "00.00.0000", "00/00/0000"))
UNKNOWN = re.compile(
    r"(unknown|unk|none|missing|refused|declined|unspecified|undetermined|pending|n\.?d\.?|tnp)"
    r"|not (available|known|recorded|reported|specified|applicable|mapped|done|tested|stated)"
    r"|(unknown|unable|patient declined|not specified|invalid).*|.*[/ (]"
    r"(unknown|not specified|invalid|not available)\)?",
    re.IGNORECASE,
)
PADDED = re.compile(r"[+-]?0\d+")


@dataclass(frozen=True)
class Facts:
    """One column before it has a kind.

    Attributes:
        texts: the distinct values that are present, as text, in order of first appearance.
        counts: rows of each.
        codes: row -> place in `texts`, -1 for absent.
        tokens: what stood for absent, beside the empty field.
        dtype: the pandas dtype of a typed column; "" where every field was text.
        levels: the categories of a typed column that has them, in their order.
        ordered: whether these have an order.
        whose: (rows,) whose row each is, by number; None: every row is taken for a patient.
    """

    name: str
    texts: tuple[str, ...]
    counts: Array
    codes: Array
    tokens: tuple[str, ...] = ()
    dtype: str = ""
    levels: tuple[str, ...] | None = None
    ordered: bool = False
    whose: Array | None = None

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return len(self.codes)

    @property
    def present(self) -> int:
        """Rows that hold a value."""
        return int(self.counts.sum())

    @property
    def missing(self) -> bool:
        """Whether some row holds none."""
        return self.present < self.rows

    @property
    def unique(self) -> float:
        """Distinct values per row that holds one, in [0, 1]."""
        return len(self.texts) / max(self.present, 1)

    @cached_property
    def patients(self) -> Array:
        """Different patients who have each value."""
        if self.whose is None:
            return self.counts
        return patients_of_levels(self.codes, self.whose, len(self.texts))

    @cached_property
    def numbers(self) -> Array:
        """Each distinct value as a number, NaN for words."""
        return parse_numbers(self.texts)

    @property
    def is_number(self) -> bool:
        """Every value is a plain number, and none is a code such as "007"."""
        return bool(len(self.texts)) and not np.isnan(self.numbers).any() and not self.is_padded

    @cached_property
    def is_padded(self) -> bool:
        """Some numeral starts with zeros that a number would lose: a code, not a number."""
        return any(PADDED.fullmatch(t) for t in self.texts)

    @cached_property
    def is_whole(self) -> bool:
        """Every value is a whole number that float64 holds exactly."""
        values = self.numbers
        return self.is_number and bool((values == np.rint(values)).all())

    @cached_property
    def decimals(self) -> int:
        """The most decimal places that a number needs."""
        return max((_places(t) for t in self.texts), default=0)

    def without(self, words: tuple[str, ...]) -> "Facts":
        """The column with these words taken for absent."""
        drop = set(words)
        kept = [i for i, t in enumerate(self.texts) if t not in drop]
        place = np.full(len(self.texts) + 1, -1)
        place[kept] = np.arange(len(kept))
        return replace(
            self,
            texts=tuple(self.texts[i] for i in kept),
            counts=self.counts[kept],
            codes=place[self.codes],
            tokens=self.tokens + tuple(t for t in self.texts if t in drop),
        )


def look(values: pd.Series, name: str, text: bool) -> Facts:
    """The facts of one column.

    Raises:
        SchemaError: cells that are lists, records or durations.
    """
    if not text:
        _refuse_odd(values, name)
    codes, words = distinct(values)
    spelt = [text_of(w) for w in words]
    texts = list(dict.fromkeys(spelt))
    place = {t: i for i, t in enumerate(texts)}
    # Different objects may be spelt alike (1 and "1" in an object column): one value here.
    merged = np.array([*(place[t] for t in spelt), -1], dtype=np.int64)[codes]
    counts = np.bincount(merged[merged >= 0], minlength=len(texts))
    levels, ordered = None, False
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels, ordered = tuple(texts), bool(values.cat.ordered)
    dtype = "" if text else str(values.dtype)
    facts = Facts(name, tuple(texts), counts, merged, (), dtype, levels, ordered)
    silent = {t for t, n in zip(texts, counts, strict=True) if not n or not t.strip()}
    facts = replace(facts.without(tuple(silent)), tokens=())
    if not text and dtype not in ("object", "str", "string"):
        return facts
    return facts.without(_missing_tokens(facts))


def _missing_tokens(facts: Facts) -> tuple[str, ...]:
    found = tuple(t for t in facts.texts if t.strip() in MISSING)
    dashes = tuple(t for t in facts.texts if t.strip() in DASHES)
    silent = {*found, *dashes}
    rest = [t for t in facts.texts if t not in silent and not UNKNOWN.fullmatch(t.strip())]
    digits = bool(rest) and all(any(c.isdigit() for c in t) for t in rest)
    return found + (dashes if digits else ())


def _refuse_odd(values: pd.Series, name: str) -> None:
    """Refuse cells that are not one value each, before anything tries to compare them."""
    if values.dtype.kind == "m":
        raise SchemaError(f"column {name!r} holds durations; turn them into numbers (days) first")
    if values.dtype == object:
        odd = (list, dict, set, tuple, np.ndarray, bytes, datetime.timedelta)
        if any(isinstance(word, odd) for word in values):
            raise SchemaError(
                f"column {name!r} holds lists, records, bytes or durations; a cell is one value"
            )


def _places(text: str) -> int:
    """Decimal places that a number needs: "1.50" needs one, "2e-3" three.

    >>> [_places(t) for t in ("1.50", "7", "7.0", "2e-3", "1.25e1")]
    [1, 0, 0, 3, 1]
    """
    if "e" not in text and "E" not in text:
        return len(text.strip().rstrip("0").partition(".")[2]) if "." in text else 0
    mantissa, _, power = text.strip().lower().partition("e")
    return max(0, _places(mantissa) - int(power))
