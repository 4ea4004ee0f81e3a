"""What to train and how long: the settings of a run, and what comes out of it."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor

from medsynai.errors import PlanError
from medsynai.learn.condition import Asking, Nothing
from medsynai.learn.core import Loss, Modules, Phase
from medsynai.learn.film import Paints
from medsynai.learn.mechanism import Mechanism, Plain
from medsynai.learn.monitor import Monitor
from medsynai.learn.state import Mark
from medsynai.seeds import Seeds

MIN_HELD = 20  # patients: looks at fewer say nothing
LOOKS = 10  # that a run has room for, however small the data


@dataclass(frozen=True)
class Private:
    """What a run with a budget does otherwise; all public.

    Attributes:
        clip: the most that one patient's gradient counts for in a step.
        rate: chance with which each patient takes part in a step; 1: everybody in every step.
        singles: share of the budget for one histogram a column: bins, and first shares.
        micro: rows worked on at once; a step's sum does not depend on it, its memory does.
    """

    clip: float = 1.0
    rate: float = 1.0
    singles: float = 0.3
    micro: int = 512

    def __post_init__(self) -> None:
        if not self.clip > 0 or self.micro < 1:
            raise PlanError("pace.private: clip must be above 0, and micro at least 1")
        if not 0 < self.rate <= 1 or not 0 < self.singles < 1:
            raise PlanError("pace.private: rate lies in (0, 1], singles between 0 and 1")


PRIVATE = Private()


@dataclass(frozen=True)
class Pace:
    """How long and how fast a network is trained; all public.

    Attributes:
        batch: rows a step.
        seconds: end after so long; None: only steps count, and the same seeds give the same bytes.
        check: rounds between two looks at the held-out rows.
        patience: looks without a better held-out loss before training ends.
        held: share of the train patients held out for those looks; 0: no early stopping.
        average: how much of the averaged weights each round keeps (Polyak averaging).
        clip: the greatest norm of a gradient.
        fade: share of the rounds, or of the time, at the end, over which the learning rate falls to
            zero.
        behind: of the train rows, so many numbers stand behind each round: fewer or smaller rows
            are learnt by heart sooner. Ten looks are always had; None: as long as phases say.
        private: what a run with a budget does otherwise; it has no use for `batch`, `seconds`,
            `patience`, `held` and `behind`: steps that read real rows are planned, and nothing is
            held out.
    """

    batch: int = 256
    seconds: float | None = None
    check: int = 50
    patience: int = 5
    held: float = 0.1
    average: float = 0.99
    clip: float = 5.0
    fade: float = 0.0
    behind: int | None = None
    private: Private = PRIVATE

    def __post_init__(self) -> None:
        for name in ("batch", "check", "patience", "behind"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise PlanError(f"pace: {name} must be at least 1")
        if not 0 <= self.held <= 0.5 or not 0 <= self.average < 1:
            raise PlanError("pace: held must lie in 0 to 0.5, and average in 0 to below 1")
        if not 0 <= self.fade <= 1:
            raise PlanError("pace: fade must lie in 0 to 1")
        if not self.clip > 0 or not (self.seconds is None or self.seconds > 0):
            raise PlanError("pace: clip and seconds must be above 0")

    def rate(self, done: float) -> float:
        """What is left of the learning rate when so large a share of the run is over."""
        return min(1.0, (1 - done) / self.fade) if self.fade else 1.0


@dataclass(frozen=True)
class Job:
    """What to train.

    Attributes:
        modules: the networks, by the names that updates use; the loop gives them first values.
        noise: standard normal numbers that a row's losses use.
        watched: the loss that early stopping looks at, on held-out rows; None: it does not look.
        asking: which rows a step sees, and what its generator is asked for.
        monitor: measures the networks at every look. Without it and `watched` no loss on real rows
            decides anything: no alarm on a critic, no restart.
        brisk: whether its products may be rounded; see `medsynai.learn.precision.brisk_products`.
        paints: what the networks paint from the same noise at every look, for a film of the run.
    """

    modules: Modules
    phases: tuple[Phase, ...]
    noise: int
    pace: Pace
    watched: Loss | None = None
    mechanism: Mechanism = field(default_factory=Plain)
    asking: Asking = field(default_factory=Nothing)
    monitor: Monitor | None = None
    brisk: bool = False
    paints: Paints | None = None

    @property
    def rounds(self) -> int:
        """Rounds of all phases."""
        return sum(p.rounds for p in self.phases)

    def shortened(self, most: int) -> "Job":
        """The same with no phase of more rounds than this."""
        most = max(1, most)
        return replace(
            self, phases=tuple(replace(p, rounds=min(p.rounds, most)) for p in self.phases)
        )

    def sized(self, numbers: int) -> "Job":
        """The same with no more rounds than so many numbers of train rows bear; see `Pace`."""
        if self.pace.behind is None or not isinstance(self.mechanism, Plain):
            return self
        return self.shortened(max(numbers // self.pace.behind, LOOKS * self.pace.check))

    def phase_at(self, done: int) -> tuple[int, Phase, int]:
        """The phase after so many rounds: its number, itself, and how many of its are done."""
        left = done
        for number, phase in enumerate(self.phases):
            if left < phase.rounds:
                return number, phase, left
            left -= phase.rounds
        raise AssertionError("more rounds than phases hold")


@dataclass(frozen=True)
class Trained:
    """The best averaged weights, copies of their own, and how training went.

    Attributes:
        marks: a mark each look: rounds, training loss, held-out loss.
        ended: why it ended, in plain words.
        healthy: whether it ended as it should, not by an alarm.
        restarts: how often it was begun anew.
        film: rounds, and what was painted then; never kept in a model.
    """

    modules: Modules
    marks: tuple[Mark, ...]
    ended: str
    healthy: bool
    restarts: int = 0
    film: tuple[tuple[int, Tensor], ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """How it went, as a fitted model keeps it."""
        told = {"rounds": self.marks[-1].rounds, "ended": self.ended, "healthy": self.healthy}
        return told | {"restarts": self.restarts, "losses": [m.flat() for m in self.marks]}


def halves(patients: np.ndarray, share: float, seeds: Seeds) -> tuple[np.ndarray, np.ndarray]:
    """Positions of rows to train on and of rows held out, no patient on both sides.

    Args:
        patients: (n,) whose row each is.
        share: of the patients to hold out; none are where fewer than 20 would be left out.
        seeds: all randomness.
    """
    people = seeds.of("held").numpy().permutation(np.unique(patients))
    count = round(share * len(people))
    out = np.isin(patients, people[: count if count >= MIN_HELD else 0])
    return np.flatnonzero(~out), np.flatnonzero(out)
