"""Real rows under a contract: read, made lawful, divided, each patient by themselves.

Nothing here is refused, counted or decided by what the rows hold: one patient more or less changes
what is known of that patient alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from medsynai.data.canonical import fit_canonical, text_of, unlisted
from medsynai.data.contract import check_contract, conformed
from medsynai.data.demo import demo_path
from medsynai.data.misfits import Misfit, check_columns
from medsynai.data.read import READERS, apart, read_whole
from medsynai.data.schema import Kind, Origin, Schema
from medsynai.data.source import Raw, suffix_of
from medsynai.data.split import split_apart
from medsynai.data.table import Table
from medsynai.deidentify import deidentify
from medsynai.deidentify.harbor import shelter
from medsynai.errors import PlanError, SchemaError
from medsynai.flow import opening
from medsynai.flow.opening import DEMO, Handed, Parts
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Watch
from medsynai.privacy.histograms import OTHER
from medsynai.privacy.sampling import capped


@dataclass(frozen=True)
class Opened:
    """The real rows in their contract, each made lawful by itself.

    Attributes:
        contract: as a person wrote it.
        numbers: (rows,) which row of the source each is, from 1.
        misfits: what had to be moved; for the owner of the data alone.
    """

    table: Table
    contract: Schema
    numbers: np.ndarray
    misfits: tuple[Misfit, ...]


def read(plan: Plan, handed: Handed, watch: Watch) -> Opened:
    """The real rows under their contract.

    Raises:
        PlanError: no contract, a bought one without the ledger that it was bought from, no data.
        SchemaError: a contract that is inferred or says too little, or other columns.
        ReadError: a source that cannot be read at all.
    """
    path = plan.schema
    schema = opening.read_schema_file(Path(path)) if path else handed.schema
    if schema is None:
        raise SchemaError(
            "differential privacy needs a contract that says what values each column can have, as "
            "a schema inferred from the rows tells of them: --schema contract.toml. `medsynai "
            "inspect --private` proposes one; docs/privacy.md shows how to write it"
        )
    check_contract(schema)
    if schema.subject is not None and schema[schema.subject].kind is not Kind.IDENTIFIER:
        raise SchemaError(f"column {schema.subject!r} names the patient: its kind is 'identifier'")
    bought = [c.name for c in schema.columns if c.origin is Origin.BOUGHT]
    if bought and plan.ledger is None:
        raise PlanError(
            f"the contract of {bought[0]!r} was bought: carry on the ledger that paid for it, "
            "with --ledger"
        )
    with watch.stage("read", "Reading the data"):
        raw = raw_rows(plan, handed)
        check_columns(raw.frame, schema)
        frame, misfits = fit_canonical(_others(raw.frame, schema), schema, raw.source)
    table = shelter(conformed(Table(frame, schema))).table
    table = opening.aiming(table, plan.target or schema.target)
    return Opened(table, table.schema, np.asarray(raw.frame.index) + 1, misfits)


def _others(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Values that a column's contract does not list are OTHER, where it lists that."""
    able = schema.only(tuple(c.name for c in schema.columns if OTHER in (c.categories or ())))
    strange = unlisted(frame, able)
    return frame.assign(
        **{n: frame[n].map(_into_other(v), na_action="ignore") for n, v in strange.items()}
    )


def _into_other(values: tuple[str, ...]) -> Callable[[object], object]:
    known = frozenset(values)
    return lambda value: OTHER if text_of(value) in known else value


def raw_rows(plan: Plan, handed: Handed) -> Raw:
    """The source; a text file line by line, so that no line decides how others are read."""
    if handed.frame is not None:
        return read_whole(handed.frame.reset_index(drop=True))
    if plan.source is None:
        raise PlanError("no data: name a file or a database URL, or a plan that does")
    source = str(demo_path()) if plan.source == DEMO else plan.source
    if "://" not in source and READERS.get(suffix_of(Path(source), READERS) or "") == "csv":
        return apart.read(Path(source))
    return read_whole(source)


@dataclass(frozen=True)
class Divided:
    """Train and holdout.

    Attributes:
        parts: in learnt columns; the train rows say whose they are.
        counted: rows of both, of which each patient has `max_rows` at most.
    """

    parts: Parts
    counted: int


def divide(opened: Opened, plan: Plan, watch: Watch) -> Divided:
    """Split each patient by their own coin, after leaving out rows beyond `max_rows`.

    Raises:
        SchemaError: a handling that does not fit its column, or nothing to learn.
        PlanError: several rows a patient, but no column that names the patient.
    """
    table, numbers = opened.table, opened.numbers
    subject = table.schema.subject
    if subject is None and table.schema.max_rows > 1:
        raise PlanError("max_rows above 1 needs the column whose role is 'subject'")
    with watch.stage("split", "Splitting by patient"):
        if subject is not None:  # a row without a key is left out: nobody knows whose it is
            named = np.flatnonzero(table.frame[subject].notna())
            whose = table.frame[subject].iloc[named].factorize()[0]
            kept = named[capped(whose, table.schema.max_rows)]
            table, numbers = table.rows(kept), numbers[kept]
        split = split_apart(table, plan.holdout, plan.seed)
        safe = deidentify(split.train, apart=True)
        held = None if split.holdout is None else deidentify(split.holdout, apart=True).table
    if not safe.table.schema.columns:
        raise SchemaError("no column of the contract is learnt; see docs/privacy.md")
    parts = Parts(safe.table, held, numbers[split.places], safe.recipe, safe.log)
    return Divided(parts, len(table))
