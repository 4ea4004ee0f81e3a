"""The time that a training run may take: shared out over its phases, refused where too short."""

import math
from time import perf_counter

from medsynai.errors import PlanError
from medsynai.learn.job import Job

OUT_OF_TIME = "the time budget was used up"
WARM, TRIED = 3, 12  # rounds left out of the first guess at the speed, and rounds until it is made
TRAINED = 0.75  # share of the time that training may take; the rest is for what follows it
SURE = 2.0  # how many times too slow a run must look before it is refused that early
SPARE = 1.5  # times what one pass seems to take: how much is named as enough


class Clock:
    """How much of the training's share of `Pace.seconds` is left; without such a limit, no end.

    Args:
        job: its pace has the limit, its phases share it by their rounds.
        rows: train rows; a budget must allow one pass over them in the last phase.
        began: when the time began, by `perf_counter`.
    """

    def __init__(self, job: Job, rows: int, began: float) -> None:
        allowed = job.pace.seconds
        self.seconds = None if allowed is None else TRAINED * allowed
        self.batch, self.rows = job.pace.batch, rows
        self.ends = [sum(p.rounds for p in job.phases[: k + 1]) for k in range(len(job.phases))]
        self.last = self.ends[-1] - job.phases[-1].rounds  # rounds before the last phase
        self.began, self.run, self.warm = began, 0, 0.0

    @property
    def over(self) -> bool:
        """Whether the time is used up."""
        return self.seconds is not None and perf_counter() - self.began >= self.seconds

    def behind(self, done: int) -> float:
        """The share of the run that is over: of its rounds or of its time, whichever is more."""
        share = done / max(1, self.ends[-1])
        if self.seconds is None:
            return share
        return min(1.0, max(share, (perf_counter() - self.began) / self.seconds))

    def after(self, done: int) -> int:
        """Rounds that count as done after one more: a phase out of its share of the time is left.

        Raises:
            PlanError: a budget that is plainly too small, said after a few rounds.
        """
        done, self.run = done + 1, self.run + 1
        if self.seconds is None:
            return done
        now = perf_counter()
        if self.run == WARM:
            self.warm = now
        elif self.run == TRIED:
            self._guess((now - self.warm) / (TRIED - WARM), now)
        phase = next((end for end in self.ends[:-1] if done <= end), None)
        if phase is not None and now - self.began >= self.seconds * phase / self.ends[-1]:
            return phase
        return done

    def _guess(self, each: float, now: float) -> None:
        needed = each * self.rows / self.batch * self.ends[-1] / max(1, self.ends[-1] - self.last)
        left = (self.seconds or 0.0) - (now - self.began)
        if needed > SURE * max(left, 0.0):
            raise self._too_small(now - self.began + needed)

    def check(self, done: int) -> None:
        """Refuse a result of less than one pass over the rows in the last phase.

        Raises:
            PlanError: as said.
        """
        seen = (done - self.last) * self.batch
        if seen < self.rows:
            raise self._too_small((self.seconds or 0.0) * self.rows / max(seen, self.batch))

    def _too_small(self, needed: float) -> PlanError:
        """What to say where one pass takes so many seconds, those of earlier phases among them."""
        return PlanError(
            f"a time budget that leaves {self.seconds:.3g} s to train in is too small for one pass "
            f"over the train rows, which takes about {spoken(needed)} at this machine's speed: "
            f"{spoken(SPARE * needed / TRAINED)} should be enough for that, and good results take "
            "ten passes or more; or choose a smaller preset or a quicker model"
        )


def spoken(seconds: float) -> str:
    """A time as a budget may be given, not shorter.

    >>> spoken(12.2), spoken(61), spoken(800)
    ('20s', '2m', '14m')
    """
    if seconds <= 60:
        return f"{10 * math.ceil(seconds / 10)}s"
    return f"{math.ceil(seconds / 60)}m"
