"""Where a training run stands, and how it is saved and resumed: safetensors and JSON."""

import json
import math
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medsynai import store
from medsynai.errors import ModelError
from medsynai.learn.core import Modules
from medsynai.learn.film import Film
from medsynai.learn.nets.mlp import initialise

TENSORS, FACTS = "progress.*.safetensors", "progress.json"
COPIES = "copies"  # a figure: not 0 where the generator copies train rows
PLAIN = ("done", "kept", "stale", "ended", "healthy", "restarts")


@dataclass(frozen=True)
class Mark:
    """One look at a run: rounds done, mean training loss since the last look, held-out loss.

    Attributes:
        figures: what the job's monitor measured, by name.
    """

    rounds: int
    train: float
    held: float
    figures: dict[str, float] = field(default_factory=dict)

    def flat(self) -> dict[str, float]:
        """All numbers by name, for records and for whoever listens."""
        return {"rounds": self.rounds, "train": self.train, "held": self.held, **self.figures}

    @property
    def rank(self) -> tuple[bool, float]:
        """What weights are kept by, low is good: those that copy come after all that do not."""
        return bool(self.figures.get(COPIES)), self.held


@dataclass
class Progress:
    """Everything that changes while a network is trained.

    Attributes:
        modules: living weights, where they are trained; all others stay on the processor.
        averaged: a copy of the modules whose weights are running means.
        best: a copy of `averaged` at the best look: never a reference to living weights.
        losses: training losses since the last look.
        kept: whether `best` was ever taken.
        stale: looks since the best one.
        restarts: how often it was begun anew; rounds and charges go on counting.
        film: what was painted at some of the looks.
    """

    modules: Modules
    averaged: Modules
    best: Modules
    steppers: tuple[torch.optim.Adam, ...]
    generator: torch.Generator
    done: int = 0
    marks: list[Mark] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    kept: bool = False
    stale: int = 0
    ended: str = ""
    healthy: bool = True
    restarts: int = 0
    film: Film = field(default_factory=Film)

    def mark(self, held: float, figures: dict[str, float]) -> None:
        """Write a look down."""
        mean = sum(self.losses) / len(self.losses) if self.losses else math.nan
        self.marks.append(Mark(self.done, mean, held, figures))
        self.losses.clear()

    @property
    def gained(self) -> bool:
        """Whether no look before had better weights than the last one; see `Mark.rank`."""
        before = (mark.rank for mark in self.marks[:-1])
        return self.marks[-1].rank < min(before, default=(True, math.inf))

    def keep(self) -> None:
        """Copy the averaged weights: the best so far."""
        self.best = deepcopy(self.averaged)
        self.kept = True

    def restart(self) -> None:
        """Begin anew with other first weights; the rounds that are done stay done."""
        self.averaged.load_state_dict(self.modules.state_dict())
        initialise(self.averaged, self.generator)  # on the processor, as its generator is
        self.modules.load_state_dict(self.averaged.state_dict())
        for stepper in self.steppers:
            stepper.state.clear()
        self.losses.clear()
        self.restarts += 1

    def save(self, folder: Path) -> None:
        """Write the progress; whatever interrupts this, the last whole one stays readable."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = {name: getattr(self, name) for name in PLAIN}
        facts["marks"] = [[m.rounds, m.train, m.held, m.figures] for m in self.marks]
        arrays = {name: tensor.numpy() for name, tensor in self._tensors().items()}
        facts["file"] = TENSORS.replace("*", str(self.done))
        store.save_arrays(folder / facts["file"], arrays)
        facts["sha256"] = store.sha256(folder / facts["file"])
        later = folder / f"{FACTS}.new"
        later.write_text(store.to_json(facts), encoding="utf-8")
        later.replace(folder / FACTS)
        for old in folder.glob(TENSORS):
            if old.name != facts["file"]:
                old.unlink()

    def resume(self, folder: Path) -> None:
        """Go on from the progress in a folder; an empty or absent one changes nothing.

        Raises:
            ModelError: progress of another model, or damaged.
        """
        if not (folder / FACTS).is_file():
            return
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            tensors = folder / Path(facts["file"]).name
            whole = set(PLAIN) <= set(facts) and facts["sha256"] == store.sha256(tensors)
            marks = [_mark(*m) for m in facts["marks"]]
            self._fill(store.load_arrays(tensors) if whole else {})
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
            raise ModelError(
                f"{folder} holds no whole progress of this model; remove it to begin again"
            ) from None
        self.marks = marks
        for name in PLAIN:
            setattr(self, name, facts[name])

    def _tensors(self) -> dict[str, Tensor]:
        named = {"generator": self.generator.get_state()}
        for part in ("modules", "averaged", "best"):
            living = getattr(self, part).state_dict()
            named |= {f"{part}.{name}": tensor.detach() for name, tensor in living.items()}
        for place, stepper in enumerate(self.steppers):
            for weight, state in stepper.state_dict()["state"].items():
                named |= {f"adam.{place}.{weight}.{k}": v for k, v in state.items()}
        named |= {f"film.{rounds}": pixels for rounds, pixels in self.film.shots}
        return {name: tensor.cpu() for name, tensor in named.items()}

    def _fill(self, arrays: store.Arrays) -> None:
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.generator.set_state(tensors["generator"])
        for part in ("modules", "averaged", "best"):
            getattr(self, part).load_state_dict(_under(tensors, part))
        shots = {int(rounds): pixels for rounds, pixels in _under(tensors, "film").items()}
        self.film = Film(sorted(shots.items(), key=lambda shot: shot[0]))
        for place, stepper in enumerate(self.steppers):
            whole = stepper.state_dict()
            whole["state"] = {}
            for name, tensor in _under(tensors, f"adam.{place}").items():
                weight, _, key = name.partition(".")
                whole["state"].setdefault(int(weight), {})[key] = tensor
            stepper.load_state_dict(whole)


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    mine = f"{prefix}."
    return {k.removeprefix(mine): v for k, v in tensors.items() if k.startswith(mine)}


def _mark(rounds: int, train: float | None, held: float | None, figures: dict[str, Any]) -> Mark:
    told = {name: _number(value) for name, value in figures.items()}
    return Mark(rounds, _number(train), _number(held), told)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
