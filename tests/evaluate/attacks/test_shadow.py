"""The shadow attack: generators that give their outliers away, and those that do not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from medsynai.data.table import Table
from medsynai.evaluate.attacks import shadow
from medsynai.evaluate.policy import Status, judge_gates, load_policy
from medsynai.evaluate.score import Findings, Score
from medsynai.evaluate.trial import Trial
from medsynai.seeds import Seeds

ROWS = 240
COUNT = int(shadow.SHARE * ROWS)


@pytest.fixture(scope="module")
def trial(clinic: Callable[[int, int], Table], trial_of: Callable[..., Trial]) -> Trial:
    return trial_of(clinic(ROWS, 71), clinic(160, 72), clinic(ROWS, 73), "died")


def leaky(rows: Table, seeds: Seeds) -> Table:
    """Shuffled columns, but one row in four as it stands: which, nobody knows."""
    order = seeds.of("order").numpy().permutation(len(rows))
    kept = len(rows) // 4
    frame = shadow._shuffle(rows.rows(order), seeds).frame
    for name in frame.columns:
        frame.loc[: kept - 1, name] = rows.rows(order).frame[name].iloc[:kept].to_numpy()
    return Table(frame, rows.schema, "synthetic")


@pytest.fixture(scope="module")
def findings(trial: Trial) -> Findings:
    return shadow.measure(replace(trial, refit=leaky))


@pytest.fixture(scope="module")
def scores(findings: Findings) -> dict[str, Score]:
    return {s.name: s for s in findings.scores}


def test_a_generator_that_repeats_one_row_in_four_is_told(scores: dict[str, Score]) -> None:
    score = scores["membership_shadow_auc"]
    assert score.low is not None and score.low > 0.55
    tpr = scores["membership_shadow_tpr_1"]
    assert tpr.low is not None and tpr.low > 0.1


def test_a_copy_is_told_and_fresh_rows_are_not(scores: dict[str, Score]) -> None:
    score = scores["membership_shadow_auc"]
    assert score.control is not None and score.control > 0.98
    assert score.holdout is not None and 0.4 < score.holdout < 0.6
    assert "inconclusive" not in score.note


def test_a_generator_that_does_not_look_is_not_told(trial: Trial) -> None:
    fixed = trial.synthetic

    def blind(rows: Table, seeds: Seeds) -> Table:
        return fixed.rows(seeds.numpy().integers(0, len(fixed), len(rows)))

    found = shadow.measure(replace(trial, refit=blind)).scores[0]
    assert found.low is not None and found.high is not None and found.low < 0.5
    assert found.value is not None and found.value < 0.6


def test_each_target_is_in_half_of_the_fits_and_all_have_one_size(trial: Trial) -> None:
    game = shadow._Game.of(trial)
    assert len(game.targets) == COUNT
    assert set(game.inside.sum(axis=0)) == {shadow.SHADOWS // 2}
    assert len(game.others) == ROWS - COUNT + 160
    sizes: list[int] = []

    def count(rows: Table, seeds: Seeds) -> Table:
        sizes.append(len(rows))
        return rows

    game.play(count, Seeds(1))
    assert sizes == [ROWS] * shadow.SHADOWS


def test_targets_lie_furthest_from_their_neighbours(trial: Trial) -> None:
    from medsynai.evaluate.attacks.exposed import _ask

    apart = _ask(trial)[0]
    by_place = dict(zip(apart.places.tolist(), apart.apart.tolist(), strict=True))
    targets = shadow._Game.of(trial).targets.tolist()
    rest = [v for k, v in by_place.items() if k not in targets]
    assert min(by_place[t] for t in targets) >= max(rest)


def test_records_are_listed_for_their_owner_alone(trial: Trial, findings: Findings) -> None:
    lines = findings.internal["shadow"]
    game = shadow._Game.of(trial)
    assert {line["record"] for line in lines} == {int(t) + 1 for t in game.targets}
    values = [line["AUC"] for line in lines]
    assert values == sorted(values, reverse=True)
    assert findings.exhibits == {}


def test_without_the_generator_it_is_not_assessed_and_no_pass_hangs_on_it(trial: Trial) -> None:
    found = shadow.measure(trial).scores
    assert all(s.value is None and "--attacks thorough" in s.note for s in found)
    gate = next(g for g in judge_gates(found, load_policy()).gates if "shadow" in g.name)
    assert gate.status is Status.NOT_ASSESSED and gate.passed


def test_the_gate_fails_what_is_told(scores: dict[str, Score]) -> None:
    told = replace(scores["membership_shadow_auc"], value=0.8, low=0.7, high=0.9)
    gate = next(g for g in judge_gates([told], load_policy()).gates if "shadow" in g.name)
    assert gate.status is Status.FAIL


def test_the_same_seeds_give_the_same_figures(trial: Trial, findings: Findings) -> None:
    assert shadow.measure(replace(trial, refit=leaky)) == findings


def test_counts_of_like_rows_by_hand(trial: Trial) -> None:
    game = shadow._Game.of(trial)
    released = trial.synthetic
    points = game.space.place(released)
    target = game.aimed.frame.iloc[0]
    columns = game.space.columns
    counts = game._counts(0, points)
    flat = [q for width in game.queries[0] for q in width]
    for query, count in zip(flat, counts, strict=True):
        if not all(columns[c] in game.space.levels for c in query):
            continue
        same = np.ones(len(released), bool)
        for c in query:
            cells = released.frame[columns[c]].astype(object)
            own = target[columns[c]]
            same &= (cells.isna() if own is None or own != own else cells == own).to_numpy(bool)
        assert count == int(same.sum())
