"""Ages, areas and dates as the Safe Harbor rule allows them: `handling = "safe-harbor"`.

Source: 45 CFR 164.514(b)(2)(i)(B) and (C). Which rule a column falls under follows from its kind
and its name; what is done follows from the schema alone, never from the rows.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import pandas as pd

from medsynai.data import names
from medsynai.data.dates import is_clock
from medsynai.data.levels import arrange
from medsynai.data.schema import Column, Handling, Kind, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import SchemaError

OLDEST = 89  # older ages are one group
GROUP = OLDEST + 1
AREA = 3  # digits of a postcode that may stay
NO_AREA = "0" * AREA
SPAN = re.compile(r"\D*(\d+)(?:\.\d+)?(?:\D+(\d+))?\D*")  # "[80-90)", "90+", "85 to 94"


@dataclass(frozen=True)
class Sheltered:
    """Rows whose columns of handling `safe-harbor` are as the rule allows them.

    Attributes:
        table: no column of it has that handling any more.
        log: what was done to which column, in plain words.
    """

    table: Table
    log: tuple[str, ...]


@dataclass(frozen=True)
class Kept:
    """What becomes of one column."""

    column: Column
    values: pd.Series
    log: str


Rule = Callable[[Column, pd.Series, Schema], Kept]


def shelter(table: Table) -> Sheltered:
    """Apply the Safe Harbor rule to the columns that ask for it.

    **Guarantee:** of such columns no age over 89 but as one group, no postcode beyond three digits,
    none of three digits where 20,000 people or fewer live, no date but its year, and no birth year
    that tells of an age over 89 is left. Everything else in the table is as it was: the rule has
    sixteen more classes, most of which `deidentify` takes out without being asked.

    Raises:
        SchemaError: a column that the rule says nothing of.
    """
    asking = [c for c in table.schema.columns if c.handling is Handling.SAFE_HARBOR]
    if not asking:
        return Sheltered(table, ())
    done = [_rule_of(c)(c, table.frame[c.name], table.schema) for c in asking]
    frame = table.frame.assign(**{k.column.name: k.values for k in done})
    schema = table.schema.replacing(*(k.column for k in done))
    if schema.reference_date in [c.name for c in asking]:
        schema = replace(schema, reference_date=None)
    return Sheltered(replace(table, frame=frame, schema=schema), tuple(k.log for k in done))


def _rule_of(column: Column) -> Rule:
    kind, name = column.kind, column.name
    if kind is Kind.DATE and not is_clock(column.date_format):
        return _birth if names.is_birth_date(name) else _date
    if kind.is_number and names.is_birth_year(name):
        return _birth_year
    if names.holds_age(name) and (kind.is_number or kind.is_level):
        return _age if kind.is_number else _age_levels
    if names.is_small_area(name):
        return _postcode if names.is_postcode(name) and kind.is_level else _area
    raise SchemaError(
        f"column {name!r}: handling 'safe-harbor' is for ages, dates, birth years and areas "
        "smaller than a state, known by their names; use 'clip', 'year' or 'drop'"
    )


def _learnt(column: Column) -> Column:
    return replace(column, handling=Handling.LEARN, sentinels=(), warnings=())


def _age(column: Column, values: pd.Series, _: Schema) -> Kept:
    ends = [None if e is None else min(e, GROUP) for e in (column.minimum, column.maximum)]
    now = replace(_learnt(column), minimum=ends[0], maximum=ends[1])
    line = f"{column.name}: ages over {OLDEST} are one group, written {GROUP}"
    return Kept(now, values.clip(upper=GROUP), line)


def _age_levels(column: Column, values: pd.Series, _: Schema) -> Kept:
    """The first group that holds an age over 89, and all later ones, are one: "90+"."""
    spans = {c: m for c in column.categories or () if (m := SPAN.fullmatch(c))}
    old = {c: int(m[1]) for c, m in spans.items() if _is_old(c, m)}
    top = f"{min([GROUP, *old.values()])}+"
    line = f"{column.name}: groups with ages over {OLDEST} are one, written {top}"
    return _relabelled(column, values, lambda level: top if level in old else level, line)


def _is_old(level: str, span: re.Match[str]) -> bool:
    start, end = int(span[1]), int(span[2] or span[1])
    return max(start, end - level.endswith(")")) > OLDEST


def _postcode(column: Column, values: pd.Series, _: Schema) -> Kept:
    line = f"{column.name}: three digits, 000 where {AREA} digits have few inhabitants"
    return _relabelled(column, values, area, line)


def area(postcode: str) -> str:
    """The three digits of a US postcode that may stay, or 000.

    >>> area("02138-1234"), area("2138"), area("03601"), area("SW1A 1AA")
    ('021', '021', '000', '000')
    """
    digits = re.fullmatch(r"(\d{3,5})(-?\d{4})?", postcode.strip())
    start = digits[1].zfill(5 if len(digits[1]) > AREA else AREA)[:AREA] if digits else NO_AREA
    return NO_AREA if start in small_areas() else start


@cache
def small_areas() -> frozenset[str]:
    """First three digits of postcodes where 20,000 people or fewer live, from the dated file."""
    text = resources.files("medsynai.deidentify").joinpath("small_areas.toml").read_text("utf-8")
    return frozenset(tomllib.loads(text)["prefixes"])


def _area(column: Column, values: pd.Series, _: Schema) -> Kept:
    line = f"{column.name}: an area smaller than a state, left out of the release"
    return Kept(replace(column, handling=Handling.DROP), values, line)


def _date(column: Column, values: pd.Series, _: Schema) -> Kept:
    return Kept(
        replace(column, handling=Handling.YEAR), values, f"{column.name}: Safe Harbor keeps years"
    )


def _birth(column: Column, values: pd.Series, schema: Schema) -> Kept:
    first = _first_birth_year(column, schema)
    floor = pd.Timestamp(first, 1, 1)
    day = float((floor - pd.Timestamp(1970, 1, 1)).days)
    ends = {n: None if e is None else max(e, day)
            for n, e in (("minimum", column.minimum), ("maximum", column.maximum))}  # fmt: skip
    line = f"{column.name}: birth years before {first} are one group, as ages over {OLDEST}"
    return Kept(
        replace(column, handling=Handling.YEAR, **ends),  # type: ignore[arg-type]
        values.clip(lower=floor.to_datetime64().astype("datetime64[us]")),
        line,
    )


def _birth_year(column: Column, values: pd.Series, schema: Schema) -> Kept:
    first = _first_birth_year(column, schema)
    ends = [None if e is None else max(e, first) for e in (column.minimum, column.maximum)]
    line = f"{column.name}: birth years before {first} are one group, as ages over {OLDEST}"
    now = replace(_learnt(column), minimum=ends[0], maximum=ends[1])
    return Kept(now, values.clip(lower=first), line)


def _first_birth_year(column: Column, schema: Schema) -> int:
    """The first birth year that tells of nobody over 89 on the last day that the schema allows."""
    days = [
        c.maximum
        for c in schema.columns
        if c.kind is Kind.DATE and c.maximum is not None and not names.is_birth_date(c.name)
    ]
    if not days:
        raise SchemaError(
            f"column {column.name!r}: no other date says in which year the patients were so old; "
            "give one its maximum, or drop this column"
        )
    return (pd.Timestamp(1970, 1, 1) + pd.Timedelta(days=max(days))).year - GROUP


def _relabelled(column: Column, values: pd.Series, label: Callable[[str], str], line: str) -> Kept:
    texts = list(dict.fromkeys(map(label, column.categories or ())))
    return _typed(column, values.astype(object).map(label, na_action="ignore"), texts, line)


def _typed(column: Column, values: pd.Series, texts: list[str], line: str) -> Kept:
    """The column with these levels, and of the kind that so many levels have."""
    ordered = column.kind is Kind.ORDINAL and len(texts) > 2
    kind = {1: Kind.CONSTANT, 2: Kind.BINARY}.get(len(texts), Kind.CATEGORICAL)
    levels = tuple(texts if column.kind is Kind.ORDINAL else arrange(texts))
    kind = Kind.ORDINAL if ordered else kind
    now = replace(_learnt(column), kind=kind, categories=levels, storage="str")
    return Kept(now, values.astype(canonical_dtype(now)), line)  # type: ignore[call-overload]
