"""Weights that give columns their real shares, and picks that are no further off by chance."""

import numpy as np
import pytest

from medsynai.forest.levelling import Levels, pick_level
from medsynai.forest.ratio import pick


@pytest.fixture(scope="module")
def pool():
    """Three columns as `Marks` sees them, and log weights that would move the first."""
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 100, (8000, 3)).astype(float)
    seen[:, 2] = rng.random(8000) < 0.1  # two levels
    weight = 0.01 * seen[:, 0] + 0.8 * np.where(seen[:, 1] > 50, seen[:, 2], -seen[:, 2])
    return seen, weight


def shares(cells, weight):
    mine = np.exp(weight)
    size = int(cells.max()) + 1
    return np.bincount(cells.ravel(), np.repeat(mine, cells.shape[1]), size) / mine.sum()


def test_columns_have_the_real_shares_under_raked_weights(pool):
    seen, weight = pool
    real = seen.copy()
    real[:, 0] = np.sqrt(100 * seen[:, 0]).round()  # higher than drawn
    levels = Levels.of(seen, weight, real)
    cells = levels.cells(seen)
    level = shares(cells, weight + levels.log_weight(cells))
    assert np.abs(shares(levels.cells(real), 0 * weight) - level).max() < 1e-3


def test_columns_that_are_right_stay_so_under_raked_weights(pool):
    seen, weight = pool
    levels = Levels.of(seen, weight, seen)
    cells = levels.cells(seen)
    plain, moved = shares(cells, 0 * weight), shares(cells, weight)
    level = shares(cells, weight + levels.log_weight(cells))
    assert np.abs(moved - plain).max() > 0.02
    assert np.abs(level - plain).max() < 1e-3


def test_what_goes_together_under_the_weights_still_does(pool):
    seen, weight = pool
    levels = Levels.of(seen, weight, seen)
    mine = np.exp(weight + levels.log_weight(levels.cells(seen)))
    high, had = seen[:, 1] > 50, seen[:, 2] == 1
    odds = [np.log(mine[part & had].sum() / mine[part & ~had].sum()) for part in (high, ~high)]
    assert odds[0] - odds[1] == pytest.approx(1.6, abs=0.3)  # drawn alike, weighed by 0.8 each way


def test_a_pick_is_nearer_to_the_weights_than_chance_would_be(pool):
    seen, weight = pool
    levels = Levels.of(seen, weight, seen)
    cells = levels.cells(seen)
    whole = weight + levels.log_weight(cells)
    aim, off = shares(cells, whole), {"level": 0.0, "chance": 0.0}
    for seed in range(5):
        rng = np.random.default_rng(seed)
        level, chance = pick_level(cells, whole, 500, rng), pick(whole, 500, rng)
        assert len(np.unique(level)) == 500
        for name, places in {"level": level, "chance": chance}.items():
            off[name] += np.abs(shares(cells[places], np.zeros(500)) - aim).sum()
    assert off["level"] < 0.75 * off["chance"]


@pytest.mark.parametrize("n", [1, 199, 200])
def test_few_candidates_and_all_of_them_can_be_kept(n):
    rng = np.random.default_rng(1)
    seen = rng.random((200, 2))
    levels = Levels.of(seen, np.zeros(200), seen)
    assert len(np.unique(pick_level(levels.cells(seen), rng.normal(size=200), n, rng))) == n


def test_levels_are_saved_whole(pool):
    levels = Levels.of(*pool, pool[0])
    again = Levels.load(levels.arrays())
    assert (again.added == levels.added).all() and (again.edges == levels.edges).all()
    assert (again.cells(pool[0]) == levels.cells(pool[0])).all()
