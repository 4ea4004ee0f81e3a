"""What left the real rows: an append-only list of releases, and a budget that it may not pass."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from medsynai import store
from medsynai.errors import BudgetError, PlanError
from medsynai.privacy.accounting import (
    RELATION,
    Spend,
    attack_curve,
    epsilon_of,
    renyi_epsilon_of,
)

UNPROTECTED = "unprotected"
PUBLIC = "public"  # of rows of nobody in the ledger: free, and written down all the same
SLACK = 1e-6  # relative: what rounding of the accountant itself may add
ALARMS = (0.001, 0.002, 0.005, 0.01, *(i / 50 for i in range(1, 50)))  # 0.1 is among them


@dataclass(frozen=True)
class Release:
    """One thing computed from real rows that leaves them.

    Attributes:
        purpose: what for, e.g. "train the forest".
        mechanism: "unprotected", "public", or the name of a differentially private mechanism.
        unit: whose presence it is about: the patient's.
        note: plain words for a reader of the ledger.
        spends: what it costs; empty for an unprotected release, and for a public one.
    """

    purpose: str
    mechanism: str = UNPROTECTED
    unit: str = "patient"
    note: str = ""
    spends: tuple[Spend, ...] = ()

    @property
    def priced(self) -> bool:
        """Whether it is known what it costs."""
        return bool(self.spends) or self.mechanism == PUBLIC


@dataclass(frozen=True)
class Budget:
    """What all releases of a ledger may cost together; fixed before a row is read.

    Attributes:
        epsilon: above 0.
        delta: above 0, at most 1e-3: the chance with which epsilon may not hold. Below one over the
            number of patients it is no more than a formality.
    """

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise PlanError("epsilon must be a finite number above 0")
        if not 0 < self.delta <= 1e-3:
            raise PlanError("delta must lie above 0 and at most 0.001; 1e-6 is usual")


class Carried(Protocol):
    """What holds the releases of all runs on the same data: see `medsynai.privacy.carried`."""

    def charge(self, *releases: Release) -> None:
        """Write all of them down, or raise because all runs together would pass the budget."""
        ...

    def open(self) -> "Ledger":
        """Everything written down so far, this run's releases among it."""
        ...


@dataclass
class Ledger:
    """Append-only. An unprotected run has entries that say so, not an empty ledger.

    With a budget, a release that has no price or would pass the budget raises, and is not written:
    whoever charges before reading then reads nothing. What belongs together is charged together, so
    that a run that is refused has spent nothing. Several fits with one ledger compose; so do
    several runs that carry one along.

    >>> ledger = Ledger()
    >>> ledger.charge(Release("train the forest"))
    >>> ledger.guarantee
    'unprotected'
    """

    budget: Budget | None = None
    _entries: list[Release] = field(default_factory=list)
    carried: Carried | None = None
    _intended: list[Release] = field(default_factory=list)

    def charge(self, *releases: Release) -> None:
        """Write releases down before any of them is made: all, what was intended first, or none.

        Raises:
            BudgetError: there is a budget, and a release is unprotected or they would pass it; or
                they would pass that of all runs together.
        """
        together = (*self._intended, *releases)
        if not together:
            return
        if self.budget is not None:
            self._check(self.budget, together)
        if self.carried is not None:
            self.carried.charge(*together)
        self._entries.extend(together)
        self._intended.clear()

    def intend(self, release: Release) -> None:
        """Count a release among the `spends`, and write it down with what is charged next.

        Until then it must not be made.
        """
        self._intended.append(release)

    def _check(self, budget: Budget, releases: Sequence[Release]) -> None:
        for release in releases:
            if not release.priced:
                raise BudgetError(
                    f"{release.purpose}: this looks at real rows without protection, which a run "
                    "with epsilon does not do"
                )
        more = tuple(s for r in releases for s in r.spends)
        after = epsilon_of((*_spends(self._entries), *more), budget.delta)
        if not after <= budget.epsilon * (1 + SLACK):
            rest = f" and {len(releases) - 1} more" if len(releases) > 1 else ""
            raise BudgetError(
                f"{releases[0].purpose}{rest}: epsilon would come to {after:.4g}, and the budget "
                f"is {budget.epsilon:g} at delta {budget.delta:g}; nothing was read for it, and "
                "nothing spent"
            )

    @property
    def entries(self) -> tuple[Release, ...]:
        """All releases so far, oldest first."""
        return tuple(self._entries)

    @property
    def spends(self) -> tuple[Spend, ...]:
        """All that was paid, or is about to be."""
        return _spends((*self._entries, *self._intended))

    @property
    def spent(self) -> float:
        """Epsilon of all entries together at the budget's delta; infinite if one is unprotected."""
        if not all(e.priced for e in self._entries):
            return math.inf
        return epsilon_of(self.spends, self.budget.delta) if self.budget else 0.0

    @property
    def guarantee(self) -> str:
        """What the entries together promise, in words."""
        if self.budget is not None:
            return _in_words(self.budget)
        return UNPROTECTED if self._entries else "nothing released"

    def record(self, bought: bool = False, unit: str = "patient") -> dict[str, object]:
        """The ledger as it is written to ledger.json.

        Args:
            bought: whether the release shows what earlier entries of the carried ledger bought, so
                that its guarantee is that of all of them. What is bought decides what is bought
                next, and then the Renyi total is the one that holds (Feldman and Zrnic 2021).
            unit: whose presence it is about: "row" or "image" where nothing names the patient.
        """
        plain: dict[str, object] = {"guarantee": self.guarantee, "unit": unit}
        plain["entries"] = tuple(replace(e, unit=unit) for e in self._entries)
        if self.budget is None:
            return plain
        renyi = renyi_epsilon_of(self.spends, self.budget.delta)
        record = {
            **plain,
            "relation": RELATION,
            "budget": self.budget,
            "promised": self.budget,
            "spent": {"pld": self.spent, "renyi": renyi},
        }
        whole = self if self.carried is None else self.carried.open()
        if whole is not self and whole.budget is not None:
            delta = whole.budget.delta
            renyi = renyi_epsilon_of(whole.spends, delta)
            record["all_runs"] = {
                "budget": whole.budget,
                "spent": whole.spent,
                "renyi": renyi,
                "earlier": len(whole.entries) - len(self._entries),
            }
            if bought:
                promised = Budget(math.ceil(renyi * 1e3) / 1e3, delta)
                record["promised"] = promised
                record["guarantee"] = f"{_in_words(promised)} of all runs of this ledger"
        record["best_attack"] = _best_attack(whole.spends)
        return record


def _in_words(budget: Budget) -> str:
    return f"({budget.epsilon:g}, {budget.delta:g})-differential privacy"


def _spends(releases: Sequence[Release]) -> tuple[Spend, ...]:
    return tuple(s for r in releases for s in r.spends)


def _best_attack(spends: Sequence[Spend]) -> dict[str, object]:
    """The greatest share of members that any attack finds, for shares of false alarms."""
    found = attack_curve(spends, ALARMS)
    least = dict(zip(ALARMS, found, strict=True))
    return {
        "tpr_at_fpr_0.01": least[0.01],
        "tpr_at_fpr_0.1": least[0.1],
        "curve": {"fpr": ALARMS, "tpr": found},
    }


def reopen(record: Mapping[str, Any]) -> Ledger:
    """The ledger that `record` was made of: a later run on the same data goes on from it.

    Raises:
        PlanError: not a record of a ledger with a budget.
    """
    if "budget" not in record or "entries" not in record:
        raise PlanError("this is no ledger with a budget, so nothing can be composed with it")
    budget = store.from_plain(Budget, record["budget"], "budget")
    entries: Sequence[Release] = store.from_plain(tuple[Release, ...], record["entries"], "entries")
    return Ledger(budget, list(entries))
