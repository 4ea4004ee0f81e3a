"""Proposes a schema for a person to confirm: kinds, ranges, roles, identifiers, warnings.

Everything is decided on a column's distinct values and their counts. Ranges are rounded outward,
as an extreme is one patient's value (see `data.ranges`). Warnings name no value but the codes that
look like "unknown" and the levels of a small, public vocabulary.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from medsynai.data import names
from medsynai.data.dates import Dating, date_format, is_clock
from medsynai.data.facts import UNKNOWN, Facts, look
from medsynai.data.levels import arrange, is_near_identifier, is_scale, owners, variants
from medsynai.data.pairs import suggest_survival
from medsynai.data.patterns import Mark, find_content, find_named
from medsynai.data.ranges import public_range
from medsynai.data.schema import Column, Handling, Kind, Role, Schema
from medsynai.data.sentinels import odd_numbers
from medsynai.errors import SchemaError

MANY = 1000  # levels from which a person should think of grouping them
NOMINAL_MOST = 20  # whole numbers named like a code are levels up to so many
FEW = 3  # patients below which a level points to persons
OLDEST = 89  # Safe Harbor: ages above are "90 or older"


def infer(raw: pd.DataFrame, text: bool, decimal: str = ".") -> Schema:
    """A schema for these columns, every fact of it of origin `inferred`.

    Args:
        raw: columns of strings ("" for an empty field) if `text`, else typed columns.
        text: whether every field is text as it stood in a file.
        decimal: the decimal mark of numbers in text.

    Raises:
        SchemaError: no columns, two of one name, or cells that are lists or durations.

    >>> raw = pd.DataFrame({"sex": ["f", "m", "f", "m"], "age": ["61", "", "70", "58"]})
    >>> [(c.name, c.kind.value, c.role.value) for c in infer(raw, text=True).columns]
    [('sex', 'binary', 'protected'), ('age', 'integer', 'protected')]
    """
    if not len(raw.columns):
        raise SchemaError("there are no columns")
    seen = [look(_plain(raw.iloc[:, i], text, decimal), str(n), text) for i, n in enumerate(raw)]
    dated = [_dating(f) for f in seen]
    resolved = next((d.format for d in dated if d and not d.rival and "/" in d.format), None)
    columns = [_column(f, d, resolved) for f, d in zip(seen, dated, strict=True)]
    columns = _by_patients(_settle_subject(columns, seen), seen, dated, resolved)
    pairs, columns = suggest_survival(columns)
    days = [c for c in columns if c.kind is Kind.DATE and not is_clock(c.date_format)]
    whole = [c.name for c in days if not c.missing]
    # counted from birth, a stay of six days would be lost among twenty thousand
    reference = next((n for n in whole if not names.is_birth_date(n)), next(iter(whole), None))
    return Schema(tuple(columns), reference_date=reference, survival=pairs)


def _plain(values: pd.Series, text: bool, decimal: str) -> pd.Series:
    if not text or decimal == ".":
        return values
    return values.str.replace(decimal, ".", regex=False)


def _dating(facts: Facts) -> Dating | None:
    if facts.dtype.startswith(("datetime64", "timestamp[", "date32")):
        return Dating("")
    if facts.dtype and facts.dtype not in ("object", "str", "string"):
        return None
    words = tuple(t for t in facts.texts if UNKNOWN.fullmatch(t.strip()))
    return date_format(facts.without(words).texts, facts.name) if len(words) <= 3 else None


def _column(facts: Facts, dating: Dating | None, resolved: str | None) -> Column:
    """One column, from its facts and the date format that its texts have."""
    start = Column(
        facts.name,
        Kind.CONSTANT,
        names.role(facts.name),
        storage=facts.dtype or "str",
        missing=facts.missing,
        missing_tokens=facts.tokens,
    )
    if facts.tokens:
        start = _warn(start, f"read as missing: {', '.join(map(repr, facts.tokens))}")
    if not facts.texts:
        return _warn(replace(start, categories=()), "holds no value at all")
    if dating and not dating.mixed:
        return _date(start, facts, dating, resolved)
    mark = find_named(facts)
    if dating and not mark:
        mark = Mark("date, not all in one form", reason="by its content")
    mark = mark or find_content(facts)
    if mark:
        return _marked(start, facts, mark)
    if len(facts.texts) == 1:
        return replace(start, categories=facts.texts, storage=_storage(facts))
    return _advise(_number(start, facts) or _levels(start, facts), facts)


def _marked(start: Column, facts: Facts, mark: Mark) -> Column:
    column = replace(
        start,
        kind=mark.kind,
        role=mark.role,
        handling=mark.handling,
        identifier=mark.identifier,
        storage=_storage(facts),
    )
    done = "fresh keys are drawn" if mark.handling is Handling.SURROGATE else "left out"
    return _warn(column, f"{mark.identifier} ({mark.reason}): {done}")


def _date(start: Column, facts: Facts, dating: Dating, resolved: str | None) -> Column:
    chosen, warnings = dating.format, []
    if dating.rival:
        same = resolved is not None and resolved[:5] == dating.rival[:5]
        chosen = dating.rival if same else chosen
        way = "as in another column" if same or resolved else "nothing in the file decides"
        warnings.append(f"day and month may be swapped: read as {chosen} ({way}); please check")
    if "%y" in chosen:
        warnings.append("years of two digits: 00-68 are read as 2000-2068, others as 1969-1999")
    unknown = tuple(t for t in facts.texts if UNKNOWN.fullmatch(t.strip()))
    if unknown:
        facts = facts.without(unknown)
        warnings.append(f"read as missing: {', '.join(map(repr, unknown))}")
    parsed = pd.to_datetime(
        pd.Series([t.strip() for t in facts.texts], dtype=object),
        format=chosen or "ISO8601",
        errors="coerce",
        utc=True,
    )
    micro = parsed.dt.tz_localize(None).to_numpy("datetime64[us]").astype("int64")
    days = micro / 86_400e6
    first, _ = public_range(np.floor(days), facts.patients)
    _, last = public_range(np.ceil(days), facts.patients)
    column = replace(
        start,
        kind=Kind.DATE,
        role=Role.FEATURE if is_clock(chosen) else Role.QUASI,
        handling=Handling.OFFSET,
        date_format=chosen or _exactness(micro),
        minimum=first,
        maximum=last,
        missing=facts.missing,
        missing_tokens=facts.tokens,
    )
    for warning in warnings:
        column = _warn(column, warning)
    return column


def _exactness(micro: np.ndarray) -> str:
    """The ISO format that typed dates need: days, minutes or seconds (microseconds since 1970)."""
    if not (micro % 86_400_000_000).any():
        return "%Y-%m-%d"
    return "%Y-%m-%d %H:%M" if not (micro % 60_000_000).any() else "%Y-%m-%d %H:%M:%S"


def _number(start: Column, facts: Facts) -> Column | None:
    """A column of numbers, or None if its values are levels."""
    if facts.levels is not None or facts.dtype.lower().startswith("bool"):
        return None
    words = tuple(t for t, v in zip(facts.texts, facts.numbers, strict=True) if np.isnan(v))
    numerals = len(facts.texts) - len(words)
    if words:
        unknown = all(UNKNOWN.fullmatch(w.strip()) for w in words)
        few = len(words) <= 5 and numerals > NOMINAL_MOST
        if not (unknown and few) or facts.is_padded or names.is_code(facts.name):
            return None
        shown = ", ".join(map(repr, words))
        start = _warn(start, f"numbers with the words {shown}, which are read as missing")
        start = replace(start, sentinels=words)
        facts = facts.without(words)
    if not facts.is_number or len(facts.texts) < 3:
        return None
    code = names.is_code(facts.name) or (
        names.is_nominal(facts.name) and len(facts.texts) <= NOMINAL_MOST
    )
    if facts.is_whole and code:
        return None  # however many: a code drawn between two codes is no code
    low, high = public_range(facts.numbers, facts.patients, 10.0**-facts.decimals)
    column = replace(
        start,
        kind=Kind.INTEGER if facts.is_whole else Kind.CONTINUOUS,
        storage=_storage(facts),
        minimum=low,
        maximum=high,
        decimals=facts.decimals,
        missing=facts.missing,
        missing_tokens=facts.tokens,
    )
    odd = odd_numbers(facts, column)
    if not odd:
        return column
    shown = ", ".join(odd)
    column = replace(column, sentinels=column.sentinels + odd)
    return _warn(column, f"{shown} may stand for 'unknown'; list it in missing_tokens if so")


def _levels(start: Column, facts: Facts) -> Column:
    """A column of levels: binary, ordinal or categorical."""
    texts = facts.levels or arrange(facts.texts)
    kind = Kind.CATEGORICAL
    if len(texts) == 1:
        kind = Kind.CONSTANT
    elif len(texts) == 2:
        kind = Kind.BINARY
    elif facts.ordered or (facts.levels is None and is_scale(texts)):
        kind = Kind.ORDINAL
    column = replace(start, kind=kind, categories=tuple(texts), storage=_storage(facts))
    unknown = tuple(t for t in facts.texts if UNKNOWN.fullmatch(t.strip()))
    if unknown and len(unknown) < len(texts):
        column = replace(column, sentinels=unknown)
        shown = ", ".join(map(repr, unknown))
        column = _warn(column, f"{shown} kept as a level; list it in missing_tokens if it is none")
    numerals = int((~np.isnan(facts.numbers)).sum())
    if 3 <= numerals < len(texts) and not names.is_code(facts.name) and kind is not Kind.ORDINAL:
        column = _warn(column, "numbers and words in one column: learnt as levels")
    if twins := variants(texts):
        column = _warn(
            column,
            f"{twins:,} levels are spelt like another but for capitals or spaces, and are learnt "
            "apart: make them one in the source if they mean the same",
        )
    if len(texts) > MANY:
        column = _warn(column, f"{len(texts):,} levels: think of grouping them")
    if is_near_identifier(facts.patients, FEW):
        column = _warn(
            column,
            f"most rows hold a value of fewer than {FEW} patients: nearly an identifier, left "
            "out of a release unless you group it, or its levels are public (origin = 'declared')",
        )
    return column


def _advise(column: Column, facts: Facts) -> Column:
    """Warnings that need no more than the name and the finished column."""
    if names.holds_age(column.name) and _oldest(column, facts) > OLDEST:
        column = _warn(
            column,
            "ages over 89: "
            "Safe Harbor asks for one group of '90 or older' (handling = 'safe-harbor')",
        )
    if names.is_small_area(column.name):
        column = _warn(
            column,
            "an area smaller than a state: Safe Harbor takes it out, but for three digits of a "
            "postcode (handling = 'safe-harbor')",
        )
    if names.is_outcome(column.name):
        column = _warn(column, "looks like an outcome; set role = 'target' if it is the one")
    return column


def _oldest(column: Column, facts: Facts) -> float:
    if column.kind is Kind.ORDINAL:
        starts = [t.lstrip("[(<>=≥≤ ").partition("-")[0].rstrip("+)] ") for t in facts.texts]
        return max((float(s) for s in starts if s.replace(".", "", 1).isdigit()), default=0.0)
    return float(np.nanmax(facts.numbers, initial=0.0))


def _storage(facts: Facts) -> str:
    """The pandas dtype that a text column would be read as, if that loses nothing."""
    if facts.dtype:
        return facts.dtype
    if not facts.is_number:
        return "str"
    plain = all(t.lstrip("-").isdigit() for t in facts.texts)
    if plain and facts.is_whole and np.abs(facts.numbers).max() < 2**53:
        return "Int64" if facts.missing else "int64"
    if plain or (len(facts.texts) <= 2 and any(repr(float(t)) != t for t in facts.texts)):
        return "str"
    return "float64"


def _settle_subject(columns: list[Column], seen: Sequence[Facts]) -> list[Column]:
    """One column is the patient's key; the other keys are drawn afresh on their own.

    Where no name says so, a key that comes back in several rows is taken for it: rows of one
    stay are rows of one patient.
    """
    unique = {f.name: f.unique for f in seen}
    subjects = [c for c in columns if c.role is Role.SUBJECT]
    if not subjects:
        subjects = [
            c
            for c in columns
            if c.role is Role.KEY and unique[c.name] < 1 and not names.is_other_party(c.name)
        ]
    if not subjects:
        return columns
    chosen = min(subjects, key=lambda c: unique[c.name])
    told = "taken for the patient's key, as its values come back in several rows; please check"

    def settled(column: Column) -> Column:
        if column.name == chosen.name:
            guessed = column.role is not Role.SUBJECT
            column = replace(column, role=Role.SUBJECT)
            return _warn(column, told) if guessed else column
        return replace(column, role=Role.KEY) if column.role is Role.SUBJECT else column

    return [settled(c) for c in columns]


def _by_patients(
    columns: list[Column], seen: list[Facts], dated: list[Dating | None], resolved: str | None
) -> list[Column]:
    """The columns looked at again with patients counted, where one has several rows.

    Whose a row is, is known only once every column has its role; ranges and warnings must not
    take thirty stays of one patient for thirty who share a value.
    """
    keys = [f for f, c in zip(seen, columns, strict=True) if c.role is Role.SUBJECT]
    if not keys or keys[0].unique == 1:
        return columns
    whose = owners(keys[0].codes, len(keys[0].texts))
    return [
        c if c.identifier else _column(replace(f, whose=whose), d, resolved)
        for c, f, d in zip(columns, seen, dated, strict=True)
    ]


def _warn(column: Column, warning: str) -> Column:
    return replace(column, warnings=(*column.warnings, warning))
