"""What stands beside events and visits is drawn again, and what belongs together stays so."""

import uuid
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import OF_VISITS, Cohort
from medsynai.data.told_once import lifted, lowered, steady_columns
from medsynai.errors import BudgetError
from medsynai.models.beside import fit_beside, load_beside
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds

NAMES = {"a": "alpha", "b": "beta", "c": "gamma"}
REASONS = {"r1": "pain", "r2": "fever", "r3": "cough"}


def ward(n=200, seed=0):
    """Two visits of each patient, three drugs a visit; columns of each sort beside them."""
    rng = np.random.default_rng(seed)
    ids = [f"P{i:03d}" for i in range(n)]
    start = pd.Timestamp("2020-01-01 08:00") + pd.to_timedelta(
        rng.integers(0, 500_000, 2 * n), "min"
    )
    visits = pd.DataFrame({"visit_id": [f"V{i}" for i in range(2 * n)], "subject_id": ids * 2})
    visits = visits.assign(start=start, end=start + pd.Timedelta("2D"), kind="AMB")
    faith = dict(zip(ids, rng.choice(["x", "y", "z"], n), strict=True))
    stays = pd.DataFrame({"religion": visits["subject_id"].map(faith)})
    stays["ward"] = rng.choice(["N", "S"], 2 * n)
    events = visits.loc[np.repeat(np.arange(2 * n), 3), ["visit_id", "subject_id", "start", "end"]]
    events = events.reset_index(drop=True).rename(columns={"start": "time", "end": "end_time"})
    rows = len(events)
    events = events.assign(code=rng.choice(list(NAMES), rows), kind="drug")
    events["value"] = rng.normal(10, 2, rows).round(1)
    beside = pd.DataFrame(index=events.index)
    beside["name"] = events["code"].map(NAMES)
    beside["reason"] = rng.choice([*REASONS, None], rows)
    beside["reason_name"] = beside["reason"].map(REASONS)
    beside["flag"] = np.where(events["value"] > 11, "high", None)
    beside["type"] = "32020"
    beside["given"] = events["end_time"].dt.strftime("%Y-%m-%d")
    late = pd.to_timedelta(rng.integers(20, 90, rows), "min")
    beside["stored"] = (events["time"] + late).dt.strftime("%Y-%m-%d %H:%M:%S")
    beside["row_id"] = [str(uuid.UUID(int=int(i), version=4)) for i in rng.integers(1, 2**62, rows)]
    order = pd.factorize(events["visit_id"])[0]
    beside["order_id"] = (4_000_000 + 17 * order).astype(str)
    beside["amount"] = (rng.gamma(2, 30, rows).round(2)).astype(str)
    beside["odd"] = np.where(np.arange(rows) < 4, "SECRET", "usual")
    beside["note"] = [f"seen by nurse {i}, well" for i in range(rows)]
    people = pd.DataFrame({"subject_id": ids, "sex": ["F", "M"] * (n // 2)})
    return Cohort.of(people, events, visits, None, {"drug": beside, OF_VISITS: stays})


@pytest.fixture(scope="module", name="drawn")
def fixture_drawn():
    real = ward()
    fitted, notes = fit_beside(real, Ledger())
    bare = ward(seed=1)
    return real, fitted, notes, fitted.draw(bare, Seeds(1))


def test_what_belongs_together_stays_together(drawn):
    made = drawn[3]
    beside, events = made.extras["drug"], made.events
    assert (beside["name"] == events["code"].map(NAMES)).all()
    told = beside.dropna(subset=["reason"])
    assert (told["reason_name"] == told["reason"].map(REASONS)).all()
    assert beside.loc[beside["reason"].isna(), "reason_name"].isna().all()
    assert set(beside["reason"].dropna()) == set(REASONS)
    assert (beside["type"] == "32020").all()


def test_a_flag_hangs_on_the_number_and_dates_on_the_event(drawn):
    made = drawn[3]
    beside, events = made.extras["drug"], made.events
    high = beside["flag"].notna()
    assert ((events["value"] > 11) == high).mean() > 0.9  # by chance .58
    assert (beside["given"] == events["end_time"].dt.strftime("%Y-%m-%d")).all()
    late = pd.to_datetime(beside["stored"]) - events["time"]
    assert late.min() >= pd.Timedelta("20min") and late.max() <= pd.Timedelta("90min")
    assert beside["stored"].str.endswith(":00").all()


def test_keys_are_fresh_and_texts_and_rare_levels_are_not_drawn(drawn):
    real, _, notes, made = drawn
    beside = made.extras["drug"]
    for name in ("row_id", "order_id"):
        assert not set(beside[name]) & set(real.extras["drug"][name]), name
    assert beside["row_id"].is_unique
    whose = made.events.groupby(beside["order_id"].to_numpy())
    assert (whose["subject_id"].nunique() == 1).all() and (whose["time"].nunique() == 1).all()
    assert "SECRET" not in set(beside["odd"])
    assert "note" not in beside and [n for n in notes if "drug.note" in n]
    amounts = beside["amount"].astype(float)
    assert amounts.max() <= real.extras["drug"]["amount"].astype(float).max()
    assert abs(amounts.mean() / 60 - 1) < 0.15


def test_it_is_saved_without_a_rare_level_and_draws_the_same(drawn, tmp_path):
    _, fitted, _, made = drawn
    fitted.save(tmp_path)
    for path in (tmp_path / "beside").iterdir():
        assert b"SECRET" not in path.read_bytes() and b"nurse" not in path.read_bytes()
    again = load_beside(tmp_path).draw(ward(seed=1), Seeds(1))
    for kind, frame in made.extras.items():
        pd.testing.assert_frame_equal(frame, again.extras[kind])
    assert load_beside(tmp_path / "none").kinds == {}


def test_what_never_changes_in_a_patient_is_the_patients_own():
    cohort = ward()
    assert steady_columns(cohort) == ("religion",)
    up = lifted(cohort, ("religion",))
    assert up.subjects["religion (visits)"].isin(["x", "y", "z"]).all()
    assert list(up.extras[OF_VISITS]) == ["ward"]
    down = lowered(up, ("religion",))
    assert "religion (visits)" not in down.subjects
    back = down.extras[OF_VISITS][["religion", "ward"]]
    pd.testing.assert_frame_equal(back, cohort.extras[OF_VISITS][["religion", "ward"]])


def test_who_treated_the_patient_is_not_drawn_though_many_share_a_name():
    cohort = ward(60)
    frame = next(iter(cohort.extras.values()))
    doctors = np.array(["Ada Lo", "Bo Ray"])[np.arange(len(frame)) % 2]
    kind = next(k for k, f in cohort.extras.items() if f is frame)
    extras = {**cohort.extras, kind: frame.assign(provider_name=doctors)}
    _, notes = fit_beside(replace(cohort, extras=extras), Ledger())
    assert any("provider_name" in n and "direct identifier" in n for n in notes)


def test_exact_counts_are_refused_under_a_budget_before_a_row_is_read():
    with pytest.raises(BudgetError):
        fit_beside(ward(60), Ledger(Budget(1.0, 1e-6)))
