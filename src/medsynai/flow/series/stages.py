"""The stages of a run on series, one function each; `kind_stages.make` tells them in order."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from medsynai.codec.classes import FEWEST as FEWEST_OF_CLASS
from medsynai.data.series import LoadedSeries, SeriesSet
from medsynai.data.seriesfiles import read_series
from medsynai.data.split import split_patients
from medsynai.errors import PlanError
from medsynai.evaluate.series.trial import SeriesTrial
from medsynai.flow import judging, kind_stages
from medsynai.flow.judging import Judged
from medsynai.flow.kind_release import KindRelease
from medsynai.flow.kind_stages import Findings, Models, Run, Trained
from medsynai.flow.labelled import as_asked, asked
from medsynai.flow.opening import FEWEST, name_source
from medsynai.flow.series.judging import facts_of, panel_of
from medsynai.flow.series.kind import declared
from medsynai.flow.series.maker import SeriesMaker
from medsynai.flow.series.release import look, write
from medsynai.models.catalog import load_series_model
from medsynai.privacy.ledger import Release
from medsynai.seeds import Seeds

MODELS = Models(load_series_model, "series-diffusion")
CHOSEN = "the default of `auto` for series: docs/series.md says what it was measured to"
# Options of a plan that speak of a table's columns, or of forms that series do not have.
TABLES_ONLY = ("schema", "leaks", "keep", "mix_real", "form", "impute", "refine")


def read(run: Run) -> LoadedSeries:
    """The real series.

    Raises:
        PlanError: options that only a table has.
        ReadError: files that cannot be read as series of one length.
    """
    plan = run.plan
    kind_stages.refuse_options(plan, TABLES_ONLY, "series have no columns")
    if plan.source is None:
        raise PlanError("no data: name a file or a folder of series")
    with run.watch.stage("read", "Reading the series"):
        note = "steps, channels, classes and their shares, ranges in round numbers, lattices"
        run.ledger.charge(Release("look at the series", note=note))
        return read_series(Path(plan.source), declared(plan.kind), plan.target)


@dataclass(frozen=True)
class SeriesParts:
    """Real series of different patients."""

    train: SeriesSet
    holdout: SeriesSet | None
    notes: tuple[str, ...]


def divide(loaded: LoadedSeries, run: Run) -> SeriesParts:
    """Train and holdout by patient; classes of few train patients are not learnt, and counted.

    Raises:
        PlanError: too few patients.
        ConditionError: a condition on anything but the label of a class that is learnt.
    """
    plan, series = run.plan, loaded.series
    panel_of(plan).load()
    MODELS.check(plan)
    with run.watch.stage("split", "Splitting by patient"):
        people = len(np.unique(series.patients))
        if people < FEWEST:
            raise PlanError(f"{people} patients are too few; at least {FEWEST} are needed")
        seeds = Seeds(plan.seed).of("split")
        inside, outside = split_patients(series.patients, plan.holdout, seeds)
        train = series.rows(inside)
        rare = (train.people > 0) & (train.people < FEWEST_OF_CLASS)
        told = f"of fewer than {FEWEST_OF_CLASS} train patients: not learnt, and never drawn"
        count = int(rare.sum())
        notes = (f"{count} {'class' if count == 1 else 'classes'} {told}",) if count else ()
        learnt = (train.people > 0) & ~rare
        asked(plan.conditions, tuple(map(str, np.array(series.classes)[learnt])))
        held = series.rows(outside) if len(outside) else None
        return SeriesParts(train.rows(~rare[train.labels]), held, notes)


def train(parts: SeriesParts, loaded: LoadedSeries, run: Run) -> Trained[SeriesMaker]:
    """Fit the model, on train series only."""
    maker = partial(SeriesMaker, source=loaded.source)
    return kind_stages.train(MODELS, parts.train, maker, CHOSEN, run)


def draw(
    trained: Trained[SeriesMaker], loaded: LoadedSeries, parts: SeriesParts, run: Run
) -> SeriesSet:
    """Draw as many series as are asked for, or as the source has."""
    plan = run.plan
    n = len(loaded.series) if plan.rows is None else plan.rows
    seeds = Seeds(plan.seed).of("draw", plan.draw)
    condition = asked(plan.conditions, parts.train.classes)
    with run.watch.stage("draw", f"Drawing {n:,} series"):
        return trained.maker.draw(n, seeds, condition)


def judge(made: SeriesSet, parts: SeriesParts, run: Run) -> Judged:
    """Score the series against train and holdout, and hold the scores against the policy."""
    told = run.plan.conditions
    held = None if parts.holdout is None else as_asked(parts.holdout, told)
    trial = SeriesTrial(as_asked(parts.train, told), held, made, Seeds(run.plan.seed).of("judge"))
    with run.watch.stage("judge", "Judging"):
        return judging.judge(trial, panel_of(run.plan), run.watch)


def report(found: Findings, run: Run) -> KindRelease:
    """Gather the evidence; the files are written when the release is saved."""
    parts, trained, plan = found.parts, found.trained, run.plan
    facts = facts_of(name_source(plan.source), parts.train, parts.holdout, found.made)
    evidence = kind_stages.evidence(found, facts, run)
    inside = found.judged.panel.internal
    written, shown = partial(write, found.made, found.loaded.source), partial(look, found.made)
    return KindRelease(found.made, shown, written, plan, evidence, trained.maker, inside)
