"""How an attack's figure becomes a `Score`: its name, its source and what powerless means."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.score import Family, Score

BLURRED = 0.5  # an interval of a residual risk as wide as this tells nothing
POWERLESS = "no power here: even a plain copy of the train rows gives nothing away by this"
INCONCLUSIVE = "inconclusive"  # so the note begins of an attack that missed a plain copy


@dataclass(frozen=True)
class Heading:
    """What is known of a score before it is measured.

    Attributes:
        name, title, source: as in `Score`.
        chance: what an attack without any power scores; the positive control must beat it.
        better: as in `Score`; "info" makes the score information only.
        silent: where even a plain copy is not caught there is nothing to attack by, and where
            hardly any row is, nothing can be told: the score is then "not assessed".
    """

    name: str
    title: str
    source: str
    chance: float = 0.0
    better: Literal["low", "high", "info"] = "low"
    silent: bool = False

    def score(self, found: Mapping[str, Interval], n: int, note: str = "") -> Score:
        """The score of the "synthetic" round, with the other rounds as its anchors.

        Args:
            found: one interval for each round: "synthetic" and any of "holdout", "shuffled",
                "control". Where a control was run and its interval does not lie above `chance`,
                the note says "inconclusive": an attack that misses a plain copy proves nothing.
            n: train rows attacked.
            note: put behind that.
        """
        own, control = found["synthetic"], found.get("control")
        if not isfinite(own.value):
            return self.absent("too few rows to tell", n)
        attack = self.better != "info"
        missed = attack and control is not None and not control.low > self.chance
        if missed and self.silent:
            return self.absent(POWERLESS, n)
        if self.silent and own.high - own.low > BLURRED:
            return self.absent("so few rows stand behind it that its interval tells nothing", n)
        warning = f"{INCONCLUSIVE}: the attack does not catch a plain copy of the train rows"
        notes = ([warning] if missed else []) + ([note] if note else [])
        return Score(
            name=self.name,
            title=self.title,
            family=Family.PRIVACY,
            value=own.value,
            low=own.low,
            high=own.high,
            holdout=_value(found.get("holdout")),
            shuffled=_value(found.get("shuffled")),
            control=_value(control),
            better=self.better,
            n=n,
            source=self.source,
            note="; ".join(notes),
            information=self.better == "info",
        )

    def absent(self, reason: str, n: int = 0) -> Score:
        """The score of what could not be assessed, and why."""
        return Score(
            name=self.name,
            title=self.title,
            family=Family.PRIVACY,
            value=None,
            better=self.better,
            n=n,
            source=self.source,
            note=f"not assessed: {reason}",
            information=self.better == "info",
        )


def _value(interval: Interval | None) -> float | None:
    return interval.value if interval is not None and isfinite(interval.value) else None
