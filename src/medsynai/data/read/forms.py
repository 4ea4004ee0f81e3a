"""How each column of a text file was written, once its schema is known: decimals, missing."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd

from medsynai.data.canonical import write_dates
from medsynai.data.numerals import NUMBER
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.source import Raw, Source

FORMAT_MOST = 6  # decimal places that a person or a format asks for


def note_forms(raw: Raw, schema: Schema) -> Source:
    """The source with decimal places and missing tokens noted, for a text file."""
    source = raw.source
    if not source.format.is_text:
        return source
    forms = {}
    for column in schema.columns:
        values = raw.frame[column.name].to_numpy()
        places = fewest_places(values, column) if column.kind.is_number else 0
        missing = usual_missing(values, column) if column.missing_tokens else ""
        unpadded = column.kind is Kind.DATE and lacks_zeros(values, column)
        forms[column.name] = replace(
            source.form(column.name), places=places, missing=missing, unpadded=unpadded
        )
    return source.forming(forms)


def fewest_places(values: np.ndarray, column: Column) -> int:
    """The fewest decimal places that a number was written with: 1 for "11.0" and "2.25".

    Where all have many, no format was meant: they are floats as programs print them.

    >>> fewest_places(np.array(["11.0", "", "2.25"], dtype=object), Column("x", "continuous"))
    1
    """
    fewest: int | None = None
    for text in pd.unique(values):
        if not text or text in column.missing_tokens or not NUMBER.fullmatch(text):
            continue
        if "e" in text or "E" in text:  # 1e-05 says nothing about the others
            continue
        places = len(text.partition(".")[2])
        if places == 0:
            return 0
        fewest = places if fewest is None else min(fewest, places)
    return min(fewest or 0, 1) if (fewest or 0) > FORMAT_MOST else fewest or 0


def usual_missing(values: np.ndarray, column: Column) -> str:
    """What stood for a missing value most often."""
    tokens = {"", *column.missing_tokens}
    counts = Counter(v for v in values.tolist() if v in tokens)
    return max(counts, key=lambda token: counts[token], default="")


def lacks_zeros(values: np.ndarray, column: Column) -> bool:
    """Whether one-digit days, months and hours are written without a zero: 3/5/1994.

    >>> lacks_zeros(np.array(["3/5/1994"]), Column("d", "date", date_format="%m/%d/%Y"))
    True
    """
    if column.date_format is None:
        return False
    texts = [t for t in pd.unique(values)[:1000] if t and t not in column.missing_tokens]
    dates = pd.Series(pd.to_datetime(texts, format=column.date_format, errors="coerce", utc=True))
    padded, bare = write_dates(dates, column), write_dates(dates, column, unpadded=True)
    differ = padded != bare
    return bool(differ.any() and (bare == texts)[differ].all())
