"""The judges of cohorts: each planted fault moves its own score, and copies are caught."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Cohort
from medsynai.evaluate.cohorts import accusing, copies, course, nearness, rules, who
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.seeds import Seeds


def ward(n: int, seed: int) -> Cohort:
    """Hourly stays: `a` and then `b`, whose number goes on from the one before; `rare` in 8 %."""
    rng, events = np.random.default_rng(seed), []
    people = pd.DataFrame({"subject_id": [f"{seed}-{i}" for i in range(n)]})
    starts = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 30_000, n), "h")
    last = []
    for i, start in enumerate(starts):
        key, time, level = people["subject_id"][i], start, rng.normal(70, 10)
        for _ in range(rng.integers(6, 14)):
            time += pd.Timedelta(hours=int(rng.integers(1, 4)))
            level += rng.normal(0, 1)
            events.append((key, time, "a", round(float(rng.normal(37, 0.5)), 2)))
            events.append((key, time + pd.Timedelta(minutes=5), "b", round(float(level), 1)))
        if rng.random() < 0.08:
            events.append((key, time, "rare", np.nan))
        last.append(time + pd.Timedelta(hours=1))
    people["death"] = pd.Series(last).where(rng.random(n) < 0.3)
    return Cohort.of(people, pd.DataFrame(events, columns=["subject_id", "time", "code", "value"]))


TRAIN, HOLDOUT, FRESH = ward(160, 1), ward(120, 2), ward(160, 3)


def by_name(measure, made: Cohort, holdout: Cohort | None = HOLDOUT) -> dict:
    return {s.name: s for s in measure(CohortTrial(TRAIN, holdout, made, Seeds(0))).scores}


def with_events(**columns) -> Cohort:
    events = FRESH.events.assign(**columns)
    return Cohort.of(FRESH.subjects, events, FRESH.visits, FRESH.codes)


def test_fresh_patients_are_no_copies_and_copied_ones_are():
    trial = CohortTrial(TRAIN, HOLDOUT, FRESH, Seeds(0))
    fresh, copied = by_name(copies.measure, FRESH), by_name(copies.measure, trial.copied)
    assert abs(fresh["copied_run"].value) < 0.1 and "inconclusive" not in fresh["copied_run"].note
    assert copied["copied_run"].low > 0.7
    half = trial.copied.only(np.arange(80))
    some = Cohort.of(
        pd.concat([half.subjects, FRESH.subjects.iloc[:80]]),
        pd.concat([half.events, FRESH.only(np.arange(80)).events]),
    )
    assert by_name(copies.measure, some)["copied_run"].low > 0.25


def test_membership_finds_copies_and_nobody_in_fresh_patients():
    trial = CohortTrial(TRAIN, HOLDOUT, FRESH, Seeds(0))
    name = "membership_course_auc"
    fresh, copied = (by_name(accusing.measure, x)[name] for x in (FRESH, trial.copied))
    assert fresh.low < 0.5 < fresh.high and "inconclusive" not in fresh.note
    assert copied.low > 0.7 and copied.control > 0.97  # a bootstrap leaves a third of them out
    events = TRAIN.events.assign(value=TRAIN.events["value"] + 0.01)  # no run is equal any more
    noised = Cohort.of(TRAIN.subjects, events)
    assert by_name(accusing.measure, noised)[name].low > 0.9


def test_one_of_two_real_halves_tells_nobody_of_the_other():
    """Nobody is found to be nearest to himself; where a third of train is released they are."""
    found: dict[str, list[float]] = {}
    for seed in range(6):
        train, holdout, other = (ward(90, 100 * part + seed) for part in (1, 2, 3))
        third = train.only(np.arange(30))
        mixed = Cohort.of(
            pd.concat([other.subjects, third.subjects]), pd.concat([other.events, third.events])
        )
        for kind, made in (("halves", other), ("planted", mixed)):
            trial = CohortTrial(train, holdout, made, Seeds(seed))
            for measure in (accusing.measure, who.membership):
                score = next(s for s in measure(trial).scores if s.name.endswith("_auc"))
                found.setdefault(f"{kind} {score.name}", []).append(score.value)
    means = {name: np.mean(values) for name, values in found.items()}
    halves = {n: m for n, m in means.items() if n.startswith("halves")}
    assert len(halves) == 2 and all(abs(m - 0.5) < 0.05 for m in halves.values()), means
    assert all(m > 0.58 for n, m in means.items() if n not in halves), means


def test_nearest_neighbours_tell_two_real_halves_from_copies():
    """Accuracy is .5 of two real halves, as nobody is their own neighbour; a copy lies too near."""
    trial = CohortTrial(TRAIN, HOLDOUT, FRESH, Seeds(0))
    fresh, copied = (by_name(nearness.measure, x)["nnaa_loss"] for x in (FRESH, trial.copied))
    assert fresh.low < 0 < fresh.high and "inconclusive" not in fresh.note
    assert copied.low > 0.1 and fresh.control > 0.2
    rng, halves, losses, planted = np.random.default_rng(0), [], [], []
    for _ in range(20):
        train, holdout, made = (rng.normal(size=(n, 5)) for n in (120, 40, 120))
        halves.append(nearness.accuracies(train, holdout, made))
        losses.append(nearness.loss(train, holdout, made))
        mixed = np.concatenate([train[:60], made[:60] + 9])  # half copies, half far from anybody
        planted.append(nearness.loss(train, holdout, mixed))
    assert np.abs(np.mean(halves, axis=0) - 0.5).max() < 0.03
    assert np.mean([x.low <= 0 <= x.high for x in losses]) >= 0.85
    assert np.mean([x.low > 0 for x in planted]) >= 0.5  # nor do the others hide them
    assert np.mean([x.value for x in planted]) > 0.08 > 5 * abs(np.mean([x.value for x in losses]))


def test_patients_exactly_alike_are_no_copies():
    rng = np.random.default_rng(1)
    sides = [rng.integers(0, 2, (n, 3)).astype(float) for n in (120, 60, 120)]
    assert np.abs(np.subtract(nearness.accuracies(*sides), 0.5)).max() < 0.02


def test_a_weak_attack_is_not_read_as_safety(monkeypatch):
    monkeypatch.setattr(accusing, "_nearest", lambda view, *rest: np.zeros(len(view)))
    monkeypatch.setattr(accusing, "longest", lambda view, known: np.zeros(len(view)))
    note = by_name(accusing.measure, FRESH)["membership_course_auc"].note
    assert note.startswith("inconclusive")


def test_without_a_holdout_no_attack_passes():
    for measure in (accusing.measure, copies.measure, nearness.measure, who.membership):
        assert all(s.value is None for s in by_name(measure, FRESH, None).values())


def test_broken_order_and_lost_patients_are_counted():
    fine = by_name(rules.measure, FRESH)
    assert fine["cohort_violations"].value == 0.0 == fine["cohort_orphans"].value
    died = FRESH.subjects["death"].notna()
    early = FRESH.subjects.assign(
        death=FRESH.subjects["death"].where(~died, pd.Timestamp("2000-01-01"))
    )
    late = replace(FRESH, subjects=early)
    assert by_name(rules.measure, late)["cohort_violations"].value > 100
    whose = FRESH.events["subject_id"].mask(FRESH.events.index % 50 == 0, "nobody")
    lost = replace(FRESH, events=FRESH.events.assign(subject_id=whose))
    assert (
        by_name(rules.measure, lost)["cohort_orphans"].value == (FRESH.events.index % 50 == 0).sum()
    )


def test_events_outside_their_visit_and_follow_up_are_counted_beside_the_real_ones():
    def seen(cohort: Cohort, late: int) -> Cohort:
        """With follow-up and one visit until the last event; every fiftieth event moved by days."""
        ends = cohort.events.groupby("subject_id")["time"].agg(["min", "max"])
        ends = ends.reindex(cohort.subjects["subject_id"])
        people = cohort.subjects.assign(entry=ends["min"].to_numpy(), exit=ends["max"].to_numpy())
        people["death"] = pd.NaT
        stays = people[["subject_id", "entry", "exit"]].set_axis(
            ["subject_id", "start", "end"], axis=1
        )
        stays["visit_id"] = stays["subject_id"]
        moved = pd.to_timedelta(np.where(cohort.events.index % 50 == 0, late, 0), "D")
        events = cohort.events.assign(
            time=cohort.events["time"] + moved, visit_id=cohort.events["subject_id"]
        )
        return Cohort.of(people, events, stays)

    real = [seen(c, 0) for c in (TRAIN, HOLDOUT)]
    for late, broken in ((0, []), (2, ["events outside follow-up"]), (30, list(rules.RULES[2:4]))):
        found = rules.measure(CohortTrial(*real, seen(FRESH, late), Seeds(0)))
        table = found.exhibits["cohort_rules"]
        assert [r for r in rules.RULES if table[r]["synthetic"] > 15] == broken
        assert all(side["real"] == 0 for side in table.values())
        assert found.scores[0].value == pytest.approx(
            sum(t["synthetic"] for t in table.values()), abs=0.01
        )


@pytest.mark.parametrize(
    "fault", ["values dealt", "irregular hours", "codes dealt", "half the events"]
)
def test_a_fault_of_the_course_moves_its_own_score(fault):
    rng, events = np.random.default_rng(0), FRESH.events
    good = by_name(course.measure, FRESH)
    if fault == "values dealt":  # each number from anybody's of the code: shares stay, courses go
        dealt = events.groupby("code")["value"].transform(lambda v: rng.permutation(v.to_numpy()))
        bad, name = with_events(value=dealt), "change_tvd"
        assert by_name(course.measure, bad)["value_tvd"].value < good["value_tvd"].value + 0.02
    elif fault == "irregular hours":
        moved = events["time"] + pd.to_timedelta(rng.integers(0, 300, len(events)), "m")
        bad, name = with_events(time=moved.astype(events["time"].dtype)), "gap_tvd"
    elif fault == "codes dealt":
        bad, name = with_events(code=rng.permutation(events["code"].to_numpy())), "next_tvd"
    else:
        kept = events[events.groupby("subject_id").cumcount() < 8]
        bad, name = Cohort.of(FRESH.subjects, kept.reset_index(drop=True)), "events_w1"
    one, two = good[name], by_name(course.measure, bad)[name]
    assert two.value > 2 * max(one.value, one.holdout)


def test_a_copy_of_the_train_patients_is_an_anchor_and_is_as_good_as_real():
    found = by_name(course.measure, FRESH)
    made = by_name(course.measure, CohortTrial(TRAIN, HOLDOUT, FRESH, Seeds(0)).copied)
    for name, score in found.items():
        assert score.control == made[name].value, name
    assert found["next_tvd"].control < 1.5 * found["next_tvd"].holdout
    assert found["next_tvd"].control < 0.5 * found["next_tvd"].shuffled


def test_rare_codes_that_vanish_are_missed():
    some = FRESH.events[FRESH.events["code"] != "rare"].reset_index(drop=True)
    gone = by_name(who.prevalence, Cohort.of(FRESH.subjects, some))
    assert gone["code_missed"].value > by_name(who.prevalence, FRESH)["code_missed"].value
