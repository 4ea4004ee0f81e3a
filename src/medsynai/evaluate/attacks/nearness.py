"""What a release of images or series remembers: exact copies, near ones, and whose it learnt from.

A near copy lies nearer to a train item than the nearest few of the holdout do; membership accuses
a patient by the nearest released item of any of theirs (Chen et al. 2020, GAN-Leaks, eq. 4).

Two kinds of items lie near to train ones that nobody copied. Where there are few different ones, a
held-out item equals a train item as well. And items that vary less than real ones, without their
noise, lie nearer to all. What was never seen by the generator tells both apart from copies.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import t

from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.heading import INCONCLUSIVE
from medsynai.evaluate.attacks.intervals import Interval, Numbers

PARTS, SURE = 4, 0.975  # parts of the train items beside the holdout; quantile of the difference
Near = Callable[[Any, Any], Numbers]  # (items, others) -> each item's distance to the nearest other


@dataclass(frozen=True)
class Seen:
    """Real items of different patients, and rounds of released ones.

    Attributes:
        train, holdout: sets with `rows` and `patients`.
        rounds: by name: what is released, "control" being a plain copy of the train part.
        nearest: the distance.
        most: items at most that are accused on either side, and compared with train ones.
    """

    train: Any
    holdout: Any
    rounds: dict[str, Any]
    nearest: Near
    most: int

    def near(self, rng: np.random.Generator, close: float) -> dict[str, Interval]:
        """Shares of released items nearer to train than this share of holdout items is."""
        real = self.nearest(cut(self.holdout, rng, self.most), self.train)
        line = float(np.quantile(real, close))
        found = {k: share(self.nearest(x, self.train) <= line) for k, x in self.rounds.items()}
        same = share(real <= line)  # more than `close` where many lie at one distance, mostly none
        return found | {"holdout": same if same.low > close else Interval(close, close, close)}

    def doubt(self, found: dict[str, Interval], rng: np.random.Generator, close: float) -> str:
        """Why items that lie near to train ones may be no copies; "" where they are, or do not.

        Args:
            found: of `near`.
            rng: which train items stand beside the holdout's.
            close: as in `near`.
        """
        own, real = found["synthetic"], found["holdout"]
        if own.low <= close:
            return ""
        if real.low > close:
            return few(real) if own.low <= real.high else ""
        return self._soft(rng, close)

    def _soft(self, rng: np.random.Generator, close: float) -> str:
        """Whether released items lie as near to held-out items as to as many train ones.

        A generator that copies nothing knows the ones no better than the others, however little its
        items vary; what four parts of the train items differ by is chance.
        """
        n = min(len(self.holdout), len(self.train) // PARTS)
        order, made = rng.permutation(len(self.train)), self.rounds["synthetic"]
        unseen = cut(self.holdout, rng, n)
        real = self.nearest(self.train.rows(order[: self.most]), unseen)
        line = float(np.quantile(real, close))
        other = share(self.nearest(made, unseen) <= line)
        if other.low <= close:
            return ""
        parts = [self.train.rows(order[k * n : (k + 1) * n]) for k in range(PARTS)]
        seen = [float((self.nearest(made, part) <= line).mean()) for part in parts]
        chance = t.ppf(SURE, PARTS - 1) * np.std(seen, ddof=1) * (1 + 1 / PARTS) ** 0.5
        if np.mean(seen) - other.value > chance:
            return ""
        return (
            f"{INCONCLUSIVE}: they lie as near to held-out ones, which the generator never saw, as "
            f"to as many train ones ({other.value:.3g} and {np.mean(seen):.3g}), as what varies "
            "less than real ones does; nearness cannot tell whether any is a copy"
        )

    def exact(self, numbers: Callable[[Any], Numbers], released: Any) -> dict[str, Interval]:
        """Shares of items that equal a train item, number by number; of all that is released.

        So the release's own share is known, and has no interval.
        """
        known = {x.tobytes() for x in numbers(self.train)}

        def copies(items: Any) -> Numbers:
            return np.array([x.tobytes() in known for x in numbers(items)])

        own = float(copies(released).mean())
        found = {k: share(copies(x)) for k, x in self.rounds.items() if k != "synthetic"}
        real = share(copies(self.holdout))
        return {"synthetic": Interval(own, own, own), "holdout": real} | found

    def members(self, rng: np.random.Generator) -> tuple[dict[str, Interval], int]:
        """How well each round ranks train patients above others, and how many are accused."""
        ins, outs = (_people(side, rng) for side in (self.train, self.holdout))
        n = min(_count(ins), _count(outs), self.most)
        ins, outs = (side.rows(side.patients < n) for side in (ins, outs))
        found = {
            k: intervals.auc(-self._least(ins, x), -self._least(outs, x))
            for k, x in self.rounds.items()
        }
        return found, n

    def _least(self, items: Any, released: Any) -> Numbers:
        """(patients,) the least distance of any of a patient's items."""
        found = np.full(_count(items), np.inf)
        np.minimum.at(found, items.patients, self.nearest(items, released))
        return found


def equal(found: dict[str, Interval]) -> str:
    """Why items that equal train ones may be no copies; "" where they are, or none does."""
    own, real = found["synthetic"].value, found["holdout"]
    return few(real) if real.value > 0 and 0 < own <= real.high else ""


def few(real: Interval) -> str:
    """What is said where held-out items are as like train ones."""
    return (
        f"{INCONCLUSIVE}: {real.value:.3g} of held-out ones, which the generator never saw, are as "
        "like a train one: there are too few different ones to tell a copy by"
    )


def share(hits: Numbers) -> Interval:
    """How many of them, with its interval."""
    return intervals.wilson(int(hits.sum()), len(hits))


def cut(items: Any, rng: np.random.Generator, most: int) -> Any:
    """So many of the items at most, at random."""
    return items.rows(rng.permutation(len(items))[:most])


def _people(items: Any, rng: np.random.Generator) -> Any:
    """The same items, patients numbered anew in random order."""
    _, place = np.unique(items.patients, return_inverse=True)
    order = rng.permutation(int(place.max()) + 1)
    return replace(items, patients=order[place])


def _count(items: Any) -> int:
    return int(items.patients.max(initial=-1)) + 1
