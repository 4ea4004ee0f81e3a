"""The budget holds: checked before each spend, for one fit, for two, for anything random."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai import store
from medsynai.errors import BudgetError, PlanError
from medsynai.privacy.accounting import Kind, Spend, epsilon_of, renyi_epsilon_of
from medsynai.privacy.carried import LedgerFile
from medsynai.privacy.ledger import Budget, Ledger, Release, reopen

pytest.importorskip("dp_accounting")


def paid(noise: float, **facts) -> Release:
    return Release("count", "gaussian", spends=(Spend(Kind.GAUSSIAN, noise, **facts),))


def test_a_spend_that_would_pass_the_budget_is_refused_and_not_written():
    ledger = Ledger(Budget(1.0, 1e-6))
    ledger.charge(paid(6.0))
    before = ledger.entries
    with pytest.raises(BudgetError, match="nothing was read"):
        ledger.charge(paid(5.0))
    assert ledger.entries == before and ledger.spent < 1.0
    ledger.charge(paid(9.0))


def test_a_second_fit_composes():
    ledger = Ledger(Budget(1.0, 1e-6))
    fit = paid(5.0)  # alone it fits
    ledger.charge(fit)
    with pytest.raises(BudgetError):
        ledger.charge(fit)


def test_what_is_charged_together_is_written_together_or_not_at_all(tmp_path):
    file = LedgerFile(tmp_path / "study.json", Budget(1.0, 1e-6))
    ledger = Ledger(Budget(2.0, 1e-6), carried=file)
    ledger.intend(paid(9.0))
    assert len(ledger.spends) == 1 and not ledger.entries  # planned with, not yet written
    with pytest.raises(BudgetError, match=r"all runs of .* together: count and 2 more"):
        ledger.charge(paid(8.0), paid(5.0))  # the first two alone would fit
    assert not ledger.entries and not file.path.exists()
    ledger.charge(paid(8.0))
    assert len(ledger.entries) == 2 == len(file.open().entries)
    ledger.charge()
    assert len(ledger.entries) == 2


def test_the_second_accountant_of_all_runs_counts_at_their_delta(tmp_path):
    file = LedgerFile(tmp_path / "study.json", Budget(3.0, 1e-6))
    ledger = Ledger(Budget(1.0, 1e-5), carried=file)
    ledger.charge(paid(6.0))
    whole = ledger.record()["all_runs"]
    assert whole["spent"] <= whole["renyi"]
    assert whole["renyi"] == pytest.approx(renyi_epsilon_of(ledger.spends, 1e-6))


def test_a_release_that_shows_what_earlier_runs_bought_promises_what_all_of_them_keep(tmp_path):
    file = LedgerFile(tmp_path / "study.json", Budget(3.0, 1e-6))
    Ledger(Budget(1.0, 1e-6), carried=file).charge(paid(6.0))
    ledger = Ledger(Budget(1.0, 1e-6), carried=file)
    ledger.charge(paid(6.0))
    alone, shown = ledger.record(), ledger.record(bought=True)
    assert alone["promised"] == Budget(1.0, 1e-6)
    assert shown["promised"].epsilon >= shown["all_runs"]["renyi"] > 1
    assert "of all runs" in shown["guarantee"]


def test_a_run_with_a_budget_makes_no_unprotected_release():
    with pytest.raises(BudgetError, match="without protection"):
        Ledger(Budget(8.0, 1e-5)).charge(Release("train the forest"))


def test_without_a_budget_the_ledger_says_unprotected():
    ledger = Ledger()
    ledger.charge(Release("train the forest"))
    assert ledger.guarantee == "unprotected"
    assert set(ledger.record()) == {"guarantee", "unit", "entries"}


releases = st.lists(
    st.builds(
        Spend,
        st.sampled_from([Kind.GAUSSIAN]),
        st.floats(0.5, 50),
        st.sampled_from([1.0, 0.5, 0.01]),
        st.integers(1, 60),
    )
    | st.builds(Spend, st.just(Kind.EXPONENTIAL), st.floats(1, 50), st.just(1.0), st.integers(1, 9))
    | st.builds(Spend, st.just(Kind.LAPLACE), st.floats(1, 50), delta=st.sampled_from([0, 1e-7])),
    max_size=5,
)


@settings(max_examples=12, deadline=None)
@given(spends=releases, epsilon=st.floats(0.2, 5))
def test_whatever_is_charged_the_total_stays_inside(spends, epsilon):
    ledger = Ledger(Budget(epsilon, 1e-5))
    for spend in spends:
        try:
            ledger.charge(Release("something", spend.kind.value, spends=(spend,)))
        except BudgetError:
            assert epsilon_of((*ledger.spends, spend), 1e-5) > epsilon
    assert ledger.spent <= epsilon * (1 + 1e-6)


def test_the_record_is_json_and_can_be_gone_on_from():
    ledger = Ledger(Budget(1.0, 1e-6))
    ledger.charge(paid(6.0))
    record = json.loads(store.to_json(ledger.record()))
    assert record["unit"] == "patient" and record["relation"] == "add or remove one patient"
    assert record["spent"]["pld"] <= record["spent"]["renyi"] <= 1.1
    assert 0.1 < record["best_attack"]["tpr_at_fpr_0.1"] < 0.3
    again = reopen(record)
    assert again.entries == ledger.entries and again.budget == ledger.budget
    with pytest.raises(BudgetError):
        again.charge(paid(5.0))
    with pytest.raises(PlanError):
        reopen({"entries": []})


@pytest.mark.parametrize(("epsilon", "delta"), [(0, 1e-6), (-1, 1e-6), (1, 0), (1, 0.5)])
def test_budgets_that_protect_nobody_are_refused(epsilon, delta):
    with pytest.raises(PlanError):
        Budget(epsilon, delta)
