"""Judging series: how a run's own are judged, and anybody's synthetic files."""

from pathlib import Path

from medsynai.data.series import SeriesSet
from medsynai.data.seriesfiles import read_series
from medsynai.errors import PlanError
from medsynai.evaluate.panel import SERIES_PANEL
from medsynai.evaluate.series.trial import SeriesTrial
from medsynai.flow import judging, kind_stages, labelled
from medsynai.flow.judging import Assessment, Files, Panel
from medsynai.flow.opening import name_source
from medsynai.flow.plan import Plan
from medsynai.flow.series.kind import declared
from medsynai.flow.watch import Tell, Watch
from medsynai.report.evidence import DataFacts
from medsynai.seeds import Seeds

POLICY = "series/policy.toml"


def panel_of(plan: Plan) -> Panel:
    """How a plan's series are judged."""
    return Panel(plan.measures, plan.policy, SERIES_PANEL, POLICY)


def assess(files: Files, panel: Panel, seed: int, tell: Tell) -> Assessment:
    """Judge anybody's synthetic series; the making wing is not touched.

    Raises:
        ReadError: something that cannot be read as series.
        PlanError: a schema, which series do not have, or sets of other lengths or classes.
    """
    watch = Watch(tell)
    if files.schema is not None:
        raise PlanError("series have no columns, so schema is for tables only")
    with watch.stage("read", "Reading the series"):
        given = (files.real, files.synthetic, files.holdout)
        said = declared(files.kind)
        loaded = [None if f is None else read_series(Path(str(f)), said) for f in given]
    real, made, held = (None if x is None else x.series for x in loaded)
    if real is None or made is None:
        raise PlanError("name the real and the synthetic series")
    classes = labelled.all_classes(real, held)
    train, synthetic = fitted_to(real, real, classes), fitted_to(made, real, classes)
    holdout = None if held is None else fitted_to(held, real, classes)
    trial = SeriesTrial(train, holdout, synthetic, Seeds(seed).of("judge"))
    series = Panel(panel.measures, panel.policy, SERIES_PANEL, POLICY)
    with watch.stage("judge", "Judging"):
        judged = judging.judge(trial, series, watch)
    facts = facts_of(name_source(files.real), train, holdout, synthetic)
    return kind_stages.assessment(files, facts, judged, (), watch)


def fitted_to(series: SeriesSet, real: SeriesSet, classes: tuple[str, ...]) -> SeriesSet:
    """The same series in the real set's list of classes.

    Raises:
        PlanError: another length or other channels, or a class that no real series has.
    """
    if series.values.shape[1:] != real.values.shape[1:]:
        raise PlanError("the synthetic and the real series differ in steps or channels")
    return labelled.in_classes(series, classes, "series")


def facts_of(
    source: str, train: SeriesSet, holdout: SeriesSet | None, synthetic: SeriesSet
) -> DataFacts:
    """What the report says of the data."""
    sides = (train, holdout)
    return labelled.facts_of(
        source, sides, len(synthetic), train.steps * train.channels, ("numbers", "series")
    )
