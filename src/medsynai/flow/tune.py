"""Tuning: settings are searched on an inner split of the train part, within a time budget.

The tree-structured Parzen estimator (Bergstra et al. 2011, Algorithms for hyper-parameter
optimization) proposes settings; each trial is fitted to the inner split and judged as `auto` judges
its candidates: fidelity, detection, utility and membership in one loss. The holdout of the
evaluation is set aside first, exactly as `synthesize` will, and no trial sees a row of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any

from medsynai import store
from medsynai.errors import InputError, MissingExtra, PlanError
from medsynai.evaluate.glance import Glance
from medsynai.flow import opening, stages
from medsynai.flow.arena import Arena, Meeting, mean_of
from medsynai.flow.budget import within
from medsynai.flow.choice import loss_of
from medsynai.flow.conditions import parse_conditions
from medsynai.flow.kinds import kind_of
from medsynai.flow.plan import Plan
from medsynai.flow.training import ruled, tied_to_target
from medsynai.flow.watch import Tell, Watch, silent
from medsynai.forest.forest import Forest
from medsynai.generator import Generator
from medsynai.learn.desk import trained_on
from medsynai.models.catalog import find_entry
from medsynai.models.entry import CODES
from medsynai.models.presets import preset_of
from medsynai.models.search import SEARCHED, Knob
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

STARTERS = 8  # trials at random before the estimator proposes
FAIR = 4.0  # a trial may take this many times what the first one took
WORDS = {"pairs": "pairs", "c2st": "C2ST", "tstr": "TSTR", "membership": "membership"}


@dataclass(frozen=True)
class Search:
    """How long to search: seconds, and trials at most (None: until the time is over)."""

    seconds: float
    trials: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.seconds < float("inf"):
            raise PlanError("time-budget must be more than 0 seconds")
        if self.trials is not None and self.trials < 1:
            raise PlanError(f"trials must be at least 1, not {self.trials}")


@dataclass(frozen=True)
class Attempt:
    """One trial: its settings, its loss and figures, and the seconds it took."""

    settings: dict[str, Any]
    loss: float
    seen: Glance
    seconds: float


@dataclass(frozen=True)
class Tuned:
    """What came of a search.

    Attributes:
        plan: the plan with the best settings; `synthesize --plan` takes it.
        attempts: every trial that ended, the first with the settings it began from.
        pruned: trials that failed or were cut off.
        interrupted: whether a person ended it.
    """

    plan: Plan
    attempts: tuple[Attempt, ...]
    pruned: int
    interrupted: bool

    @property
    def best(self) -> Attempt:
        """The trial of the lowest loss."""
        return min(self.attempts, key=lambda a: a.loss)

    def to_toml(self) -> str:
        """The plan, headed by what was found."""
        first, best = self.attempts[0], self.best
        lines = [f"Found by `medsynai tune`. {self.plan.tuned}"]
        lines.append(f"Loss {best.loss:.4f}; with the settings it began from {first.loss:.4f}.")
        lines.append(f"Figures on the inner split: {shown(best.seen)}.")
        return "".join(f"# {line}\n" for line in lines) + "\n" + self.plan.to_toml()


def shown(seen: Glance) -> str:
    """A glance's figures in one line."""
    known = [(w, getattr(seen, name)) for name, w in WORDS.items()]
    return ", ".join(f"{words} {value:.3f}" for words, value in known if value is not None)


def tune(plan: Plan, search: Search, tell: Tell = silent) -> Tuned:
    """Search the settings of the plan's model.

    Args:
        plan: data, model, target, seed; the split is the one that the plan will make.
        search: how long.
        tell: hears how the search goes.

    Raises:
        PlanError: a model without anything to tune, or no trial that could be judged.
        MissingExtra: Optuna is not installed.
        InputError: as `flow.run.make`.
        KeyboardInterrupt: ended by a person before a trial was judged.
    """
    with trained_on(plan.device):
        return _tuned(plan, search, tell)


def _tuned(plan: Plan, search: Search, tell: Tell) -> Tuned:
    knobs = knobs_of(plan.model)
    study = _study(Seeds(plan.seed).of("tune"))
    run = _Run(plan, search, _arena(plan, Watch(tell)), tell)
    try:
        run.first()
        while run.goes_on:
            run.next(study, knobs)
    except KeyboardInterrupt:
        if not run.attempts:
            raise
        run.interrupted = True
    if len(run.attempts) < 2 and not run.interrupted and search.trials != 1:
        raise PlanError(
            f"within {search.seconds:g} s only the settings to begin from could be tried "
            f"({run.attempts[0].seconds:.2g} s): raise --time-budget"
        )
    return run.result()


def _arena(plan: Plan, watch: Watch) -> Meeting:
    """Where trials meet; the holdout is out from here on.

    Raises:
        PlanError: data of a kind whose models are not tuned.
    """
    kind = kind_of(plan.source, plan.kind)
    if kind is not None and kind.name != CODES:
        raise PlanError(f"models of tables and codes are tuned, those of {kind.name} are not")
    if kind is not None:
        from medsynai.flow.codes.tuning import CodeArena

        return CodeArena.of(plan, watch)
    loaded = stages.read(plan, opening.Handed(), Ledger(), watch)
    table = ruled(stages.divide(loaded, plan, watch).train, Ledger(), watch)
    schema = table.schema
    leaks = (*plan.leaks, *tied_to_target(schema))
    return Arena(table, leaks, parse_conditions(plan.conditions, schema), plan.keep)


def knobs_of(model: str) -> dict[str, Knob]:
    """What is searched of a model.

    Raises:
        PlanError: nothing is; the message names the models that can be tuned.
        ModelError: no such model.
    """
    if model != "auto":
        find_entry(model)
    if model not in SEARCHED:
        raise PlanError(f"nothing is tuned of {model!r}; --model {'|'.join(SEARCHED)}")
    return SEARCHED[model]


class _Run:
    """A search under way."""

    def __init__(self, plan: Plan, search: Search, arena: Meeting, tell: Tell) -> None:
        self.plan, self.search, self.arena, self.tell = plan, search, arena, tell
        self.began, self.pruned, self.interrupted = perf_counter(), 0, False
        self.attempts: list[Attempt] = []

    @property
    def left(self) -> float:
        """Seconds of the budget."""
        return self.search.seconds - (perf_counter() - self.began)

    @property
    def done(self) -> int:
        """Trials behind us."""
        return len(self.attempts) + self.pruned

    @property
    def goes_on(self) -> bool:
        """Whether there are trials left, and time for one as long as those before it were."""
        usual = median(a.seconds for a in self.attempts)
        return self.left >= usual and self.done < (self.search.trials or self.done + 1)

    def first(self) -> None:
        """The settings that the search begins from: what it finds can be compared with them."""
        model = self._model({})
        allowed = within(model, self.left / 2, self.arena.train, Seeds(self.plan.seed).of("probe"))
        if isinstance(model, Forest) and allowed != model:
            raise PlanError(
                f"a time budget of {self.search.seconds:g} s is too small to tune in: two fits "
                "take longer"
            )
        self._try({})

    def next(self, study: Any, knobs: Mapping[str, Knob]) -> None:
        """A trial of settings that the study proposes; one that fails is pruned."""
        trial = study.ask()
        try:
            attempt = self._try(_proposed(trial, knobs))
        except InputError:
            self.pruned += 1
            study.tell(trial, state=_pruned())
        else:
            study.tell(trial, attempt.loss)

    def _try(self, settings: dict[str, Any]) -> Attempt:
        """Fit and judge on the inner splits; a network is cut off where it takes too long."""
        began, seeds = perf_counter(), Seeds(self.plan.seed).of("train")
        self._say()
        model = self._model(settings)
        tries = [self._turn(model, seeds, turn) for turn in range(self.arena.turns)]
        seen = mean_of(tries)
        attempt = Attempt(settings, loss_of(seen), seen, perf_counter() - began)
        self.attempts.append(attempt)
        return attempt

    def _model(self, settings: dict[str, Any]) -> Any:
        """The preset's settings, then the plan's, then these."""
        name, whole = self.plan.model, store.laid_over(self.plan.settings, settings)
        return self.arena.load(name, store.laid_over(preset_of(name, self.plan.preset), whole))

    def _turn(self, model: Generator, seeds: Seeds, turn: int) -> Glance:
        halves = self.arena.halves(seeds.of("inner"), turn)
        own = seeds.of("candidate", self.plan.model, turn)
        if not isinstance(model, Forest):
            fair = FAIR * self.attempts[0].seconds if self.attempts else self.left
            model = within(model, max(min(fair, self.left), 1e-3), halves[0], own.of("budget"))
        fitted = self.arena.fit(model, halves[0], own)
        return self.arena.judge(fitted, halves, own, seeds.of("judge", turn))

    def _say(self) -> None:
        best = min((a.loss for a in self.attempts), default=None)
        so_far = "" if best is None else f", best loss {best:.4f}"
        self.tell(
            f"Tuning {self.plan.model}: trial {self.done + 1}{so_far}, {self.left:.0f} s left"
        )

    def result(self) -> Tuned:
        """The plan with the best settings."""
        best = min(self.attempts, key=lambda a: a.loss)
        where = "an inner split" if self.arena.turns == 1 else f"{self.arena.turns} inner splits"
        trials = "1 trial" if self.done == 1 else f"{self.done} trials"
        note = f"{trials} of {self.plan.model} on {where} of the train rows"
        settings = store.laid_over(self.plan.settings, best.settings)
        found = replace(self.plan, settings=settings, tuned=note)
        return Tuned(found, tuple(self.attempts), self.pruned, self.interrupted)


def _proposed(trial: Any, knobs: Mapping[str, Knob]) -> dict[str, Any]:
    """Settings that a trial proposes, nested where a name has a dot."""
    found: dict[str, Any] = {}
    for name, knob in knobs.items():
        ask = trial.suggest_int if knob.whole else trial.suggest_float
        value = ask(name, knob.low, knob.high, log=knob.log)
        for part in reversed(name.split(".")):
            value = {part: value}
        found = store.laid_over(found, value)
    return found


def _study(seeds: Seeds) -> Any:
    """A study whose proposals hang on the seeds alone.

    Raises:
        MissingExtra: Optuna is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise MissingExtra("tuning", "optuna", "tune") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seeds.integer(), n_startup_trials=STARTERS)
    return optuna.create_study(sampler=sampler)


def _pruned() -> Any:
    from optuna.trial import TrialState

    return TrialState.PRUNED
