"""The model kinds that detection and utility use: boosting, linear, small forest."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from medsynai.evaluate.encode import Codes, Encoding, Floats
from medsynai.evaluate.interval import Rows

# The same settings as bench/measure.py's judge.
ROUNDS, RATE, LEAVES, MIN_LEAF = 200, 0.05, 15, 10


@dataclass(frozen=True)
class Learner:
    """A model kind, and which form of the rows it reads.

    Attributes:
        name: key in scores and exhibits.
        title: what a reader sees.
        form: "features" (numbers, level codes, NaN) or "flat" (unit scale, nothing missing).
    """

    name: Literal["boosting", "linear", "forest"]
    title: str
    form: Literal["features", "flat"]

    def read(self, encoding: Encoding, values: Floats) -> Floats:
        """Rows in the form that this model reads."""
        return encoding.features_of(values) if self.form == "features" else encoding.flat_of(values)

    def classifier(self, levels: Rows, seed: int, rounds: int = ROUNDS) -> Any:
        """A scikit-learn classifier; `levels` marks the features that are level codes."""
        if self.name == "boosting":
            return boosting(levels, seed, rounds)
        if self.name == "linear":
            from sklearn.linear_model import LogisticRegression

            return LogisticRegression(C=1.0, max_iter=300)
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(60, min_samples_leaf=5, max_samples=0.7, random_state=seed)

    def regressor(self, levels: Rows, seed: int, rounds: int = ROUNDS) -> Any:
        """A scikit-learn regressor; `levels` marks the features that are level codes."""
        if self.name == "boosting":
            from sklearn.ensemble import HistGradientBoostingRegressor

            return HistGradientBoostingRegressor(**_settings(levels, seed, rounds))
        if self.name == "linear":
            from sklearn.linear_model import Ridge

            return Ridge(1.0)
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(
            40, min_samples_leaf=5, max_samples=0.7, max_features=0.4, random_state=seed
        )


BOOSTING = Learner("boosting", "gradient boosting", "features")
LINEAR = Learner("linear", "logistic or ridge regression", "flat")
FOREST = Learner("forest", "small random forest", "features")
LEARNERS = (BOOSTING, LINEAR, FOREST)


def boosting(levels: Rows, seed: int, rounds: int = ROUNDS) -> Any:
    """scikit-learn's histogram gradient boosting classifier, as detection uses it."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**_settings(levels, seed, rounds))


def _settings(levels: Rows, seed: int, rounds: int) -> dict[str, Any]:
    return {
        "max_iter": rounds,
        "learning_rate": RATE,
        "max_leaf_nodes": LEAVES,
        "min_samples_leaf": MIN_LEAF,
        "early_stopping": False,
        "categorical_features": levels,
        "random_state": seed,
    }


def useful(fitted_on: Floats) -> Rows:
    """The features that vary in the rows to fit on: a constant or empty one teaches nothing."""
    varies = [len(np.unique(c[~np.isnan(c)])) + bool(np.isnan(c).any()) > 1 for c in fitted_on.T]
    # An all-missing part makes scikit-learn's binning fail, so some value must be there.
    return np.array(varies, dtype=bool) & ~np.isnan(fitted_on).all(axis=0)


def classify(learner: Learner, levels: Rows, x: Floats, y: Codes, seed: int) -> Any:
    """A fitted classifier on features that vary; returns a function of rows to probabilities.

    Classes that the fit never saw have probability 0.
    """
    return _predictor(learner, levels, x, y, seed)


def _predictor(learner: Learner, levels: Rows, x: Floats, y: Codes, seed: int) -> Any:
    kept = useful(x)
    classes = np.unique(y)
    if len(classes) < 2 or not kept.any():
        share = np.bincount(y) / len(y)

        def constant(rows: Floats, size: int) -> Floats:
            return np.tile(np.pad(share, (0, size - len(share))), (len(rows), 1))

        return constant
    model = learner.classifier(levels[kept], seed).fit(x[:, kept], y)

    def predict(rows: Floats, size: int) -> Floats:
        out = np.zeros((len(rows), size))
        out[:, classes] = model.predict_proba(rows[:, kept])
        return out

    return predict
