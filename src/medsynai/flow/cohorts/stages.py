"""The stages of a run on a cohort, one function each; `kind_stages.make` tells them in order."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from medsynai.codec.unlearnt import left_out, rare_events
from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import read_cohort
from medsynai.data.cohortfiles.meds_statics import static_codes
from medsynai.data.rollup import Rollup
from medsynai.data.row_laws import RowLaws
from medsynai.data.settled import Settled, settled_in, without
from medsynai.data.split import split_cohort
from medsynai.data.told_once import lifted, steady_columns
from medsynai.data.vocabulary import LEAST
from medsynai.deidentify.cohort import without_traces
from medsynai.errors import PlanError
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.flow import judging, kind_stages
from medsynai.flow.cohorts.alike import Alike
from medsynai.flow.cohorts.facts import declared
from medsynai.flow.cohorts.followed import Followed, followed
from medsynai.flow.cohorts.judging import facts_of, panel_of
from medsynai.flow.cohorts.maker import CohortMaker, CohortRecipe
from medsynai.flow.cohorts.release import look, unwritten, write
from medsynai.flow.judging import Judged
from medsynai.flow.kind_release import KindRelease
from medsynai.flow.kind_stages import Findings, Models, Run, Trained
from medsynai.flow.opening import FEWEST, name_source, read_schema_file
from medsynai.models.beside import fit_beside
from medsynai.models.catalog import find_entry, load_cohort_model
from medsynai.privacy.ledger import Release
from medsynai.seeds import Seeds

MODELS = Models(load_cohort_model, "events")
FEW = 500  # train patients below which the net of events has too little to learn courses from
QUICK = replace(MODELS, default="markov")
CHOSEN = "the choice of `auto` for so many patients: docs/cohorts.md says what it keeps"
BESIDE = "are drawn by the code, and no score is about them"
# Options of a plan that speak of one table's columns, or of forms that cohorts do not have.
TABLES_ONLY = ("target", "leaks", "keep", "mix_real", "form", "impute", "refine")


def read(run: Run) -> Followed:
    """The real cohort with keys that hold; what was set aside for it is in the notes.

    Raises:
        PlanError: options that only a table has.
        ReadError: what cannot be read as a cohort.
        SchemaError: a schema that declares no follow-up, or one of other columns.
    """
    plan = run.plan
    kind_stages.refuse_options(plan, TABLES_ONLY, "a cohort is made of several tables")
    if plan.source is None:
        raise PlanError("no data: name a folder or a file of a cohort")
    with run.watch.stage("read", "Reading the cohort"):
        note = "the form of the tables and times, years in which patients begin, patterns of keys"
        run.ledger.charge(Release("look at the cohort", note=note))
        loaded = read_cohort(Path(plan.source), *declared(plan.kind))
        schema = read_schema_file(Path(plan.schema)) if plan.schema else None
        return followed(loaded, schema)


@dataclass(frozen=True)
class CohortParts:
    """Real patients, each in one part with all that happened to them.

    Attributes:
        notes: what no model learns, counted.
        beside: train, with what stands beside its events and visits.
        steady: columns beside visits that are the patient's own.
        alike: what every patient is asked to be; None where nothing is asked.
        settled: columns of patients that others settle; they are judged and not learnt.
    """

    train: Cohort
    holdout: Cohort | None
    notes: tuple[str, ...]
    beside: Cohort
    steady: tuple[str, ...] = ()
    alike: Alike | None = None
    settled: tuple[Settled, ...] = ()


def divide(found: Followed, run: Run) -> CohortParts:
    """Train and holdout by patient, through all tables; rare ICD codes rolled up by train patients.

    Raises:
        PlanError: too few patients.
        ConditionError: what is asked cannot be understood, or no train patient is so.
    """
    plan, loaded = run.plan, found.loaded
    panel_of(plan).load()
    MODELS.check(plan)
    with run.watch.stage("split", "Splitting by patient"):
        cohort = loaded.cohort
        if len(cohort) < FEWEST:
            raise PlanError(f"{len(cohort)} patients are too few; at least {FEWEST} are needed")
        steady = steady_columns(cohort)
        whole = lifted(cohort, steady)
        bare, notes = without_traces(replace(whole, extras={}))
        if bare.signals:
            notes += (f"not drawn: {len(bare.signals):,} signals",)
        bare = replace(bare, extras=whole.extras, signals=())
        train, held = split_cohort(bare, plan.holdout, Seeds(plan.seed))
        rollup = Rollup.learn(train)
        held = None if held is None else replace(rollup.apply(held), extras={})
        notes = (*notes, *left_out(train, LEAST))
        full = rollup.apply(train)
        notes = (*map(str, loaded.problems), *notes, *rollup.notes, *rare_events(full, LEAST))
        bare, told = replace(full, extras={}), found.asked(plan.conditions)
        settled = settled_in(bare, LEAST)
        alike = Alike.of(without(bare, settled), told, loaded.layout, settled) if told else None
        return CohortParts(bare, held, notes, full, steady, alike, settled)


def train(parts: CohortParts, found: Followed, run: Run) -> Trained[CohortMaker]:
    """Fit the model, on train patients only."""
    laws = RowLaws.of(parts.beside)
    recipe = CohortRecipe.of(found.loaded, Path(str(run.plan.source)), parts.steady, laws)
    recipe = replace(
        recipe,
        followup=found.followup,
        settled=parts.settled,
        codes=static_codes(parts.train, recipe.layout, found.loaded.cohort.codes, LEAST),
    )
    beside, notes = fit_beside(parts.beside, run.ledger)
    columns = sum(len(b.columns) for b in beside.kinds.values())
    if columns:
        notes = (f"{columns} columns beside codes and numbers {BESIDE}", *notes)
    models = MODELS if len(parts.train) >= FEW else QUICK
    learnt = without(parts.train, parts.settled)
    trained = kind_stages.train(
        models, learnt, lambda fitted: CohortMaker(fitted, recipe, beside), CHOSEN, run
    )
    trained.maker.asked(run.plan.conditions)
    return replace(trained, notes=(*notes, *trained.notes))


def draw(trained: Trained[CohortMaker], found: Followed, parts: CohortParts, run: Run) -> Cohort:
    """Draw as many patients as are asked for, or as the source has, under keys of nobody."""
    plan, real = run.plan, found.loaded.cohort
    n = len(real) if plan.rows is None else plan.rows
    taken = {*real.subjects["subject_id"], *real.visits["visit_id"]}
    seeds = Seeds(plan.seed).of("draw", plan.draw)
    with run.watch.stage("draw", f"Drawing {n:,} patients"):
        return trained.maker.draw(n, seeds, trained.maker.asked(plan.conditions), taken)


def judge(made: Cohort, parts: CohortParts, run: Run) -> Judged:
    """Score the patients against train and holdout, and hold the scores against the policy.

    Under a condition against those who are as was asked: others have no counterpart.
    """
    real, held = parts.train, parts.holdout
    if parts.alike is not None:
        real, held = parts.alike.among(real), None if held is None else parts.alike.among(held)
    trial = CohortTrial(real, held, made, Seeds(run.plan.seed).of("judge"))
    with run.watch.stage("judge", "Judging"):
        return judging.judge(trial, panel_of(run.plan), run.watch)


def report(found: Findings, run: Run) -> KindRelease:
    """Gather the evidence; the files are written when the release is saved."""
    parts, trained = found.parts, found.trained
    facts = facts_of(name_source(run.plan.source), parts.train, parts.holdout, found.made)
    evidence = kind_stages.evidence(found, facts, run)
    maker = None if find_entry(trained.name).copies else trained.maker
    inside = found.judged.panel.internal
    recipe = trained.maker.recipe
    notes = (*evidence.notes, *unwritten(found.made, recipe))
    evidence = replace(evidence, notes=notes, repairs=found.made.mended)
    written = partial(write, found.made, recipe)
    shown = partial(look, found.made)
    said = "" if recipe.followup is None else recipe.followup.to_toml()
    plan = run.plan
    return KindRelease(found.made, shown, written, plan, evidence, maker, inside, contract=said)
