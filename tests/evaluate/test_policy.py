"""Gates: what passes, what fails, what cannot be decided, and the sentence that says so."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynai import store
from medsynai.errors import PlanError
from medsynai.evaluate.policy import (
    Gate,
    Policy,
    Proof,
    Severity,
    Status,
    judge_gates,
    load_policy,
)
from medsynai.evaluate.score import Family, Score

GATE = Gate("risk", 0.09, "a standard")
GOOD = Score("risk", "Risk", Family.PRIVACY, 0.01, "low", 900, "paper", -0.01, 0.03, control=0.6)


def status(score: Score | None, gate: Gate = GATE) -> Status:
    scores = [] if score is None else [score]
    return judge_gates(scores, Policy("test", (gate,))).gates[0].status


def test_only_an_attack_must_catch_a_copy() -> None:
    """A copy that is as good as real rows speaks against no measure of likeness."""
    alike = replace(GOOD, family=Family.FIDELITY, control=0.01)
    assert status(alike) is Status.PASS
    assert status(replace(alike, family=Family.PRIVACY)) is Status.INCONCLUSIVE


def at(value: float, low: float, high: float) -> Score:
    return replace(GOOD, value=value, low=low, high=high)


def test_the_interval_decides() -> None:
    assert status(GOOD) is Status.PASS
    assert status(at(0.05, 0.01, 0.12)) is Status.WARN
    assert status(at(0.11, 0.05, 0.17)) is Status.WARN
    assert status(at(0.20, 0.10, 0.30)) is Status.FAIL
    assert status(at(0.11, 0.05, 0.17), replace(GATE, fails_when=Proof.MEASURED)) is Status.FAIL
    assert status(at(0.05, 0.01, 0.12), replace(GATE, fails_when=Proof.POSSIBLE)) is Status.FAIL


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (at(0.05, 0.01, 0.12), "but its interval reaches 0.12"),
        (at(0.11, 0.05, 0.17), "past it, but its interval begins at 0.05"),
    ],
)
def test_a_warning_says_which_end_is_in_doubt(score: Score, said: str) -> None:
    assert judge_gates([score], Policy("test", (GATE,))).gates[0].reason.endswith(said)


def test_a_floor_reads_the_other_end() -> None:
    gate = store.from_toml(
        Policy,
        'title = "t"\n[[gates]]\nscore = "risk"\nlimit = 1.0\nrule = "at least"\nsource = "s"\n',
    ).gates[0]
    assert status(replace(at(1.0, 1.0, 1.0), control=None), gate) is Status.PASS
    assert status(replace(at(0.9, 0.8, 0.95), control=None), gate) is Status.FAIL


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (None, Status.NOT_ASSESSED),
        (replace(GOOD, value=None, note="not assessed: needs a holdout"), Status.NOT_ASSESSED),
        (replace(GOOD, value=float("nan")), Status.NOT_ASSESSED),
        (replace(GOOD, information=True), Status.NOT_ASSESSED),
        (replace(GOOD, group="sex=female"), Status.NOT_ASSESSED),
        (replace(GOOD, note="inconclusive: the attack missed"), Status.INCONCLUSIVE),
        (replace(GOOD, control=0.05), Status.INCONCLUSIVE),
    ],
)
def test_what_is_not_known_is_no_pass(score: Score | None, expected: Status) -> None:
    scores = [] if score is None else [score]
    verdict = judge_gates(scores, Policy("test", (GATE,)))
    assert verdict.gates[0].status is expected
    assert not verdict.passed and verdict.status is expected
    assert verdict.sentence.startswith("Cannot be passed: 1 of 1 gates could not be decided")


def test_a_fail_needs_no_strong_control_but_one_that_is_caught() -> None:
    """An attack that does badly on the plain copy may fail a release; one without power may not.

    Once singling out on a tiny table failed a gate beside the word "inconclusive".
    """
    assert status(replace(at(0.5, 0.4, 0.6), control=0.05)) is Status.FAIL
    powerless = replace(at(0.5, 0.4, 0.6), control=0.0, note="inconclusive: it misses the copy")
    ruling = judge_gates([powerless], Policy("test", (GATE,))).gates[0]
    assert ruling.status is Status.INCONCLUSIVE and not ruling.passed
    assert "0.5, limit at most 0.09: past it" in ruling.reason
    assert status(powerless, replace(GATE, needs_control=False)) is Status.FAIL


def test_a_gate_without_a_figure_has_a_name_for_people() -> None:
    gates = (replace(GATE, title="Risk of the test"), replace(GATE, score="worst_case_risk"))
    found = judge_gates([], Policy("test", gates)).gates
    assert [g.title for g in found] == ["Risk of the test", "worst case risk"]
    default = {g.name: g.title for g in judge_gates([], load_policy()).gates}
    assert "_" not in "".join(default.values())
    assert default["utility_gap"] == "Loss by training on synthetic instead of real rows"


def test_a_pass_says_what_was_not_decided() -> None:
    """Once a release passed with warnings and its sentence hid that attacks had told nothing."""
    light = replace(GATE, score="b", severity=Severity.WARN)
    powerless = replace(GOOD, name="b", note="inconclusive: it misses the copy")
    gates = (GATE, light, replace(GATE, score="c", required=False))
    verdict = judge_gates([GOOD, powerless], Policy("test", gates))
    assert verdict.passed
    assert verdict.sentence.endswith("; 1 is inconclusive and 1 is not assessed.")
    assert judge_gates([GOOD], Policy("t", (GATE,))).sentence.endswith("are kept.")


def test_a_warning_gate_never_stands_in_the_way() -> None:
    gate = replace(GATE, severity=load_policy().gates[-1].severity)
    for score in (None, at(0.5, 0.4, 0.6), replace(GOOD, control=0.0)):
        verdict = judge_gates([score] if score else [], Policy("test", (gate,)))
        assert verdict.passed and verdict.status is not Status.FAIL


def test_a_limit_by_the_holdout_moves_with_it() -> None:
    gate = replace(GATE, limit=2.0, of_holdout=True, needs_control=False)
    score = replace(at(0.08, 0.07, 0.09), holdout=0.05)
    assert status(score, gate) is Status.PASS
    assert status(replace(score, holdout=0.03), gate) is Status.FAIL
    assert status(replace(score, holdout=None), gate) is Status.NOT_ASSESSED


def test_a_limit_between_the_anchors_catches_what_is_near_the_shuffled_table() -> None:
    """A copula at .140 beside shuffled columns at .138 passed with twice the holdout allowed."""
    gate = next(g for g in load_policy().gates if g.score == "tvd_pairs")
    score = replace(
        GOOD, name="tvd_pairs", value=0.140, low=0.13, high=0.15, holdout=0.075, shuffled=0.138
    )
    assert status(score, gate) is Status.WARN
    assert status(replace(score, value=0.080, low=0.07, high=0.12), gate) is Status.PASS
    for shuffled in (None, 0.07):
        assert status(replace(score, shuffled=shuffled), gate) is Status.NOT_ASSESSED


def test_all_rows_lawful_is_a_pass_however_wide_the_interval() -> None:
    gate = next(g for g in load_policy().gates if g.score == "validity")
    score = replace(GOOD, name="validity", value=1.0, low=0.93, high=1.0, control=None)
    assert status(score, gate) is Status.PASS
    assert status(replace(score, value=0.999, low=0.99), gate) is Status.FAIL


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [("utility_gap", 0.01, 0.2), ("worst_group_tvd", 0.01, 0.08), ("worst_group_auroc", 0.04, 0.2)],
)
def test_what_models_need_is_a_warning(name: str, good: float, bad: float) -> None:
    gate = next(g for g in load_policy().gates if g.score == name)
    for value, expected in ((good, Status.PASS), (bad, Status.WARN)):
        score = replace(GOOD, name=name, value=value, low=value - 0.3, high=value + 0.3)
        assert status(replace(score, control=None), gate) is expected


def test_the_sentence_names_what_failed() -> None:
    verdict = judge_gates([at(0.5, 0.4, 0.6)], Policy("test", (GATE, replace(GATE, score="x"))))
    assert not verdict.passed
    assert verdict.sentence == "Does not pass: 1 of 2 gates fails: Risk (0.5, limit at most 0.09)."
    assert judge_gates([GOOD], Policy("t", (GATE,))).sentence.startswith("Passes: all 1 gate")
    assert not judge_gates([GOOD], Policy("t", ())).passed


@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_worse_score_never_stands_better(value: float, below: float, above: float) -> None:
    order = [Status.PASS, Status.WARN, Status.FAIL]
    first = status(at(value, value - below, value + above))
    worse = status(at(value + 0.05, value + 0.05 - below, value + 0.05 + above))
    assert order.index(worse) >= order.index(first)


def test_the_default_policy_gives_every_limit_a_source() -> None:
    policy = load_policy()
    assert all(len(g.source) > 20 for g in policy.gates)
    assert {"membership_auc", "linkability", "copies_exact", "validity"} <= {
        g.score for g in policy.gates
    }
    assert store.from_toml(Policy, store.to_toml(policy)) == policy


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('title = "t"\n[[gates]]\nscore = "a"\nlimit = 1.0\n', "source"),
        ('title = "t"\n[[gates]]\nscore = "a"\nlimit = 1.0\nsource = " "\n', "where its limit"),
        ('title = "t"\n[[gates]]\nscore = "a"\nlimit = nan\nsource = "s"\n', "finite"),
        ('title = "t"\n[[gates]]\nscore = "a"\nlimt = 1.0\nsource = "s"\n', "unknown key 'limt'"),
        (
            'title = "t"\n[[gates]]\nscore = "a"\nlimit = 1\nsource = "s"\nrule = "under"\n',
            "one of",
        ),
        (
            'title = "t"\n[[gates]]\nscore = "a"\nlimit = 1.0\nsource = "s"\n'
            "of_holdout = true\nto_shuffled = true\n",
            "contradict",
        ),
        ("gates = [", "not valid TOML"),
        ('title = "t"\n' + '[[gates]]\nscore = "a"\nlimit = 1.0\nsource = "s"\n' * 2, "more than"),
    ],
)
def test_a_wrong_policy_file_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(PlanError, match=says):
        load_policy(path)


def test_an_absent_policy_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"nowhere\.toml"):
        load_policy(tmp_path / "nowhere.toml")
