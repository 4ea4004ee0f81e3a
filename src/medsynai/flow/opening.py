"""From a source to the rows that a generator may see and those that it never does."""

from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.canonical import from_canonical
from medsynai.data.demo import demo_path
from medsynai.data.read import Loaded
from medsynai.data.read import read as read_source
from medsynai.data.repeats import several_rows
from medsynai.data.schema import Column, Role, Schema
from medsynai.data.source import hide_password
from medsynai.data.split import split
from medsynai.data.table import Table
from medsynai.deidentify import Recipe, deidentify
from medsynai.deidentify.harbor import shelter
from medsynai.errors import PlanError, SchemaError
from medsynai.flow.plan import Plan
from medsynai.flow.withholding import near_identifiers
from medsynai.seeds import Seeds

DEMO = "demo:support2"  # the shipped table, wherever the package is installed
FEWEST = 20  # train patients; below this nothing can be learnt that is not about one patient


@dataclass(frozen=True)
class Parts:
    """Real rows in learnt columns: identifiers and text are out, dates are numbers.

    Attributes:
        train: what the generator may see; it says whose row each is.
        holdout: what it never sees; None if nothing is held out.
        records: (train rows,) which row of the source it is, from 1; never shown outside of the
            internal part of a release.
        recipe: how synthetic rows get the source's columns again.
        notes: what was done to which column, in plain words.
        closed: columns of rare levels that are left out whole.
    """

    train: Table
    holdout: Table | None
    records: np.ndarray
    recipe: Recipe
    notes: tuple[str, ...]
    closed: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Handed:
    """What Python hands over beside the plan, in the place of its source and schema files."""

    frame: pd.DataFrame | None = None
    schema: Schema | None = None


def open_source(plan: Plan, handed: Handed) -> Loaded:
    """Read the plan's source (or the frame handed over), with the plan's target as a role.

    Raises:
        PlanError: no source, or a target that is not a learnt column.
        ReadError: a source that cannot be read as a table.
        SchemaError: a schema file that is wrong or does not fit the data, or types that rows could
            not be given back in: said now, not after the work.
    """
    source = plan.source if handed.frame is None else handed.frame
    if source is None:
        raise PlanError("no data: name a file or a database URL, or a plan that does")
    if isinstance(source, str) and source == DEMO:
        source = str(demo_path())
    schema = read_schema_file(Path(plan.schema)) if plan.schema else handed.schema
    loaded = read_source(source, schema)
    from_canonical(loaded.table.rows(np.arange(min(len(loaded.table), 20))), loaded.source)
    sheltered = shelter(loaded.table)
    target = plan.target or sheltered.table.schema.target
    notes = (*several_rows(loaded.table), *loaded.notes, *sheltered.log)
    return replace(loaded, table=aiming(sheltered.table, target), notes=notes)


def read_schema_file(path: Path) -> Schema:
    """The schema in a TOML file.

    Raises:
        SchemaError: a file that cannot be read or is not a schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SchemaError(f"no readable schema at {path}") from None
    try:
        schema = Schema.from_toml(text)
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from None
    if not schema.columns and not schema.survival:
        raise SchemaError(f"{path}: lacks 'columns', and declares no follow-up of a cohort")
    return schema


def aiming(table: Table, target: str | None) -> Table:
    """The table with this column, and no other, in the role of the target.

    Raises:
        PlanError: no such column, or one that is not learnt.
    """
    if target is None:
        return table
    known(target, table.schema, "target")
    if target not in [c.name for c in table.schema.learnt]:
        kind = table.schema[target].kind.value
        raise PlanError(f"target {target!r} is not learnt (kind {kind}); choose another column")
    columns = []
    for column in table.schema.columns:
        if column.name == target:
            columns.append(replace(column, role=Role.TARGET))
        elif column.role is Role.TARGET:
            columns.append(replace(column, role=Role.FEATURE))
    return replace(table, schema=table.schema.replacing(*columns))


def known(name: str, schema: Schema, what: str) -> None:
    """Check that a column exists.

    Raises:
        PlanError: it does not; the message names the nearest.
    """
    if name not in schema:
        near = get_close_matches(name, schema.names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"columns: {', '.join(schema.names)}"
        raise PlanError(f"{what} {name!r} is not a column; {hint}")


def divide(table: Table, plan: Plan, seeds: Seeds, least: int) -> Parts:
    """Split by patient, then take out identifiers; nothing is fitted to the rows before this.

    Args:
        table: all real rows.
        plan: what is held out, and what is kept as it is.
        seeds: the same seeds give the same parts.
        least: train patients that a level must have.

    Raises:
        PlanError: too few rows or patients, or a target of rare levels.
        SchemaError: no column is left to learn.
    """
    parts = split(table, plan.holdout, seeds.of("split"))
    patients = len(np.unique(parts.train.whose()))
    if patients < FEWEST:
        what = "rows" if patients == len(parts.train) else "patients"
        raise PlanError(
            f"{patients} {what} to learn from are too few; at least {FEWEST} are needed"
        )
    closed = near_identifiers(parts.train, least, plan.keep)
    schema = table.schema.replacing(*closed)
    if table.schema.target in [c.name for c in closed]:
        raise PlanError(
            f"target {table.schema.target!r} is nearly an identifier: most of its values have "
            f"fewer than {least} train patients; choose another column, or group it"
        )
    safe = deidentify(replace(parts.train, schema=schema))
    count = len(safe.table.schema.columns)
    if count < 2:
        raise SchemaError(
            f"{'one column is' if count else 'no column is'} left to learn, and at least two are "
            "needed: identifiers and free text are left out; look at the schema (medsynai inspect)"
        )
    held = None
    if parts.holdout is not None:
        held = replace(parts.holdout, schema=schema)
        held = Table(deidentify(held).table.frame, safe.table.schema)
    records = parts.places + 1
    return Parts(safe.table, held, records, safe.recipe, safe.log, closed)


def name_source(source: object) -> str:
    """How documents name real data: a file's name or a database's table, never a path.

    >>> name_source("clinic/2026/visits.csv"), name_source(None)
    ('visits.csv', 'data frame')
    """
    if not isinstance(source, str | Path):
        return "data frame"
    text = str(source)
    if text == DEMO:
        return "SUPPORT2"
    if "://" in text:
        return hide_password(text).rpartition("::")[2] or "database"
    return Path(text).absolute().name or "folder"  # "." has a name only where it stands
