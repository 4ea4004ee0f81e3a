"""Sealed teachers: whose rows each sees, what an answer costs, and what nobody gets to see."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch
from tests.learn.test_private import patients

from medsynai.errors import BudgetError, PlanError
from medsynai.flow.auditing import audit
from medsynai.learn import private
from medsynai.learn.canaries import vote_canaries
from medsynai.learn.nets.mlp import initialise
from medsynai.learn.voting import Voting
from medsynai.models.pate_gan import PateGan
from medsynai.privacy import pate
from medsynai.privacy.accounting import Kind, Spend, epsilon_of
from medsynai.privacy.calibrate import calibrate
from medsynai.privacy.ledger import Budget, Ledger, Release
from medsynai.privacy.pate import Teachers, by_coins
from medsynai.seeds import Seeds

pytest.importorskip("dp_accounting")
pytest.importorskip("opendp")

SURE = 1e-7  # a right build is convicted by chance less than once in a million runs
DELTA = 1e-12
SMALL = PateGan(latent=4, width=16, teachers=5, votes=8, steps=3)


class Line(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def view(self, real):
        return real

    def forward(self, x, asked):
        return self.layer(x)[:, 0]


def staff(rows: torch.Tensor, whose: np.ndarray) -> Teachers:
    random = torch.Generator().manual_seed(0)
    form, first = Line(), []
    for _ in range(4):
        initialise(form, random)
        first.append({name: w.detach().clone() for name, w in form.named_parameters()})
    spend = Spend(Kind.LAPLACE, 3.0, steps=5000)
    return Teachers(form, first, rows, whose, spend, 8, 1e-2)


def moved(whose_of, monkeypatch) -> int:
    """How many others change their teacher when one more patient comes, coins being the same."""
    coins = np.random.default_rng(0).random(200)
    monkeypatch.setattr(pate, "uniform", lambda size: coins[:size])
    whose = np.repeat(np.arange(151), 2)
    return int((whose_of(whose, 10)[:300] != whose_of(whose[:300], 10)).sum())


def test_a_patient_has_one_teacher_and_moves_nobody_else(monkeypatch):
    whose = np.random.default_rng(1).integers(0, 100, 400)
    dealt = by_coins(whose, 10)
    assert all(len(set(dealt[whose == p])) <= 1 for p in range(100)) and dealt.max() < 10
    assert len(by_coins(np.zeros(0, np.int64), 10)) == 0
    assert moved(by_coins, monkeypatch) == 0
    assert moved(lambda whose, k: whose * k // (whose.max() + 1), monkeypatch) > 0  # fault: order


def changed(one: Teachers, two: Teachers) -> int:
    """Of how many teachers one patient changed anything, after the same lessons."""
    for teachers in (one, two):
        random = torch.Generator().manual_seed(3)
        for _ in range(6):
            teachers.learn(torch.randn(8, 3, generator=random), random)
    rows = torch.randn(50, 3, generator=torch.Generator().manual_seed(4))
    return int((one._scores(rows) != two._scores(rows)).any(1).sum())


def test_a_patient_changes_one_teacher_whatever_the_others_learn():
    rows = torch.randn(60, 3, generator=torch.Generator().manual_seed(1))
    whose, last = np.arange(60) % 4, np.arange(60) >= 58  # two rows of one patient, one teacher
    whose[last] = 1
    neighbour = rows.clone()
    neighbour[last] = 1e6
    assert changed(staff(rows, whose), staff(rows[~last], whose[~last])) == 1
    assert changed(staff(rows, whose), staff(neighbour, whose)) == 1
    apart = np.where(last, [1, 2] * 30, whose)  # the fault: dealt by row, not by patient
    assert changed(staff(rows, apart), staff(neighbour, apart)) == 2
    shared = [staff(r, whose) for r in (rows, neighbour)]
    for teachers in shared:  # the fault: all see all
        teachers._parts = torch.arange(60).expand(4, 60)
        teachers._sizes = torch.full((4,), 60)
    assert changed(*shared) > 1


def test_a_teacher_without_patients_and_no_patients_at_all_still_answer():
    none = staff(torch.zeros(0, 3), np.zeros(0, np.int64))
    one = staff(torch.ones(1, 3), np.array([2]))
    for teachers in (none, one):
        teachers.learn(torch.zeros(8, 3), torch.Generator())
        assert np.isfinite(teachers.count(torch.ones(5, 3))).all()


def test_every_vote_has_noise_of_its_own(monkeypatch):
    def told():  # the same question: only noise differs
        teachers = staff(torch.ones(8, 3), np.arange(8) % 4)
        return np.stack([teachers.count(torch.ones(2000, 3)) for _ in range(2)])

    def spread():  # within a batch, and from one batch to the next
        votes = told()
        return votes.std(1).min(), (votes[0] - votes[1]).std()

    assert spread() == pytest.approx((3.0 * 2**0.5, 6.0), rel=0.25)
    noise = TRUE_COUNTS(np.zeros(2000, int), Spend(Kind.LAPLACE, 3.0))
    for kept in (lambda n: noise[:1], lambda n: noise[:n]):  # faults: once a batch, once for all
        monkeypatch.setattr(pate, "noisy_counts", lambda v, spend, k=kept: v + k(len(v)))
        assert min(spread()) < 0.1


def test_everything_is_charged_before_a_row_is_read(monkeypatch):
    def unread(table):
        raise LookupError

    monkeypatch.setattr(private, "lawful_rows", unread)
    ledger = Ledger(Budget(8.0, 1e-5))
    with pytest.raises(LookupError):
        SMALL.fit(patients(), ledger, Seeds(1))
    assert ledger.entries[-1].spends[0].steps == 3 * 8 and 0.98 * 8 < ledger.spent <= 8.0


def test_each_vote_is_charged_and_no_other_is_given(monkeypatch):
    given, true = [], pate.noisy_counts
    monkeypatch.setattr(
        pate, "noisy_counts", lambda votes, spend: given.extend(votes) or true(votes, spend)
    )
    ledger = Ledger(Budget(8.0, 1e-5))
    SMALL.fit(patients(), ledger, Seeds(1))
    assert len(given) == ledger.spends[-1].steps == 24 and ledger.entries[-1].mechanism == "pate"
    with pytest.raises(BudgetError):
        SMALL.fit(patients(), ledger, Seeds(1))
    monkeypatch.setattr(  # the fault: a batch charged as one vote
        Voting, "spend", lambda self, phases: Spend(Kind.LAPLACE, self.noise, steps=3)
    )
    with pytest.raises(BudgetError, match="more votes than were paid for"):
        SMALL.fit(patients(), Ledger(Budget(8.0, 1e-5)), Seeds(1))
    with pytest.raises(PlanError, match="budget"):
        SMALL.fit(patients())


def test_what_votes_cost_does_not_hang_on_how_they_fall(monkeypatch):
    """The violation of the data-dependent bound: teachers who agree would cost less."""
    paid = []
    for votes in (0, 5):
        monkeypatch.setattr(Teachers, "_scores", lambda self, x, own=False, v=votes: told(v, x))
        monkeypatch.setattr(Teachers, "learn", lambda *a: None)
        ledger = Ledger(Budget(8.0, 1e-5))
        SMALL.fit(patients(), ledger, Seeds(1))
        paid.append(ledger.entries)
    assert paid[0] == paid[1]


def told(votes: int, x: torch.Tensor) -> torch.Tensor:
    return torch.where(torch.arange(5)[:, None] < votes, 1.0, -1.0).expand(5, len(x))


def test_a_vote_costs_one_over_its_noise_and_many_compose():
    assert epsilon_of([Spend(Kind.LAPLACE, 2.0)], 1e-9) == pytest.approx(0.5, abs=1e-3)
    scale = calibrate(lambda b: [Spend(Kind.LAPLACE, b, steps=500)], 1.0, 1e-5)
    assert scale == pytest.approx(83.2, rel=0.01)  # the fault: 1 / epsilon, noise of one vote
    assert epsilon_of([Spend(Kind.LAPLACE, 1.0, steps=500)], 1e-5) > 100


def test_teachers_are_neither_saved_nor_shown(tmp_path):
    teachers = staff(torch.full((8, 3), 0.1234), np.arange(8) % 4)
    for look in (pickle.dumps, deepcopy):
        with pytest.raises(PlanError, match="sealed"):
            look(teachers)
    assert repr(teachers) == "Teachers(4, sealed)"
    fitted = SMALL.fit(patients(), Ledger(Budget(8.0, 1e-5)), Seeds(1))
    fitted.save(tmp_path)
    assert all(k.split(".")[0] != "critic" for k in fitted.drawer.state_dict())
    assert b"critic" not in b"".join(p.read_bytes() for p in tmp_path.iterdir())


def claimed() -> Ledger:
    noise = calibrate(lambda b: [Spend(Kind.LAPLACE, b * 5, steps=25)], 1.0, DELTA)
    ledger = Ledger(Budget(1.0, DELTA))
    ledger.charge(Release("vote", "pate", spends=(Spend(Kind.LAPLACE, noise * 5, steps=25),)))
    return ledger


TRUE_COUNTS, TRUE_INIT = pate.noisy_counts, Teachers.__init__


def all_alike(self, form, first, rows, *more):
    TRUE_INIT(self, form, first, rows, *more)
    self._parts = torch.arange(len(rows) + 1).expand(len(first), -1)
    self._sizes = torch.full((len(first),), len(rows))


FAULTS = {
    "noise off": (pate, "noisy_counts", lambda votes, spend: votes.astype(float)),
    "noise of a hundredth": (
        pate,
        "noisy_counts",
        lambda votes, spend: TRUE_COUNTS(votes, Spend(Kind.LAPLACE, spend.noise / 100)),
    ),
    "teachers share patients": (Teachers, "__init__", all_alike),
}


def test_the_audit_proves_no_more_than_is_claimed_of_sound_votes():
    found = audit(claimed(), canaries=600, runs=2, doubt=SURE)
    assert found.holds and found.tried == 1 and not found.left_out
    assert vote_canaries(Spend(Kind.LAPLACE, 1.0, steps=2))(np.ones(100, bool)).shape == (2, 100)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_audit_convicts_planted_faults(fault, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault])
    assert audit(claimed(), canaries=600, runs=3, doubt=SURE).most > 1
