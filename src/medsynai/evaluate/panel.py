"""The panel: every measure in one list, and the one function that asks them all."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from medsynai.errors import AssessmentError, PlanError
from medsynai.evaluate.score import Family, Findings, Score
from medsynai.evaluate.trial import Trial

if TYPE_CHECKING:
    from medsynai.evaluate.codes.trial import CodeTrial
    from medsynai.evaluate.cohorts.trial import CohortTrial
    from medsynai.evaluate.images.trial import ImageTrial
    from medsynai.evaluate.series.trial import SeriesTrial


@dataclass(frozen=True)
class Measure:
    """One row of the panel.

    Attributes:
        name: how it is asked for.
        home: "module:function" below medsynai.evaluate; loaded when it is asked, so that the
            command starts quickly.
        family: which question it answers.
        headline: name and title of its first score: what reads "not assessed" if it cannot judge;
            ("", "") where it gives pictures only.
        cost: about how many seconds it takes on 4,500 rows of 47 columns, on one core.
    """

    name: str
    home: str
    family: Family
    headline: tuple[str, str]
    cost: float

    def judge(
        self, trial: "Trial | CodeTrial | CohortTrial | ImageTrial | SeriesTrial"
    ) -> Findings:
        """Ask the measure.

        Raises:
            AssessmentError: it cannot judge these rows.
        """
        module, function = self.home.split(":")
        findings: Findings = getattr(import_module(f"medsynai.evaluate.{module}"), function)(trial)
        return findings

    def absent(self, reason: str) -> tuple[Score, ...]:
        """The score that says why there is no figure."""
        name, title = self.headline
        if not name:
            return ()
        return (Score(name, title, self.family, None, "info", 0, "", note=reason),)


_V, _F, _D, _U = Family.VALIDITY, Family.FIDELITY, Family.DETECTION, Family.UTILITY
_P, _A = Family.PRIVACY, Family.FAIRNESS

# What a verdict rests on first, pictures last.
PANEL: tuple[Measure, ...] = (
    Measure("validity", "validity:measure", _V, ("validity", "Lawful rows"), 0.2),
    Measure("variation", "fidelity:measure", _F, ("tvd_pairs", "Pairs of columns: TVD"), 1.5),
    Measure("detection", "detection:measure", _D, ("c2st", "Telling synthetic from real"), 15.0),
    Measure("utility", "utility:measure", _U, ("tstr_auroc", "Trained on synthetic"), 8.0),
    Measure(
        "membership",
        "attacks.membership:measure",
        _P,
        ("membership_auc", "Membership inference"),
        10.0,
    ),
    Measure("exposed", "attacks.exposed:measure", _P, ("", ""), 2.0),
    Measure(
        "shadow",
        "attacks.shadow:measure",
        _P,
        ("membership_shadow_auc", "Membership by shadow fits"),
        300.0,
    ),
    Measure("copies", "attacks.copies:measure", _P, ("copies_exact", "Copies of train rows"), 3.0),
    Measure(
        "singling_out",
        "attacks.singling_out:measure",
        _P,
        ("singling_out_multivariate", "Singling out"),
        3.0,
    ),
    Measure("linkability", "attacks.linkability:measure", _P, ("linkability", "Linkability"), 3.0),
    Measure(
        "attribute",
        "attacks.attribute:measure",
        _P,
        ("attribute_inference", "Attribute inference"),
        5.0,
    ),
    Measure(
        "identity",
        "attacks.identity:measure",
        _P,
        ("identity_disclosure", "Identity disclosure"),
        1.0,
    ),
    Measure(
        "attribution",
        "attacks.attribution:measure",
        _P,
        ("cap", "Correct attribution"),
        0.5,
    ),
    Measure(
        "anonymity",
        "attacks.anonymity:measure",
        _P,
        ("k_anonymity", "Classes of the release"),
        0.5,
    ),
    Measure(
        "distances",
        "attacks.distances:measure",
        _P,
        ("dcr_share", "Distances to closest records"),
        2.0,
    ),
    Measure("global", "global_utility:measure", _U, ("global_utility", "Global utility"), 8.0),
    Measure("effects", "inference:measure", _U, ("ci_overlap", "Regression coefficients"), 0.3),
    Measure("survival", "survival:measure", _U, ("km_area", "Survival curves"), 1.5),
    Measure("groups", "fairness:measure", _A, ("worst_group_tvd", "Worst-served group"), 3.0),
    Measure("marginals", "marginals:measure", _F, ("ks", "Numbers: Kolmogorov-Smirnov"), 1.0),
    Measure("missing", "missingness:measure", _F, ("missing_rates", "Missing values"), 0.1),
    Measure("association", "association:measure", _F, ("association", "Association"), 4.0),
    Measure("hellinger", "hellinger:measure", _F, ("hellinger", "Hellinger distance"), 1.5),
    Measure("histograms", "histograms:measure", _F, ("", ""), 0.1),
    Measure("pca", "projection:measure", _F, ("", ""), 0.5),
    Measure("tsne", "projection:measure_tsne", _F, ("", ""), 3.0),
)

# The same of codes, of whom `CodeTrial` speaks; costs are of 50,000 rows of 700 codes.
CODE_PANEL: tuple[Measure, ...] = (
    Measure(
        "prevalence", "codes.prevalence:measure", _F, ("code_r2", "Codes: R2 of their shares"), 0.2
    ),
    Measure("pairs", "codes.pairs:measure", _F, ("code_pairs_r2", "Pairs of codes"), 2.0),
    Measure("width", "codes.abundance:measure", _F, ("code_width", "Codes a row"), 0.1),
    Measure("detection", "codes.detection:measure", _D, ("c2st", "Telling rows apart"), 10.0),
    Measure("prediction", "codes.prediction:measure", _U, ("code_auroc", "Codes predicted"), 6.0),
    Measure(
        "membership",
        "codes.membership:measure",
        _P,
        ("membership_auc", "Membership inference"),
        6.0,
    ),
    Measure("copies", "codes.copies:measure", _P, ("copies_exact", "Copies of train rows"), 0.2),
)

# The same of cohorts, of which `CohortTrial` speaks; costs are of 2,000 stays of 430 events.
COHORT_PANEL: tuple[Measure, ...] = (
    Measure("rules", "cohorts.rules:measure", _V, ("cohort_violations", "Broken rules"), 3.0),
    Measure("visits", "cohorts.visits:measure", _V, ("visit_events_tvd", "Laws of visits"), 2.0),
    Measure("prevalence", "cohorts.who:prevalence", _F, ("code_r2", "Codes: R2"), 0.5),
    Measure("course", "cohorts.course:measure", _F, ("next_tvd", "What follows what"), 5.0),
    Measure("memory", "cohorts.memory:measure", _F, ("course_autocorrelation", "Memory"), 7.0),
    Measure("absent", "cohorts.absent:measure", _F, ("absent_runs_tvd", "Runs of absence"), 1.0),
    Measure("pairs", "cohorts.who:pairs", _F, ("code_pairs_r2", "Pairs of codes"), 1.0),
    Measure("together", "cohorts.stays:together", _F, ("stay_correlation", "Means together"), 1.0),
    Measure("stays", "cohorts.stays:measure", _D, ("stay_c2st", "Patients by summaries"), 20.0),
    Measure("outcome", "cohorts.outcome:measure", _U, ("tstr_outcome", "Outcome foretold"), 8.0),
    Measure("value", "cohorts.foretold:next_value", _U, ("tstr_next_value", "Next value"), 5.0),
    Measure("visit", "cohorts.foretold:next_visit", _U, ("tstr_next_visit", "Next visit"), 7.0),
    Measure("survival", "cohorts.survival:measure", _U, ("km_area", "Survival curves"), 1.5),
    Measure("detection", "cohorts.who:detection", _D, ("c2st", "Telling patients apart"), 10.0),
    Measure(
        "membership", "cohorts.who:membership", _P, ("membership_auc", "Membership inference"), 6.0
    ),
    Measure(
        "accusing",
        "cohorts.accusing:measure",
        _P,
        ("membership_course_auc", "Membership by courses"),
        5.0,
    ),
    Measure("copies", "cohorts.copies:measure", _P, ("copied_run", "Copied courses"), 5.0),
    Measure("nearness", "cohorts.nearness:measure", _P, ("nnaa_loss", "Nearest neighbours"), 3.0),
    Measure("pictures", "cohorts.pictures:measure", _F, ("", ""), 1.0),
)

# The same of images, of which `ImageTrial` speaks; costs are of 1,000 images of 28 x 28.
IMAGE_PANEL: tuple[Measure, ...] = (
    Measure(
        "coverage",
        "images.coverage:measure",
        _F,
        ("image_coverage_pixels", "Images: holdout covered"),
        10.0,
    ),
    Measure(
        "distances",
        "images.distances:measure",
        _F,
        ("image_kid_convolutions", "Distance to the holdout"),
        10.0,
    ),
    Measure("detection", "images.detection:measure", _D, ("c2st", "Telling images apart"), 30.0),
    Measure("utility", "images.utility:measure", _U, ("tstr_balanced", "Trained on"), 40.0),
    Measure("baseline", "images.baseline:measure", _F, ("", ""), 15.0),
    Measure("memory", "images.memory:measure", _P, ("image_near_copies", "Near copies"), 20.0),
    Measure("variety", "images.variety:measure", _F, ("image_vendi", "Different images"), 10.0),
    Measure("pictures", "images.pictures:measure", _F, ("", ""), 1.0),
)

# The same of series, of which `SeriesTrial` speaks; costs are of 2,000 series of 24 steps.
SERIES_PANEL: tuple[Measure, ...] = (
    Measure("marginals", "series.marginals:measure", _F, ("series_tvd", "Series: values"), 1.0),
    Measure(
        "correlation",
        "series.correlation:measure",
        _F,
        ("series_autocorrelation", "Series: autocorrelations"),
        1.0,
    ),
    Measure("detection", "series.detection:measure", _D, ("c2st", "Telling series apart"), 40.0),
    Measure("utility", "series.utility:measure", _U, ("tstr_accuracy", "Trained on"), 15.0),
    Measure("prediction", "series.prediction:measure", _U, ("predictive_score", "Next step"), 30.0),
    Measure("memory", "series.memory:measure", _P, ("series_near_copies", "Near copies"), 5.0),
    Measure("pictures", "series.pictures:measure", _F, ("", ""), 0.5),
)


@dataclass(frozen=True)
class Scorecard:
    """What the panel found.

    Attributes:
        scores: in panel order; those that could not be assessed have no value and say why.
        exhibits: plain data for tables and pictures, by name.
        internal: for the owner of the real data alone, by measure; see `Findings`.
        skipped: measures that did not judge, and why.
        failed: measures that broke, and by which kind of error; a fault of ours, never silent.
        seconds: time of each measure.
    """

    scores: tuple[Score, ...] = ()
    exhibits: dict[str, Any] = field(default_factory=dict)
    internal: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def score(self, name: str, group: str = "") -> Score | None:
        """The score of that name, if it was measured."""
        return next((s for s in self.scores if s.name == name and s.group == group), None)


Progress = Callable[[str, int, int], None]


def judge(
    trial: "Trial | CodeTrial | CohortTrial | ImageTrial | SeriesTrial",
    wanted: Collection[str] | None = None,
    progress: Progress | None = None,
    patience: float | None = None,
    panel: tuple[Measure, ...] = PANEL,
) -> Scorecard:
    """Ask every measure, or the wanted ones, in panel order, on one thread.

    A measure that cannot judge, or breaks, never takes the others with it.

    Args:
        trial: the rows.
        wanted: names from the panel; None for all.
        progress: called with the measure's name, how many are done, and of how many.
        patience: seconds after which pictures that are dear are left out; None for no limit.
        panel: the measures of this kind of rows.

    Raises:
        PlanError: a wanted measure that does not exist.
    """
    from threadpoolctl import threadpool_limits

    measures = _chosen(wanted, panel)
    scores: list[Score] = []
    card = Scorecard()
    started = time.monotonic()
    # The limit holds only for libraries that are loaded already.
    import_module("sklearn.ensemble")
    # Threads gain little on tables of this size, and lose much where others use the cores.
    with threadpool_limits(limits=1):
        for done, measure in enumerate(measures):
            if progress is not None:
                progress(measure.name, done, len(measures))
            begun = time.monotonic()
            if patience is not None and not measure.headline[0] and begun - started > patience:
                card.skipped[measure.name] = "left out to save time"
                continue
            findings = _ask(measure, trial, card)
            scores.extend(findings.scores)
            card.exhibits.update(findings.exhibits)
            card.internal.update(findings.internal)
            card.seconds[measure.name] = round(time.monotonic() - begun, 3)
    if progress is not None:
        progress("", len(measures), len(measures))
    return replace(card, scores=tuple(scores))


def _chosen(wanted: Collection[str] | None, panel: tuple[Measure, ...]) -> tuple[Measure, ...]:
    if wanted is None:
        return panel
    unknown = sorted(set(wanted) - {m.name for m in panel})
    if unknown:
        raise PlanError(f"no measure {unknown[0]!r}; measures: {', '.join(m.name for m in panel)}")
    return tuple(m for m in panel if m.name in wanted)


def _ask(
    measure: Measure,
    trial: "Trial | CodeTrial | CohortTrial | ImageTrial | SeriesTrial",
    card: Scorecard,
) -> Findings:
    try:
        return measure.judge(trial)
    except AssessmentError as error:
        card.skipped[measure.name] = str(error)
        return Findings(measure.absent(f"not assessed: {error}"))
    except Exception as error:
        # The message may hold a cell's value, so only its kind is kept.
        card.failed[measure.name] = type(error).__name__
        broke = f"not assessed: the measure broke ({type(error).__name__}); please report it"
        return Findings(measure.absent(broke))
