"""Every measure cries out at the fault that it is there for."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.evaluate import (
    association,
    detection,
    fairness,
    fidelity,
    hellinger,
    inference,
    marginals,
    missingness,
    utility,
    validity,
)
from medsynai.evaluate.detection import beyond_chance
from medsynai.evaluate.score import Findings, Score
from medsynai.evaluate.trial import Trial

Spoil = Callable[[pd.DataFrame], None]
Measure = Callable[[Trial], Findings]


@pytest.fixture(scope="module")
def honest_of(fair_trial: Trial) -> Callable[[Measure], Findings]:
    """What a measure finds on the fair trial, asked once."""
    return cache(lambda measure: measure(fair_trial))


def _spoilt(trial: Trial, spoil: Spoil, schema: Schema | None = None) -> Trial:
    frame = trial.synthetic.frame.copy()
    spoil(frame)
    return replace(trial, synthetic=Table(frame, schema or trial.synthetic.schema, "synthetic"))


def _scores(findings: Findings, group: str = "") -> dict[str, Score]:
    return {s.name: s for s in findings.scores if s.group == group}


def _value(score: Score) -> float:
    assert score.value is not None, score.note
    return score.value


def _shuffle(frame: pd.DataFrame, *names: str) -> None:
    order = np.random.default_rng(5).permutation(len(frame))
    for name in names:
        frame[name] = frame[name].array.take(order)


@pytest.mark.parametrize(
    ("measure", "name", "spoil"),
    [
        (fidelity.measure, "tvd_pairs", lambda f: _shuffle(f, "crp")),
        (fidelity.measure, "tvd_triples", lambda f: _shuffle(f, "crp")),
        (fidelity.measure, "tvd_columns", lambda f: f.__setitem__("age", f["age"] * 0.8)),
        (marginals.measure, "ks", lambda f: f.__setitem__("albumin", f["albumin"] + 8)),
        (marginals.measure, "wasserstein", lambda f: f.__setitem__("crp", f["crp"] * 2)),
        (marginals.measure, "precision", lambda f: f.__setitem__("crp", f["crp"] * 1.00037)),
        (
            missingness.measure,
            "missing_rates",
            lambda f: f.loc.__setitem__((f.index < 300, "crp"), np.nan),
        ),
        (missingness.measure, "missing_pairs", lambda f: _shuffle(f, "albumin")),
        (association.measure, "correlation_pearson", lambda f: _shuffle(f, "albumin")),
        (association.measure, "correlation_spearman", lambda f: _shuffle(f, "albumin")),
        (association.measure, "covariance", lambda f: f.__setitem__("albumin", f["albumin"] * 3)),
        (association.measure, "association", lambda f: _shuffle(f, "stage")),
        (hellinger.measure, "hellinger", lambda f: _shuffle(f, "stage", "age")),
        (detection.measure, "c2st", lambda f: _shuffle(f, "albumin")),
        (detection.measure, "c2st_codes", lambda f: _shuffle(f, "albumin")),
        (detection.measure, "c2st_logistic", lambda f: f.__setitem__("age", f["age"] - 6)),
        (inference.measure, "ci_overlap", lambda f: _shuffle(f, "died")),
    ],
)
def test_fault_is_seen(
    fair_trial: Trial,
    honest_of: Callable[[Measure], Findings],
    measure: Measure,
    name: str,
    spoil: Spoil,
) -> None:
    honest = _scores(honest_of(measure))[name]
    faulty = _scores(measure(_spoilt(fair_trial, spoil)))[name]
    assert honest.high is not None and honest.low is not None
    if honest.better == "low":
        assert _value(faulty) > honest.high, (honest, faulty)
    else:
        assert _value(faulty) < honest.low, (honest, faulty)


def test_number_format_is_seen_only_by_the_test_that_reads_numbers(fair_trial: Trial) -> None:
    def jitter(frame: pd.DataFrame) -> None:
        frame["albumin"] = frame["albumin"] + np.random.default_rng(0).uniform(
            -0.4, 0.4, len(frame)
        )

    found = detection.measure(_spoilt(fair_trial, jitter))
    scores = _scores(found)
    assert _value(scores["c2st"]) > 0.8
    assert _value(scores["c2st_codes"]) < 0.65
    worst = found.exhibits["giveaways"][0]
    assert worst["column"] == "albumin" and "decimal places" in worst["words"]


def test_validity_counts_every_kind_of_breach(fair_trial: Trial) -> None:
    clean = _scores(validity.measure(fair_trial))
    assert clean["validity"].value == 1.0 and clean["validity"].holdout == 1.0

    def spoil(frame: pd.DataFrame) -> None:
        frame.loc[0, "age"] = 40.5
        frame.loc[1, "age"] = 140
        frame.loc[2, "crp"] = np.inf
        frame.loc[3, "time"] = np.nan
        frame["stage"] = frame["stage"].cat.add_categories(["V"])
        frame.loc[4, "stage"] = "V"

    found = validity.measure(_spoilt(fair_trial, spoil))
    scores, n = _scores(found), len(fair_trial.synthetic)
    assert _value(scores["validity"]) == pytest.approx(1 - 5 / n)
    assert _value(scores["validity_types"]) == pytest.approx(1 - 2 / n)
    assert _value(scores["validity_ranges"]) == pytest.approx(1 - 2 / n)
    assert _value(scores["validity_categories"]) == pytest.approx(1 - 1 / n)
    assert _value(scores["validity_missing"]) == pytest.approx(1 - 1 / n)
    assert {b["column"] for b in found.exhibits["breaches"]} == {"age", "crp", "time", "stage"}


def test_repeated_rows_are_counted(fair_trial: Trial) -> None:
    doubled = fair_trial.synthetic.rows(np.r_[np.arange(450), np.arange(450)])
    scores = _scores(validity.measure(replace(fair_trial, synthetic=doubled)))
    assert _value(scores["duplicates"]) >= 0.5 > (scores["duplicates"].holdout or 0)


def test_labels_turned_round_cost_utility(fair_trial: Trial) -> None:
    def turn(frame: pd.DataFrame) -> None:
        frame["died"] = frame["died"].cat.rename_categories({"no": "yes", "yes": "no"})

    scores = _scores(utility.measure(_spoilt(fair_trial, turn)))
    assert _value(scores["tstr_auroc"]) < 0.4 < (scores["tstr_auroc"].holdout or 0)
    assert scores["utility_gap"].low is not None and scores["utility_gap"].low > 0.2


def test_leaks_and_survival_partners_are_left_out(fair_trial: Trial) -> None:
    # "time" ends where the event or the censoring is: a partner of the target by the schema.
    task = utility.task_of(fair_trial)
    used = {task.encoding.names[j] for j in task.features}
    assert used == {"sex", "age", "stage", "crp", "albumin"}
    task = utility.task_of(replace(fair_trial, leaks=("crp",)))
    assert "crp" not in {task.encoding.names[j] for j in task.features}


def test_one_spoilt_group_is_named(fair_trial: Trial) -> None:
    def spoil(frame: pd.DataFrame) -> None:
        women = (frame["sex"] == "female").to_numpy()
        frame.loc[women, "albumin"] = 25.0
        frame.loc[women, "crp"] = 400.0

    found = fairness.measure(_spoilt(fair_trial, spoil))
    worst = _scores(found)["worst_group_tvd"]
    assert "sex=female" in worst.note and worst.low is not None and worst.low > 0.1
    men = _scores(found, "sex=male")["group_tvd"]
    assert _value(men) < 0.15


def test_a_vanishing_group_is_seen(fair_trial: Trial) -> None:
    few = (fair_trial.synthetic.frame["sex"] == "male").to_numpy(copy=True)
    few[np.flatnonzero(~few)[:40]] = True
    thin = replace(fair_trial, synthetic=fair_trial.synthetic.rows(few))
    score = _scores(fairness.measure(thin), "sex=female")["group_disparity"]
    assert _value(score) > 1.5 and score.low is not None and score.low > 1.0
    assert score.note.startswith("Fewer")


def test_small_groups_are_said_not_hidden(fair_trial: Trial) -> None:
    found = fairness.measure(fair_trial)
    small = [s for s in found.scores if s.group and s.value is None]
    assert small and all("fewer than" in s.note for s in small)
    lines = {line["group"]: line for line in found.exhibits["groups"]}
    line: dict[str, Any] = lines[small[0].group]
    assert line["about_train_rows"] is None and line["about_holdout_rows"] is None


def test_chance_does_not_spread_hundreds_of_levels():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 400, 2_000), rng.integers(0, 400, 2_000)
    assert abs(beyond_chance(one, other, 400)) < 0.02  # their distance is .17
    moved = np.where(rng.random(2_000) < 0.2, 0, other)
    assert beyond_chance(one, moved, 400) > 0.1
