"""From a composition of networks to a fitted model of events: fit, sample, save and load."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch

from medsynai import store
from medsynai.codec.course import CourseCodec, roles_of
from medsynai.codec.moments import SPAN
from medsynai.codec.stays import Rooms
from medsynai.codec.steps import StepCodec, course_of
from medsynai.data.cohort import Cohort
from medsynai.data.outcomes import outcome_of
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.errors import ModelError
from medsynai.generator import FREE, SEEDS, Condition, Fitted, check_draw
from medsynai.learn.beginning import begin, come_back, hang_together
from medsynai.learn.core import Modules, Phase
from medsynai.learn.desk import desk
from medsynai.learn.extremes import LOOKED, time_extremes
from medsynai.learn.fitted import key_of, shorten
from medsynai.learn.job import Job, Pace, halves
from medsynai.learn.loop import train
from medsynai.learn.mechanism import Plain
from medsynai.learn.nets.events import EventNet
from medsynai.learn.threads import one_thread
from medsynai.learn.walking import walked
from medsynai.privacy.ledger import Ledger
from medsynai.saved import Saved, read_model, write_model
from medsynai.seeds import Seeds

MOST_HELD = 400  # patients held out at most: they are looked at all at once
AT_ONCE = 12_000  # events that a step reads about, where more patients than the pace says make them
DEATH = ".death"  # of what is told once: missing for those who live
AFTER = (DEATH, ".exit", ".entry", ".first", SPAN)  # what may tell an outcome afterwards
LIVES = "lives"  # in the model folder: the table model of what is told of a patient once


class EventComposition(Protocol):
    """A model: its catalogue name, its public settings, and what they put together.

    To add one: a frozen dataclass in `models/<name>.py` with what stands below and
    `fit = fit_events`, a `load` beside it, a row of `CATALOG` and a page in `docs/models/`.
    """

    name: ClassVar[str]

    @property
    def pace(self) -> Pace:
        """How it is trained."""
        ...

    @property
    def lives(self) -> Any:
        """The table model of what is told of a patient once."""
        ...

    @property
    def least(self) -> int:
        """Train patients behind whatever is drawn as it is."""
        ...

    @property
    def bins(self) -> int:
        """About how many bins a token's numbers have at most."""
        ...

    @property
    def gaps(self) -> int:
        """The same of times between steps."""
        ...

    def phases(self) -> tuple[Phase, ...]:
        """What is trained when; known before a patient is read."""
        ...

    def net(self, codec: StepCodec) -> EventNet:
        """The network, without values yet."""
        ...

    def job(self, modules: Modules) -> Job:
        """What is trained of it; a row is a patient's line."""
        ...


@dataclass(frozen=True)
class FittedEvents:
    """A trained network of events, and the table model ahead of it; never a row of a patient.

    Attributes:
        lives: draws what is told of a patient once.
        courses: tokens, statics and times.
        codec: steps.
        facts: how training went.
    """

    settings: Any
    lives: Fitted
    courses: CourseCodec
    codec: StepCodec
    net: EventNet
    facts: dict[str, Any]

    @property
    def schema(self) -> Schema:
        """What may be asked for."""
        known = {c.name for c in self.courses.lives.schema.columns}
        return self.codec.schema.only(tuple(n for n in self.codec.schema.names if n in known))

    @torch.inference_mode()
    @one_thread()
    def sample(self, n: int, seeds: Seeds = SEEDS, condition: Condition = FREE) -> Cohort:
        """Draw exactly `n` patients; see `medsynai.generator.FittedCohort.sample`.

        Raises:
            PlanError: `n` below 1.
            ConditionError: a condition that cannot be met exactly.
        """
        check_draw(n)
        statics = self.lives.sample(n, seeds.of("lives"), condition)
        rng, heads = seeds.of("numbers").numpy(), self.codec.heads(statics)
        drawn = walked(self.net, self.codec, heads, seeds.of("walk"), rng)
        return self.courses.decode(course_of(self.codec, statics, drawn, rng), rng)

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors, schema.toml and the folder `lives`."""
        weights = self.net.state_dict()
        arrays = {f"net.{k}": v.contiguous().numpy() for k, v in weights.items()}
        facts = {"cohort": store.to_plain(self.courses), **self.facts}
        whole = arrays | self.codec.arrays()
        name = self.settings.name
        write_model(folder, Saved(name, self.settings, self.codec.schema, facts, whole))
        (folder / LIVES).mkdir(mode=0o700)
        self.lives.save(folder / LIVES)


@one_thread()
def fit_events(
    settings: EventComposition, cohort: Cohort, ledger: Ledger | None = None, seeds: Seeds = SEEDS
) -> FittedEvents:
    """Train a composition on patients, the ledger charged first; see `CohortGenerator.fit`.

    Raises:
        ModelError: no patients, no token of `least` of them, or training that failed.
        PlanError: a budget too small to train in.
    """
    ledger, least = ledger or Ledger(), settings.least
    ledger.charge(Plain().charge(f"train the {settings.name} model", settings.phases()))
    if not len(cohort):
        raise ModelError("a cohort without patients has nothing to learn from")
    courses = CourseCodec.fit(cohort, least)
    if not courses.tokens:
        raise ModelError(f"no code has {least} train patients: there is nothing to learn")
    course = courses.encode(cohort)
    bins = (settings.bins, settings.gaps)
    rooms = Rooms.of(courses.stays, roles_of(courses.tokens))
    codec = StepCodec.fit(course, rooms, courses.lives.times, bins, least)
    table = codec.table(course)
    once = foretelling(settings.lives, table, outcome_of(cohort))
    lives = once.fit(table, ledger, seeds.of("lives"))
    lines, cut = codec.lines(course)
    rows = torch.from_numpy(np.hstack([codec.heads(table), lines.reshape(len(lines), -1)]))
    net = settings.net(codec)
    begin(net, lines)
    come_back(net, rows)
    hang_together(net, lines)
    job = crowded(settings.job(torch.nn.ModuleDict({"net": net})), len(rows), float(net.scale))
    share = min(settings.pace.held, MOST_HELD / len(rows))
    inside, outside = halves(np.arange(len(rows)), share, seeds)
    if not len(outside) and settings.pace.held:
        job = shorten(job, len(rows))
    place = desk().place(key_of(settings, seeds, rows))
    trained = train(job, rows[inside], rows[outside], seeds, place)
    best: Any = trained.modules["net"]
    told = lives.sample(min(len(table), LOOKED), seeds.of("told"))
    time_extremes(best, codec, lines, told, seeds.of("extremes"))
    facts = trained.facts | ({"events beyond the longest line": cut} if cut else {})
    return FittedEvents(settings, lives, courses, codec, best.requires_grad_(False), facts)


def foretelling(lives: Any, table: Table, outcome: str | None) -> Any:
    """The table model's settings, told who died and by what of a course that is foretold.

    Args:
        lives: settings.
        table: what is told once of train patients.
        outcome: of the cohort; see `outcome_of`.
    """
    name = DEATH if outcome == "" else outcome
    if name not in table.schema.names or lives.foretell:
        return lives
    by = tuple(n for n in table.schema.names if n.startswith(".") and n not in AFTER)
    return replace(lives, foretell=name, by=by)


def crowded(job: Job, patients: int, events: float) -> Job:
    """The job with so many patients a step that they have events enough for it; short ones more."""
    batch = max(job.pace.batch, min(patients, int(AT_ONCE / events)))
    return replace(job, pace=replace(job.pace, batch=batch))


def load_events(folder: Path, kind: Any, lives: Callable[[Path], Any]) -> FittedEvents:
    """A network saved by `FittedEvents.save`, rebuilt from its settings.

    Raises:
        ModelError: another model's folder, or a corrupt one.
    """
    return read_model(folder, kind.name, kind, partial(_build, folder, lives))


def _build(folder: Path, lives: Callable[[Path], Any], whole: Saved) -> FittedEvents:
    facts = dict(whole.facts)
    courses = store.from_plain(CourseCodec, facts.pop("cohort"))
    codec = StepCodec.load(whole.schema, whole.arrays)
    net = whole.settings.net(codec).requires_grad_(False)
    named = {k[4:]: torch.from_numpy(v) for k, v in whole.arrays.items() if k[:4] == "net."}
    net.load_state_dict(named)
    return FittedEvents(whole.settings, lives(folder / LIVES), courses, codec, net, facts)
