"""Rows that an average hides: outliers, named groups, and what is said of them to whom."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai import store
from medsynai.data.table import Table
from medsynai.evaluate.attacks import attribute, exposed, intervals, linkability, membership, parts
from medsynai.evaluate.attacks.heading import Heading
from medsynai.evaluate.attacks.intervals import Interval
from medsynai.evaluate.attacks.lineup import Round
from medsynai.evaluate.groups import protected_groups
from medsynai.evaluate.policy import Status, judge_gates, load_policy
from medsynai.evaluate.score import Findings, Score
from medsynai.evaluate.trial import Trial

Clinic = Callable[[int, int], Table]
TrialOf = Callable[..., Trial]
ODD = {"age": 19.0, "crp": 1999.0, "albumin": 79.0, "time": 9_990.0}  # nobody is like this
PLACE = 137


@pytest.fixture(scope="module")
def outlier(clinic: Clinic, trial_of: TrialOf) -> Trial:
    """One patient like nobody else, whose record the release holds; all else is fresh."""
    train, fresh = clinic(1_500, 41).frame.copy(), clinic(1_500, 43).frame.copy()
    for name, value in ODD.items():
        train.loc[PLACE, name] = value
    fresh.iloc[0] = train.iloc[PLACE]
    schema = clinic(2, 1).schema
    tables = (Table(train, schema), clinic(400, 42), Table(fresh, schema, "synthetic"))
    return trial_of(*tables, "died")


def listed(trial: Trial) -> list[int]:
    found = exposed.measure(trial)
    assert found.scores == () and found.exhibits == {}
    return [line["record"] for line in found.internal["exposed"]["records"]]


def test_a_planted_outlier_is_listed_first(outlier: Trial) -> None:
    assert listed(outlier)[0] == PLACE + 1
    line = exposed.measure(outlier).internal["exposed"]["records"][0]
    assert line["lies far out"] and "than to anybody" in line["why"]


def test_records_have_the_numbers_of_the_source(outlier: Trial) -> None:
    numbers = np.arange(1_500)[::-1] * 2 + 5
    assert listed(replace(outlier, records=numbers))[0] == numbers[PLACE]


def test_the_average_does_not_show_the_outlier(outlier: Trial) -> None:
    score = membership.measure(outlier).scores[0]
    assert score.low is not None and score.low < 0.52


def test_a_large_table_is_asked_for_its_rarest_records(
    outlier: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposed, "PAIRS", 1_200.0 * (1_500 + 1_900))
    found = exposed.measure(outlier).internal["exposed"]
    assert found["asked"] == 900 and found["train"] == 1_500
    assert PLACE + 1 in [line["record"] for line in found["records"]]


def test_few_fresh_records_are_listed_and_chance_is_said(clinic: Clinic, trial_of: TrialOf) -> None:
    trial = trial_of(clinic(900, 51), clinic(900, 52), clinic(900, 53))
    found = exposed.measure(trial).internal["exposed"]
    assert found["chance"] == 9
    assert len(found["records"]) < 25


@pytest.fixture(scope="module")
def group_copied(clinic: Clinic, trial_of: TrialOf) -> Trial:
    """The release is fresh, but for the women under 50, each of whom it repeats."""
    train, fresh = clinic(1_200, 61), clinic(1_200, 63)
    young = (train.frame["sex"] == "female") & (train.frame["age"].between(50, 59))
    rows = pd.concat([train.frame[young], fresh.frame[int(young.sum()) :]], ignore_index=True)
    released = Table(rows.astype(dict(fresh.frame.dtypes)), fresh.schema, "synthetic")
    return trial_of(train, clinic(1_200, 62), released, "died")


@pytest.fixture(scope="module")
def group_findings(group_copied: Trial) -> list[Findings]:
    return [m.measure(group_copied) for m in (membership, linkability, attribute)]


def test_a_group_that_is_given_away_is_named_internally(group_findings: list[Findings]) -> None:
    lines = group_findings[0].internal["membership"]
    worst = max(lines, key=lambda line: line["figure"])
    assert worst["group"] == "age 50 to 59" and worst["low"] > 0.5
    assert {line["group"] for line in lines} >= {"sex=female", "sex=male"}
    assert {k for f in group_findings for k in f.internal} == {
        "membership",
        "linkability",
        "attribute_inference",
    }


def test_groups_are_never_named_to_a_reader(group_findings: list[Findings]) -> None:
    for found in group_findings:
        text = store.to_json([found.scores, found.exhibits])
        assert "sex=" not in text and "age 50" not in text
        assert all(not s.group for s in found.scores)


def test_a_group_of_one_patient_is_no_group(group_copied: Trial) -> None:
    """Sixty stays of a woman of thirty would be a group of one, on either side."""
    encoding = group_copied.encoding
    train, holdout = group_copied.train, group_copied.holdout
    assert holdout is not None
    round_ = Round(train, holdout, group_copied.synthetic, np.arange(len(train)))
    named = {part.name: part for part in parts.named(group_copied, round_)}
    women = next(g for g in protected_groups(group_copied) if g.name == "sex=female")
    whose = np.where(women.of(encoding.values(train)), 0, np.arange(len(train)))
    alone = replace(round_, train=replace(train, patients=whose))
    left = {part.name for part in parts.named(group_copied, alone)}
    assert "sex=female" in named and "sex=female" not in left and "sex=male" in left


def test_the_worst_group_stands_above_the_mean(group_findings: list[Findings]) -> None:
    scores = {s.name: s for f in group_findings for s in f.scores}
    pairs = [
        ("membership_group_auc", "membership_auc"),
        ("linkability_group", "linkability"),
        ("attribute_inference_group", "attribute_inference"),
    ]
    for worst, mean in pairs:
        a, b = scores[worst].value, scores[mean].value
        assert a is not None and b is not None and a > b + 0.05, worst


def test_verdicts_use_the_furthest_tenth_and_the_worst_group() -> None:
    names = {g.score for g in load_policy().gates}
    for attack in ("linkability", "attribute_inference"):
        assert {f"{attack}_tenth", f"{attack}_group"} <= names
    assert {"membership_worst_auc", "membership_group_auc"} <= names


def test_outliers_that_are_copied_fail_the_tenths_gates(
    found: Callable[[str], dict[str, Score]],
) -> None:
    scores = found("outliers copied")
    verdict = judge_gates(list(scores.values()), load_policy())
    failed = {g.name for g in verdict.gates if g.status is Status.FAIL}
    assert {"linkability_tenth", "attribute_inference_tenth", "membership_worst_auc"} <= failed
    mean, tenth = scores["linkability"].value, scores["linkability_tenth"].value
    assert mean is not None and tenth is not None and tenth > mean + 0.4


def test_without_named_groups_the_reason_is_said(clinic: Clinic, trial_of: TrialOf) -> None:
    tables = [clinic(200, s).only(("stage", "crp", "albumin", "time")) for s in (1, 2, 3)]
    for measure in (membership, linkability, attribute):
        found = measure.measure(trial_of(*tables))
        group = next(s for s in found.scores if "group" in s.name)
        assert group.value is None and "no protected column" in group.note
        assert found.internal == {}


def test_f1_alone_flatters_an_attack_that_knows_nothing() -> None:
    """With four members in five, accusing everybody scores .89; the excess does not move."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=4_000), rng.normal(size=4_000)
    for members in (0.5, 0.8):
        excess = intervals.f1_excess(a, b, members)
        assert abs(excess.value) < 0.01 and excess.low < 0 < excess.high + 1e-9
    assert intervals.f1_excess(a + 99, b, 0.5).value > 0.999


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_f1_excess_does_not_hang_on_how_many_members_were_tried(share: float) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(1.5, 1, 8_000), rng.normal(size=8_000)
    whole = intervals.f1_excess(a, b, 0.5).value
    some = intervals.f1_excess(a[: int(share * 8_000)], b, 0.5)
    assert some.value == pytest.approx(whole, abs=0.05)
    found = intervals.wilson(float((a >= 0.4).sum()), 8_000)
    assert 0.2 < whole < found.value  # neither end


def test_a_control_that_is_hardly_caught_is_inconclusive(clinic: Clinic, trial_of: TrialOf) -> None:
    """Three columns of few levels: rows are alike, so even a copy gives nobody away."""
    tables = [clinic(500, s).only(("sex", "stage", "died")) for s in (1, 2, 3)]
    scores = membership.measure(trial_of(*tables)).scores
    control = scores[0].control
    assert control is not None and control < 0.9
    gates = {g.name: g for g in judge_gates(scores, load_policy()).gates}
    assert gates["membership_auc"].status is Status.INCONCLUSIVE


def test_nine_in_ten_pairs_of_a_copy_must_be_ranked() -> None:
    found = {"synthetic": Interval(0.5, 0.48, 0.52), "control": Interval(0.85, 0.83, 0.87)}
    heading = Heading("membership_auc", "Membership", "a paper", 0.5)
    gates = {}
    for reached in (0.85, 0.95):
        control = Interval(reached, reached - 0.02, reached + 0.02)
        score = heading.score({**found, "control": control}, 900)
        ruling = judge_gates([score], load_policy()).gates
        gates[reached] = next(g for g in ruling if g.name == "membership_auc")
    assert gates[0.85].status is Status.INCONCLUSIVE and "0.9 is asked" in gates[0.85].reason
    assert gates[0.95].status is Status.PASS


def test_a_memoriser_is_at_one_and_fresh_rows_at_nothing(
    found: Callable[[str], dict[str, Score]],
) -> None:
    """Risk on a memoriser about 1, on fresh data about 0, for every attack on single rows."""
    copy, fresh = found("copy"), found("none")
    risks = [
        "membership_advantage",
        "membership_f1_excess",
        "copies_exact",
        "linkability",
        "linkability_tenth",
        "attribute_inference",
        "attribute_inference_tenth",
    ]
    for name in risks:
        # with seven columns, three or four of an odd patient's may fit somebody else better
        least = 0.6 if name == "linkability_tenth" else 0.9
        assert copy[name].value is not None and copy[name].value > least, name  # type: ignore[operator]
        assert fresh[name].value is not None and fresh[name].value < 0.1, name  # type: ignore[operator]
    for name in ("membership_auc", "membership_worst_auc", "membership_group_auc"):
        assert copy[name].value is not None and copy[name].value > 0.99, name  # type: ignore[operator]


def test_random_predicates_do_worse_than_those_of_a_copy(
    release: Callable[[str], Trial],
) -> None:
    from medsynai.evaluate.attacks import singling_out

    exhibit = singling_out.measure(release("copy")).exhibits["singling_out"]
    told = exhibit["singling_out_multivariate"]
    assert told["naive"] < 0.5 < told["attack"]
