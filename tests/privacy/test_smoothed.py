"""Counts of neighbouring cells, smoothed: nearer to the truth, never far from it, and free."""

import numpy as np
import pytest

from medsynai.codec.bought import _count_number
from medsynai.data.schema import Column, Kind, Origin
from medsynai.privacy.accounting import Kind as Mechanism
from medsynai.privacy.accounting import Spend
from medsynai.privacy.histograms import RUN, smoothed

NOISE = 20.0
TIMES = 40


def error(truth: np.ndarray, widths: np.ndarray, seed: int) -> tuple[float, float]:
    """Squared errors of noisy counts, and of the smoothed ones."""
    rng = np.random.default_rng(seed)
    plain = after = 0.0
    for _ in range(TIMES):
        noised = truth + NOISE * rng.standard_normal(len(truth))
        found = smoothed(noised, widths, np.full(len(truth), NOISE**2))
        assert found.sum() == pytest.approx(noised.sum())
        plain += float(((noised - truth) ** 2).sum())
        after += float(((found - truth) ** 2).sum())
    return plain, after


def bell(edges: np.ndarray) -> np.ndarray:
    """4,000 patients around the middle."""
    middle = (edges[1:] + edges[:-1]) / 2
    share = np.exp(-0.5 * ((middle - 50) / 15) ** 2) * np.diff(edges)
    return np.asarray(4000 * share / share.sum())


def test_a_smooth_density_is_found_with_less_than_half_of_the_error():
    plain, after = error(bell(np.linspace(0, 100, 33)), np.full(32, 100 / 32), 1)
    assert after < 0.5 * plain


def test_cells_of_other_widths_are_one_density():
    """As where crowded cells were cut: their counts jump, the density does not."""
    edges = np.r_[np.linspace(0, 30, 5), np.linspace(30, 70, 41)[1:], np.linspace(70, 100, 5)[1:]]
    plain, after = error(bell(edges), np.diff(edges), 2)
    assert after < 0.5 * plain


@pytest.mark.parametrize("where", [0, 10, 31])
def test_a_heap_stays_a_heap(where):
    """Half of all patients at one value: what is smoothed away would be worse than the noise."""
    truth = bell(np.linspace(0, 100, 33)) / 2
    truth[where] += 2000
    plain, after = error(truth, np.ones(32), 3)
    assert after < 1.1 * plain


def test_every_value_by_itself_stays_as_it_is():
    truth = np.where(np.arange(50) % 5 == 0, 300.0, 10.0)  # a habit of writing fives
    plain, after = error(truth, np.ones(50), 4)
    assert after < 1.1 * plain


@pytest.mark.parametrize("cells", [1, 2, 3, 4, RUN, RUN + 1, 3 * RUN])
def test_any_number_of_cells(cells):
    noised = np.random.default_rng(5).normal(5, 20, cells)
    found = smoothed(noised, np.ones(cells), np.full(cells, 400.0))
    assert found.shape == (cells,)
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(noised.sum())


@pytest.mark.parametrize("low", [0.125, 0.13, -(2.0**30)])
def test_crowded_cells_are_cut_into_cells_of_some_width(low):
    """A bought range begins at a power of two, which may lie between two lawful values."""
    column = Column(
        "x", Kind.CONTINUOUS, origin=Origin.DECLARED, minimum=low, maximum=low + 5, decimals=2
    )
    values = np.repeat(low + 1.0, 400)
    cells = _count_number(values, column, Spend(Mechanism.GAUSSIAN, 1.0), 1)
    widths = np.diff(cells.edges) / 0.01
    assert widths.min() > 0.9 and cells.counts[:-1].max() > 390
    heap = cells.counts[:-1].argmax()
    assert cells.edges[heap] < low + 1 < cells.edges[heap + 1]
