"""The stages of a run, one function each; `run.py` tells them in order."""

import tomllib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from medsynai.data.read import Loaded
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.errors import PlanError
from medsynai.evaluate.trial import Trial
from medsynai.flow import judging, opening
from medsynai.flow.choose import CANDIDATES
from medsynai.flow.conditions import parse_conditions
from medsynai.flow.folder import is_of_release
from medsynai.flow.judging import Judged, Panel
from medsynai.flow.opening import Handed, Parts
from medsynai.flow.plan import THOROUGH, Plan
from medsynai.flow.refit import refitter
from medsynai.flow.release import Release
from medsynai.flow.settings import model_of
from medsynai.flow.training import Trained, least_of, tied_to_target
from medsynai.flow.watch import Watch
from medsynai.flow.withholding import list_only, publishable
from medsynai.forest.sampling import FittedForest
from medsynai.forest.weighing import MODEL as REFINED
from medsynai.models.catalog import find_entry
from medsynai.models.entries import CATALOG
from medsynai.models.refined import Refined
from medsynai.privacy.ledger import Ledger
from medsynai.privacy.ledger import Release as Charge
from medsynai.report.evidence import DataFacts, Evidence, ModelFacts
from medsynai.seeds import Seeds

PROVENANCE = "provenance"
REAL, SYNTHETIC = "real", "synthetic"
MODEL_INSIDE = (
    "The folder model/ is not for release. It holds what was learnt of the real rows, exact counts "
    "in many models: whoever has it, and a person's record, can tell whether that person was among "
    "them. Keep it where the real data are kept; the privacy scores are about the synthetic rows "
    "alone."
)


def read(plan: Plan, handed: Handed, ledger: Ledger, watch: Watch) -> Loaded:
    """The real table, in a schema."""
    with watch.stage("read", "Reading the data"):
        if plan.schema is None and handed.schema is None:
            note = "kinds, levels and ranges of the columns, published in schema.toml"
            ledger.charge(Charge("infer the schema", note=note))
        return opening.open_source(plan, handed)


def divide(loaded: Loaded, plan: Plan, watch: Watch) -> Parts:
    """Train and holdout by patient, without identifiers; checks the plan against the columns."""
    with watch.stage("split", "Splitting by patient"):
        parts = opening.divide(loaded.table, plan, Seeds(plan.seed), least_of(plan))
    _check(plan, parts, loaded.table.schema)
    return parts


def _check(plan: Plan, parts: Parts, whole: Schema) -> None:
    """Refuse what cannot be done before any time is spent on it."""
    schema = parts.train.schema
    Panel(plan.measures, plan.policy).load()
    if plan.model == "auto" and plan.settings:
        raise PlanError("settings belong to one model: name it instead of `auto`")
    model_of(CANDIDATES[0] if plan.model == "auto" else plan.model, plan.preset, plan.settings)
    parse_conditions(plan.conditions, schema)
    for name in plan.leaks:
        opening.known(name, whole, "leak")
    for name in plan.keep:
        opening.known(name, whole, "kept column")
        if name not in schema:
            kind = whole[name].kind.value
            raise PlanError(f"kept column {name!r} (kind {kind}) is never released; keep another")
    if plan.keep:
        check_keeps(plan)
    if plan.keep and len(set(plan.keep)) == len(schema.names):
        raise PlanError("all columns are kept, so there is nothing to draw; keep fewer")
    real = _real_rows(plan, parts)
    if real > len(parts.train):
        raise PlanError(
            f"{real} real rows are asked for, but only {len(parts.train)} are in the train part; "
            "ask for fewer rows"
        )


def check_keeps(plan: Plan) -> None:
    """Refuse, before anything is fitted, to keep columns by a model that cannot.

    Raises:
        PlanError: the message names the models that can.
    """
    inner = plan.settings.get("inner", Refined.inner) if plan.model == REFINED else plan.model
    if inner != "auto" and not find_entry(inner).keeps:
        can = ", ".join(e.name for e in CATALOG if e.keeps)
        raise PlanError(f"{inner} cannot keep real columns as they are; models that can: {can}")


def _rows(plan: Plan, parts: Parts) -> int:
    if plan.rows is not None:
        return plan.rows
    return len(parts.train) + (0 if plan.keep or parts.holdout is None else len(parts.holdout))


def _real_rows(plan: Plan, parts: Parts) -> int:
    """How many rows of the release take values from real ones."""
    if plan.keep:
        return _rows(plan, parts)
    return round(_rows(plan, parts) * (plan.mix_real or 0.0))


@dataclass(frozen=True)
class Made:
    """The rows of a release.

    Attributes:
        learnt: in learnt columns, as they are judged.
        whole: with all columns of the release.
        repairs: how many rows each rule mended.
    """

    learnt: Table
    whole: Table
    repairs: dict[str, int]


def draw(trained: Trained, parts: Parts, plan: Plan, watch: Watch) -> Made:
    """Draw the rows: fully synthetic, given kept columns, or mixed with real rows."""
    seeds = Seeds(plan.seed).of("draw", plan.draw)
    condition = parse_conditions(plan.conditions, parts.train.schema)
    rows, real = _rows(plan, parts), _real_rows(plan, parts)
    pick = seeds.of("real").numpy().permutation(len(parts.train))[:real]
    with watch.stage("draw", f"Drawing {rows:,} rows"):
        kept = parts.train.rows(pick).only(plan.keep) if plan.keep else None
        new = rows if plan.keep else rows - real
        drawn = trained.maker.draw(new, seeds, condition, kept)
        learnt, origin = drawn.table, None
        if plan.mix_real is not None:
            learnt, origin = _mixed(drawn.table, parts.train.rows(pick), seeds)
        whole = trained.maker.finish(learnt, seeds.of("finish"))
    if origin is not None:
        whole = _with_provenance(whole, origin)
    return Made(learnt, whole, drawn.repairs)


def _mixed(drawn: Table, real: Table, seeds: Seeds) -> tuple[Table, np.ndarray]:
    """Synthetic and real rows in one random order, and which is which."""
    frame = pd.concat([drawn.frame, real.frame], ignore_index=True)
    origin = np.repeat([SYNTHETIC, REAL], [len(drawn), len(real)])
    order = seeds.of("mix").numpy().permutation(len(frame))
    mixed = frame.iloc[order].reset_index(drop=True)
    return Table(mixed, drawn.schema, "synthetic"), origin[order]


def _with_provenance(table: Table, origin: np.ndarray) -> Table:
    name = PROVENANCE
    while name in table.schema:
        name += "_"
    column = Column(name, Kind.BINARY, categories=(REAL, SYNTHETIC))
    values = pd.Categorical(origin.astype(object), dtype=canonical_dtype(column))  # type: ignore
    frame = table.frame.assign(**{name: values})
    schema = replace(table.schema, columns=(*table.schema.columns, column))
    return Table(frame, schema, table.origin)


def judge(made: Made, trained: Trained, parts: Parts, plan: Plan, watch: Watch) -> Judged:
    """Score the rows against train and holdout, and hold the scores against the policy."""
    schema = trained.maker.schema
    condition = parse_conditions(plan.conditions, schema)
    seeds = Seeds(plan.seed).of("judge")

    def more(n: int) -> Table:
        return trained.maker.draw(n, seeds.of("more", n), condition).table

    pure = not plan.keep and plan.mix_real is None
    trial = Trial(
        replace(parts.train, schema=schema),
        None if parts.holdout is None else replace(parts.holdout, schema=schema),
        made.learnt,
        schema.target,
        seeds,
        (*(n for n in plan.leaks if n in schema), *tied_to_target(schema)),
        more if pure else None,
        parts.records,
        refitter(trained, parts, plan, len(made.learnt), watch.tell)
        if plan.attacks == THOROUGH
        else None,
    )
    with watch.stage("judge", "Judging"):
        narrow = judging.narrowed(trial, condition)
        return judging.judge(narrow, Panel(plan.measures, plan.policy), watch)


@dataclass(frozen=True)
class Findings:
    """All that the report is made from."""

    loaded: Loaded
    parts: Parts
    trained: Trained
    made: Made
    judged: Judged


def report(found: Findings, plan: Plan, ledger: Ledger, watch: Watch) -> Release:
    """Gather the evidence; the files are written when the release is saved."""
    ledger.charge(Charge("judge and report", note="scores and pictures, cells below 11 withheld"))
    table, parts, maker = found.loaded.table, found.parts, found.trained.maker
    listed = list_only(table.schema.replacing(*parts.closed), maker.levels)
    table = replace(table, schema=publishable(listed))
    model = model_facts(found.trained, plan)
    evidence = Evidence(
        f"{model.form.removeprefix('fully ').capitalize()} {opening.name_source(plan.source)}",
        DataFacts(
            opening.name_source(plan.source),
            rows=len(table),
            columns=len(table.schema.columns),
            synthetic=len(found.made.learnt),
            train=len(parts.train),
            holdout=None if parts.holdout is None else len(parts.holdout),
            missing=float(table.frame.isna().to_numpy().mean()),
            patients=judging.count_patients(table),
            credit=plan.credit,
            licence=plan.licence,
            contact=plan.contact,
        ),
        table.schema,
        found.judged.panel.scores,
        found.judged.verdict,
        model=model,
        ledger=ledger.record(),
        plan=tomllib.loads(plan.to_toml()),
        exhibits=_exhibits(found),
        notes=(
            *found.loaded.notes,
            *parts.notes,
            *found.trained.notes,
            *((MODEL_INSIDE,) if not find_entry(found.trained.name).copies else ()),
            *risks(plan),
            *(
                f"{name}: left out of prediction models, as a rule ties it to the outcome"
                for name in tied_to_target(maker.schema)
            ),
            *judging.faults(found.judged.panel),
        ),
        repairs=found.made.repairs,
        timing=dict(watch.seconds),
        versions=judging.versions(),
    )
    schema = replace(table.schema, rules=maker.schema.rules)
    given_away = None if find_entry(found.trained.name).copies else maker
    internal = found.judged.panel.internal
    return Release(
        found.made.whole, found.loaded.source, schema, plan, evidence, given_away, internal
    )


def risks(plan: Plan) -> tuple[str, ...]:
    """What raises the risk of a release, in plain words; shown in red on the screen."""
    said = []
    if plan.keep:
        said.append(
            f"Raised risk: partially synthetic. {', '.join(plan.keep)} hold real patients' values, "
            "row by row as they stood; whoever knows them may find a patient again."
        )
    if plan.mix_real is not None:
        said.append(
            f"Raised risk: hybrid. {plan.mix_real:.0%} of the rows are real patients' rows; treat "
            "the whole file as real data."
        )
    if plan.positive_control:
        said.append("Positive control: EVERY row is a real patient's. Never release this file.")
    if is_of_release(plan.source):
        said.append(
            "What is called real here is synthetic: the data are of a release. The scores, of "
            "privacy too, speak of its synthetic rows and not of the patients behind them."
        )
    return tuple(said)


def _exhibits(found: Findings) -> dict[str, Any]:
    """The panel's, and the contest between models where there was one."""
    choice = found.trained.choice
    rivals = {"candidates": choice.exhibit} if choice and choice.exhibit else {}
    return {**found.judged.panel.exhibits, **rivals}


def model_facts(trained: Trained, plan: Plan) -> ModelFacts:
    """How the rows were made, for the report."""
    entry, fitted = find_entry(trained.name), trained.maker.fitted
    return ModelFacts(
        entry.name,
        entry.title,
        entry.paper,
        entry.about,
        settings=trained.settings,
        order=tuple(fitted.order) if isinstance(fitted, FittedForest) else (),
        chosen=trained.choice.sentence if trained.choice else "",
        kept=plan.keep,
        mixed=plan.mix_real or 0.0,
        conditions=plan.conditions,
        training=trained.training,
    )
