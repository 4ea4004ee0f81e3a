"""Odd tables: a reason instead of a figure, never a crash, and nothing real in what is shown."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from medsynai import store
from medsynai.data.schema import Column, Kind, Role, Schema
from medsynai.data.table import Table
from medsynai.evaluate.attacks import attribute, copies, identity, singling_out
from medsynai.evaluate.attacks.predicates import Shelf
from medsynai.evaluate.attacks.singling_out import multivariate, univariate
from medsynai.evaluate.score import Findings
from medsynai.evaluate.trial import Trial

Attack = Callable[[Trial], list[Findings]]
TrialOf = Callable[..., Trial]


def assessed(found: list[Findings]) -> dict[str, bool]:
    """Whether each score has a figure; one without it must say why."""
    scores = [s for f in found for s in f.scores]
    for score in scores:
        assert (score.value is not None) != score.note.startswith("not assessed: "), score
        figures = (score.value, score.low, score.high, score.holdout, score.control)
        assert all(x is None or np.isfinite(x) for x in figures), score
    return {s.name: s.value is not None for s in scores}


def odd(name: str) -> tuple[pd.DataFrame, Schema]:
    rng, n = np.random.default_rng(8), 240
    number, level = rng.normal(size=n).round(2), pd.Categorical(rng.choice(["a", "b"], n))
    frames: dict[str, dict[str, Any]] = {
        "one number": {"x": number},
        "one level": {"c": level},
        "all missing": {"x": np.full(n, np.nan), "y": np.full(n, np.nan)},
        "partly all missing": {"x": np.full(n, np.nan), "y": number, "c": level},
        "constant": {"x": np.full(n, 3.0), "c": pd.Categorical(["a"] * n)},
        "ten thousand levels": {"c": pd.Categorical([f"l{i}" for i in range(n)]), "x": number},
        "enormous": {"x": number * 1e300, "y": number, "c": level},
    }
    frame = pd.DataFrame(frames[name])
    kinds = [
        Column(c, Kind.CONTINUOUS if frame[c].dtype == float else Kind.CATEGORICAL) for c in frame
    ]
    return frame, Schema(tuple(kinds))


@pytest.mark.parametrize(
    "name",
    [
        "one number",
        "one level",
        "all missing",
        "partly all missing",
        "constant",
        "ten thousand levels",
        "enormous",
    ],
)
@pytest.mark.filterwarnings("error")
def test_odd_tables_are_judged_or_say_why_not(
    findings: Attack, trial_of: TrialOf, name: str
) -> None:
    frame, schema = odd(name)
    parts = [Table(frame.iloc[i::3].reset_index(drop=True), schema) for i in range(3)]
    told = assessed(findings(trial_of(*parts)))
    wide = sum(frame[c].nunique(dropna=False) > 1 for c in frame)
    assert told["linkability"] is (wide >= 2)
    assert told["membership_auc"] is (wide >= 1)


@pytest.mark.parametrize("sizes", [(19, 60, 60), (60, 5, 60), (60, 60, 0)])
def test_too_few_rows_are_not_assessed(
    findings: Attack,
    trial_of: TrialOf,
    clinic: Callable[[int, int], Table],
    sizes: tuple[int, ...],
) -> None:
    parts = [clinic(60, seed).rows(np.arange(n)) for seed, n in enumerate(sizes)]
    assert not any(assessed(findings(trial_of(*parts))).values())


def test_thirty_rows_are_judged_with_wide_intervals(
    findings: Attack, trial_of: TrialOf, clinic: Callable[[int, int], Table]
) -> None:
    found = findings(trial_of(clinic(30, 1), clinic(30, 2), clinic(30, 3), "died"))
    assert assessed(found)["membership_auc"]
    score = found[0].scores[0]
    assert score.low is not None and score.high is not None and score.high - score.low > 0.2


def test_without_a_holdout_nothing_is_guessed(
    findings: Attack, trial_of: TrialOf, clinic: Callable[[int, int], Table]
) -> None:
    found = findings(trial_of(clinic(200, 1), None, clinic(200, 3)))
    assert not any(assessed(found).values())
    assert all("needs a holdout" in s.note for f in found for s in f.scores[:1])


def test_exhibits_hold_rates_and_never_a_cell(
    findings: Attack, trial_of: TrialOf, clinic: Callable[[int, int], Table]
) -> None:
    """Every number of the real rows is a marker that must not turn up in scores or exhibits."""
    marked = []
    for seed in (1, 2):
        table = clinic(150, seed)
        frame = table.frame.assign(crp=777_000.125 + np.arange(150), time=888_000.25)
        frame["stage"] = pd.Categorical(["SECRETLEVEL"] * 75 + ["OTHERSECRET"] * 75)
        marked.append(Table(frame, table.schema))
    copied = Table(marked[0].frame, marked[0].schema, "synthetic")
    text = store.to_json(findings(trial_of(*marked, copied, "died")))
    json.loads(text)
    for marker in (r"777[01]\d\d\.", "888000", "SECRET"):
        assert not re.search(marker, text.replace("\n", ""))


def test_same_seeds_same_scores(
    findings: Attack, trial_of: TrialOf, clinic: Callable[[int, int], Table]
) -> None:
    def run() -> str:
        return store.to_json(
            findings(trial_of(clinic(120, 1), clinic(120, 2), clinic(120, 3), "died"))
        )

    assert run() == run()


def test_predicates_fit_one_synthetic_row_each(clinic: Callable[[int, int], Table]) -> None:
    frame = clinic(300, 5).frame
    rows = Shelf.of(np.array([frame[c].to_numpy(float) for c in ("age", "crp", "albumin", "time")]))
    is_level, rng = np.zeros(4, bool), np.random.default_rng(0)
    several = multivariate(rows, is_level, rng)
    assert len(several) > 500
    assert {len(rows.matching(p)) for p in several[:300]} == {1}
    equal = [p for p in univariate(rows, is_level, rng) if p[0].sign == 0]
    assert {len(rows.matching(p)) for p in equal} == {1}


def test_a_smaller_holdout_neither_hides_nor_invents_singling_out(
    clinic: Callable[[int, int], Table], trial_of: TrialOf
) -> None:
    train, holdout = clinic(900, 1), clinic(225, 2)
    by_name = {}
    for name, synthetic in (("fresh", clinic(900, 3)), ("copy", train)):
        scores = singling_out.measure(trial_of(train, holdout, synthetic)).scores
        by_name[name] = next(s for s in scores if s.name == "singling_out_multivariate")
    fresh, copy = by_name["fresh"], by_name["copy"]
    assert fresh.low is not None and fresh.low < 0 < (fresh.high or 0)
    assert copy.low is not None and copy.low > 0.5


def test_few_rows_that_can_be_set_apart_are_no_thousand_pieces_of_evidence(
    clinic: Callable[[int, int], Table], trial_of: TrialOf
) -> None:
    """Two columns of few levels: a handful of predicates, once asked hundreds of times each."""
    parts = [clinic(120, seed) for seed in (1, 2, 3)]
    coarse = [t.frame.assign(age=(t.frame["age"] // 5) * 5)[["age", "stage"]] for t in parts]
    schema = parts[0].only(("age", "stage")).schema
    tables = [Table(f, schema) for f in coarse]
    for score in singling_out.measure(trial_of(*tables)).scores:
        asked = re.match(r"(?:inconclusive.*; )?(\d+) predicates", score.note)
        if score.value is not None:
            assert asked and int(asked[1]) < 200 and (score.high or 0) - (score.low or 0) > 0.1


def test_rows_that_are_alike_by_nature_are_not_called_copies(
    clinic: Callable[[int, int], Table], trial_of: TrialOf
) -> None:
    parts = [clinic(400, seed).only(("sex", "stage", "died")) for seed in (1, 2, 3)]
    scores = {s.name: s for s in copies.measure(trial_of(*parts)).scores}
    exact = scores["copies_exact"]
    assert "100.00% of synthetic rows" in exact.note or "99." in exact.note
    assert exact.low is not None and exact.low <= 0


def test_near_copies_are_found_within_the_tolerance_only(
    clinic: Callable[[int, int], Table], trial_of: TrialOf
) -> None:
    train, holdout = clinic(400, 1), clinic(400, 2)
    by_shift = {}
    for shift in (0.5, 500.0):
        moved = train.frame.assign(time=train.frame["time"] + shift)
        synthetic = Table(moved, train.schema, "synthetic")
        scores = {s.name: s for s in copies.measure(trial_of(train, holdout, synthetic)).scores}
        by_shift[shift] = scores["copies_near"].value or 0.0
        assert abs(scores["copies_exact"].value or 0.0) < 0.01
    assert by_shift[0.5] > 0.9 and by_shift[500.0] < 0.1


def test_quasi_identifiers_are_used_where_the_schema_declares_them(
    clinic: Callable[[int, int], Table], trial_of: TrialOf
) -> None:
    train, holdout = clinic(400, 1), clinic(400, 2)
    schema = train.schema.replacing(
        *(replace(train.schema[c], role=Role.QUASI) for c in ("age", "crp", "time"))
    )
    parts = [Table(t.frame, schema) for t in (train, holdout, train)]
    scores = {s.name: s for s in attribute.measure(trial_of(*parts, "died")).scores}
    quasi = scores["attribute_inference_quasi"].value
    assert quasi is not None and quasi > 0.8  # the copy tells everything
    fresh = [Table(t.frame, schema) for t in (train, holdout, clinic(400, 3))]
    risk = {name: identity.measure(trial_of(*p)).scores[0] for name, p in
            (("copy", parts), ("fresh", fresh))}  # fmt: skip
    assert (risk["copy"].value or 0) > 0.5 > 0.09 > (risk["fresh"].value or 0)
