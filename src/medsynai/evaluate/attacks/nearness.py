"""What a release of images or series remembers: exact copies, near ones, and whose it learnt from.

A near copy lies nearer to a train item than the nearest few of the holdout do; membership accuses
a patient by the nearest released item of any of theirs (Chen et al. 2020, GAN-Leaks, eq. 4).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from medsynai.evaluate.attacks import intervals
from medsynai.evaluate.attacks.intervals import Interval, Numbers

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
        fresh = cut(self.holdout, rng, self.most)
        line = float(np.quantile(self.nearest(fresh, self.train), close))
        found = {k: share(self.nearest(x, self.train) <= line) for k, x in self.rounds.items()}
        return found | {"holdout": Interval(close, close, close)}

    def exact(self, numbers: Callable[[Any], Numbers], released: Any) -> dict[str, Interval]:
        """Shares of items that equal a train item, number by number; of all that is released.

        So the release's own share is known, and has no interval.
        """
        known = {x.tobytes() for x in numbers(self.train)}

        def copies(items: Any) -> Numbers:
            return np.array([x.tobytes() in known for x in numbers(items)])

        own = float(copies(released).mean())
        found = {k: share(copies(x)) for k, x in self.rounds.items() if k != "synthetic"}
        return {"synthetic": Interval(own, own, own)} | found

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
