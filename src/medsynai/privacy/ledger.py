"""What left the real rows: an append-only list of releases, and a budget that it may not pass."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
        unit: whose presence it is about; always the patient.
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

    def charge(self, release: Release) -> None:
        """Write a release down, or raise because all runs together would pass the budget."""
        ...

    def open(self) -> "Ledger":
        """Everything written down so far, this run's releases among it."""
        ...


@dataclass
class Ledger:
    """Append-only. An unprotected run has entries that say so, not an empty ledger.

    With a budget, a release that has no price or would pass the budget raises, and is not written:
    whoever charges before reading then reads nothing. Several fits with one ledger compose; so do
    several runs that carry one along.

    >>> ledger = Ledger()
    >>> ledger.charge(Release("train the forest"))
    >>> ledger.guarantee
    'unprotected'
    """

    budget: Budget | None = None
    _entries: list[Release] = field(default_factory=list)
    carried: Carried | None = None

    def charge(self, release: Release) -> None:
        """Write a release down, before it is made.

        Raises:
            BudgetError: there is a budget, and the release is unprotected or would pass it; or it
                would pass that of all runs together.
        """
        if self.budget is not None:
            self._check(self.budget, release)
        if self.carried is not None:
            self.carried.charge(release)
        self._entries.append(release)

    def _check(self, budget: Budget, release: Release) -> None:
        if not release.priced:
            raise BudgetError(
                f"{release.purpose}: this looks at real rows without protection, which a run with "
                "epsilon does not do"
            )
        after = epsilon_of((*self.spends, *release.spends), budget.delta)
        if not after <= budget.epsilon * (1 + SLACK):
            raise BudgetError(
                f"{release.purpose}: epsilon would come to {after:.4g}, and the budget is "
                f"{budget.epsilon:g} at delta {budget.delta:g}; nothing was read for it"
            )

    @property
    def entries(self) -> tuple[Release, ...]:
        """All releases so far, oldest first."""
        return tuple(self._entries)

    @property
    def spends(self) -> tuple[Spend, ...]:
        """All that was paid."""
        return tuple(s for e in self._entries for s in e.spends)

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
            return f"({self.budget.epsilon:g}, {self.budget.delta:g})-differential privacy"
        return UNPROTECTED if self._entries else "nothing released"

    def record(self) -> dict[str, object]:
        """The ledger as it is written to ledger.json."""
        plain: dict[str, object] = {"guarantee": self.guarantee, "unit": "patient"}
        plain["entries"] = self.entries
        if self.budget is None:
            return plain
        delta, whole = self.budget.delta, self if self.carried is None else self.carried.open()
        record = {
            **plain,
            "relation": RELATION,
            "budget": self.budget,
            "spent": {"pld": self.spent, "renyi": renyi_epsilon_of(self.spends, delta)},
            "best_attack": _best_attack(whole.spends),
        }
        if self.carried is not None:
            record["all_runs"] = {
                "budget": whole.budget,
                "spent": whole.spent,
                "renyi": renyi_epsilon_of(whole.spends, delta),
                "earlier": len(whole.entries) - len(self._entries),
            }
        return record


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
