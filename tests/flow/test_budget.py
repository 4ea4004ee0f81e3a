"""A time budget changes a model before its fit, or refuses; nothing here waits for a clock."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.mixture import GaussianMixture

from medsynai.copula.copula import Copula
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.table import Table
from medsynai.errors import PlanError
from medsynai.evaluate.glance import Glance
from medsynai.flow import arena as arenas
from medsynai.flow import budget
from medsynai.flow.arena import Arena
from medsynai.flow.budget import cut_by, parse_seconds, within
from medsynai.flow.choose import candidates_for, choose
from medsynai.flow.settings import model_of, parse_settings
from medsynai.forest.forest import Forest
from medsynai.learn import clock, rest
from medsynai.learn.clock import Clock
from medsynai.learn.core import Phase
from medsynai.learn.desk import Desk, at_desk
from medsynai.learn.job import Job, Pace
from medsynai.learn.priors import _mixture
from medsynai.learn.rest import Rest
from medsynai.models.catalog import load_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds


def table(rows: int = 4000) -> Table:
    rng = np.random.default_rng(1)
    x = rng.standard_normal(rows)
    frame = pd.DataFrame({"x": x, "y": x + 0.3 * rng.standard_normal(rows)})
    return Table(frame, Schema(tuple(Column(name, Kind.CONTINUOUS) for name in frame)))


@pytest.fixture
def machine(monkeypatch):
    """A machine on which a fit takes 1 ms a row and tree, and nothing else takes time."""
    asked = []

    def seconds(model, table, seeds, rows):
        asked.append(rows)
        return 1e-3 * rows * getattr(model, "trees", 1)

    monkeypatch.setattr(budget, "_seconds", seconds)
    monkeypatch.setattr(budget, "perf_counter", lambda: 0.0)
    return asked


def test_a_forest_grows_as_many_trees_as_there_is_time_for(machine):
    grown = within(Forest(), 20.0, table(), Seeds(0))  # four seconds a tree, a fifth kept in hand
    assert grown == Forest(trees=4)
    assert max(machine) <= 1000
    assert within(Forest(), 51.0, table(), Seeds(0)) == Forest()
    assert f"4 of {Forest().trees} trees" in cut_by(Forest(), grown, "")
    with pytest.raises(PlanError, match=r"too small: a forest of one tree needs about 4 s"):
        within(Forest(), 4.9, table(), Seeds(0))
    machine.clear()
    with pytest.raises(PlanError, match="took 1 s for 1,000 rows"):
        within(Forest(), 1.2, table(), Seeds(0))
    assert machine == [budget.COLD, 1000]
    for late in (4.9, -1.0):
        assert within(Forest(), late, table(), Seeds(0), always=True) == Forest(trees=1)


@pytest.mark.parametrize(("model", "enough"), [(Forest(trees=1), 6.0), (Copula(), 6.0)])
def test_what_a_process_s_first_fit_takes_longer_is_no_part_of_the_forecast(
    monkeypatch, model, enough
):
    """It loads libraries: once that made a forest of 3 s look like one of 9, and no model fit."""
    fits = []

    def seconds(model, table, seeds, rows):
        fits.append(rows)
        return 1e-3 * rows * getattr(model, "trees", 1) + 5.0 * (len(fits) == 1)

    monkeypatch.setattr(budget, "_seconds", seconds)
    monkeypatch.setattr(budget, "perf_counter", lambda: 0.0)
    assert within(model, enough, table(), Seeds(0)) == model


def test_other_models_are_refused_where_all_rows_would_take_too_long(machine):
    assert within(Copula(), 5.1, table(), Seeds(0)) == Copula()
    with pytest.raises(PlanError, match="needs about 4 s"):
        within(Copula(), 4.9, table(), Seeds(0))


def test_a_network_is_given_the_clock_and_keeps_a_stricter_one():
    vae = load_model("vae")
    assert within(vae, 10.0, table(), Seeds(0)).pace == replace(vae.pace, seconds=10.0)
    strict = replace(vae, pace=replace(vae.pace, seconds=2.0))
    assert within(strict, 9.0, table(), Seeds(0)) == strict


def test_no_time_left_is_said():
    for model in (Forest(), Copula(), load_model("vae")):
        with pytest.raises(PlanError, match="used up before"):
            within(model, 0.0, table(), Seeds(0))


def test_a_probe_is_a_real_fit():
    assert budget._seconds(Copula(), table(300), Seeds(0), 200) > 0


@pytest.fixture
def ticking(monkeypatch):
    """A clock that a test moves."""
    now = [0.0]
    monkeypatch.setattr(clock, "perf_counter", lambda: now[0])
    return now


def phased(seconds: float | None, *rounds: int) -> Job:
    phases = tuple(Phase((), r) for r in rounds)
    return Job(None, phases, 0, Pace(batch=10, seconds=seconds))


def test_too_small_a_budget_is_refused_after_a_few_rounds(ticking):
    slow, done = Clock(phased(10.0, 1000), 10_000, 0.0), 0  # 1000 rounds an epoch, a second each
    with pytest.raises(PlanError, match=r"too small for one pass .* about 17m at .*: 34m should"):
        for _ in range(clock.TRIED + 1):
            ticking[0] += 1.0
            done = slow.after(done)
    assert done < clock.TRIED


def test_phases_share_the_time_by_their_rounds(ticking):
    shared, done, last = Clock(phased(100.0, 300, 100), 50, 0.0), 0, None
    while not shared.over:
        ticking[0] += 0.5
        done = shared.after(done)
        last = last or (ticking[0] if done >= 300 else None)
    assert last == 56.5  # of 75 s, three quarters for three quarters of the rounds
    shared.check(done)
    unseen = Clock(phased(100.0, 300, 100), 10_000, 0.0)
    with pytest.raises(PlanError, match=r"one pass .* about \d+m at .*: \d+m should be enough"):
        unseen.check(done)
    never = Clock(phased(10.0, 300, 100), 10_000, 0.0)  # the last phase was not reached
    with pytest.raises(PlanError, match=r"\d+m should be enough"):
        never.check(10)


def test_what_follows_training_is_done_on_as_many_rows_as_there_is_time_for(monkeypatch):
    now, done = [100.0], []
    monkeypatch.setattr(rest, "perf_counter", lambda: now[0])

    def costly(rows: int) -> int:  # 1 ms a row
        now[0] += 1e-3 * rows
        done.append(rows)
        return rows

    assert Rest().work(costly, 9_000, 1.0) == 9_000  # no clock, no probe
    limited = Rest(ends=now[0] + 2.5, since=now[0])
    assert limited.work(costly, 9_000, 0.5) == 800  # of 2 s left a half, and a fifth in hand
    assert limited.over(0.5) and not limited.over(0.55) and not Rest().over(0.0)
    assert limited.work(costly, 9_000, 0.5) == rest.FIRST  # too late for more
    assert done == [9_000, 500, 800, 500] and now[0] < limited.ends


def test_a_prior_out_of_time_has_had_a_step_and_one_in_time_all(monkeypatch):
    z, fits = np.random.default_rng(0).standard_normal((400, 3)), []
    fit = GaussianMixture.fit
    monkeypatch.setattr(GaussianMixture, "fit", lambda self, x: fits.append(1) or fit(self, x))
    whole = _mixture(z, 4, 1)
    assert len(fits) == 1
    with at_desk(Desk(rest=Rest(ends=0.0, since=0.0))):
        early = _mixture(z, 4, 1)
    assert len(fits) == 2 and np.isfinite(early[1]).all()
    assert np.abs(early[1] - whole[1]).max() > 1e-3
    with at_desk(Desk(rest=Rest(ends=1e12, since=0.0))):
        late = _mixture(z, 4, 1)
    assert len(fits) > 3 and np.allclose(late[1], whole[1])


def test_without_a_budget_nothing_is_ever_over(ticking):
    free = Clock(phased(None, 5), 10, 0.0)
    ticking[0] = 1e9
    assert not free.over and free.after(0) == 1 and free.behind(1) == 0.2


def test_a_run_that_time_ends_fades_by_the_time(ticking):
    """A rate that fell by rounds alone would never fall where the time is over long before."""
    run = Clock(phased(40 / 3, 100), 10, 0.0)  # 10 s of it are for training
    assert run.behind(30) == 0.3
    ticking[0] = 8.0
    assert run.behind(30) == pytest.approx(0.8) and run.behind(90) == 0.9
    ticking[0] = 11.0
    assert run.behind(30) == 1.0


def test_times_are_read_with_units():
    assert [parse_seconds(t) for t in ("90", "90s", "2m", "0.5h")] == [90, 90, 120, 1800]
    for wrong in ("", "m", "-3s", "0", "2 days", "nan", "inf"):
        with pytest.raises(PlanError, match="90s, 2m or 1h"):
            parse_seconds(wrong)


def test_settings_are_typed_and_unknown_ones_name_the_nearest():
    texts = ["min_leaf=none", "fraction=1", "best=false", "first=a,b"]
    found = parse_settings("forest", texts)
    forest = model_of("forest", "fast", found)
    assert forest.trees == 5 and forest.fraction == 1.0 and forest.best is False
    assert forest.first == ("a", "b") and forest.min_leaf is None
    for texts, said in (
        (["tres=5"], "did you mean 'trees'"),
        (["trees=many"], "expected int"),
        (["trees"], "write key=value"),
    ):
        with pytest.raises(PlanError, match=said):
            parse_settings("forest", texts)
    for texts, said in (
        (["pace=3"], "pace.name=value"),
        (["pace.bach=3"], "did you mean 'batch'"),
        (["width.x=3"], "none below"),
    ):
        with pytest.raises(PlanError, match=said):
            parse_settings("vae", texts)
    with pytest.raises(PlanError, match="one model"):
        parse_settings("auto", ["trees=5"])


def test_networks_compete_only_under_a_budget():
    schema = table().schema
    assert candidates_for(4000, schema) == ("forest",)
    assert {"vae", "autoregressive"} < set(candidates_for(4000, schema, timed=True))


def test_a_candidate_that_fails_is_shown_with_its_reason(monkeypatch):
    class Sick:
        """Training that an alarm ended."""

        def fit(self, *given):
            return type("Fitted", (), {"facts": {"healthy": False, "ended": "half the levels"}})()

    seen = Glance(pairs=0.1, c2st=0.6)
    monkeypatch.setattr(arenas, "glance", lambda trial, models: seen)
    rivals = {
        "copula": Copula(),
        "sick": Sick(),
        "vae": load_model("vae", {"pace": {"seconds": 1e-6}}),
    }
    arena = Arena(table(1200), np.arange(1200))
    told = []
    choice = choose(rivals, arena, Ledger(), Seeds(0), seconds=600.0, tell=told.append)
    assert choice.name == "copula"
    rows = {row["candidate"]: row for row in choice.exhibit}
    assert set(rows) == set(rivals)
    assert rows["sick"]["outcome"] == "failed: training went wrong: half the levels"
    assert "too small for one pass" in rows["vae"]["outcome"]
    assert rows["copula"]["outcome"].startswith("chosen")
    assert "failed: sick, vae" in choice.sentence
    assert all(row["seconds"] >= 0 for row in rows.values()) and len(told) == 3
    with pytest.raises(PlanError, match=r"none of the candidates.*half the levels"):
        choose({"sick": Sick(), "ill": Sick()}, arena, Ledger(), Seeds(0))
    left = choose({"sick": Sick(), "ill": Sick()}, arena, Ledger(), Seeds(0), seconds=1.0)
    assert left.name == "sick" and "too short to judge" in left.sentence
    assert [row["candidate"] for row in left.exhibit] == ["sick", "ill"]
    assert left.exhibit[1]["outcome"].startswith("failed: ")
    late = choose({"forest": Forest(), "vae": Sick()}, arena, Ledger(), Seeds(0), seconds=1e-9)
    assert late.name == "forest" and late.failed["vae"].startswith("left out: the time was too")
