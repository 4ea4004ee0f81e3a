"""The audit: right mechanisms prove no more than they claim, and every planted fault does."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from medsynai.errors import PlanError
from medsynai.flow.auditing import audit
from medsynai.learn import mechanism
from medsynai.learn.job import Job, Pace
from medsynai.learn.mechanism import DpSgd
from medsynai.learn.nets.mlp import linear
from medsynai.privacy import audit as proving
from medsynai.privacy.accounting import Kind, Spend
from medsynai.privacy.audit import chance_of, count_canaries, one_run, pair, seen_of
from medsynai.privacy.calibrate import calibrate
from medsynai.privacy.ledger import Budget, Ledger, Release
from medsynai.store import to_json

pytest.importorskip("dp_accounting")
pytest.importorskip("opendp")

SURE = 1e-7  # a right build proves too much by chance less than once in a million runs
DELTA = 1e-12  # the smaller, the surer an audit can be
EVERYBODY, FEW = 1.0, 0.05


def claimed(rate: float, steps: int = 60) -> Ledger:
    """A ledger of epsilon 1 as a network's: some histograms, then steps."""

    def planned(noise: float) -> list[Spend]:
        step = Spend(Kind.GAUSSIAN, noise * rate * 10, rate, steps)
        return [*[Spend(Kind.GAUSSIAN, noise * 5)] * 3, step]

    ledger = Ledger(Budget(1.0, DELTA))
    *singles, step = planned(calibrate(planned, 1.0, DELTA))
    ledger.charge(Release("count", "gaussian", spends=tuple(singles)))
    ledger.charge(Release("train", "dp-sgd", spends=(step,)))
    return ledger


@pytest.mark.parametrize("rate", [EVERYBODY, FEW])
def test_a_right_mechanism_proves_no_more_than_it_claims(rate):
    found = audit(claimed(rate), canaries=600, runs=3, doubt=SURE)
    assert found.holds and found.tried == 4 and not found.left_out


def test_laplace_counts_are_audited_too(monkeypatch):
    spend, inside = Spend(Kind.LAPLACE, 1.0), proving.coins(600)
    assert seen_of(count_canaries(spend, 1), inside, spend).proof(inside, DELTA, SURE).epsilon <= 1
    monkeypatch.setattr(proving, "noisy_counts", lambda counts, spend: counts)
    assert seen_of(count_canaries(spend, 1), inside, spend).proof(inside, DELTA, SURE).epsilon > 1


TRUE_NOISE, TRUE_SUM = mechanism.noisy_sums, mechanism.clipped_sum


def seeded(sums, spread):
    return sums + np.random.default_rng(0).normal(0, spread, len(sums))


FAULTS = {
    "noise off": ("noisy_sums", lambda sums, spread: sums.astype(float)),
    "noise of a fiftieth": ("noisy_sums", lambda sums, spread: TRUE_NOISE(sums, spread / 50)),
    "seeded noise": ("noisy_sums", seeded),
    "clip off": (
        "clipped_sum",
        lambda losses, w, who, clip, *into: TRUE_SUM(losses, w, who, 1e9, *into),
    ),
}


@pytest.mark.parametrize(
    ("fault", "rate"),
    [*((f, EVERYBODY) for f in FAULTS), ("noise off", FEW), ("clip off", FEW)],
)
def test_a_planted_fault_proves_more(fault, rate, monkeypatch):
    name, faulty = FAULTS[fault]
    monkeypatch.setattr(mechanism, name, faulty)
    found = audit(claimed(rate), canaries=600, runs=1, doubt=SURE)
    assert not found.holds and found.most > 1


def test_a_sampler_that_takes_everybody_proves_more(monkeypatch):
    class Everybody(mechanism.PoissonSampler):
        def draw(self):
            return np.arange(len(self.patients))

    monkeypatch.setattr(mechanism, "PoissonSampler", Everybody)
    assert audit(claimed(FEW), canaries=600, runs=1, doubt=SURE).most > 1


def spread_of_a_step(how: DpSgd, people: int) -> float:
    """Worst-case neighbours for the divisor: one patient or two, whose gradients are nothing."""
    job = Job(nn.ModuleDict({"net": linear(200, 1)}), (), 0, Pace())
    mine = replace(how, patients=np.arange(people))
    batch = mine.batch(job, torch.zeros(people, 200), torch.Generator())
    mine.gradients(lambda m, b: m["net"](b.real)[:, 0], job.modules, ("net",), batch)
    return -float(job.modules["net"].weight.grad.std())


def test_a_divisor_that_counts_the_batch_proves_more(monkeypatch):
    def proof():
        two, one = ([spread_of_a_step(how, n) for _ in range(300)] for n in (2, 1))
        return pair(np.array(two), np.array(one), DELTA, SURE).epsilon

    how, true = DpSgd(noise=6.0), DpSgd.gradients
    assert proof() <= 1
    monkeypatch.setattr(
        DpSgd,
        "gradients",
        lambda self, loss, modules, trains, batch: true(
            replace(self, divisor=float(len(batch.real))), loss, modules, trains, batch
        ),
    )
    assert proof() > 1


def test_bounds_are_those_of_the_paper():
    """All of 100 guesses right rules an epsilon out when q^100 falls below the doubt."""
    assert chance_of(100, 100, 100, 1.0, 0.0) == pytest.approx((1 / (1 + np.exp(-1))) ** 100)
    assert chance_of(50, 100, 100, 1.0, 0.0) > 0.99
    assert chance_of(100, 100, 100, 1.0, 1e-3) >= 2 * 100 * 1e-3 / 100 * 0.99
    inside = np.arange(1000) % 2 == 0
    perfect = one_run(inside.astype(float), inside, 0.0, 0.05)
    assert perfect.right == perfect.guessed == 1000 and 4 < perfect.epsilon < 6
    assert one_run(-inside.astype(float), inside, 0.0, 0.05).epsilon == 0


def told(rng: np.random.Generator, bits: np.ndarray, epsilon: float) -> np.ndarray:
    """Randomised response, for which the bounds are nearly tight; ties are broken by chance."""
    right = rng.random(len(bits)) < 1 / (1 + np.exp(-epsilon))
    return np.where(right, bits, ~bits) + rng.random(len(bits)) / 10


@pytest.mark.parametrize(("doubt", "least", "most"), [(0.05, 0, 16), (0.95, 60, 200)])
def test_the_bound_lies_below_the_truth_in_nearly_all_trials(doubt, least, most):
    """Of 200 trials; the violation is a bound that is surely doubted, a point estimate or so."""
    rng, truth, yes = np.random.default_rng(0), 1.0, np.ones(1500, bool)
    for way in ("one run", "pair"):
        bounds = []
        for _ in range(200):
            inside = rng.random(500) < 0.5
            if way == "one run":
                found = one_run(told(rng, inside, truth), inside, 0.0, doubt)
            else:
                found = pair(told(rng, yes, truth), told(rng, ~yes, truth), 0.0, doubt)
            bounds.append(found.epsilon)
        assert least <= sum(b > truth for b in bounds) <= most
        assert np.median(bounds) > 0.25  # and it proves something


def proven(halves_apart: bool) -> float:
    """How often something is proven of noise alone, at a doubt of a half, in 400 audits."""
    rng, found = np.random.default_rng(0), 0
    for _ in range(400):
        one, two = rng.normal(size=(2, 200))
        if not halves_apart:  # the violation: the threshold is chosen on the runs that are counted
            one, two = np.r_[one[:100], one[:100]], np.r_[two[:100], two[:100]]
        found += pair(one, two, 0.0, 0.5).epsilon > 0
    return found / 400


def test_a_threshold_is_not_chosen_on_the_runs_that_are_counted():
    assert proven(halves_apart=True) < 0.25 < proven(halves_apart=False)


def test_what_cannot_be_audited_is_said():
    with pytest.raises(PlanError, match="no budget"):
        audit(Ledger())
    ledger = Ledger(Budget(1.0, 1e-6))
    ledger.charge(Release("choose", "exponential", spends=(Spend(Kind.EXPONENTIAL, 9.0),)))
    with pytest.raises(PlanError, match="canary"):
        audit(ledger)


def test_the_command_reads_a_release_and_its_exit_code_tells(tmp_path, monkeypatch, capsys):
    from medsynai.cli import cli

    (tmp_path / "ledger.json").write_text(to_json(claimed(EVERYBODY).record()))
    asked = ["audit", str(tmp_path), "--runs", "2", "--canaries", "600"]
    assert cli.main(asked, standalone_mode=False) == 0
    assert "within its claim" in capsys.readouterr().out
    monkeypatch.setattr(mechanism, "noisy_sums", lambda sums, spread: sums.astype(float))
    assert cli.main([*asked, "--json"], standalone_mode=False) == 3
    assert cli.main(["audit", str(tmp_path / "none")], standalone_mode=False) == 2
