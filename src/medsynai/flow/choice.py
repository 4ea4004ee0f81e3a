"""What came of a contest between models: who was taken, and why the others were not."""

import math
from dataclasses import dataclass, field
from typing import Any

from medsynai.evaluate.glance import Glance

SAFE = 0.02  # membership AUC above chance that costs nothing
DEAR = 5.0  # loss for each unit of membership AUC above that


def loss_of(seen: Glance) -> float:
    """How far the rows are from real ones that were not learnt from, and what they give away.

    The mean of the pairwise total variation distance, 2 * (C2ST AUC - 0.5) and 2 * (TRTR - TSTR),
    each from 0 (as good as real) to 1, and then 5 for each unit by which the membership AUC
    exceeds that of shuffled columns by more than 0.02. Infinite where rows cannot be compared.

    >>> round(loss_of(Glance(pairs=0.2, c2st=0.7, membership=0.58, chance=0.52)), 3)
    0.5
    """
    if seen.pairs is None and seen.c2st is None:
        return math.inf
    return sum(shares_of(seen).values())


def shares_of(seen: Glance) -> dict[str, float]:
    """What each figure adds to the loss, by name."""
    parts = {}
    if seen.pairs is not None:
        parts["fidelity"] = seen.pairs
    if seen.c2st is not None:
        parts["detection"] = 2 * max(seen.c2st - 0.5, 0.0)
    if seen.tstr is not None and seen.trtr is not None:
        parts["utility"] = min(2 * max(seen.trtr - seen.tstr, 0.0), 1.0)
    shares = {name: value / len(parts) for name, value in parts.items()}
    if seen.membership is not None and seen.chance is not None:
        shares["membership"] = DEAR * max(seen.membership - seen.chance - SAFE, 0.0)
    return shares


@dataclass(frozen=True)
class Choice:
    """Which model was taken, and what the candidates scored; the lowest loss was best.

    Attributes:
        losses: candidate -> loss, see `loss_of`; empty where there was a single candidate.
        seen: candidate -> its figures, means over the splits.
        splits: how many inner splits there were.
        seconds: candidate -> what fitting and judging it took.
        failed: candidate -> why it could not be judged.
    """

    name: str
    losses: dict[str, float]
    seen: dict[str, Glance]
    splits: int
    seconds: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """In plain words, for the report."""
        if not self.losses and self.failed:
            return f"{self.name}, untried: the time budget was too short to judge any candidate"
        if not self.losses:
            return f"{self.name}, the only candidate of `auto` for a table of this size and kind"
        figures = ", ".join(f"{name} {loss:.3f}" for name, loss in self.losses.items())
        where = "an inner split" if self.splits == 1 else f"{self.splits} inner splits"
        failed = f"; failed: {', '.join(self.failed)}" if self.failed else ""
        said = f"lower is better: {figures}{failed}"
        return f"{self.name}, best on {where} of the train rows ({said})"

    @property
    def exhibit(self) -> list[dict[str, Any]]:
        """The candidates side by side, one row each; empty where there was no contest."""
        if not self.losses and not self.failed:
            return []
        return [self._row(name) for name in (*self.losses, *self.failed)]

    def _row(self, name: str) -> dict[str, Any]:
        seen = self.seen.get(name, Glance())
        return {
            "candidate": name,
            "tvd_pairs": _rounded(seen.pairs),
            "c2st": _rounded(seen.c2st),
            "tstr": _rounded(seen.tstr),
            "trtr": _rounded(seen.trtr),
            "membership_auc": _rounded(seen.membership),
            "loss": _rounded(self.losses.get(name)),
            "seconds": round(self.seconds.get(name, 0.0), 1),
            "outcome": self.outcome(name),
        }

    def outcome(self, name: str) -> str:
        """Why a candidate was taken or not, in plain words."""
        if name in self.failed and name == self.name:
            return f"chosen, as none could be judged: {self.failed[name]}"
        if name in self.failed:
            return f"failed: {self.failed[name]}"
        if name == self.name:
            return "chosen: the lowest loss"
        mine, best = shares_of(self.seen[name]), shares_of(self.seen[self.name])
        behind = {part: value - best.get(part, 0.0) for part, value in mine.items()}
        if not behind or not math.isfinite(self.losses[name]):
            return "not chosen: its rows could not be compared"
        worst = max(behind, key=behind.__getitem__)
        gap = self.losses[name] - self.losses[self.name]
        return f"not chosen: loss {gap:.3f} higher, most of it from {worst} ({behind[worst]:.3f})"


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)
