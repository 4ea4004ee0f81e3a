"""Series in files: read as arrays, given back in the same form, and refused where not regular."""

import numpy as np
import pandas as pd
import pytest

from medsynai.data.cohort import Clock, Cohort, Signal
from medsynai.data.cohortfiles import write_cohort
from medsynai.data.series import SeriesSet
from medsynai.data.seriesfiles import read_series, recognise, write_series
from medsynai.errors import PlanError, ReadError, SchemaError


def beats(path, n=30, steps=12, channels=2, **more):
    rng = np.random.default_rng(0)
    values = np.round(rng.normal(0, 1, (n, steps, channels)), 3).astype(np.float32)
    arrays = {"X": values, "y": np.array(["N", "A"])[np.arange(n) % 2], "fs": 360}
    np.savez(path, **(arrays | more))
    return values


def test_npz_comes_back_in_its_types_with_labels(tmp_path):
    values = beats(tmp_path / "in.npz", patients=np.arange(30) // 3 + 7, leads=["I", "II"])
    loaded = read_series(tmp_path / "in.npz")
    series = loaded.series
    assert series.values.shape == (30, 12, 2) and series.classes == ("A", "N")
    assert np.array_equal(series.values.astype(np.float32), values)
    assert len(np.unique(series.patients)) == 10 and loaded.source.channels == ("I", "II")
    assert write_series(series, loaded.source, tmp_path / "out.npz") == ()
    with np.load(tmp_path / "in.npz") as old, np.load(tmp_path / "out.npz") as new:
        assert set(old.files) == set(new.files)
        assert {n: new[n].dtype.kind for n in old.files} == {
            n: old[n].dtype.kind for n in old.files
        }
        assert np.array_equal(old["X"], new["X"]) and np.array_equal(old["y"], new["y"])
        assert len(np.unique(new["patients"])) == 30  # each synthetic series is a patient
    again = read_series(tmp_path / "out.npz").series
    assert np.array_equal(again.values, series.values)
    assert np.array_equal(again.labels, series.labels)


def test_one_channel_and_no_label(tmp_path):
    np.savez(tmp_path / "in.npz", X=np.arange(240.0).reshape(20, 12))
    loaded = read_series(tmp_path / "in.npz")
    assert loaded.series.values.shape == (20, 12, 1) and loaded.series.classes == ("all",)
    write_series(loaded.series, loaded.source, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as out:
        assert out["X"].shape == (20, 12) and "y" not in out.files


def test_what_stands_beside_is_told_and_the_label_can_be_named(tmp_path):
    beats(tmp_path / "in.npz", rhythm=np.arange(30) % 3)
    told = read_series(tmp_path / "in.npz").notes
    assert any("rhythm" in n and "not learnt" in n for n in told)
    assert read_series(tmp_path / "in.npz", label="rhythm").series.classes == ("0", "1", "2")
    with pytest.raises(PlanError, match="rhythm"):
        read_series(tmp_path / "in.npz", label="age")


def test_wfdb_records_of_one_length_come_back_to_the_step(tmp_path):
    rng = np.random.default_rng(1)
    signals = tuple(
        Signal(
            f"p{k // 2}",
            f"r{k}",
            rng.integers(-300, 300, (40, 2)) / 200,
            250.0,
            ("I", "II"),
            ("mV", "mV"),
            (200.0, 200.0),
            (0, 0),
            (16, 16),
        )
        for k in range(8)
    )
    write_cohort(Cohort.of(signals=signals, clock=Clock.SECONDS), "wfdb", tmp_path / "in")
    assert recognise(tmp_path / "in")
    loaded = read_series(tmp_path / "in")
    assert loaded.series.values.shape == (8, 40, 2)
    assert len(np.unique(loaded.series.patients)) == 4
    write_series(loaded.series, loaded.source, tmp_path / "out")
    again = read_series(tmp_path / "out")
    assert again.source.gains == (200.0, 200.0) and again.source.rate == 250.0
    key = np.lexsort(loaded.series.values[:, :3, 0].T)
    back = np.lexsort(again.series.values[:, :3, 0].T)
    assert np.array_equal(loaded.series.values[key], again.series.values[back])


@pytest.mark.parametrize("calendar", [False, True])
def test_a_panel_of_equal_steps_is_series(tmp_path, calendar):
    rng, rows = np.random.default_rng(2), []
    for k in range(12):
        for t in range(6):
            when = f"2024-0{k % 6 + 1}-03 {t:02}:00:00" if calendar else t
            told = [round(80 + rng.normal(), 1), round(97 + rng.normal(), 1)]
            rows.append([f"p{k}", when, *told, "ill" if k % 2 else "well"])
    frame = pd.DataFrame(rows, columns=["who", "hour", "hr", "spo2", "label"])
    frame.to_csv(tmp_path / "in.csv", index=False)
    loaded = read_series(tmp_path / "in.csv", "panel:who,hour")
    assert loaded.series.values.shape == (12, 6, 2) and loaded.series.classes == ("ill", "well")
    write_series(loaded.series, loaded.source, tmp_path / "out.csv")
    out = pd.read_csv(tmp_path / "out.csv")
    assert list(out) == list(frame) and len(out) == len(frame)
    again = read_series(tmp_path / "out.csv", "panel:who,hour")
    assert np.allclose(np.sort(again.series.values, 0), np.sort(loaded.series.values, 0))
    if calendar:  # no day of a patient is written
        assert set(out["hour"].str[:10]) == {"2024-01-01"}
    gappy = frame.drop(index=7)
    gappy.to_csv(tmp_path / "gap.csv", index=False)
    with pytest.raises(ReadError, match="one length"):
        read_series(tmp_path / "gap.csv", "panel:who,hour")


def test_what_is_not_regular_is_refused_with_counts(tmp_path):
    values = beats(tmp_path / "in.npz").astype(float)
    values[3, 4, 1] = np.nan
    np.savez(tmp_path / "gap.npz", X=values)
    with pytest.raises(ReadError, match="1 of 720 values are missing"):
        read_series(tmp_path / "gap.npz")
    signals = tuple(Signal(str(k), str(k), np.zeros((30 + k, 1)), 1.0, ("a",)) for k in range(3))
    write_cohort(Cohort.of(signals=signals, clock=Clock.SECONDS), "wfdb", tmp_path / "long")
    with pytest.raises(ReadError, match="3 lengths"):
        read_series(tmp_path / "long")
    uneven = pd.DataFrame({"who": [1, 1, 1, 2, 2, 2], "t": [0, 1, 3, 0, 1, 3], "x": range(6)})
    uneven.to_csv(tmp_path / "uneven.csv", index=False)
    with pytest.raises(ReadError, match="equal distances"):
        read_series(tmp_path / "uneven.csv", "panel:who,t")
    with pytest.raises(PlanError, match="no format"):
        read_series(tmp_path / "uneven.csv", "parquet")
    with pytest.raises(SchemaError):
        SeriesSet.of(np.full((2, 3, 1), np.inf))
