"""Takes out what may not be learnt, and writes down how the columns come back."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medsynai.data.dates import is_clock
from medsynai.data.names import holds_age
from medsynai.data.schema import Column, Handling, Kind, Role, Schema
from medsynai.data.table import Table
from medsynai.deidentify import dates
from medsynai.deidentify.harbor import OLDEST, shelter
from medsynai.deidentify.keys import learn_pattern, learn_sizes
from medsynai.deidentify.recipe import DateRule, KeyRule, Pattern, Recipe
from medsynai.errors import SchemaError

STEADY_LEVELS = 20  # a level that is the patient's own has few values: sex, race, site
STEADY_MOST = 3
STEADY_SHARE = 0.98
STEADY_LEAST = 30  # patients with several rows, below which nothing can be told


@dataclass(frozen=True)
class Safe:
    """Real rows that may be learnt.

    Attributes:
        table: learnable columns only, in the source's order: identifiers and text are out, dates
            are whole numbers (a year, or an offset from the row's reference date).
        recipe: how `finish` puts the columns back.
        log: what was done to which column, in plain words.
    """

    table: Table
    recipe: Recipe
    log: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """One column after treatment: what is learnt of it, what is released, and what was done."""

    values: pd.Series | None
    learnt: Column | None
    released: Column | None
    log: tuple[str, ...] = ()


def deidentify(table: Table, apart: bool = False) -> Safe:
    """Take identifiers and text out, and turn dates into numbers.

    What is done to a column follows from the schema alone, so that train and holdout come out
    alike; only ranges, key sizes and patterns are taken from the rows.

    **Guarantee:** no value of an identifier, text or date column is in `Safe.table` or in the
    recipe; of dates, only years and intervals are. This is not anonymity: the learnable columns
    are the real ones. If `apart`, every row is treated by itself: recipe, schema and log are those
    that the schema gives with no row at all.

    Args:
        table: all columns.
        apart: take nothing from the rows: date ranges follow from the declared ones, fresh keys
            count from 1, and each stands in one row.

    Raises:
        SchemaError: a handling that does not fit the kind of its column.
    """
    sheltered = shelter(table)
    table, schema = sheltered.table, sheltered.table.schema
    reference = dates.find_reference(schema)
    parts = [_treat(table, column, reference, apart) for column in schema.columns]
    kept = [p for p in parts if p.learnt is not None]
    learnt = tuple(p.learnt for p in kept if p.learnt is not None)
    names = tuple(c.name for c in learnt)
    rules, lost = _rules_about(schema, {c.name for c in schema.learnt})
    only = replace(schema.only(()), columns=learnt, rules=rules, reference_date=None)
    only = replace(only, survival=schema.only(names).survival)
    frame = pd.DataFrame({p.learnt.name: p.values for p in kept if p.learnt is not None})
    safe = Table(frame.reset_index(drop=True), only, table.origin, table.whose())
    recipe = Recipe(
        schema=_released(schema, parts),
        reference=reference,
        dates=_date_rules(schema),
        keys=_plain_keys(schema) if apart else _key_rules(table, safe),
        dropped=tuple(
            c.name for c, p in zip(schema.columns, parts, strict=True) if p.released is None
        ),
    )
    log = sheltered.log + tuple(line for p in parts for line in p.log) + lost
    return Safe(safe, recipe, log)


def action(column: Column) -> Handling:
    """What is done to a column: its handling, or the safe one where the kind allows no learning.

    Raises:
        SchemaError: a handling that does not fit the kind.
    """
    kind, asked = column.kind, column.handling
    if asked is Handling.DROP:
        return asked
    if kind is Kind.TEXT and asked in (Handling.LEARN, Handling.SURROGATE):
        return Handling.DROP
    if kind is Kind.IDENTIFIER and asked in (Handling.LEARN, Handling.SURROGATE):
        keyed = asked is Handling.SURROGATE or column.role in (Role.SUBJECT, Role.KEY)
        return Handling.SURROGATE if keyed else Handling.DROP
    if kind is Kind.DATE and asked in (Handling.LEARN, Handling.OFFSET):
        return Handling.OFFSET
    if kind is Kind.DATE and asked is Handling.YEAR and not is_clock(column.date_format):
        return asked
    if kind.is_learnt and asked in (Handling.LEARN, Handling.CLIP):
        return asked
    raise SchemaError(
        f"column {column.name!r}: handling {asked.value!r} does not fit the kind {kind.value!r}"
    )


def _treat(table: Table, column: Column, reference: str | None, apart: bool) -> Part:
    values, name = table.frame[column.name], column.name
    what = f" ({column.identifier})" if column.identifier else ""
    match action(column):
        case Handling.DROP:
            return Part(None, None, None, (f"{name}{what}: left out of the release",))
        case Handling.SURROGATE:
            form = "that count from 1" if apart else "of the same pattern"
            line = f"{name}{what}: kept out of training; fresh keys {form}"
            return Part(None, None, _key_column(column), (line,))
        case Handling.YEAR:
            year, whose = dates.years(values), None if apart else table.whose()
            now = dates.year_column(column, dates.declared_years(column) if apart else year, whose)
            return Part(pd.Series(year), now, now, (f"{name}: only the year is kept",))
        case Handling.OFFSET:
            return _treat_date(table, column, reference or name, apart)
        case Handling.CLIP:
            clipped = values.clip(column.minimum, column.maximum)
            now = replace(column, handling=Handling.LEARN)
            line = f"{name}: values beyond {column.minimum:g}..{column.maximum:g} set to the bound"
            return Part(clipped, now, now, (line,))
    old = holds_age(name) and column.kind.is_number and _beyond(column, values, apart)
    line = (
        f"{name}: ages over {OLDEST} are kept; Safe Harbor asks for one group of '90 or older' "
        "(handling = 'safe-harbor')"
    )
    return Part(values.reset_index(drop=True), column, column, (line,) if old else ())


def _beyond(column: Column, values: pd.Series, apart: bool) -> bool:
    return (column.maximum or 0) > OLDEST if apart else bool((values > OLDEST).any())


def _treat_date(table: Table, column: Column, reference: str, apart: bool) -> Part:
    values, name = table.frame[column.name], column.name
    whose = None if apart else table.whose()
    if is_clock(column.date_format):
        unit = dates.unit_of(column)
        steps = dates.since_midnight(values, unit)
        ends = dates.declared_clock(column, unit) if apart else steps
        now = dates.offset_column(column, ends, whose)
        line = f"{name}: learnt as {unit.value} since midnight; comes back as a time of day"
        return Part(pd.Series(steps), now, dates.date_column(column), (line,))
    if name == reference:
        year = dates.years(values)
        now = dates.year_column(column, dates.declared_years(column) if apart else year, whose)
        line = f"{name}: only its year is learnt; comes back as a random day of a year"
        return Part(pd.Series(year), now, dates.date_column(column), (line,))
    unit = dates.unit_of(column)
    steps = dates.offsets(values, table.frame[reference], unit)
    lines = [f"{name}: learnt as {unit.value} from {reference}; comes back as a date"]
    if table.schema[reference].missing:
        lines.append(f"{name}: absent wherever {reference} is")
    ends = dates.declared_offsets(column, table.schema[reference], unit) if apart else steps
    now = dates.offset_column(column, ends, whose)
    return Part(pd.Series(steps), now, dates.date_column(column), tuple(lines))


def _key_column(column: Column) -> Column:
    """Fresh keys lie above the real ones, where a narrow integer may not reach."""
    narrow = re.fullmatch(r"([uU]?)(int|Int)(8|16|32)", column.storage)
    wide = {"int": "int64", "Int": "Int64"}
    storage = wide[narrow[2]] if narrow else column.storage
    return replace(column, storage=storage, sentinels=(), missing_tokens=())


def _released(schema: Schema, parts: list[Part]) -> Schema:
    columns = tuple(p.released for p in parts if p.released is not None)
    return replace(schema.only(tuple(c.name for c in columns)), columns=columns)


def _date_rules(schema: Schema) -> tuple[DateRule, ...]:
    return tuple(
        DateRule(c.name, dates.unit_of(c), is_clock(c.date_format))
        for c in schema.columns
        if c.kind is Kind.DATE and action(c) is Handling.OFFSET
    )


def _rules_about(schema: Schema, learnt: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The schema's rules that name learnt columns only, and a word about the others."""
    gone = [n for n in schema.names if n not in learnt]
    patterns = [re.compile(rf"(?<![\w.]){re.escape(n)}(?![\w.])") for n in gone]
    kept = tuple(r for r in schema.rules if not any(p.search(r) for p in patterns))
    lost = tuple(f"rule not kept, as it names a column that is not learnt: {r}"
                 for r in schema.rules if r not in kept)  # fmt: skip
    return kept, lost


def _plain_keys(schema: Schema) -> tuple[KeyRule, ...]:
    """Keys that tell nothing of the real ones."""
    keyed = [c for c in schema.columns if action(c) is Handling.SURROGATE]
    return tuple(KeyRule(c.name, Pattern("counter")) for c in keyed)


def _key_rules(table: Table, safe: Table) -> tuple[KeyRule, ...]:
    """Patterns and sizes of all surrogate columns, the patient's key first."""
    columns = [c for c in table.schema.columns if action(c) is Handling.SURROGATE]
    columns.sort(key=lambda c: c.role is not Role.SUBJECT)
    subject = table.schema.subject
    rules = []
    for column in columns:
        codes, known = pd.factorize(table.frame[column.name])
        counts = np.bincount(codes[codes >= 0], minlength=len(known))
        sizes = learn_sizes(counts)
        within: str | None = None
        steady: tuple[str, ...] = ()
        if sizes and column.name == subject:
            steady = _steady(codes, safe)
        elif sizes and subject is not None and subject in [c.name for c in columns]:
            within = subject if _divides(codes, table.frame[subject]) else None
        rules.append(
            KeyRule(
                column.name,
                learn_pattern([str(k) for k in known]),
                absent=round(float((codes < 0).mean()), 2) if len(codes) else 0.0,
                sizes=sizes,
                within=within,
                steady=steady,
            )
        )
    return tuple(rules)


def _divides(codes: np.ndarray, subject: pd.Series) -> bool:
    """Whether all rows of a key are of one patient."""
    pairs = pd.DataFrame({"key": codes, "subject": subject.to_numpy()})[codes >= 0]
    return bool((pairs.groupby("key")["subject"].nunique(dropna=False) <= 1).all())


def _steady(codes: np.ndarray, safe: Table) -> tuple[str, ...]:
    """Level columns that hardly ever change between the rows of one patient."""
    found = []
    several = np.bincount(codes[codes >= 0])[codes] > 1
    several &= codes >= 0
    if len(np.unique(codes[several])) < STEADY_LEAST:
        return ()
    for column in safe.schema.columns:
        if not column.kind.is_level or not 2 <= len(column.categories or ()) <= STEADY_LEVELS:
            continue
        levels = safe.frame[column.name].cat.codes.to_numpy()[several]
        pairs = pd.DataFrame({"key": codes[several], "level": levels})
        share = float((pairs.groupby("key")["level"].nunique() == 1).mean())
        commonest = float(pairs["level"].value_counts(normalize=True).max())
        if share >= STEADY_SHARE and commonest < 0.95:
            found.append((len(column.categories or ()), column.name))
    protected = set(safe.schema.having(Role.PROTECTED))
    found.sort(key=lambda f: (f[1] not in protected, f[0]))
    return tuple(name for _, name in found[:STEADY_MOST])
