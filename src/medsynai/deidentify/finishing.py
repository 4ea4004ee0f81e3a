"""Puts everything back: fresh keys, dates as dates, the source's column order."""

from dataclasses import replace

import numpy as np
import pandas as pd

from medsynai.data.schema import Column, Kind
from medsynai.data.table import Table
from medsynai.deidentify.dates import clock_times, fresh_dates
from medsynai.deidentify.keys import draw_column
from medsynai.deidentify.recipe import KeyRule, Recipe
from medsynai.errors import SchemaError
from medsynai.seeds import Seeds


def finish(recipe: Recipe, synthetic: Table, seeds: Seeds) -> Table:
    """Synthetic rows with all columns of the release, in the source's order.

    Intervals between two dates of a row are those that were drawn. Fresh numeric keys begin above
    every real one; other keys are random. Columns that the recipe does not know stay at the end.

    Args:
        recipe: from `deidentify` of the train rows.
        synthetic: the learnt columns.
        seeds: the same seeds give the same keys and days.

    Raises:
        SchemaError: a learnt column of the recipe is not there.
    """
    learnt = synthetic.frame.reset_index(drop=True)
    made = {r.name for r in recipe.keys}
    absent = [n for n in recipe.schema.names if n not in made and n not in learnt]
    if absent:
        raise SchemaError(f"the synthetic rows lack the column {absent[0]!r}")
    columns = {str(n): learnt[n] for n in learnt}
    if recipe.reference is not None:
        rng = seeds.of("dates").numpy()
        days = [r for r in recipe.dates if not r.clock]
        columns |= fresh_dates(learnt, recipe.reference, days, rng)
    columns |= {r.name: clock_times(learnt[r.name], r.unit) for r in recipe.dates if r.clock}
    columns |= _keys(recipe.keys, learnt, seeds.of("keys"))
    extra = tuple(n for n in synthetic.schema.names if n not in recipe.schema)
    schema = replace(
        recipe.schema,
        columns=(
            *(_settle(c, synthetic) for c in recipe.schema.columns),
            *(synthetic.schema[n] for n in extra),
        ),
    )
    frame = pd.DataFrame({n: columns[n] for n in schema.names}, index=learnt.index)
    return Table(frame, schema, "synthetic")


def _settle(column: Column, synthetic: Table) -> Column:
    """A learnt column as the synthetic rows have it; dates and keys as in the release."""
    kept = column.kind in (Kind.DATE, Kind.IDENTIFIER) or column.name not in synthetic.schema
    return column if kept else synthetic.schema[column.name]


def _keys(rules: tuple[KeyRule, ...], learnt: pd.DataFrame, seeds: Seeds) -> dict[str, pd.Series]:
    """All key columns; a key that divides another's rows is drawn inside its groups."""
    columns: dict[str, pd.Series] = {}
    groups: dict[str, np.ndarray] = {}
    for rule in rules:
        blocks = np.zeros(len(learnt), dtype=np.int64)
        if rule.within in groups:
            blocks = groups[rule.within]
        elif rule.steady:
            levels = [learnt[n].astype(str) for n in rule.steady if n in learnt]
            blocks = pd.factorize(pd.Series(list(zip(*levels, strict=True))))[0]
        rng = seeds.of(rule.name).numpy()
        columns[rule.name], groups[rule.name] = draw_column(rule, blocks, rng)
    return columns
