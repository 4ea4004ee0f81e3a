"""Known answers: divergences, likelihoods and the order of columns."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.codec.layout import Layout
from medsynai.learn.losses.likelihood import divergence, known_before, leaning, surprise
from medsynai.learn.nets.anyorder import AnyOrder
from medsynai.learn.nets.graded import grades_of
from medsynai.learn.nets.mlp import Reader, initialise

LAYOUT = Layout.of(("a", "b", "c"), (4, 3, 5), (True, False, True))
ROWS = torch.tensor([[0.0, 2.0, 4.0], [2.0, 0.0, 1.0]])


def talking(net, seed):
    """Random weights everywhere, also where training begins at zero."""
    generator = torch.Generator().manual_seed(seed)
    initialise(net, generator)
    with torch.no_grad():
        for weight in net.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.1)
    return net


EVEN = torch.tensor([[float(i % s) for s in LAYOUT.sizes] for i in range(60)])


@given(st.lists(st.integers(0, 8), min_size=20, max_size=200), st.floats(0.05, 0.9))
@settings(max_examples=50, deadline=None)
def test_leaning_targets_leave_each_columns_distribution_as_it_is(codes, smooth):
    layout = Layout.of(("a",), (10,), (True,))
    rows = torch.tensor(codes, dtype=torch.float32)[:, None]
    down, up = leaning(layout, rows, smooth).double()
    share = torch.bincount(rows[:, 0].long(), minlength=10) / len(rows)
    moved = share * (1 - down - up)
    moved[:-1] += (share * down)[1:]
    moved[1:] += (share * up)[:-1]
    assert torch.allclose(moved, share.double(), atol=1e-6)
    assert down[9] == up[9] == 0  # missing is nobody's neighbour


def test_divergence_is_that_of_torch():
    generator = torch.Generator().manual_seed(1)
    mean, spread = torch.randn(2, 6, 4, generator=generator)
    ours = divergence(mean, spread)
    theirs = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, spread.exp()), torch.distributions.Normal(0.0, 1.0)
    ).sum(1)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_surprise_is_the_cross_entropy_of_each_column():
    logits = torch.randn(2, LAYOUT.width, generator=torch.Generator().manual_seed(2))
    found = surprise(LAYOUT, logits, ROWS)
    for j, span in enumerate(LAYOUT):
        expected = torch.nn.functional.cross_entropy(
            logits[:, span.places], ROWS[:, j].long(), reduction="none"
        )
        assert torch.allclose(found[:, j], expected, atol=1e-6)


def test_smoothing_spreads_to_neighbours_only_where_there_is_an_order():
    logits = torch.zeros(2, LAYOUT.width)
    logits[:, LAYOUT["a"].start + 1] = 3.0  # beside code 0 and code 2 of column a
    rough, smooth = (
        surprise(LAYOUT, logits, ROWS),
        surprise(LAYOUT, logits, ROWS, leaning(LAYOUT, EVEN, 0.4)),
    )
    assert (smooth[:, 0] < rough[:, 0] - 0.3).all()
    assert torch.allclose(smooth[:, 1:], rough[:, 1:])


def test_orders_are_strict_and_natural_rows_keep_the_columns_order():
    noise = torch.randn(500, 8, generator=torch.Generator().manual_seed(3))
    natural = torch.ones(6, 6).tril(-1)
    assert torch.equal(known_before(noise, 1.0), natural.expand(500, 6, 6))
    mixed = known_before(noise, 0.5)
    assert torch.equal(mixed + mixed.transpose(1, 2), (1 - torch.eye(6)).expand(500, 6, 6))
    kept = (mixed == natural).flatten(1).all(1).float().mean()
    assert 0.5 < kept < 0.8
    first = (mixed.sum(2) == 0).float().mean(0)  # every column begins some rows
    assert (first > 0.02).all()


def test_before_training_every_column_has_its_own_shares():
    net = AnyOrder(LAYOUT, 16, 2)
    initialise(net, torch.Generator().manual_seed(3))
    net.prepare(EVEN)
    assert torch.equal(net(ROWS, torch.ones(3, 3).tril(-1).expand(2, 3, 3)), net.usual.repeat(2, 1))


def test_grades_are_standard_over_the_rows_and_zero_for_levels():
    codes = torch.randint(0, 9, (500, 1), generator=torch.Generator().manual_seed(7))
    layout = Layout.of(("number", "level"), (10, 9), (True, False))
    rows = torch.cat([codes, codes], dim=1).float()
    rows[::7, 0] = 9.0  # missing
    grades = grades_of(layout, rows)
    mine = grades[rows[:, 0].long()]
    there = rows[:, 0] < 9
    assert torch.allclose(mine.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(mine[there, :3].square().mean(0), torch.ones(3), atol=1e-4)
    assert torch.allclose(mine[:, 3].square().mean(), torch.ones(()), atol=1e-4)
    assert (mine[~there, :3] == 0).all() and len(set(mine[:, 3].tolist())) == 2
    assert (grades[layout["level"].places] == 0).all()
    for lone in (torch.zeros(5, 2), torch.tensor([[9.0, 0.0]] * 5), rows[:0]):
        assert grades_of(layout, lone).isfinite().all()


def test_a_column_sees_what_is_before_it_and_nothing_else():
    net = talking(AnyOrder(LAYOUT, 16, 2), 4)
    before = torch.ones(3, 3).tril(-1).expand(2, 3, 3)
    base = net(ROWS, before)
    for changed in range(3):
        other = ROWS.clone()
        other[:, changed] = (other[:, changed] + 1) % LAYOUT.sizes[changed]
        moved = (net(other, before) != base).any(0)
        for j, span in enumerate(LAYOUT):
            assert bool(moved[span.places].any()) == (j > changed)


@pytest.mark.parametrize("graded", [False, True])
def test_drawing_asks_the_same_logits_as_training(graded):
    net = talking(AnyOrder(LAYOUT, 16, 2, graded), 5)
    net.prepare(EVEN)
    whole = net(ROWS, torch.ones(3, 3).tril(-1).expand(2, 3, 3))
    known = torch.zeros(2, 16)
    for j, span in enumerate(LAYOUT):
        assert torch.allclose(net.ask(known, j), whole[:, span.places], atol=1e-5)
        known = net.learn_more(known, j, ROWS[:, j].long())


def test_blinded_rows_give_no_number():
    net, reader = (talking(part, 6) for part in (AnyOrder(LAYOUT, 8, 1), Reader(LAYOUT, 8)))
    blind = ROWS * torch.nan
    before = torch.ones(3, 3).tril(-1).expand(2, 3, 3)
    assert surprise(LAYOUT, net(blind, before), blind).isnan().all()
    assert surprise(LAYOUT, torch.zeros(2, LAYOUT.width), blind).isnan().all()
    assert reader(blind, torch.ones(2, 3)).isnan().all()
