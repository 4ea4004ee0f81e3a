"""What is left of a time budget once training is over: how much work there is time for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import TypeVar

FIRST = 500  # rows that a piece of work is timed on
SURE = 0.8  # share of the time that a forecast is trusted with

Result = TypeVar("Result")


@dataclass(frozen=True)
class Rest:
    """Time for what follows training; without an end there is as much as it takes.

    Attributes:
        ends: when it is over, by `perf_counter`; None: never, and nothing hangs on a clock.
        since: when it began.
    """

    ends: float | None = None
    since: float = field(default_factory=perf_counter)

    @property
    def limited(self) -> bool:
        """Whether it ends at all."""
        return self.ends is not None

    def over(self, share: float) -> bool:
        """Whether that share of it is used up."""
        if self.ends is None:
            return False
        return perf_counter() >= self.since + share * (self.ends - self.since)

    def work(self, on: Callable[[int], Result], most: int, share: float) -> Result:
        """What comes of work on `most` rows, or on as many as that share of what is left is for.

        Work is timed on a few rows, and done again on more where there is time.
        """
        if self.ends is None or most <= FIRST:
            return on(most)
        began = perf_counter()
        result = on(FIRST)
        now = perf_counter()
        each = max(now - began, 1e-9) / FIRST
        able = min(most, int(SURE * share * (self.ends - now) / each))
        return on(able) if able > FIRST else result
