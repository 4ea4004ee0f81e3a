"""Rare levels: a level that one or two patients have is neither drawn nor listed.

Decided once for every model, before it is fitted, on the train rows alone: a level that only
holdout rows have is withheld as well. See docs/decisions/0008-rare-levels.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medsynai.constraints import Implies, Rule, Sum, Test, parse
from medsynai.data.schema import Column, Kind, Origin, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.seeds import Seeds

LEAST = 3  # train rows that a level must have


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


def withhold(table: Table, least: int, seeds: Seeds, spared: tuple[str, ...] = ()) -> Withheld:
    """Take out levels of fewer than `least` rows.

    A rare level of an ordered column becomes the nearest kept one; of others, one drawn by its
    share. Levels that a person declared are public and stay, as do columns that would be left with
    fewer than two, and those `spared`.

    Args:
        table: train rows, learnable columns.
        least: rows that a level must have.
        seeds: the same seeds give the same rows.
        spared: columns that are released as they are.
    """
    frame, levels, notes = table.frame.copy(), {}, []
    for column in table.schema.columns:
        name = column.name
        if not column.kind.is_level or column.origin is not Origin.INFERRED or name in spared:
            continue
        codes = frame[name].cat.codes.to_numpy().astype(np.int64)
        counts = np.bincount(codes[codes >= 0], minlength=len(column.categories or ()))
        kept = np.flatnonzero(counts >= least)
        if len(kept) < 2 or len(kept) == len(counts):
            continue
        levels[name] = tuple((column.categories or ())[int(k)] for k in kept)
        place = _exchanged(codes, counts, kept, column, seeds.of(name).numpy())
        dtype = canonical_dtype(replace(column, categories=levels[name]))
        frame[name] = pd.Categorical.from_codes(place, dtype=dtype)  # type: ignore[call-overload]
        gone = len(counts) - len(kept)
        be = "rare level is" if gone == 1 else "rare levels are"
        notes.append(f"{name}: {gone:,} {be} withheld, each of fewer than {least} train rows")
    schema = list_only(table.schema, levels)
    return Withheld(Table(frame, schema, table.origin), levels, tuple(notes))


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
    columns = [replace(schema[n], categories=kept) for n, kept in levels.items() if n in schema]
    texts = tuple(str(r) for r in rules if r is not None)
    return replace(schema.replacing(*columns), rules=texts)


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
