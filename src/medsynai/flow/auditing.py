"""The audit: what the mechanisms of a ledger prove to have spent, run again on made-up patients.

No real row is read, and none is needed: the guarantee is about any data, so the mechanisms are run
on the worst, with the noise, rates and steps that the ledger says.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from medsynai.errors import PlanError
from medsynai.learn.canaries import gradient_canaries, vote_canaries
from medsynai.learn.mechanism import ALONE, SGD, DpSgd
from medsynai.learn.threads import one_thread
from medsynai.privacy.accounting import Kind, Spend
from medsynai.privacy.audit import Proof, Run, coins, count_canaries, seen_of, summed
from medsynai.privacy.ledger import Ledger

VOTES = "pate"


@dataclass(frozen=True)
class Audit:
    """What some runs prove together.

    Attributes:
        claimed: epsilon of the budget.
        delta: of the budget.
        proofs: one a run.
        tried: releases that were run.
        left_out: releases without a canary of their own: choices, and what runs no mechanism.
    """

    claimed: float
    delta: float
    proofs: tuple[Proof, ...]
    tried: int
    left_out: int

    @property
    def most(self) -> float:
        """The greatest lower bound of all runs."""
        return max(p.epsilon for p in self.proofs)

    @property
    def holds(self) -> bool:
        """Whether no run proves more than the claim."""
        return self.most <= self.claimed


@one_thread()
def audit(
    ledger: Ledger,
    canaries: int = 2000,
    runs: int = 20,
    doubt: float = 0.05,
    tell: Callable[[str], None] = lambda _: None,
) -> Audit:
    """Run every mechanism of a ledger on canaries, and see what an attacker can prove.

    Args:
        ledger: with a budget; what it says was charged is run again.
        canaries: made-up patients, half of them in.
        runs: how often.
        doubt: the chance with which all runs together prove too much of a sound mechanism.
        tell: hears of the progress.

    Raises:
        PlanError: no budget, or no release that has a canary.
    """
    if ledger.budget is None:
        raise PlanError("there is no budget in this ledger, so there is no claim to audit")
    if canaries < 100 or runs < 1:
        raise PlanError("an audit takes 100 canaries and one run at least")
    asked = Counter((e.mechanism, s) for e in ledger.entries for s in e.spends)
    able = {key: n for key, n in asked.items() if key[1].kind is not Kind.EXPONENTIAL}
    if not able:
        raise PlanError("no release of this ledger has a canary")
    proofs = []
    for number in range(runs):
        tell(f"Auditing, {number + 1} of {runs}")
        inside = coins(canaries)
        parts = [seen_of(_run(*key, times=n), inside, key[1]) for key, n in able.items()]
        if len(parts) > 1:  # each alone as well: a fault in one must not drown in another's noise
            parts.append(summed(parts))
        each = doubt / runs / len(parts)
        found = (part.proof(inside, ledger.budget.delta, each) for part in parts)
        proofs.append(max(found, key=lambda p: p.epsilon))
    left = sum(asked.values()) - sum(able.values())
    return Audit(
        ledger.budget.epsilon, ledger.budget.delta, tuple(proofs), sum(able.values()), left
    )


def _run(mechanism: str, spend: Spend, times: int) -> Run:
    steps = times * spend.steps
    if mechanism in (SGD, ALONE):
        how = DpSgd(spend.noise, spend.rate, alone=mechanism == ALONE)
        return gradient_canaries(how, steps)
    if mechanism == VOTES:
        return vote_canaries(replace(spend, steps=steps))
    return count_canaries(spend, steps)
