"""Correlations within a patient: what goes on in time, and together, is lost with its order."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort
from medsynai.errors import AssessmentError
from medsynai.evaluate.cohorts import memory
from medsynai.evaluate.cohorts.history import Scale
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.seeds import Seeds

AUTO, CROSS = "course_autocorrelation", "course_cross_correlation"


def ward(n: int, seed: int) -> Cohort:
    """Hourly `x`, which goes on; `y` goes with it at each hour, `z` follows it by one."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(n):
        x, before, level = rng.normal(), 0.0, 5 * rng.normal()
        for hour in range(int(rng.integers(10, 20))):
            y, z = 0.8 * x + 0.6 * rng.normal(), 0.8 * before + 0.6 * rng.normal()
            rows += [(i, float(hour), k, v + level) for k, v in (("x", x), ("y", y), ("z", z))]
            before, x = x, 0.9 * x + 0.44 * rng.normal()
    events = pd.DataFrame(rows, columns=["subject_id", "time", "code", "value"])
    events["subject_id"] = f"{seed}-" + events["subject_id"].astype(str)
    return Cohort.of(None, events, clock=Clock.HOURS)


TRAIN, HOLDOUT, FRESH = ward(120, 1), ward(120, 2), ward(120, 3)


def judged(made: Cohort, holdout: Cohort | None = HOLDOUT) -> dict:
    return {s.name: s for s in memory.measure(CohortTrial(TRAIN, holdout, made, Seeds(0))).scores}


def dealt(codes: tuple[str, ...]) -> Cohort:
    """A patient's numbers of some codes in another order: whose they are stays, when is lost."""
    rng, events = np.random.default_rng(0), FRESH.events
    groups = events.groupby(["subject_id", "code"])["value"]
    value = groups.transform(lambda v: rng.permutation(v.to_numpy()))
    return replace(
        FRESH,
        events=events.assign(value=events["value"].where(~events["code"].isin(codes), value)),
    )


def test_other_real_patients_and_a_copy_remember_alike():
    fresh = judged(FRESH)
    copy = judged(CohortTrial(TRAIN, HOLDOUT, FRESH, Seeds(0)).copied)
    for name in (AUTO, CROSS):
        assert fresh[name].low < fresh[name].value < fresh[name].high < 0.15
        assert abs(copy[name].value - fresh[name].holdout) < 0.05
        assert fresh[name].shuffled > 3 * fresh[name].holdout


def test_numbers_in_another_order_are_seen():
    fresh, bad = judged(FRESH), judged(dealt(("x", "y", "z")))
    assert all(bad[name].low > 2 * fresh[name].value for name in (AUTO, CROSS))


def test_a_variable_that_no_longer_goes_with_another_is_seen_by_pairs():
    """`y` keeps little memory of its own, so it is what hangs on it that moves most."""
    fresh, bad = judged(FRESH), judged(dealt(("y",)))
    assert bad[CROSS].low > 2 * fresh[CROSS].value


def test_levels_of_patients_are_not_taken_for_memory():
    """Numbers about a level of the patient alone remember as little as shuffled ones."""
    rng = np.random.default_rng(0)
    sides = []
    for cohort in (TRAIN, HOLDOUT, FRESH):
        people = cohort.subjects["subject_id"]
        level = cohort.events["subject_id"].map(
            dict(zip(people, 10 * rng.normal(size=len(people)), strict=True))
        )
        noise = rng.normal(size=len(cohort.events))
        sides.append(replace(cohort, events=cohort.events.assign(value=level + noise)))
    found = {s.name: s for s in memory.measure(CohortTrial(*sides, Seeds(0))).scores}
    assert found[AUTO].value < 0.1 and found[AUTO].shuffled < 0.1


def test_one_table_of_moments_at_a_time_gives_the_same(monkeypatch):
    whole = judged(FRESH)[CROSS]
    monkeypatch.setattr(memory, "BLOCK", 50)
    assert judged(FRESH)[CROSS].value == pytest.approx(whole.value, abs=1e-12)


def test_the_sums_are_those_of_a_plain_loop():
    view = CohortTrial(TRAIN, None, FRESH, Seeds(0)).views["train"]
    scale = Scale.of(view)
    width = len(scale.variables)
    tally = memory._cross(scale)(view, Seeds(0)).sums.sum(axis=0)
    course = memory._Course.of(view, scale)
    now: dict = {}
    for row, m in enumerate(course.tracks.moment):
        now.setdefault((course.tracks.patient[row], m), {})[course.tracks.variable[row]] = (
            course.off[row]
        )
    last: dict = {}
    product = np.zeros((2, width, width))
    for (patient, _), numbers in sorted(now.items()):
        for b, one in numbers.items():
            for a, other in numbers.items():
                product[0, a, b] += one * other if a < b else 0
            for a in range(width):
                if a != b and (patient, a) in last:
                    product[1, a, b] += one * last[patient, a]
        last.update({(patient, a): v for a, v in numbers.items()})
    assert tally[1] == pytest.approx(product, abs=1e-6)


def test_a_variable_that_is_never_made_is_as_far_as_can_be():
    gone = FRESH.events[FRESH.events["code"] != "x"].reset_index(drop=True)
    found = judged(Cohort.of(FRESH.subjects, gone, clock=Clock.HOURS))
    assert found[AUTO].value > 0.3 and found[CROSS].value > 0.5


def test_without_numbers_that_come_again_it_is_not_assessed():
    once = [c.events.drop_duplicates(["subject_id", "code"]) for c in (TRAIN, HOLDOUT, FRESH)]
    sides = [Cohort.of(None, e.reset_index(drop=True), clock=Clock.HOURS) for e in once]
    with pytest.raises(AssessmentError, match="no variable"):
        memory.measure(CohortTrial(*sides, Seeds(0)))
    assert judged(FRESH, None)[AUTO].value is not None
