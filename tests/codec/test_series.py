"""Rows of series: the scale is of the train series, and every number comes back."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.codec.series import SeriesFrame, lattice, on_lattice
from medsynai.data.series import SeriesSet


def recorded(n=40, seed=0) -> SeriesSet:
    """Millivolts in steps of a recorder, a heart rate in whole numbers, and any number."""
    rng = np.random.default_rng(seed)
    steps = [
        rng.integers(-400, 400, (n, 10)) * 0.005,
        rng.integers(40, 180, (n, 10)) * 1.0,
        rng.normal(0, 1e4, (n, 10)),
    ]
    return SeriesSet.of(np.stack(steps, 2), np.arange(n) % 2, ("a", "b"))


def test_rows_come_back_and_have_mean_0_and_variance_1():
    series = recorded()
    frame = SeriesFrame.of(series)
    rows = frame.encode(series)
    assert rows.dtype == np.float32 and rows.shape == (40, 30)
    back = frame.decode(rows, series.labels)
    assert np.array_equal(back.values[:, :, :2], series.values[:, :, :2].round(3))  # to the step
    assert np.allclose(back.values[:, :, 2], series.values[:, :, 2], atol=1e-2)
    wide = rows.reshape(40, 3, 10)
    assert np.abs(wide.mean((0, 2))).max() < 0.02 and np.abs(wide.std((0, 2)) - 1).max() < 0.05
    assert frame.lattices == (0.005, 1.0, 0.0)


def test_the_scale_is_of_train_and_no_patients_extreme_stands_in_it():
    series = recorded()
    frame = SeriesFrame.of(series)
    wider = recorded(seed=1)
    wider.values[0, 0] = 1e6
    assert SeriesFrame.of(series) == frame  # nothing of the others
    back = frame.decode(frame.encode(wider), wider.labels)
    assert back.values[0, 0, 1] == frame.scales[1].high  # cut to the train range, widened
    ends = [x for s in frame.scales for x in (s.low, s.high)]
    assert not set(ends) & set(series.values[:, :, 2].ravel())
    rows = np.repeat(frame.ends[:1, :, None], 10, 2).reshape(1, -1)
    assert np.allclose(frame.decode(rows, np.zeros(1, int)).values[0, :, 1], frame.scales[1].low)


@given(st.sampled_from([5.0, 1.0, 0.5, 0.2, 0.01, 0.005]), st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_a_lattice_is_found_and_kept(step, seed):
    rng = np.random.default_rng(seed)
    values = np.append(rng.integers(-999, 999, 50), [1, 2]) * step
    found = lattice(values.astype(np.float32).astype(np.float64))
    assert np.isclose(found, step) or found > step  # coarser only if all lie on it
    drawn = on_lattice(rng.normal(0, 300 * step, 50), step)
    assert np.allclose(drawn / step, np.rint(drawn / step))
    assert lattice(rng.normal(0, 1, 50)) == 0


def test_series_that_were_normalised_each_by_itself_stay_so():
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, (40, 20, 2)) * rng.uniform(0.5, 2, (40, 1, 1))
    values[:, :, 0] -= values[:, :, 0].mean(1, keepdims=True)
    values[:, :, 0] /= values[:, :, 0].std(1, keepdims=True)
    frame = SeriesFrame.of(SeriesSet.of(values))
    assert np.allclose(frame.normal[0], (0, 1)) and frame.normal[1] == (0.0, 0.0)
    drawn = frame.decode(rng.normal(0, 0.7, (9, 40)).astype(np.float32), np.zeros(9, int)).values
    assert np.allclose(drawn[:, :, 0].mean(1), 0) and np.allclose(drawn[:, :, 0].std(1), 1)
    assert drawn[:, :, 1].std(1).std() > 0.01
