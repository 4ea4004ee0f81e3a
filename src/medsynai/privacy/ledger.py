"""What left the real rows: an append-only list of releases, and a budget that it may not pass."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from medsynai import store
from medsynai.errors import BudgetError, PlanError
from medsynai.privacy.accounting import RELATION, Spend, attack_bound, epsilon_of, renyi_epsilon_of

UNPROTECTED = "unprotected"
SLACK = 1e-6  # relative: what rounding of the accountant itself may add


@dataclass(frozen=True)
class Release:
    """One thing computed from real rows that leaves them.

    Attributes:
        purpose: what for, e.g. "train the forest".
        mechanism: "unprotected", or the name of a differentially private mechanism.
        unit: whose presence it is about; always the patient.
        note: plain words for a reader of the ledger.
        spends: what it costs; empty for an unprotected release.
    """

    purpose: str
    mechanism: str = UNPROTECTED
    unit: str = "patient"
    note: str = ""
    spends: tuple[Spend, ...] = ()


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


@dataclass
class Ledger:
    """Append-only. An unprotected run has entries that say so, not an empty ledger.

    With a budget, a release that has no price or would pass the budget raises, and is not written:
    whoever charges before reading then reads nothing. Several fits with one ledger compose.

    >>> ledger = Ledger()
    >>> ledger.charge(Release("train the forest"))
    >>> ledger.guarantee
    'unprotected'
    """

    budget: Budget | None = None
    _entries: list[Release] = field(default_factory=list)

    def charge(self, release: Release) -> None:
        """Write a release down, before it is made.

        Raises:
            BudgetError: there is a budget, and the release is unprotected or would pass it.
        """
        if self.budget is not None:
            self._check(self.budget, release)
        self._entries.append(release)

    def _check(self, budget: Budget, release: Release) -> None:
        if not release.spends:
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
        if not all(e.spends for e in self._entries):
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
        delta = self.budget.delta
        return {
            **plain,
            "relation": RELATION,
            "budget": self.budget,
            "spent": {"pld": self.spent, "renyi": renyi_epsilon_of(self.spends, delta)},
            "best_attack": {
                "tpr_at_fpr_0.01": attack_bound(self.spends, 0.01),
                "tpr_at_fpr_0.1": attack_bound(self.spends, 0.1),
            },
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
