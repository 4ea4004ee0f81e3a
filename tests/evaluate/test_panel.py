"""Odd tables: every measure judges or says why not; none breaks, none invents."""

import json
import math
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Column, Kind, Role, Schema, Survival
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.evaluate import learners, panel
from medsynai.evaluate.panel import PANEL, judge
from medsynai.evaluate.score import Family, Findings, Score
from medsynai.evaluate.trial import Trial

OURS = [m.name for m in PANEL if m.family is not Family.PRIVACY]
RNG = np.random.default_rng(4)
N = 120


def _level(name: str, *levels: str, role: Role = Role.FEATURE) -> Column:
    return Column(name, Kind.CATEGORICAL, role, categories=levels, missing=True)


def _number(name: str, role: Role = Role.FEATURE) -> Column:
    return Column(name, Kind.CONTINUOUS, role, missing=True)


def _one_number() -> tuple[Schema, pd.DataFrame]:
    return Schema((_number("x"),)), pd.DataFrame({"x": RNG.normal(size=3 * N)})


def _one_level() -> tuple[Schema, pd.DataFrame]:
    return Schema((_level("x", "a", "b"),)), pd.DataFrame({"x": RNG.choice(["a", "b"], 3 * N)})


def _all_missing() -> tuple[Schema, pd.DataFrame]:
    schema = Schema((_number("x"), _number("gone"), _level("void", "a"), _level("y", "n", "p")))
    frame = pd.DataFrame({"x": RNG.normal(size=3 * N), "gone": np.nan, "void": None})
    return schema, frame.assign(y=RNG.choice(["n", "p"], 3 * N))


def _constant_target() -> tuple[Schema, pd.DataFrame]:
    schema = Schema((_number("x"), _number("z"), _level("y", "n", "p")))
    frame = pd.DataFrame({"x": RNG.normal(size=3 * N), "z": 1.0, "y": "n"})
    return schema, frame


def _few_rows() -> tuple[Schema, pd.DataFrame]:
    schema = Schema((_number("x"), _level("y", "n", "p", role=Role.PROTECTED)))
    return schema, pd.DataFrame({"x": RNG.normal(size=90), "y": RNG.choice(["n", "p"], 90)})


def _one_row() -> tuple[Schema, pd.DataFrame]:
    return Schema((_number("x"), _level("y", "n"))), pd.DataFrame({"x": [1.0] * 3, "y": ["n"] * 3})


def _many_levels() -> tuple[Schema, pd.DataFrame]:
    levels = [f"L{i}" for i in range(400)]
    schema = Schema((_level("code", *levels), _number("x"), _level("y", *levels[:3])))
    frame = pd.DataFrame({"code": RNG.choice(levels, 3 * N), "x": RNG.normal(size=3 * N)})
    return schema, frame.assign(y=RNG.choice(levels[:3], 3 * N))


def _no_events() -> tuple[Schema, pd.DataFrame]:
    schema = Schema(
        (_number("t"), _level("e", "0", "1"), _number("x"), _number("y")),
        survival=(Survival("t", "e"), Survival("x", "gone"), Survival("e", "t")),
    )
    frame = pd.DataFrame({"t": RNG.exponential(size=3 * N), "e": "0", "x": RNG.normal(size=3 * N)})
    return schema, frame.assign(y=frame["x"] * 2)


def _extremes() -> tuple[Schema, pd.DataFrame]:
    schema = Schema((_number("x"), _number("big"), _number("y")))
    frame = pd.DataFrame(
        {"x": RNG.normal(size=3 * N), "big": RNG.choice([1e300, -1e300, 0], 3 * N)}
    )
    frame.loc[::7, "x"] = np.inf
    return schema, frame.assign(y=RNG.normal(size=3 * N))


NASTY = [
    _one_number,
    _one_level,
    _all_missing,
    _constant_target,
    _few_rows,
    _one_row,
    _many_levels,
    _no_events,
    _extremes,
]


def _trial(
    schema: Schema,
    frame: pd.DataFrame,
    table_of: Callable[..., Table],
    trial_of: Callable[..., Trial],
) -> Trial:
    n = len(frame) // 3
    parts = [
        table_of(frame.iloc[k * n : (k + 1) * n].reset_index(drop=True), schema) for k in range(3)
    ]
    target = "y" if "y" in schema else None
    return trial_of(parts[0], parts[1], parts[2], target)


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boosting of few rounds: whether a measure breaks does not hang on how well it learns."""
    full = learners._settings
    monkeypatch.setattr(learners, "_settings", lambda levels, seed, _: full(levels, seed, 8))


@pytest.mark.usefixtures("brisk")
@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_nasty_tables(
    nasty: Callable[[], tuple[Schema, pd.DataFrame]],
    table_of: Callable[..., Table],
    trial_of: Callable[..., Trial],
) -> None:
    card = judge(_trial(*nasty(), table_of, trial_of), OURS)
    assert card.failed == {}
    for score in card.scores:
        figures = (score.value, score.low, score.high, score.holdout, score.shuffled)
        assert all(f is None or math.isfinite(f) or math.isinf(f) for f in figures), score
        if score.value is None:
            assert score.note.startswith("not assessed: "), score
    json.dumps(card.exhibits, allow_nan=False)


@pytest.mark.usefixtures("brisk")
def test_synthetic_rows_with_a_column_that_died(
    clinic: Callable[[int, int], Table], trial_of: Callable[..., Trial]
) -> None:
    frame = clinic(200, 3).frame.copy()
    frame["crp"] = np.nan
    frame["stage"] = frame["stage"].cat.set_categories(["X"])
    frame["died"] = pd.Series(["no"] * 200, dtype=frame["died"].dtype)
    train = clinic(200, 1)
    dead = Table(frame, train.schema, "synthetic")
    card = judge(trial_of(train, clinic(200, 2), dead, "died"), OURS)
    assert card.failed == {}
    auroc = card.score("tstr_auroc")
    assert auroc is not None and auroc.value == pytest.approx(0.5)
    event = card.score("hazard_overlap")
    assert event is not None and event.value is None


def test_a_broken_measure_is_named_and_takes_no_other_with_it(
    fair_trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(trial: Trial) -> Findings:
        raise ValueError("a patient's value: 47.11")

    monkeypatch.setattr("medsynai.evaluate.missingness.measure", burst)
    card = judge(fair_trial, ["variation", "missing"])
    assert card.failed == {"missing": "ValueError"}
    broken = card.score("missing_rates")
    assert broken is not None and broken.value is None and "47.11" not in broken.note
    pairs = card.score("tvd_pairs")
    assert pairs is not None and pairs.value is not None


def test_progress_order_and_wanted(fair_trial: Trial) -> None:
    told: list[tuple[str, int, int]] = []
    card = judge(fair_trial, ["missing", "validity"], lambda *t: told.append(t))
    assert told == [("validity", 0, 2), ("missing", 1, 2), ("", 2, 2)]
    assert list(card.seconds) == ["validity", "missing"]
    with pytest.raises(PlanError, match="no measure 'beauty'"):
        judge(fair_trial, ["beauty"])


def test_pictures_are_left_out_when_time_is_up(fair_trial: Trial) -> None:
    card = judge(fair_trial, ["missing", "tsne"], patience=0.0)
    assert card.skipped == {"tsne": "left out to save time"} and "tsne" not in card.exhibits


@pytest.mark.usefixtures("brisk")
def test_headlines_name_scores_that_the_measures_give(fair_trial: Trial) -> None:
    quick = [
        m for m in PANEL if m.family is not Family.PRIVACY and m.name not in ("detection", "global")
    ]
    for measure in quick:
        names = {s.name for s in measure.judge(fair_trial).scores}
        assert measure.headline[0] in names or not measure.headline[0], measure.name


def test_the_panel_itself_loads_no_heavy_library() -> None:
    import subprocess

    heavy = ("sklearn", "scipy", "statsmodels")
    code = f"import sys, medsynai.evaluate.panel; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_absent_scores_carry_the_reason() -> None:
    measure = next(m for m in panel.PANEL if m.name == "detection")
    (score,) = measure.absent("not assessed: because")
    assert isinstance(score, Score) and score.name == "c2st" and score.value is None
