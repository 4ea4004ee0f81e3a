"""Rare levels: a level that one or two patients have is neither drawn nor listed.

Patients are counted, not rows: a code that one patient brings to each of thirty stays is as much
that patient as a code that stands once. Where no column names the patients, a row is one.

Decided once for every model, before it is fitted, on the train rows alone: a level that only
holdout rows have is withheld as well. A column of which most rows hold such a level (a postcode, a
study code) is left out whole. See docs/decisions/0008-rare-levels.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medsynai.constraints import Implies, Rule, Sum, Test, parse
from medsynai.data.levels import is_near_identifier, patients_of_levels
from medsynai.data.schema import Column, Handling, Kind, Origin, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import SchemaError
from medsynai.seeds import Seeds

LEAST = 3  # train patients that a level must have
NEAR = "nearly an identifier: most of its values have fewer than {} train patients"


@dataclass(frozen=True)
class Withheld:
    """What may be learnt and listed.

    Attributes:
        table: train rows with each withheld level exchanged for one that is kept.
        levels: for each column that lost some: the levels kept, in the schema's order.
        notes: how many levels of which column are withheld, in plain words.
    """

    table: Table
    levels: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]


def near_identifiers(table: Table, least: int, spared: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """The columns of levels that may not be released at all, as columns that are left out.

    Drawing one of the few kept levels in the place of most others would be private, and worthless.

    Args:
        table: train rows, all columns.
        least: patients that a level must have.
        spared: columns that are released as they are.
    """
    found = []
    for column in table.schema.learnt:
        if (
            not column.kind.is_level
            or column.origin is not Origin.INFERRED
            or column.name in spared
        ):
            continue
        if is_near_identifier(_patients(table, column), least):
            found.append(_closed(replace(column, identifier=NEAR.format(least))))
    return tuple(found)


def publishable(schema: Schema) -> Schema:
    """The schema without the inferred levels of columns that are left out: they are real values."""
    dropped = [
        c
        for c in schema.columns
        if c.handling is Handling.DROP and c.kind.is_level and c.origin is Origin.INFERRED
    ]
    return schema.replacing(*map(_closed, dropped))


def listable(table: Table, least: int) -> Schema:
    """The schema of real rows as it may be published: inferred levels of so many patients."""
    schema = table.schema.replacing(*near_identifiers(table, least))
    levels = {}
    for column in schema.columns:
        if column.kind.is_level and column.origin is Origin.INFERRED:
            kept = np.flatnonzero(_patients(table, column) >= least)
            levels[column.name] = tuple((column.categories or ())[int(k)] for k in kept)
    return publishable(list_only(schema, levels))


def _closed(column: Column) -> Column:
    return replace(
        column, kind=Kind.IDENTIFIER, handling=Handling.DROP, categories=None, sentinels=()
    )


def _rows(table: Table, column: Column) -> np.ndarray:
    """(levels,) rows of each level that the schema lists."""
    codes = table.frame[column.name].cat.codes.to_numpy().astype(np.int64)
    return np.bincount(codes[codes >= 0], minlength=len(column.categories or ()))


def _patients(table: Table, column: Column) -> np.ndarray:
    """(levels,) different patients of each level that the schema lists."""
    codes = table.frame[column.name].cat.codes.to_numpy()
    return patients_of_levels(codes, table.whose(), len(column.categories or ()))


def withhold(table: Table, least: int, seeds: Seeds, spared: tuple[str, ...] = ()) -> Withheld:
    """Take out levels of fewer than `least` patients.

    A rare level of an ordered column becomes the nearest kept one; of others, one drawn by its
    share; a column that is left with one level is constant. Levels that a person declared are
    public and stay, as do the columns `spared`.

    Args:
        table: train rows, learnable columns.
        least: patients that a level must have.
        seeds: the same seeds give the same rows.
        spared: columns that are released as they are.

    Raises:
        SchemaError: a column with no level that may be drawn (see `near_identifiers`).
    """
    frame, levels, notes = table.frame.copy(), {}, []
    for column in table.schema.columns:
        name = column.name
        if not column.kind.is_level or column.origin is not Origin.INFERRED or name in spared:
            continue
        codes = frame[name].cat.codes.to_numpy().astype(np.int64)
        counts = _rows(table, column)
        kept = np.flatnonzero(_patients(table, column) >= least)
        if len(kept) == len(counts):
            continue
        if not len(kept):
            raise SchemaError(f"column {name!r}: no level has {least} train patients; leave it out")
        levels[name] = tuple((column.categories or ())[int(k)] for k in kept)
        place = _exchanged(codes, counts, kept, column, seeds.of(name).numpy())
        dtype = canonical_dtype(_with_levels(column, levels[name]))
        frame[name] = pd.Categorical.from_codes(place, dtype=dtype)  # type: ignore[call-overload]
        gone = len(counts) - len(kept)
        be = "rare level is" if gone == 1 else "rare levels are"
        notes.append(f"{name}: {gone:,} {be} withheld, each of fewer than {least} train patients")
    schema = list_only(table.schema, levels)
    return Withheld(replace(table, frame=frame, schema=schema), levels, tuple(notes))


def _exchanged(
    codes: np.ndarray,
    counts: np.ndarray,
    kept: np.ndarray,
    column: Column,
    rng: np.random.Generator,
) -> np.ndarray:
    """(rows,) places among the kept levels, -1 for missing."""
    to = np.full(len(counts) + 1, -1)  # the last entry is that of the code -1
    to[kept] = np.arange(len(kept))
    if column.kind is Kind.ORDINAL:
        rare = np.setdiff1d(np.arange(len(counts)), kept)
        to[rare] = np.abs(rare[:, None] - kept).argmin(axis=1)
        return to[codes]
    place = to[codes]
    lost = (codes >= 0) & (place < 0)
    share = counts[kept] / counts[kept].sum()
    place[lost] = rng.choice(len(kept), int(lost.sum()), p=share)
    return place


def list_only(schema: Schema, levels: Mapping[str, tuple[str, ...]]) -> Schema:
    """The schema with only these levels of these columns, in its rules as well."""
    if not levels:
        return schema
    rules = [_narrowed(parse(text, schema), levels) for text in schema.rules]
    columns = [_with_levels(schema[n], kept) for n, kept in levels.items() if n in schema]
    texts = tuple(str(r) for r in rules if r is not None)
    return replace(schema.replacing(*columns), rules=texts)


def _with_levels(column: Column, levels: tuple[str, ...]) -> Column:
    """The column with these levels; a constant if only one is left."""
    kind = Kind.CONSTANT if len(levels) == 1 else column.kind
    return replace(column, kind=kind, categories=levels)


def _narrowed(rule: Rule, levels: Mapping[str, tuple[str, ...]]) -> Rule | None:
    """The rule without withheld levels; None if nothing is left of it."""
    if isinstance(rule, Implies):
        then, when = _asking(rule.then, levels), _asking(rule.when, levels)
        return Implies(then, when) if then and when else None
    if isinstance(rule, Sum) and rule.when is not None:
        when = _asking(rule.when, levels)
        return replace(rule, when=when) if when else None
    return rule


def _asking(test: Test, levels: Mapping[str, tuple[str, ...]]) -> Test | None:
    if not test.values or test.column not in levels:
        return test
    values = tuple(v for v in test.values if v in levels[test.column])
    return replace(test, values=values) if values else None
