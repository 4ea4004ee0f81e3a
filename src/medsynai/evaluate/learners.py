"""The model kinds that detection and utility use: boosting, linear, small forest."""

from collections.abc import Callable
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
        rounds: of boosting; the other kinds have none.
    """

    name: Literal["boosting", "linear", "forest"]
    title: str
    form: Literal["features", "flat"]
    rounds: int = ROUNDS

    def read(self, encoding: Encoding, values: Floats) -> Floats:
        """Rows in the form that this model reads."""
        return encoding.features_of(values) if self.form == "features" else encoding.flat_of(values)

    def classifier(self, levels: Rows, seed: int) -> Any:
        """A scikit-learn classifier; `levels` marks the features that are level codes."""
        if self.name == "boosting":
            from sklearn.ensemble import HistGradientBoostingClassifier

            return HistGradientBoostingClassifier(**_settings(levels, seed, self.rounds))
        if self.name == "linear":
            from sklearn.linear_model import LogisticRegression

            return LogisticRegression(C=1.0, max_iter=300)
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(60, min_samples_leaf=5, max_samples=0.7, random_state=seed)

    def regressor(self, levels: Rows, seed: int) -> Any:
        """A scikit-learn regressor; `levels` marks the features that are level codes."""
        if self.name == "boosting":
            from sklearn.ensemble import HistGradientBoostingRegressor

            return HistGradientBoostingRegressor(**_settings(levels, seed, self.rounds))
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


Predict = Callable[[Floats], Floats]


def classify(learner: Learner, levels: Rows, x: Floats, y: Codes, size: int, seed: int) -> Predict:
    """Fit on the features that vary; gives a function of rows to probabilities (rows, size).

    A class that the fit never saw has probability 0; with one class or no feature, every row gets
    the classes' shares.
    """
    kept, classes = useful(x), np.unique(y)
    if len(classes) < 2 or not kept.any():
        share = np.bincount(y, minlength=size) / max(len(y), 1)
        return lambda rows: np.tile(share, (len(rows), 1))
    model = learner.classifier(levels[kept], seed).fit(x[:, kept], y)

    def predict(rows: Floats) -> Floats:
        out = np.zeros((len(rows), size))
        out[:, classes] = model.predict_proba(rows[:, kept])
        return out

    return predict


def regress(learner: Learner, levels: Rows, x: Floats, y: Floats, seed: int) -> Predict:
    """Fit on the features that vary; gives a function of rows to predictions (rows, 1)."""
    kept = useful(x)
    if not kept.any():
        mean = float(y.mean())
        return lambda rows: np.full((len(rows), 1), mean)
    model = learner.regressor(levels[kept], seed).fit(x[:, kept], y)
    return lambda rows: np.asarray(model.predict(rows[:, kept]), dtype=np.float64)[:, None]
