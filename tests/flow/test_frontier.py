"""The frontier: every cell once, gone on from where it stopped, and marked as internal."""

import csv
import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from medsynai.cli import cli
from medsynai.errors import FolderError, PlanError
from medsynai.flow import frontier
from medsynai.flow.frontier import Cell, Sweep, epsilons_of, points
from medsynai.flow.plan import Plan
from medsynai.report.frontier import FIGURES, frontier_page


def made_up(plan: Plan) -> dict[str, float | None]:
    base = 0.9 if plan.epsilon is None else 0.5 + 0.1 * plan.epsilon
    return dict.fromkeys(FIGURES, base + 0.01 * plan.seed)


def test_cells_are_models_where_they_can_be_fitted_seed_by_seed():
    sweep = Sweep((1.0, None), ("mst", "forest", "vae"), seeds=2)
    cells = list(sweep.cells())
    assert cells[:4] == [(0, "mst", 1.0), (0, "vae", 1.0), (0, "forest", None), (0, "vae", None)]
    assert len(cells) == 8
    assert epsilons_of("none,1") == (None, 1.0)
    for wrong in ("much", "1;2"):
        with pytest.raises(PlanError, match="epsilon"):
            epsilons_of(wrong)


def test_a_run_goes_on_where_it_stopped_and_says_that_it_is_internal(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(frontier, "_figures", lambda p: asked.append(p) or made_up(p))
    plan, out = Plan(source="x.csv", schema="c.toml", epsilon=1.0), tmp_path / "out"
    frontier.frontier(plan, Sweep((1.0,), ("mst",), 1), out)
    found = frontier.frontier(plan, Sweep((1.0, 3.0), ("mst",), 2), out)
    assert len(found) == 4 == len(asked)  # the first was not made again
    none = frontier.frontier(plan, Sweep((1.0, 9.0), ("mst",), 2, seconds=1e-9), out)
    assert len(none) == 2
    page = (out / "frontier.html").read_text()
    assert "must not leave" in page and "2 cells were left" in page and page.count("<svg") == 6
    assert "must not leave" in (out / "README.md").read_text()
    assert out.stat().st_mode & 0o077 == 0
    rows = list(csv.DictReader((out / "cells.csv").open()))
    assert [r["epsilon"] for r in rows] == ["1", "1"]
    with pytest.raises(FolderError, match="another plan"):
        frontier.frontier(Plan(source="y.csv", epsilon=1.0), Sweep((1.0,), ("mst",)), out)


def test_points_have_an_interval_over_seeds_and_none_of_one():
    cells = [Cell("mst", 1.0, s, {"c2st": v}) for s, v in enumerate((0.7, 0.8, 0.9))]
    (point,) = points(cells)
    assert (point.value, point.n) == (pytest.approx(0.8), 3)
    assert point.low == pytest.approx(0.8 - 4.3027 * 0.1 / 3**0.5, abs=1e-4)
    assert points(cells[:1])[0].low is None and points([Cell("a", None, 0, {"c2st": None})]) == []


def test_intervals_stay_where_figures_can_be_and_names_apart():
    cells = [
        Cell(model, epsilon, seed, {"c2st": value, "holdout: c2st": 0.51})
        for model in ("mst", "aim", "vae")
        for epsilon in (1.0, 10.0)
        for seed, value in enumerate((0.7, 0.98))
    ]
    found = points(cells)
    assert {(p.low, p.high) for p in found} == {(0.0, 1.0)} and len(found) == 6
    page = frontier_page(found, 0, frontier.anchors(cells))
    names = re.findall(r'y="([\d.]+)"[^>]*>(mst|aim|vae|real holdout)<', page)
    heights = sorted(float(y) for y, _ in names)
    assert len(names) == 4 and all(np.diff(heights[:3]) >= 11 - 1e-6)


def test_the_command_measures_real_releases(tmp_path):
    pytest.importorskip("opendp")
    spec = importlib.util.spec_from_file_location("p", Path(__file__).parent / "test_private.py")
    private = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(private)
    private.clinic(300).to_csv(tmp_path / "clinic.csv", index=False)
    (tmp_path / "contract.toml").write_text(private.CONTRACT.to_toml())
    common = ("frontier", tmp_path / "clinic.csv", "--schema", tmp_path / "contract.toml")
    more = ("--epsilon", 3, "--models", "mst", "--seeds", 1, "--rows", 200, "--out", tmp_path / "f")
    result = CliRunner().invoke(cli, [str(a) for a in (*common, *more, "--json")])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)["cells"][0]["figures"]
    assert 0 < figures["tvd_pairs"] < 1 and 0 <= figures["membership_tpr_1"] <= 1
