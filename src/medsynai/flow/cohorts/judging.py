"""Judging cohorts: how a run's own are judged, and anybody's synthetic files."""

from pathlib import Path

from medsynai.data.cohort import Cohort
from medsynai.data.cohortfiles import read_cohort
from medsynai.data.rollup import Rollup
from medsynai.errors import PlanError
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.panel import COHORT_PANEL
from medsynai.flow import judging, kind_stages
from medsynai.flow.cohorts.facts import declared
from medsynai.flow.cohorts.followed import all_followed
from medsynai.flow.judging import Assessment, Files, Panel
from medsynai.flow.opening import name_source
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell, Watch
from medsynai.report.evidence import DataFacts
from medsynai.seeds import Seeds

POLICY = "cohorts/policy.toml"


def panel_of(plan: Plan) -> Panel:
    """How a plan's cohorts are judged."""
    return Panel(plan.measures, plan.policy, COHORT_PANEL, POLICY)


def assess(files: Files, panel: Panel, seed: int, tell: Tell) -> Assessment:
    """Judge anybody's synthetic cohort; the making wing is not touched.

    Raises:
        ReadError: something that cannot be read as a cohort.
        SchemaError: a schema that declares no follow-up, or one of other columns.
        PlanError: times of another clock.
    """
    watch = Watch(tell)
    with watch.stage("read", "Reading the cohorts"):
        said = declared(files.kind)
        given = (files.real, files.synthetic, files.holdout)
        read = [None if f is None else read_cohort(Path(str(f)), *said) for f in given]
        loaded = all_followed(read, files.schema)
    real, made, held = (None if x is None else x.cohort for x in loaded)
    if real is None or made is None:
        raise PlanError("name the real and the synthetic cohort")
    if any(c.clock is not real.clock for c in (made, held) if c is not None):
        raise PlanError("the cohorts' times are not of one kind: moments, or offsets of one unit")
    rollup = Rollup.learn(real)  # as a release has them
    real, made = rollup.apply(real), rollup.apply(made)
    held = None if held is None else rollup.apply(held)
    trial = CohortTrial(real, held, made, Seeds(seed).of("judge"))
    cohorts = Panel(panel.measures, panel.policy, COHORT_PANEL, POLICY)
    with watch.stage("judge", "Judging"):
        judged = judging.judge(trial, cohorts, watch)
    notes = [n for x in loaded[:2] if x is not None for n in (*map(str, x.problems), *x.notes)]
    facts = facts_of(name_source(files.real), real, held, made)
    return kind_stages.assessment(files, facts, judged, notes, watch)


def facts_of(source: str, train: Cohort, holdout: Cohort | None, synthetic: Cohort) -> DataFacts:
    """What the report says of the data; its rows are patients."""
    people = len(train) + (0 if holdout is None else len(holdout))
    return DataFacts(
        source,
        rows=people,
        columns=len(train.codes),
        synthetic=len(synthetic),
        train=len(train),
        holdout=None if holdout is None else len(holdout),
        patients=people,
        across="codes",
        unit="patients",
    )
