"""Copies, other real patients and shuffled events under the measures of cohorts.

Trap: a metric that an exact copy wins. A copy does win fidelity, so the attacks must catch it.
"""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from medsynai.data.cohort import Cohort
from medsynai.data.copied import copied
from medsynai.evaluate.cohorts import accusing, course
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.panel import COHORT_PANEL, judge
from medsynai.evaluate.score import Family, Score
from medsynai.seeds import Seeds

MADE = Path(__file__).resolve().parents[3] / "bench" / "made_cohort.py"
N = 160
# Of one variable at a time, or of how many events there are: shuffled events keep them.
KEPT = {"code_r2", "code_missed", "code_logodds_mid", "events_w1", "gap_tvd", "value_tvd"}
CHANCE = {"membership_tpr_1": 0.01, "copied_run": 0.0, "nnaa_loss": 0.0}  # .5 of the others


@pytest.fixture(scope="module")
def patients() -> tuple[Cohort, ...]:
    """Train, holdout, and a third part of the same people."""
    spec = importlib.util.spec_from_file_location("made_cohort", MADE)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return tuple(made.cohort(N, seed) for seed in (1, 2, 3))


def scores(patients: tuple[Cohort, ...], made: Cohort, family: Family) -> list[Score]:
    """What the family's measures say of `made` in the synthetic patients' place."""
    names = [m.name for m in COHORT_PANEL if m.family is family and m.headline[0]]
    trial = CohortTrial(patients[0], patients[1], made, Seeds(0))
    card = judge(trial, names, panel=COHORT_PANEL)
    assert card.failed == {} and card.skipped == {}
    return [s for s in card.scores if s.family is family and s.value is not None]


def misranked(found: Iterable[Score]) -> set[str]:
    """Measures by which shuffled events are as good as other real patients, or better."""
    return {s.name for s in found if (s.value - s.shuffled) * (-1) ** (s.better == "low") <= 0}


def silent(found: Iterable[Score]) -> set[str]:
    """Attacks that say nothing beyond their interval."""
    return {s.name for s in found if not s.low > CHANCE.get(s.name, 0.5)}


def test_fidelity_ranks_other_real_patients_above_shuffled_events(patients, monkeypatch):
    found = scores(patients, patients[2], Family.FIDELITY)
    assert len(found) >= 17 and misranked(found) <= KEPT
    monkeypatch.setattr(course, "tvd", lambda p, q, n, m: -float(abs(p - q).sum()))
    names, trial = ("course",), CohortTrial(*patients, Seeds(0))
    assert "next_tvd" in misranked(judge(trial, names, panel=COHORT_PANEL).scores)  # planted


def test_a_copy_wins_fidelity(patients):
    """It scores what as many real patients do: no such figure shows that anything new was made."""
    for score in scores(patients, patients[0], Family.FIDELITY):
        assert score.value == pytest.approx(score.holdout), score.name


def test_attacks_find_copies_and_nobody_in_other_real_patients(patients, monkeypatch):
    train = patients[0]
    pick = np.random.default_rng(1).integers(0, N, N)
    for made in (train, copied(train, pick)):
        found = scores(patients, made, Family.PRIVACY)
        assert len(found) == 6 and silent(found) == set()
        assert not any(s.note.startswith("inconclusive") for s in found)
    fresh = scores(patients, patients[2], Family.PRIVACY)
    assert silent(fresh) == {s.name for s in fresh} and len(fresh) == 6
    monkeypatch.setattr(accusing, "_nearest", lambda view, *rest: np.zeros(len(view)))
    monkeypatch.setattr(accusing, "longest", lambda view, known: np.zeros(len(view)))
    blind = accusing.measure(CohortTrial(*patients[:2], train, Seeds(0))).scores
    assert silent(blind) == {"membership_course_auc"}  # planted
