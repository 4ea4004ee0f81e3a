"""The recurrent net of events under a budget, the patient being the unit.

| what is learnt of patients | by |
|---|---|
| what is told once: statics, steps, span, counts | a private table model, on a share |
| first shares of codes, gaps and numbers | one noised sum, each patient's part of it clipped |
| weights | noised gradients, each patient's clipped, taken by a coin of their own |

All else (tokens, bins, the lattice of times, how long a course may be) is the contract's.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medsynai.codec.bought import noise_within
from medsynai.codec.contracted import course_under, courses_under, steps_under
from medsynai.codec.steps import LINES, StepCodec
from medsynai.data.cohort import Cohort
from medsynai.data.cohort_contract import HOW, CohortContract
from medsynai.errors import BudgetError, PlanError
from medsynai.generator import SEEDS
from medsynai.learn.events import FittedEvents, fit_events
from medsynai.learn.loop import train
from medsynai.learn.mechanism import DpSgd
from medsynai.learn.nets.events import NEVER, EventNet
from medsynai.learn.private import Prices, adapted_to
from medsynai.learn.threads import one_thread
from medsynai.privacy.accounting import Spend
from medsynai.privacy.histograms import monotone_counts
from medsynai.privacy.ledger import Budget, Ledger, Release
from medsynai.privacy.noise import noisy_sums, slack
from medsynai.seeds import Seeds

HEAD = 0.5  # of a patient's part of the first shares, in L2: that there is one
NUMBERS = 0.5  # how much numbers weigh in the rest of it, beside codes and gaps
MIXED = 0.01  # of first shares, alike for all that may come: what noise hid must not be impossible
AT_ONCE = 500  # patients whose parts are worked out at once


def fit_either(
    settings: Any,
    cohort: Cohort,
    ledger: Ledger | None = None,
    seeds: Seeds = SEEDS,
    contract: CohortContract | None = None,
) -> FittedEvents:
    """See `CohortGenerator.fit`; with a budget in the ledger `fit_privately`, by the contract.

    Raises:
        PlanError: a contract without a budget, or a budget without a contract.
    """
    if ledger is None or ledger.budget is None:
        if contract is not None:
            raise PlanError("a contract belongs to a ledger with a budget; else it is not kept")
        return fit_events(settings, cohort, ledger, seeds)
    if contract is None:
        raise PlanError(f"differential privacy needs a contract of the cohort: {HOW}")
    return fit_privately(settings, cohort, contract, ledger, ledger.budget, seeds)


@one_thread()
def fit_privately(
    settings: Any,
    cohort: Cohort,
    contract: CohortContract,
    ledger: Ledger,
    budget: Budget,
    seeds: Seeds,
) -> FittedEvents:
    """Fit under the ledger's budget.

    **Guarantee:** the ledger's, for one patient with all their rows, of all that the result holds
    and draws: patients are read by the table model under its share, by `bought_shares` and by
    clipped gradients alone, each charged before.

    Raises:
        SchemaError: a contract that says too little, or another clock or statics than its.
        BudgetError: the budget is spent.
    """
    contract.check()
    codec, how = steps_under(contract, settings.bins), settings.pace.private
    course = course_under(cohort, contract)
    table, lines = codec.table(course), codec.lines(course, contract.events)[0]
    phases, name = settings.phases(), settings.name
    prices = Prices(1, phases, DpSgd(1.0, how.rate, how.clip, alone=True), how.singles)
    bill = _Bill(ledger, budget, prices, name)
    share = Ledger(Budget(budget.epsilon * settings.told, budget.delta), carried=bill)
    lives = settings.paid.fit(table, share, seeds.of("lives"))
    single, bare = prices.single(bill.noise), prices.bought(bill.noise)
    net = settings.net(codec)
    layout = Layout.of(net, codec)
    shares = bought_shares(layout, lines, contract.events, single)
    expected = begin_with(net, layout, shares, contract)
    heads = codec.heads(table)
    flat = lines.reshape(len(lines), contract.events * len(LINES))
    rows = torch.from_numpy(np.hstack([heads, flat]))
    job = settings.job(torch.nn.ModuleDict({"net": net}))
    job = adapted_to(job, bare.at_work(job, rows, np.arange(len(rows)), expected), phases, name)
    trained = train(job, rows, rows[:0], seeds)
    best: Any = trained.modules["net"]
    courses = courses_under(contract)
    return FittedEvents(settings, lives, courses, codec, best.requires_grad_(False), trained.facts)


@dataclass
class _Bill:
    """Stands behind the table model's share: all of a fit is charged together, before it begins.

    Attributes:
        whole: the ledger of the fit.
        prices: of what the net reads, for one dial of noise.
        noise: the dial, once the table model has said what it costs.
    """

    whole: Ledger
    budget: Budget
    prices: Prices
    name: str
    noise: float = 0.0

    def charge(self, *releases: Release) -> None:
        """The table model's, and with the first of them all that the net will ask."""
        if self.noise:
            self.whole.charge(*releases)
            return
        before = (*self.whole.spends, *(s for r in releases for s in r.spends))
        noise = noise_within(self.budget, before, self.prices.spends)
        note = "one sum of each patient's shares of codes, gaps and numbers, clipped in L2"
        single = (self.prices.single(noise),)
        shares = Release(f"{self.name}: first shares", "gaussian", note=note, spends=single)
        way, phases = self.prices.bought(noise), self.prices.phases
        self.whole.charge(*releases, shares, way.charge(f"train the {self.name} model", phases))
        self.noise = noise

    def open(self) -> Ledger:
        """What the whole fit is charged with."""
        return self.whole


@dataclass(frozen=True)
class Layout:
    """Where each part of the first shares stands in the vector that is summed.

    Attributes:
        tokens, gaps: how many there are.
        channel: (tokens,) of each token's numbers, -1 for none.
        bins: (channels,) of each.
        most: codes that a channel has room for.
    """

    tokens: int
    gaps: int
    channel: np.ndarray
    bins: np.ndarray
    most: int

    @staticmethod
    def of(net: EventNet, codec: StepCodec) -> "Layout":
        """Of a net."""
        numbers = net.values
        channel, bins = numbers.channel.numpy(), numbers.bins.numpy()
        return Layout(codec.tokens, len(net.gaps.usual), channel, bins, numbers.most)

    @property
    def ends(self) -> np.ndarray:
        """Where the parts end: the patient; again, and events; tokens; gaps; numbers."""
        return np.cumsum([1, 1, 1, self.tokens, self.gaps, len(self.bins) * self.most])


def parts_of(layout: Layout, lines: np.ndarray, most: int) -> np.ndarray:
    """(patients, size) what each patient adds to the first shares: of a norm of 1 at most.

    Args:
        layout: see `Layout`.
        lines: (patients, events, 9) as `StepCodec.lines` gives them.
        most: events of a patient at most.
    """
    n, channels = len(lines), len(layout.bins)
    who, at = np.nonzero(lines[..., 0] >= 0)
    named = dict(zip(LINES, lines[who, at].astype(int).T, strict=True))
    channel, gap = layout.channel[named["token"]], named["gap"]
    code = np.where(named["same"] > 0, layout.bins[channel] + 1, named["value"])
    later, valued = gap >= 0, (named["value"] >= 0) & (channel >= 0)

    def counts(kept: np.ndarray, place: np.ndarray, wide: int) -> np.ndarray:
        cells = who[kept] * wide + place[kept]
        return np.bincount(cells, minlength=n * wide).reshape(n, wide)

    every = np.ones(len(who), bool)
    steps = np.bincount(who, weights=named["starts"], minlength=n)[:, None]
    of_channel = np.repeat(counts(valued, channel, channels), layout.most, axis=1)
    numbers = counts(valued, channel * layout.most + code, channels * layout.most)
    blocks = (
        np.ones((n, 1)),
        np.bincount(who, minlength=n)[:, None] / most,
        counts(every, named["token"], layout.tokens) / np.maximum(steps, 1),
        counts(later, gap, layout.gaps) / np.maximum(steps - 1, 1),
        NUMBERS * numbers / np.maximum(of_channel, 1),
    )
    rest = np.hstack(blocks)
    length = np.sqrt((rest**2).sum(axis=1, keepdims=True))  # 1 at least
    kept = rest * np.sqrt(1 - HEAD**2) / length
    return np.hstack([np.full((n, 1), HEAD), kept])


def bought_shares(layout: Layout, lines: np.ndarray, most: int, spend: Spend) -> np.ndarray:
    """(size,) the noised sum of all patients' parts; `spend` is charged.

    **Guarantee:** that of `spend`: adding or removing a patient moves the sum by at most 1 in L2.
    """
    total = np.zeros(int(layout.ends[-1]))
    less = 1 - slack(len(total), spend.noise)
    if not less > 0:
        raise BudgetError("so much noise hides all that a patient may add; ask for more epsilon")
    for start in range(0, len(lines), AT_ONCE):
        total += parts_of(layout, lines[start : start + AT_ONCE], most).sum(axis=0)
    return noisy_sums(total * less, spend.noise) / less


def begin_with(
    net: EventNet, layout: Layout, shares: np.ndarray, contract: CohortContract
) -> float:
    """Set what training begins at; gives about how many patients there are, 1 at least.

    Nothing that the contract allows is impossible afterwards, however the noise fell.
    """
    head, ones, events, token, gap, number = np.split(shares, layout.ends[:-1])
    whole = max(1.0, float(ones[0]))
    net.scale.fill_(np.clip(float(events[0]) / whole * contract.events, 1, contract.events))
    odds = np.clip(token / whole, MIXED / 2, 1 - MIXED / 2)
    net.usual.copy_(torch.from_numpy(np.log(odds) - np.log1p(-odds)))
    net.gaps.usual.copy_(_logs(gap, np.ones(len(gap), bool)))
    valued = [c for c in contract.codes if c.valued]
    for place, (code, mine) in enumerate(
        zip(valued, number.reshape(-1, layout.most), strict=False)
    ):
        able = np.arange(layout.most) <= layout.bins[place] + 1
        able[layout.bins[place]] = code.missing
        net.values.usual[place] = _logs(mine, able)
    return max(1.0, float(head[0]) / HEAD)


def _logs(noised: np.ndarray, able: np.ndarray) -> Tensor:
    """Log shares from noised counts of what is able to come; `NEVER` for the rest."""
    share = monotone_counts(noised[able], max(float(noised[able].sum()), 1.0))
    mixed = np.zeros(len(able))
    mixed[able] = (1 - MIXED) * share / share.sum() + MIXED / able.sum()
    return torch.from_numpy(np.where(able, np.log(np.where(able, mixed, 1)), NEVER)).float()
