"""Refinement: weights that take a model's rows nearer to the real ones, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.errors import ModelError, PlanError
from medsynai.forest.booster import NOTHING, Booster, Learner
from medsynai.forest.marks import Marks
from medsynai.forest.ratio import Rounds, one_each, pick
from medsynai.models.catalog import load_model
from medsynai.models.refined import Refined
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

# Shuffled columns keep no relation at all: whatever appears is the discriminators' doing.
FROM_NOTHING = Refined(inner="shuffle", rounds=2, trees=40, pool=8)


def pair(rows: int = 1000) -> Table:
    """Two numbers that go together."""
    rng = np.random.default_rng(0)
    age = rng.normal(60, 15, rows).round(1)
    frame = pd.DataFrame({"age": age, "lab": (age + rng.normal(0, 8, rows)).round(1)})
    return Table(frame, Schema(tuple(Column(n, Kind.CONTINUOUS, decimals=1) for n in frame)))


@pytest.fixture(scope="module")
def fitted():
    return FROM_NOTHING.fit(pair(), Ledger(), Seeds(1))


def test_a_relation_that_the_inner_model_lacks_is_brought_back(fitted):
    drawn = fitted.sample(1000, Seeds(2)).frame
    inner = fitted.inner.sample(1000, Seeds(2)).frame
    assert abs(inner["age"].corr(inner["lab"])) < 0.15
    assert drawn["age"].corr(drawn["lab"]) > 0.6
    assert drawn["age"].mean() == pytest.approx(60, abs=2)


def test_no_candidate_is_kept_twice(fitted):
    rng = np.random.default_rng(4)
    for spread in (0.0, 1.0, 30.0):
        places = pick(rng.normal(0, spread, 500), 120, rng)
        assert len(np.unique(places)) == 120


def test_candidates_are_kept_in_proportion_to_their_weight():
    rng = np.random.default_rng(5)
    weight = np.array([1.0] * 90 + [4.0] * 10)
    kept = np.zeros(100)
    for _ in range(2000):
        kept[pick(np.log(weight), 10, rng)] += 1
    assert kept[90:].mean() / kept[:90].mean() == pytest.approx(4.0, rel=0.1)


def test_given_columns_choose_among_their_own_completions():
    given = pair().rows(np.arange(200)).only(("age",))
    refined = Refined(inner="copula", rounds=1, trees=5, pool=4).fit(pair(), Ledger(), Seeds(1))
    drawn = refined.sample(200, Seeds(3), given=given)
    assert drawn.frame["age"].tolist() == given.frame["age"].tolist()


def test_the_ledger_says_that_real_rows_are_read_again():
    ledger = Ledger()
    FROM_NOTHING.fit(pair(200), ledger, Seeds(1))
    said = [entry.note for entry in ledger.entries]
    assert len(said) == 2
    assert any("read once more" in note for note in said)


def test_rows_that_cannot_be_told_apart_are_left_alone():
    rng = np.random.default_rng(6)
    rows, real = rng.normal(size=(600, 4)), np.arange(600) < 300
    rounds = Rounds(Learner(100, 8, 40, 0.1), 3, 3)
    booster, gains = rounds.fit(rows[real], np.arange(300), rows[~real], Seeds(1))
    assert not len(booster.value) and len(gains) == 1


def test_too_few_rows_to_judge_by_say_nothing():
    held = np.arange(10) % 5 == 0
    told = Learner(100, 8, 40, 0.1).fit(np.eye(10), np.arange(10) < 5, np.ones(10), held, Seeds(1))
    assert told is NOTHING and (told.log_odds(np.eye(10)) == 0).all()


@pytest.mark.parametrize("inner", ["refined", "bootstrap"])
def test_what_cannot_be_refined_is_refused(inner):
    with pytest.raises(PlanError, match="not refined"):
        Refined(inner=inner)


def test_settings_of_the_inner_model_are_checked_before_anything_is_fitted():
    with pytest.raises(ModelError, match="nonsense"):
        load_model("refined", {"inner": "copula", "settings": {"nonsense": 1}})


def test_a_leaf_of_a_discriminator_is_of_so_many_patients():
    """A hundred rows of one patient, where nobody else is, are no leaf; of a hundred, they are."""
    rng = np.random.default_rng(6)
    at = np.concatenate([rng.integers(0, 20, 600), np.full(100, 90), rng.integers(0, 20, 1200)])
    rows, real = at[:, None].astype(float), np.arange(len(at)) < 700
    far = np.array([[90.0], [19.0]])
    one = np.where((at == 90) & real, 5000, np.arange(len(at)))

    def apart(whose: np.ndarray) -> float:
        shown, many = one_each(whose, Seeds(1))
        held = np.arange(len(shown)) % 4 == 0
        learner = Learner(trees=20, leaves=8, min_leaf=40, rate=0.3)
        told = learner.fit(rows[shown], real[shown], many, held, Seeds(1))
        return float(np.subtract(*told.log_odds(far)))

    assert apart(np.arange(len(at))) > 1.0 and apart(one) == 0.0


def test_of_each_patient_one_row_is_shown_with_the_weight_of_all():
    whose = np.array([7, 3, 7, 7, 5, 3])
    seen = [one_each(whose, Seeds(s)) for s in range(40)]
    for shown, many in seen:
        assert sorted(whose[shown]) == [3, 5, 7] and (np.diff(shown) > 0).all()
        assert dict(zip(whose[shown], many, strict=True)) == {7: 3, 3: 2, 5: 1}
    assert {int(i) for shown, _ in seen for i in shown} == set(range(6))
    shown, many = one_each(np.arange(5), Seeds(0))
    assert shown.tolist() == [0, 1, 2, 3, 4] and many.tolist() == [1] * 5


def test_a_byte_a_tree_gives_the_odds_that_the_trees_gave():
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(7)
    rows = rng.integers(-1, 40, (3000, 3)).astype(np.float32)
    model = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=8, early_stopping=False)
    model.fit(rows, rows[:, 0] * rows[:, 1] > 30 * rows[:, 2])
    told = Booster.of([stage[0].nodes for stage in model._predictors])
    new = rng.integers(-1, 40, (500, 3)).astype(np.float32)
    want = model.decision_function(new) - model._baseline_prediction.item()
    assert np.allclose(told.log_odds(new), want, atol=1e-5) and np.ptp(want) > 1
    half = Booster.joined([told, told], 0.25)
    assert np.allclose(half.log_odds(new), want / 2, atol=1e-5)


def test_marks_are_of_drawn_rows_and_tell_their_values_apart():
    drawn = pair(200)
    marks = Marks.of(drawn)
    ages = drawn.frame["age"]
    assert len(marks.at[0]) == ages.nunique() - 1 and len(Marks.of(pair(3000)).at[0]) < 250
    assert not np.isin(marks.at[0], ages).all()
    some = drawn.rows(np.arange(5))
    some.frame.loc[2, "age"] = np.nan
    seen = marks.see(some)
    assert seen[2, 0] == -1 and (np.argsort(seen[:, 1]) == np.argsort(some.frame["lab"])).all()


def test_rows_are_weighed_as_the_rules_will_leave_them():
    """Candidates all break a rule alike; without mending them first nothing else is seen."""
    table = pair(1000)
    frame = table.frame.assign(lab=np.maximum(table.frame["age"], table.frame["lab"]))
    ruled = Table(frame, Schema(table.schema.columns, rules=("age <= lab",)))
    settings = Refined(inner="shuffle", rounds=1, trees=60, rate=0.3, pool=8)
    refined = settings.fit(ruled, Ledger(), Seeds(1))
    drawn = refined.sample(1000, Seeds(2))
    assert refined.weighs
    kept = (drawn.frame["age"] <= drawn.frame["lab"]).mean()
    assert (
        kept < 0.72
    )  # 0.81 where rules come last. Rows as they were drawn: whoever asked for them mends them
