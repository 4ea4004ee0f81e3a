"""A small real cell never reaches a document, wherever it hides."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsynai.evaluate.score import Family, Score
from medsynai.report import card, html
from medsynai.report.evidence import Evidence
from medsynai.report.suppress import withhold, withhold_group

PLANTED = 7
HIDING = [
    {"levels": ["a", "b"], "real": [4000, PLANTED], "synthetic": [3990, 17]},
    {"levels": ["a", "b"], "real": [0.9985, round(PLANTED / 4552, 4)], "n_real": 4552},
    {"levels": ["a", "b"], "real": [4000.0, 7.0], "synthetic": [3990.0, 17.0]},
    [{"group": "race=asian", "n": PLANTED, "tvd": 0.4}],
    {"real": {"time": [0.5, 9.5], "at_risk": [90, PLANTED]}},
    {"by_site": {"north": {"patients": PLANTED}}},
    {"holdout_rows": PLANTED},
    {"grid": [[1]], "train": [[0.2, 0.0003]], "n": 20000},
    {"edges": [0, 1, 2], "real": [0.9, 0.1], "missing_real": 0.0015, "n_real": 4552},
]


@pytest.mark.parametrize("exhibit", HIDING)
def test_a_planted_small_cell_is_withheld_everywhere(evidence: Evidence, exhibit: object) -> None:
    found = replace(evidence, exhibits={"histograms": exhibit, "kept": {"real": [40, 50]}})
    assert list(found.shown.exhibits) == ["kept"]
    assert "fewer than 11 real rows" in found.shown.withheld["histograms"]
    record = json.loads(found.to_json())
    assert list(record["exhibits"]) == ["kept"] and "histograms" in record["withheld"]
    page = html.render(found)
    assert "withheld: a figure at" in page and 'class="swatch' not in page
    assert "withheld" not in card.card(found)


def test_a_group_of_few_rows_is_named_and_nothing_else(evidence: Evidence) -> None:
    score = Score("g", "Gap", Family.FAIRNESS, 0.4321, "low", 10, "", group="site=north")
    found = replace(evidence, scores=(score, replace(score, group="site=south", n=11)))
    for text in (html.render(found), card.card(found), found.to_json()):
        assert text.count("0.432") == 1
        assert "site=north" in text and "fewer than 11 rows" in text
    assert [s["n"] for s in json.loads(found.to_json())["scores"]] == [0, 11]


def test_a_group_that_nobody_judged_keeps_its_own_reason() -> None:
    score = Score("g", "Gap", Family.FAIRNESS, None, "low", 0, "", group="a=b", note="too few")
    assert withhold_group(score) == score
    assert withhold_group(replace(score, value=0.1)).value is None


HARMLESS = [
    {"levels": ["a", "b"], "real": [4000, 0], "synthetic": [3, 9]},
    {"levels": ["a", "b"], "real": [0.9976, round(11 / 4552, 5)], "n_real": 4552},
    {"levels": ["a"], "real": [1.0], "synthetic": [1.0], "n_real": 30},
    {"columns": ["a", "b"], "real": [[1.0, 0.001], [0.001, 1.0]], "synthetic": [[1.0, 0.2]]},
    [{"column": "a", "importance": 0.004, "n_synthetic": 3}],
    {"real": {"time": [0.5, 9.5], "survival": [1.0, 0.2], "at_risk": [900, 11]}},
    {"edges": [1.0, 2.0, 3.0], "real": [None, 0.5], "synthetic": [0.1, 0.4], "n_real": 500},
    {"edges": [0, 1, 2], "real": [0.9, 0.1], "missing_real": round(11 / 50883, 4), "n": 50883},
]


@pytest.mark.parametrize("exhibit", HARMLESS)
def test_what_holds_no_small_cell_is_shown(exhibit: object) -> None:
    assert withhold({"x": exhibit}).exhibits == {"x": exhibit}


NESTS = st.recursive(
    st.just(None),
    lambda inner: (
        st.tuples(st.sampled_from(["a", "panel", "sites"]), inner) | st.tuples(st.just("[]"), inner)
    ),
    max_leaves=4,
)


@given(NESTS, st.sampled_from(["real", "n", "train_rows", "at_risk"]), st.integers(1, 10))
def test_a_small_count_is_found_at_any_depth(nest: object, key: str, count: int) -> None:
    exhibit: object = {key: [5000, count]}
    while isinstance(nest, tuple):
        name, nest = nest
        exhibit = [exhibit] if name == "[]" else {name: exhibit}
    assert withhold({"x": exhibit}).exhibits == {}
    assert str(count) not in withhold({"x": exhibit}).withheld["x"].replace("11", "")
