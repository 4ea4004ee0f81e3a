"""No picture shows a real cell of fewer than eleven rows, nor lets one be had by subtraction."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.evaluate import histograms, marginals, projection, survival
from medsynai.evaluate.histograms import merged_edges, nice_edges
from medsynai.evaluate.trial import Trial

SMALL = 11
LEVELS = ("common", "rare", "rarer", "two")


def _planted(n: int) -> tuple[Schema, pd.DataFrame]:
    """A level on 3 rows, one on 9, 4 missing values, 7 far outliers, one near-empty column."""
    rng = np.random.default_rng(0)
    schema = Schema(
        (
            Column(
                "dx", Kind.CATEGORICAL, categories=("common", "rare", "rarer", "two"), missing=True
            ),
            Column("lab", Kind.CONTINUOUS, missing=True),
            Column("seldom", Kind.CONTINUOUS, missing=True),
        )
    )
    dx = np.array(["common"] * (n - 72) + ["two"] * 60 + ["rare"] * 9 + ["rarer"] * 3, dtype=object)
    lab = rng.normal(size=n)
    lab[:7], lab[7:11] = 40.0, np.nan
    seldom = np.full(n, np.nan)
    seldom[:6] = 1.5
    return schema, pd.DataFrame({"dx": dx, "lab": lab, "seldom": seldom})


@pytest.fixture(scope="module")
def planted(table_of: Callable[..., Table], trial_of: Callable[..., Trial]) -> Trial:
    schema, frame = _planted(400)
    table = table_of(frame, schema)
    return trial_of(
        table, table_of(frame.sample(frac=1, random_state=1).reset_index(drop=True), schema), table
    )


def test_rare_level_outliers_and_few_missing_are_merged(planted: Trial) -> None:
    shown = {e["column"]: e for e in histograms.measure(planted).exhibits["histograms"]}
    assert "seldom" not in shown, "six values fill no bin that may be shown"
    assert shown["dx"]["levels"] == ["common", "two", "other (2 levels)"]
    assert [round(s * 400) for s in shown["dx"]["real"]] == [328, 60, 12]
    lab = shown["lab"]
    counts = [round(s * 400) for s in lab["real"]]
    assert min(counts) >= SMALL and sum(counts) == 400 and lab["missing_real"] == 0
    columns = {c["column"]: c for c in marginals.measure(planted).exhibits["columns"]}
    assert columns["lab"]["missing_real"] is None and columns["seldom"]["missing_real"] is None
    assert columns["dx"]["missing_real"] == 0.0


CELLS = st.sampled_from([0.0, 1.0, 2.0, 5.0, 99.0, 1e6]) | st.floats(-50, 50)


@settings(max_examples=60, deadline=None)
@given(st.lists(CELLS, min_size=11, max_size=120))
def test_every_merged_bin_holds_eleven(values: list[float]) -> None:
    cells = np.array(values)
    edges = merged_edges(cells, nice_edges(cells), np.arange(len(cells)))
    assert (np.diff(edges) > 0).all()
    place = np.searchsorted(edges[1:-1], cells, "right")
    assert np.bincount(place, minlength=len(edges) - 1).min() >= SMALL


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=20), st.integers(0, 30))
def test_every_shown_level_holds_eleven(counts: list[int], missing: int) -> None:
    real = np.repeat(np.arange(len(counts), dtype=float), counts)
    real = np.r_[real, np.full(missing, np.nan)]
    if len(real) < SMALL:
        return
    names = tuple(f"L{i}" for i in range(len(counts)))
    column = Column("x", Kind.CATEGORICAL, categories=names, missing=True)
    entry = histograms._levels(column, names, (real, np.arange(len(real))), real)
    assert entry is not None
    shown = [round(s * len(real)) for s in entry["real"]]
    assert sum(shown) == len(real)
    assert min(shown) >= SMALL


def test_grids_are_blank_where_few_patients_are(fair_trial: Trial) -> None:
    for name, found in (
        ("pca", projection.measure(fair_trial)),
        ("tsne", projection.measure_tsne(fair_trial)),
    ):
        grid = found.exhibits[name]
        cells = [v for row in grid["real"] for v in row]
        shown = [round(v * grid["n_real"]) for v in cells if v is not None]
        assert shown and min(shown) >= SMALL
        assert cells.count(None) != 1 or sum(shown) == grid["n_real"]
        assert sum(v for row in grid["synthetic"] for v in row) == pytest.approx(1, abs=0.01)


def test_pictures_are_the_same_twice(fair_trial: Trial) -> None:
    once, twice = (projection.measure_tsne(replace(fair_trial)) for _ in range(2))
    assert once == twice


def test_a_lone_blank_cell_takes_another_with_it() -> None:
    side = 5
    points = np.array([(i, j) for i in range(side) for j in range(side) for _ in range(20)], float)
    points = np.delete(points, np.arange(240, 255), axis=0)  # the middle cell keeps five rows
    grid = projection.grids(points, points, np.arange(len(points)))
    assert sum(v is None for row in grid["real"] for v in row) != 1


def test_survival_curves_stop_where_few_are_at_risk(fair_trial: Trial) -> None:
    (curve,) = survival.measure(fair_trial).exhibits["km"]
    at_risk = [n for n in curve["real"]["at_risk"] if n is not None]
    assert at_risk and min(at_risk) >= SMALL


def test_the_reports_guard_withholds_nothing(planted: Trial, fair_trial: Trial) -> None:
    from medsynai.evaluate.panel import judge
    from medsynai.report.suppress import withhold

    wanted = ["variation", "survival", "groups", "marginals", "association", "histograms", "pca"]
    for trial in (planted, fair_trial):
        assert withhold(judge(trial, wanted).exhibits).withheld == {}
