"""`auto`: the model is chosen by scores on inner splits of the train rows."""

from collections.abc import Mapping
from time import perf_counter

from medsynai.data.schema import Schema
from medsynai.errors import InputError, PlanError
from medsynai.evaluate.glance import Glance
from medsynai.flow.arena import Arena, mean_of
from medsynai.flow.budget import within
from medsynai.flow.choice import Choice, loss_of
from medsynai.flow.watch import Tell, silent
from medsynai.generator import Generator
from medsynai.privacy.ledger import Ledger, Release
from medsynai.seeds import Seeds

CANDIDATES = ("forest", "grouped-copula")  # the first is taken where there is no contest
NETWORKS = ("autoregressive", "vae", "gan")  # compete where a time budget pays for it
SHARE = 0.6  # of a time budget for the contest; the rest is for the winner's fit to all rows
JUDGED = 0.3  # of a candidate's time, until it is known how long judging takes
MANY = 2_000  # rows from which the forest won on every table that was tried
OUTRUN = "left out: the time was too short even for the {}, which needs least"
FEW = 80  # rows below which a quarter of them is too few to judge by


def candidates_for(rows: int, schema: Schema, timed: bool = False) -> tuple[str, ...]:
    """Who may compete, by the table's size and kinds of columns; networks only under a time budget.

    >>> from medsynai.data.schema import Column, Kind
    >>> labs = Schema((Column("crp", Kind.CONTINUOUS), Column("ldh", Kind.CONTINUOUS)))
    >>> candidates_for(300, labs), candidates_for(3000, labs)
    (('forest', 'grouped-copula'), ('forest',))
    >>> candidates_for(3000, labs, timed=True)
    ('forest', 'autoregressive', 'vae', 'gan')
    """
    numbers = sum(c.kind.is_number for c in schema.learnt)
    few = CANDIDATES if FEW <= rows < MANY and numbers >= 2 else CANDIDATES[:1]
    return (*few, *NETWORKS) if timed and rows >= FEW else few


class _Purse:
    """A time budget, shared out among candidates as they come; without one it gives None."""

    def __init__(self, seconds: float | None, fits: int) -> None:
        self.total = None if seconds is None else SHARE * seconds
        self.fits, self.began, self.judging = fits, perf_counter(), -1.0

    def take(self) -> float | None:
        """Seconds that the next fit may take, so that as much is left for each one after it."""
        if self.total is None:
            return None
        slot = max(self.total - (perf_counter() - self.began), 0.0) / max(self.fits, 1)
        self.fits -= 1
        return slot - (JUDGED * slot if self.judging < 0 else min(self.judging, slot / 2))


def choose(
    candidates: Mapping[str, Generator],
    arena: Arena,
    ledger: Ledger,
    seeds: Seeds,
    seconds: float | None = None,
    tell: Tell = silent,
) -> Choice:
    """The candidate whose rows lie nearest to real rows that it did not see.

    Args:
        candidates: by name; with a single one there is nothing to choose and no row is read.
        arena: the train rows.
        ledger: where the trial fits are written down.
        seeds: all randomness.
        seconds: for choosing and for the winner's fit that follows; None: as long as it takes.
        tell: hears which candidate is tried.

    Raises:
        PlanError: every candidate failed, with all the time they wanted.
    """
    names = list(candidates)
    if len(names) == 1:
        return Choice(names[0], {}, {}, 0)
    ledger.charge(Release("choose the model", note="scores of each candidate on inner splits"))
    purse = _Purse(seconds, len(names) * arena.turns)
    seen: dict[str, Glance] = {}
    spent: dict[str, float] = {}
    failed: dict[str, str] = {}
    for place, (name, model) in enumerate(candidates.items()):
        tell(f"Choosing a model: {name} ({place + 1} of {len(names)})")
        began = perf_counter()
        try:
            tries = [_try(model, arena, turn, seeds, name, purse) for turn in range(arena.turns)]
            seen[name] = mean_of(tries)
        except InputError as error:
            failed[name] = str(error)
            purse.fits = (len(names) - place - 1) * arena.turns
            if seconds is not None and not place and isinstance(error, PlanError):
                failed |= dict.fromkeys(names[1:], OUTRUN.format(names[0]))
                break
        spent[name] = perf_counter() - began
    if not seen and seconds is None:
        why = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise PlanError(f"none of the candidates of `auto` could be tried. {why}")
    if not seen:  # what is left of the time is for the first, which comes with the most ease
        return Choice(names[0], {}, {}, 0, spent, failed)
    losses = {name: loss_of(figures) for name, figures in seen.items()}
    best = min(losses, key=losses.__getitem__)
    return Choice(best, losses, seen, arena.turns, spent, failed)


def _try(
    model: Generator, arena: Arena, turn: int, seeds: Seeds, name: str, purse: _Purse
) -> Glance:
    """One candidate's figures on one split."""
    train, held = arena.halves(seeds.of("inner"), turn)
    seconds, own = purse.take(), seeds.of("candidate", name, turn)
    if seconds is not None:
        model = within(model, seconds, train, own.of("budget"))
    fitted = arena.fit(model, train, own)
    began = perf_counter()
    # the judge's chance is the same for all candidates: they differ in their rows alone
    seen = arena.judge(fitted, (train, held), own, seeds.of("judge", turn))
    purse.judging = perf_counter() - began
    return seen
