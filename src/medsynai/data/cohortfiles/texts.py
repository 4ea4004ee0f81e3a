"""Tables of text, from CSV and Parquet and back; times and numbers from text and back."""

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.cohort import Clock
from medsynai.data.cohortfiles.forms import spell_times, spelling_of
from medsynai.data.cohortfiles.layout import Sheet
from medsynai.data.dates import Dating, date_format
from medsynai.data.facts import DASHES, MISSING
from medsynai.data.integrity import Problem
from medsynai.data.read import csv
from medsynai.data.read.files import check_file
from medsynai.data.source import suffix_of
from medsynai.errors import ReadError, SchemaError

CSVS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
PARQUETS = (".parquet", ".pq")
SEVERAL = ""  # the form of times in several ISO forms, and of those that were not read
ISO = {
    "%Y-%m-%d": ("D", ""),
    "%Y-%m-%d %H:%M:%S": ("s", ""),
    "%Y-%m-%dT%H:%M:%S": ("s", ""),
    "%Y-%m-%dT%H:%M:%SZ": ("s", "Z"),
    "%Y-%m-%d %H:%M:%S.%f": ("us", ""),
    "%Y-%m-%dT%H:%M:%S.%f": ("us", ""),
}

EXTENDED = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?([T ]|$)")
FORMS = tuple(
    (re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}{gap}{clock}{zone}"), f"%Y-%m-%d{gap}{form}{code}")
    for gap, clock, form in (
        ("", "", ""),
        *(
            (g, c, f)
            for g in ("T", " ")
            for c, f in (
                (r"\d{2}:\d{2}", "%H:%M"),
                (r"\d{2}:\d{2}:\d{2}", "%H:%M:%S"),
                (r"\d{2}:\d{2}:\d{2}\.\d{1,9}", "%H:%M:%S.%f"),
            )
        ),
    )
    for zone, code in (("", ""), ("Z", "Z"), (r"[+-]\d{2}:?\d{2}", "%z"))
    if clock or not zone
)


def stem(path: Path) -> str | None:
    """A table's name: its file's in lower case, without the ending; None for another file.

    >>> stem(Path("hosp/LABEVENTS.csv.gz")), stem(Path("readme.md"))
    ('labevents', None)
    """
    suffix = suffix_of(path, (*CSVS, *PARQUETS))
    return None if suffix is None else path.name.lower().removesuffix(suffix)


def read_texts(
    path: Path, sheet: Sheet, root: Path, notes: list[str] | None = None
) -> tuple[pd.DataFrame, Sheet]:
    """A table's fields as texts (None where empty), and the sheet with how it was written.

    Args:
        path: the table's file.
        sheet: what it holds.
        root: the folder that is read.
        notes: hears how its letters and numbers were taken, where that is a guess.

    Raises:
        ReadError: a file that cannot be read as a table.
    """
    file = path.relative_to(root).as_posix()
    if suffix_of(path, PARQUETS):
        frame, types = _from_parquet(path)
        return frame, replace(sheet, file=file, header=tuple(map(str, frame)), types=types)
    raw = csv.read(path, bare=True)
    frame = raw.frame.astype(object).where(raw.frame != "", None)
    form = raw.source
    header = tuple(map(str, frame))
    if notes is not None:
        notes.extend(f"{file}: {n}" for n in raw.notes if not n.startswith(csv.SPLIT))
    return frame, replace(sheet, file=file, header=header, delimiter=form.delimiter)


def without_words(
    texts: pd.Series, where: str, notes: list[str], said: frozenset[str] = MISSING
) -> pd.Series:
    """Times or numbers with words that stand for "absent" (NA, NULL, ...) made missing.

    Not for codes: NA is sodium there.
    """
    words = texts.isin(said)
    if count := int(words.sum()):
        notes.append(
            f"{where}: {count:,} of {len(texts):,} say NA, NULL or the like; read as missing"
        )
        return texts.where(~words, None)
    return texts


def _from_parquet(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(check_file(path)).read()
        plain = pa.table(
            {f.name: table.column(i).cast(pa.string()) for i, f in enumerate(table.schema)}
        )
    except (pa.ArrowException, OSError):
        raise ReadError(f"{path} is not a readable Parquet file of plain columns") from None
    types = {f.name: str(f.type) for f in table.schema}
    frame = plain.to_pandas(strings_to_categorical=False).astype(object)
    return frame.where(frame.notna(), None), types


def write_texts(frame: pd.DataFrame, sheet: Sheet, root: Path) -> None:
    """A table of texts (None where empty) to the sheet's file, in its form."""
    path = root / (sheet.file or f"{sheet.name}.csv")
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix_of(path, PARQUETS):
        _to_parquet(frame, sheet, path)
        return
    text = frame.to_csv(index=False, sep=sheet.delimiter, lineterminator="\n").encode()
    if path.name.lower().endswith(".gz"):
        text = gzip.compress(text, mtime=0)  # the same rows give the same bytes
    path.write_bytes(text)


def _to_parquet(frame: pd.DataFrame, sheet: Sheet, path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    from medsynai.data.write.parquet import parse_type

    columns: dict[str, Any] = {}
    for name in frame:
        texts = pa.array(frame[name], pa.string(), from_pandas=True)
        kind = sheet.types.get(str(name))
        try:
            columns[str(name)] = texts if kind is None else texts.cast(parse_type(kind))
        except pa.ArrowException:  # its own message holds a value, and is not shown
            raise SchemaError(
                f"column {name!r} of {sheet.name!r} cannot be written as the source's type {kind}"
            ) from None
    parquet.write_table(pa.table(columns), path)


@dataclass(frozen=True)
class Times:
    """A column of times as read.

    Attributes:
        values: in the clock's dtype.
        form: how they were written.
        notes: what was guessed.
        problems: times without a zone among such with one.
    """

    values: pd.Series
    form: str = ""
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_times(texts: pd.Series, where: str, clock: Clock) -> Times:
    """Times from text: moments in one form or in several ISO forms, or offsets.

    A zone is taken off, in favour of UTC; moments without one are taken as they stand.

    Args:
        texts: None where there is no time.
        where: the table and column, for messages.
        clock: what the times are.

    Raises:
        ReadError: texts that are no times; says how many.
    """
    notes: list[str] = []
    texts = without_words(texts, where, notes, MISSING | DASHES)
    codes, words = pd.factorize(texts)
    distinct = [str(w) for w in words]
    if clock is not Clock.CALENDAR:
        numbers = pd.to_numeric(pd.Series(distinct, dtype=object), errors="coerce")
        offsets = numbers.to_numpy("float64")
        _refuse_lost(~np.isfinite(offsets), codes, where, f"numbers ({clock.value})")
        values = np.append(offsets, np.nan)[codes]
        return Times(pd.Series(values, index=texts.index), notes=tuple(notes))
    iso = bool(distinct) and all(EXTENDED.match(w) for w in distinct)
    seen = _dating(distinct, codes) if distinct and not iso else None
    form = iso_form(distinct) if iso else seen.format if seen and not seen.mixed else None
    held = pd.Series(distinct, dtype=object)
    moments = pd.to_datetime(held, format=form or "ISO8601", errors="coerce", utc=True)
    if seen is not None and form is not None:  # a time of day that never changes is no directive
        moments += _fixed(form)
    lost = (moments.isna() | (moments.dt.year < 1)).to_numpy()  # a sign before a year
    _refuse_lost(lost, codes, where, "times in one form (ISO is best)")
    values = np.append(
        moments.dt.tz_localize(None).to_numpy("datetime64[us]"), np.datetime64("NaT")
    )
    if seen is not None and seen.rival:
        notes.append(f"{where}: day and month could stand the other way round; read as {form}")
    if form is not None and "%y" in form:
        notes.append(f"{where}: years of two digits; the century is a guess")
    problems = () if form else (_zoneless(held, codes, where),)
    series = pd.Series(values[codes], index=texts.index)
    spelt = spelling_of(form, distinct) if form else SEVERAL
    return Times(series, spelt, tuple(notes), problems)


def _dating(distinct: Sequence[str], codes: np.ndarray) -> Dating | None:
    """The form of all; or of most, where some are no times, so that these alone are counted."""
    seen = date_format(distinct, "date")
    if seen is not None and not seen.mixed:
        return seen
    shapes = pd.Series(distinct, dtype=object).str.replace(r"\d+", "9", regex=True)
    shapes = shapes.str.replace(r"[A-Za-z]+", "a", regex=True)
    many = np.bincount(codes[codes >= 0], minlength=len(distinct))
    usual = pd.Series(many).groupby(shapes).sum().idxmax()
    most = [w for w, s in zip(distinct, shapes, strict=True) if s == usual]
    return None if EXTENDED.match(most[0]) else date_format(most, "date")


def iso_form(texts: Sequence[str]) -> str | None:
    """The one form of these ISO texts; None if there are several.

    >>> iso_form(["2020-01-02T10:00:00Z"]), iso_form(["2020-01-02", "2020-01-02 10:00"])
    ('%Y-%m-%dT%H:%M:%SZ', None)
    """
    for pattern, form in FORMS:
        if pattern.fullmatch(texts[0]):
            return form if all(pattern.fullmatch(t) for t in texts) else None
    return None


def _fixed(form: str) -> pd.Timedelta:
    """The time of day that stands in a form as it is.

    >>> str(_fixed("%d.%m.%Y 08:30")), str(_fixed("%m/%d/%y 1:00 PM")), str(_fixed("%H:%M:00"))
    ('0 days 08:30:00', '0 days 13:00:00', '0 days 00:00:00')
    """
    match = re.search(r"(?<![%\d:])(\d{1,2}):(\d{2})(?::(\d{2}))?( ?[AaPp][Mm])?", form)
    if match is None:
        return pd.Timedelta(0)
    hours = int(match[1])
    if match[4]:
        hours = hours % 12 + 12 * ("p" in match[4].lower())
    return pd.Timedelta(hours=hours, minutes=int(match[2]), seconds=int(match[3] or 0))


def _zoneless(distinct: pd.Series, codes: np.ndarray, where: str) -> Problem:
    """How many times have no zone where others have one."""
    timed = distinct.str.contains(r"\d[T ]\d", regex=True).to_numpy(bool)  # a day has no zone
    zoned = distinct.str.contains(r"[T ].*(?:Z|[+-]\d\d:?\d\d)$", regex=True).to_numpy(bool)
    rows = zoned[codes[codes >= 0]][timed[codes[codes >= 0]]]
    lost = int((~rows).sum()) * bool(rows.any())
    said = f"times of {where} have no zone where others have one; they are read as UTC"
    return Problem("times without zone", lost, len(rows), said)


def _refuse_lost(lost: np.ndarray, codes: np.ndarray, where: str, wanted: str) -> None:
    count = int(lost[codes[codes >= 0]].sum())
    if count:
        raise ReadError(
            f"{where}: {count:,} of {int((codes >= 0).sum()):,} values are no {wanted}; correct "
            "them, make them empty, or name another column"
        )


def write_times(values: pd.Series, form: str, clock: Clock) -> pd.Series:
    """Times as text in this form; offsets as plain numbers."""
    if clock is not Clock.CALENDAR:
        return write_numbers(values)
    codes, moments = pd.factorize(values)
    if form == SEVERAL:
        exact = bool((np.asarray(moments, "datetime64[us]").astype("int64") % 1_000_000).any())
        form = "%Y-%m-%dT%H:%M:%S" + ".%f" * exact
    unit, tail = ISO.get(form, ("", ""))
    if unit:
        plain = np.datetime_as_string(np.asarray(moments, f"datetime64[{unit}]"))
        gap = "T" if "T" in form else " "
        words: Sequence[str] = [str(w).replace("T", gap) + tail for w in plain]
    else:
        words = spell_times(pd.DatetimeIndex(moments), form)
    return _spread(words, codes, values.index)


def write_numbers(values: pd.Series, places: int = 0) -> pd.Series:
    """Numbers as the shortest text that reads the same, with as many decimals at least.

    >>> write_numbers(pd.Series([0.1, 7.0, float("nan")])).tolist()
    ['0.1', '7', None]
    >>> write_numbers(pd.Series([0.125, 7.0]), 1).tolist()
    ['0.125', '7.0']
    """
    codes, numbers = pd.factorize(values)
    words = [
        str(int(v)) if float(v).is_integer() and abs(v) < 1e15 else repr(float(v)) for v in numbers
    ]
    return _spread([padded(w, places) for w in words] if places else words, codes, values.index)


def padded(word: str, places: int) -> str:
    """A number's text with so many decimals at least; one with an exponent as it is."""
    whole, _, rest = word.partition(".")
    return word if "e" in word else f"{whole}.{rest.ljust(places, '0')}"


def fewest_places(texts: pd.Series) -> int:
    """The decimals that each of these numbers is written with at least; 0 where there is none.

    >>> fewest_places(pd.Series(["12.50", "7.0", None])), fewest_places(pd.Series(["1.5", "2"]))
    (1, 0)
    """
    words = pd.Series(pd.unique(texts.dropna()), dtype=object)
    decimals = words.astype("str").str.extract(r"^[+-]?\d*\.(\d+)$")[0]
    return int(decimals.str.len().min()) if len(words) and decimals.notna().all() else 0


def read_numbers(texts: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Numbers (NaN where a text is none), and the texts that are none."""
    codes, words = pd.factorize(texts)
    numbers = pd.to_numeric(pd.Series(words, dtype=object), errors="coerce").to_numpy("float64")
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    left = [w if np.isnan(n) else None for w, n in zip(words, numbers, strict=True)]
    values = pd.Series(np.append(numbers, np.nan)[codes], index=texts.index)
    return values, _spread(left, codes, texts.index)


def _spread(words: Sequence[str | None], codes: np.ndarray, index: pd.Index) -> pd.Series:
    whole = np.array([*words, None], dtype=object)
    return pd.Series(whole[codes], index=index, dtype=object)
