"""Rarer classes brought up with synthetic rows, as imbalanced-learn's samplers do it."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from medsynai import SyntheticOverSampler
from medsynai.errors import PlanError


def rows(n: int = 200, rare: int = 40) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    y = np.r_[np.zeros(n - rare, int), np.ones(rare, int)]
    x = pd.DataFrame(
        {"crp": (rng.gamma(2, 20, n) + 60 * y).round(1), "sex": rng.choice(["f", "m"], n)}
    )
    return x, pd.Series(y, name="died", index=x.index)


def test_the_rarer_class_is_drawn_as_it_is():
    x, y = rows()
    more, truth = SyntheticOverSampler(random_state=3).fit_resample(x, y)
    assert len(more) == 320 and truth.value_counts().to_dict() == {0: 160, 1: 160}
    assert more[:200].equals(x) and (truth[:200] == y).all() and truth.name == "died"
    assert dict(more.dtypes) == dict(x.dtypes)
    drawn = more["crp"][200:]
    assert abs(drawn.mean() - x["crp"][160:].mean()) < 12 < drawn.mean() - x["crp"][:160].mean()
    again, _ = SyntheticOverSampler(random_state=3).fit_resample(x, y)
    other, _ = SyntheticOverSampler(random_state=4).fit_resample(x, y)
    assert again.equals(more) and not other.equals(more)


@pytest.mark.parametrize(
    ("strategy", "ones"),
    [("auto", 160), ("not majority", 160), ("minority", 160), (0.5, 80), ({1: 50}, 50), (0.25, 40)],
)
def test_strategies(strategy, ones):
    _, truth = SyntheticOverSampler(
        strategy, model="shuffle" if ones == 40 else "forest"
    ).fit_resample(*rows())
    assert (truth == 1).sum() == ones and (truth == 0).sum() == 160


def test_arrays_come_back_as_arrays():
    x, y = rows()
    numbers = np.column_stack([x["crp"], (x["sex"] == "f")]).astype(np.float32)
    more, truth = SyntheticOverSampler({"1": 60}).fit_resample(numbers, y.to_numpy().astype(str))
    assert more.shape == (220, 2) and more.dtype == np.float32 and set(truth) == {"0", "1"}


@pytest.mark.parametrize("strategy", ["more", 2.0, {1: 10}, {7: 100}])
def test_what_cannot_be_is_refused(strategy):
    with pytest.raises(PlanError, match="sampling_strategy"):
        SyntheticOverSampler(strategy).fit_resample(*rows())


def test_identifiers_are_not_drawn_for():
    x, y = rows()
    with pytest.raises(PlanError, match="identifiers"):
        SyntheticOverSampler().fit_resample(
            x.assign(email=[f"p{i}@clinic.org" for i in range(200)]), y
        )
    with pytest.raises(PlanError, match="one class"):
        SyntheticOverSampler().fit_resample(x, y * 0)


def test_it_is_an_estimator_of_scikit_learn():
    sampler = SyntheticOverSampler("minority", random_state=5)
    assert clone(sampler).get_params() == sampler.get_params()


class Piped(ClassifierMixin, BaseEstimator):
    """What imbalanced-learn's pipeline does: a copy of the sampler draws where it is fitted."""

    def __init__(self, sampler, model):
        self.sampler, self.model = sampler, model

    def fit(self, x, y):
        more, truth = clone(self.sampler).fit_resample(x, y)
        counts = np.bincount(truth)
        assert counts[0] == counts[1] and (np.asarray(more)[: len(x)] == np.asarray(x)).all()
        self.fitted_, self.classes_ = clone(self.model).fit(more, truth), np.unique(truth)
        return self

    def predict(self, x):
        return self.fitted_.predict(x)

    def predict_proba(self, x):
        return self.fitted_.predict_proba(x)


def test_it_stands_in_a_pipeline_inside_the_folds_of_a_cross_validation():
    x, y = rows()
    piped = Piped(SyntheticOverSampler(model="shuffle"), LogisticRegression())
    said = cross_val_predict(piped, x[["crp"]], y, cv=3, method="predict_proba")
    assert said.shape == (200, 2)  # rows that are tried on are as many as ever
    assert said[160:, 1].mean() > said[:160, 1].mean() + 0.05


def test_classes_in_a_column_and_any_random_state_are_taken():
    x, y = rows()
    column = y.to_numpy()[:, None]
    for state in (None, np.random.RandomState(3), np.int64(3)):
        more, truth = SyntheticOverSampler(model="shuffle", random_state=state).fit_resample(
            x, column
        )
        assert len(more) == 320 and np.bincount(truth).tolist() == [160, 160]


def test_rows_without_a_class_and_what_does_not_fit_are_named():
    x, y = rows()
    sampler = SyntheticOverSampler(model="shuffle")
    for given, truth, said in (
        (x, y.astype(float).where(y.index != 3), "1 rows have no class"),
        (x, y[:-1], "200 rows and y 199"),
        (csr_matrix(x[["crp"]].to_numpy()), y, "sparse"),
    ):
        with pytest.raises(PlanError, match=said):
            sampler.fit_resample(given, truth)
