"""The junction tree, the estimate and the draw against brute force on all cells."""

import numpy as np
import pytest

from medsynai.marginal import estimate as module
from medsynai.marginal.estimate import Effort, Measurement, Model, estimate, pairwise
from medsynai.marginal.rows import draw_rows, systematic
from medsynai.marginal.tree import Tree, junction_tree, project

SIZES = (3, 2, 4, 3, 2)
LOOP = [(0, 1), (1, 2), (2, 3), (0, 3), (3, 4)]


def random_model(cliques, seed=0):
    rng = np.random.default_rng(seed)
    tree = junction_tree(SIZES, cliques)
    potentials = tuple(rng.normal(size=tree.shape(c)) for c in tree.cliques)
    whole = np.zeros(SIZES)
    for clique, values in zip(tree.cliques, potentials, strict=True):
        whole = whole + values.reshape([s if v in clique else 1 for v, s in enumerate(SIZES)])
    whole = np.exp(whole - whole.max())
    return Model(tree, potentials), whole / whole.sum()


@pytest.mark.parametrize("cliques", [LOOP, [(0, 1), (2, 3)], [], [(0, 2), (1, 2), (2, 3), (2, 4)]])
def test_beliefs_and_pairs_are_those_of_the_whole_distribution(cliques):
    model, whole = random_model(cliques)
    beliefs, everything = model.beliefs(), (0, 1, 2, 3, 4)
    for clique, belief in zip(model.tree.cliques, beliefs, strict=True):
        assert np.allclose(belief, project(whole, everything, clique))
    for a in range(5):
        for b in range(a + 1, 5):
            found = pairwise(model, beliefs, (a, b))
            assert np.allclose(found, project(whole, everything, (a, b))), (a, b)


def measured(whole, columns, noise=0.0, seed=0):
    exact = 1000 * project(whole, (0, 1, 2, 3, 4), columns)
    counts = exact + noise * np.random.default_rng(seed).normal(size=exact.shape)
    groups = tuple(np.arange(SIZES[c]) for c in columns)
    return Measurement(columns, groups, counts, np.array(max(noise, 1.0) ** 2))


def test_exact_marginals_of_a_tree_give_the_tree_back(monkeypatch):
    monkeypatch.setattr(module, "EXPLAINED", 0.0)
    _, whole = random_model(LOOP, 3)
    tree = [(0, 1), (1, 2), (2, 3), (3, 4)]
    model = estimate(SIZES, [measured(whole, c) for c in tree], 1000.0, effort=Effort(6000))
    for pair in tree:
        found = pairwise(model, model.beliefs(), pair)
        assert np.abs(found - project(whole, (0, 1, 2, 3, 4), pair)).sum() < 0.01
    # columns 0 and 2 are independent given 1: the answer of greatest entropy, in closed form
    ab, bc = (project(whole, (0, 1, 2, 3, 4), c) for c in ((0, 1), (1, 2)))
    wanted = np.einsum("ab,bc,b->ac", ab, bc, 1 / ab.sum(0))
    assert np.abs(pairwise(model, model.beliefs(), (0, 2)) - wanted).sum() < 0.02


def test_groups_sum_codes_and_give_back_to_them():
    m = Measurement((0,), (np.array([0, 0, 1]),), np.zeros(2), np.ones(()))
    assert m.gather(np.array([1.0, 2.0, 4.0])).tolist() == [3.0, 4.0]
    assert m.scatter(np.array([5.0, 7.0])).tolist() == [5.0, 5.0, 7.0]


def test_the_estimate_ends_where_it_would_explain_noise():
    _, whole = random_model(LOOP, 5)
    noisy = [measured(whole, c, 40.0) for c in LOOP]
    model = estimate(SIZES, noisy, 1000.0, effort=Effort(4000))
    cells = sum(m.counts.size for m in noisy)
    beliefs = model.beliefs()
    loss = sum(
        0.5 * ((1000 * pairwise(model, beliefs, m.columns) - m.counts) ** 2 / m.variance).sum()
        for m in noisy
    )
    assert 0.1 * cells < loss <= 0.5 * cells


def test_the_work_of_an_estimate_is_bounded(monkeypatch):
    """Counted in cells: the same estimate whatever the machine, and no clock that tells of rows."""
    _, whole = random_model(LOOP, 3)
    noisy = [measured(whole, c, 1.0) for c in LOOP]
    passes, true = [], Tree.beliefs
    monkeypatch.setattr(Tree, "beliefs", lambda t, p: passes.append(t.cells) or true(t, p))
    free = estimate(SIZES, noisy, 1000.0)
    plenty, price = len(passes), passes[0] + module.TABLE * (len(free.tree.cliques) + len(noisy))
    assert plenty > 7
    for work, most in ((7.5 * price, 7), (0.9 * price, 0)):
        passes.clear()
        estimate(SIZES, noisy, 1000.0, effort=Effort(1000, work))
        assert len(passes) == most


def test_cells_that_cannot_be_are_never_drawn():
    _, whole = random_model(LOOP, 1)
    never = np.zeros((3, 2), bool)
    never[0, 1] = never[2, 0] = True
    model = estimate(SIZES, [measured(whole, (0, 1))], 1000.0, zeros=[((0, 1), never)])
    rows = draw_rows(model, 4000, np.random.default_rng(0))
    assert not never[rows[:, 0], rows[:, 1]].any()


def test_rows_keep_counts_within_one_and_pairs_near():
    model, whole = random_model(LOOP, 2)
    rows = draw_rows(model, 5000, np.random.default_rng(0))
    root = model.tree.cliques[0]
    exact = 5000 * project(whole, (0, 1, 2, 3, 4), root).ravel()
    codes = np.ravel_multi_index(tuple(rows[:, v] for v in root), model.tree.shape(root))
    assert np.abs(np.bincount(codes, minlength=len(exact)) - exact).max() < 1 + 1e-6
    pair = np.bincount(rows[:, 0] * 3 + rows[:, 3], minlength=9) / 5000
    assert np.abs(pair - project(whole, (0, 1, 2, 3, 4), (0, 3)).ravel()).sum() < 0.03


def test_systematic_draws_skip_what_weighs_nothing():
    table = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
    picked = systematic(table, np.array([0] * 50 + [1] * 50), np.random.default_rng(1))
    assert (picked[:50] == 1).all() and np.bincount(picked[50:]).tolist() == [25, 0, 25]
