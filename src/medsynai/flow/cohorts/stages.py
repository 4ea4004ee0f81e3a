"""The stages of a run on a cohort, one function each; `kind.make` tells them in order."""

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from medsynai import store
from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import read_cohort
from medsynai.data.cohortfiles.layout import LoadedCohort
from medsynai.data.schema import Schema
from medsynai.data.split import split_cohort
from medsynai.deidentify.cohort import without_traces
from medsynai.errors import PlanError
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.flow import judging
from medsynai.flow.cohorts.facts import declared
from medsynai.flow.cohorts.judging import facts_of, panel_of
from medsynai.flow.cohorts.maker import CohortMaker, CohortRecipe
from medsynai.flow.cohorts.release import CohortRelease
from medsynai.flow.judging import Judged
from medsynai.flow.opening import FEWEST, name_source
from medsynai.flow.plan import Plan
from medsynai.flow.stages import MODEL_INSIDE, risks
from medsynai.flow.training import followed, went_wrong
from medsynai.flow.watch import Watch
from medsynai.learn.desk import at_desk
from medsynai.models.catalog import find_entry, load_cohort_model
from medsynai.models.presets import preset_of
from medsynai.privacy.ledger import Ledger, Release
from medsynai.report.evidence import Evidence, ModelFacts
from medsynai.seeds import Seeds

DEFAULT = "markov"
CHOSEN = f"{DEFAULT}, the default of `auto` for cohorts: docs/cohorts.md says what it keeps"
# Options of a plan that speak of one table's columns, or of forms that cohorts do not have.
TABLES_ONLY = ("schema", "target", "leaks", "keep", "mix_real", "form", "impute", "refine")


def read(plan: Plan, ledger: Ledger, watch: Watch) -> LoadedCohort:
    """The real cohort with keys that hold; what was set aside for it is in the notes.

    Raises:
        PlanError: options that only a table has.
        ReadError: what cannot be read as a cohort.
    """
    defaults = {f.name: f.default for f in fields(Plan)}
    for name in TABLES_ONLY:
        if getattr(plan, name) not in (defaults[name], ()):
            raise PlanError(
                f"a cohort is made of several tables, so {name.replace('_', '-')} is for one table"
            )
    if plan.source is None:
        raise PlanError("no data: name a folder or a file of a cohort")
    with watch.stage("read", "Reading the cohort"):
        note = "the form of the tables and times, years in which patients begin, patterns of keys"
        ledger.charge(Release("look at the cohort", note=note))
        return read_cohort(Path(plan.source), *declared(plan.kind)).mended()


@dataclass(frozen=True)
class CohortParts:
    """Real patients, each in one part with all that happened to them.

    Attributes:
        notes: what no model learns, counted.
    """

    train: Cohort
    holdout: Cohort | None
    notes: tuple[str, ...]


def divide(loaded: LoadedCohort, plan: Plan, watch: Watch) -> CohortParts:
    """Train and holdout by patient, through all tables.

    Raises:
        PlanError: too few patients.
    """
    panel_of(plan).load()
    load_cohort_model(DEFAULT if plan.model == "auto" else plan.model, plan.settings)
    with watch.stage("split", "Splitting by patient"):
        cohort = loaded.cohort
        if len(cohort) < FEWEST:
            raise PlanError(f"{len(cohort)} patients are too few; at least {FEWEST} are needed")
        bare, notes = without_traces(cohort)
        beside = sum(len(f.columns) for f in bare.extras.values())
        if beside:
            notes += (f"not drawn: {beside} columns beside what a cohort holds",)
        if bare.signals:
            notes += (f"not drawn: {len(bare.signals):,} signals",)
        bare = replace(bare, extras={}, signals=())
        train, held = split_cohort(bare, plan.holdout, Seeds(plan.seed))
        return CohortParts(train, held, (*map(str, loaded.problems), *notes))


@dataclass(frozen=True)
class CohortTrained:
    """A maker, and how it came to be; see `medsynai.flow.training.Trained`."""

    maker: CohortMaker
    settings: dict[str, Any]
    name: str
    chosen: str
    notes: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)


def train(
    parts: CohortParts,
    loaded: LoadedCohort,
    plan: Plan,
    ledger: Ledger,
    watch: Watch,
    work: Path | None = None,
) -> CohortTrained:
    """Fit the model, on train patients only; an interrupted network goes on from `work`."""
    name = DEFAULT if plan.model == "auto" else plan.model
    model = load_cohort_model(name, timed(name, plan))
    title = f"Training the {find_entry(name).title.lower()}"
    with watch.stage("train", title), at_desk(followed(watch, title, work)):
        fitted = model.fit(parts.train, ledger, Seeds(plan.seed).of("train", name))
    maker = CohortMaker(fitted, CohortRecipe.of(loaded, Path(str(plan.source))))
    maker.asked(plan.conditions)
    facts = dict(getattr(fitted, "facts", {}))
    chosen = CHOSEN if plan.model == "auto" else ""
    notes = went_wrong(facts, ledger)
    return CohortTrained(maker, store.to_plain(model), name, chosen, notes, facts)


def timed(name: str, plan: Plan) -> dict[str, Any]:
    """The settings of a model under the plan's time budget, where it has a pace to be hurried."""
    paced = "pace" in store.to_plain(load_cohort_model(name))
    clock = {"pace": {"seconds": plan.time_budget}} if plan.time_budget and paced else {}
    return store.laid_over(store.laid_over(preset_of(name, plan.preset), plan.settings), clock)


def draw(trained: CohortTrained, loaded: LoadedCohort, plan: Plan, watch: Watch) -> Cohort:
    """Draw as many patients as are asked for, or as the source has, under keys of nobody."""
    real = loaded.cohort
    n = len(real) if plan.rows is None else plan.rows
    taken = {*real.subjects["subject_id"], *real.visits["visit_id"]}
    seeds = Seeds(plan.seed).of("draw", plan.draw)
    with watch.stage("draw", f"Drawing {n:,} patients"):
        return trained.maker.draw(n, seeds, trained.maker.asked(plan.conditions), taken)


def judge(made: Cohort, parts: CohortParts, plan: Plan, watch: Watch) -> Judged:
    """Score the patients against train and holdout, and hold the scores against the policy."""
    trial = CohortTrial(parts.train, parts.holdout, made, Seeds(plan.seed).of("judge"))
    with watch.stage("judge", "Judging"):
        return judging.judge(trial, panel_of(plan), watch)


@dataclass(frozen=True)
class Findings:
    """All that the report is made from."""

    loaded: LoadedCohort
    parts: CohortParts
    trained: CohortTrained
    made: Cohort
    judged: Judged


def report(found: Findings, plan: Plan, ledger: Ledger, watch: Watch) -> CohortRelease:
    """Gather the evidence; the files are written when the release is saved."""
    ledger.charge(Release("judge and report", note="scores and pictures, cells below 11 withheld"))
    parts, entry = found.parts, find_entry(found.trained.name)
    facts = facts_of(name_source(plan.source), parts.train, parts.holdout, found.made)
    facts = replace(facts, credit=plan.credit, licence=plan.licence, contact=plan.contact)
    evidence = Evidence(
        f"Synthetic {facts.source}",
        facts,
        Schema(()),
        found.judged.panel.scores,
        found.judged.verdict,
        model=ModelFacts(
            entry.name,
            entry.title,
            entry.paper,
            entry.about,
            settings=found.trained.settings,
            chosen=found.trained.chosen,
            conditions=plan.conditions,
            training=found.trained.training,
        ),
        ledger=ledger.record(),
        plan=tomllib.loads(plan.to_toml()),
        exhibits=found.judged.panel.exhibits,
        absent=found.judged.panel.skipped,
        notes=(
            *found.loaded.notes,
            *parts.notes,
            *found.trained.notes,
            *((MODEL_INSIDE,) if not entry.copies else ()),
            *risks(plan),
            *judging.faults(found.judged.panel),
        ),
        timing=dict(watch.seconds),
        versions=judging.versions(),
    )
    maker = None if entry.copies else found.trained.maker
    inside = found.judged.panel.internal
    recipe = found.trained.maker.recipe
    return CohortRelease(found.made, recipe, plan, evidence, maker, inside)
