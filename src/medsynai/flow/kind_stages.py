"""What the kinds of data beside tables share: the story of a run, its training and its evidence."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from medsynai import store
from medsynai.data.schema import Schema
from medsynai.errors import PlanError
from medsynai.flow import judging
from medsynai.flow.judging import Assessment, Files, Judged
from medsynai.flow.opening import name_source
from medsynai.flow.plan import Plan
from medsynai.flow.stages import MODEL_INSIDE, risks
from medsynai.flow.training import cut_by_clock, followed, went_wrong
from medsynai.flow.watch import Tell, Watch
from medsynai.learn.desk import at_desk
from medsynai.models.catalog import find_entry
from medsynai.models.presets import preset_of
from medsynai.privacy.ledger import Ledger, Release
from medsynai.report.evidence import DataFacts, Evidence, ModelFacts
from medsynai.seeds import Seeds

Maker = TypeVar("Maker")


@dataclass(frozen=True)
class Models:
    """The models of a kind.

    Attributes:
        load: a name and settings -> a model; refuses models of other kinds.
        default: what `auto` is.
    """

    load: Callable[[str, Mapping[str, Any] | None], Any]
    default: str

    def named(self, plan: Plan) -> str:
        """The catalogue name of the plan's model."""
        return self.default if plan.model == "auto" else plan.model

    def check(self, plan: Plan) -> None:
        """Refuse a model or settings that there are not, before anything is done.

        Raises:
            ModelError: as `load`.
        """
        self.load(self.named(plan), plan.settings)

    def settings(self, plan: Plan) -> dict[str, Any]:
        """Preset, settings and, where the model has a pace to be hurried, the time budget."""
        name = self.named(plan)
        paced = "pace" in {one.name for one in fields(self.load(name, None))}
        clock = {"pace": {"seconds": plan.time_budget}} if plan.time_budget and paced else {}
        return store.laid_over(store.laid_over(preset_of(name, plan.preset), plan.settings), clock)


@dataclass(frozen=True)
class Trained(Generic[Maker]):
    """A maker, and how it came to be; see `medsynai.flow.training.Trained`.

    Attributes:
        exhibits: what the model itself has to show; synthetic alone.
    """

    maker: Maker
    settings: dict[str, Any]
    name: str
    chosen: str
    notes: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    exhibits: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What stands around the stages of one run."""

    plan: Plan
    ledger: Ledger
    watch: Watch
    work: Path | None = None


@dataclass(frozen=True)
class Findings:
    """All that a report is made from; what stands in it is the kind's own."""

    loaded: Any
    parts: Any
    trained: Trained[Any]
    made: Any
    judged: Judged


class Stages(Protocol):
    """The stages of a kind, one function each."""

    def read(self, run: Run) -> Any:
        """The real data."""
        ...

    def divide(self, loaded: Any, run: Run) -> Any:
        """Train and holdout by patient, before anything is fitted."""
        ...

    def train(self, parts: Any, loaded: Any, run: Run) -> Trained[Any]:
        """Fit the model, on train rows only."""
        ...

    def draw(self, trained: Trained[Any], loaded: Any, parts: Any, run: Run) -> Any:
        """Draw as many rows as are asked for, or as the source has."""
        ...

    def judge(self, made: Any, parts: Any, run: Run) -> Judged:
        """Score the rows, and hold the scores against the policy."""
        ...

    def report(self, found: Findings, run: Run) -> Any:
        """The release in memory."""
        ...


def make(stages: Stages, plan: Plan, tell: Tell, work: Path | None) -> Any:
    """Make a release in memory: the story of a run; see `medsynai.flow.run.make`."""
    run = Run(plan, Ledger(), Watch(tell), work)
    loaded = stages.read(run)
    parts = stages.divide(loaded, run)
    trained = stages.train(parts, loaded, run)
    made = stages.draw(trained, loaded, parts, run)
    judged = stages.judge(made, parts, run)
    return stages.report(Findings(loaded, parts, trained, made, judged), run)


def refuse_options(plan: Plan, names: Iterable[str], why: str) -> None:
    """Refuse options of a plan that only a table has.

    Raises:
        PlanError: one of them was chosen.
    """
    defaults = {f.name: f.default for f in fields(Plan)}
    for name in names:
        if getattr(plan, name) not in (defaults[name], ()):
            raise PlanError(f"{why}, so {name.replace('_', '-')} is for tables only")


def train(
    models: Models, rows: Any, maker: Callable[[Any], Maker], chosen: str, run: Run
) -> Trained[Maker]:
    """Fit the plan's model; an interrupted network is gone on with from `run.work`.

    Args:
        models: of the kind.
        rows: the train part.
        maker: what draws with the fitted model.
        chosen: what is said of a default that `auto` took.
        run: the plan, and what stands around it.
    """
    name = models.named(run.plan)
    model = models.load(name, models.settings(run.plan))
    title = f"Training the {find_entry(name).title.lower()}"
    if run.plan.tuned:
        run.ledger.charge(Release("tune the settings", note=run.plan.tuned))
    with run.watch.stage("train", title), at_desk(followed(run.watch, title, run.work)):
        fitted = model.fit(rows, run.ledger, Seeds(run.plan.seed).of("train", name))
    facts = dict(getattr(fitted, "facts", {}))
    cut = cut_by_clock(model, model, facts)
    notes = (*((cut,) if cut else ()), *went_wrong(facts, run.ledger))
    said = f"{models.default}, {chosen}" if run.plan.model == "auto" else ""
    return Trained(maker(fitted), store.to_plain(model), name, said, notes, facts)


def evidence(found: Findings, facts: DataFacts, run: Run) -> Evidence:
    """What the report says, after the last charge."""
    plan, trained, panel = run.plan, found.trained, found.judged.panel
    run.ledger.charge(
        Release("judge and report", note="scores and pictures, cells below 11 withheld")
    )
    entry = find_entry(trained.name)
    return Evidence(
        f"Synthetic {facts.source}",
        replace(facts, credit=plan.credit, licence=plan.licence, contact=plan.contact),
        Schema(()),
        panel.scores,
        found.judged.verdict,
        model=ModelFacts(
            entry.name,
            entry.title,
            entry.paper,
            entry.about,
            settings=trained.settings,
            chosen=trained.chosen,
            conditions=plan.conditions,
            training=trained.training,
        ),
        ledger=run.ledger.record(),
        plan=tomllib.loads(plan.to_toml()),
        exhibits=panel.exhibits | trained.exhibits,
        absent=panel.skipped,
        notes=(
            *found.loaded.notes,
            *found.parts.notes,
            *trained.notes,
            *((facts.said(MODEL_INSIDE),) if not entry.copies else ()),
            *risks(plan),
            *judging.faults(panel),
        ),
        timing=dict(run.watch.seconds),
        versions=judging.versions(),
    )


def assessment(
    files: Files, facts: DataFacts, judged: Judged, notes: Iterable[str], watch: Watch
) -> Assessment:
    """What was found about somebody's synthetic files."""
    return Assessment(
        Evidence(
            f"Evaluation of {name_source(files.synthetic)}",
            facts,
            Schema(()),
            judged.panel.scores,
            judged.verdict,
            exhibits=judged.panel.exhibits,
            absent=judged.panel.skipped,
            notes=(*notes, *judging.faults(judged.panel)),
            timing=watch.seconds,
            versions=judging.versions(),
        ),
        Schema(()),
    )
