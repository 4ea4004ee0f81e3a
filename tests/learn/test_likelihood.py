"""Known answers: divergences, likelihoods and the order of columns."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsynai.codec.layout import Layout
from medsynai.learn.losses.likelihood import divergence, known_before, leaning, surprise
from medsynai.learn.nets.anyorder import AnyOrder
from medsynai.learn.nets.mlp import Reader, initialise

LAYOUT = Layout.of(("a", "b", "c"), (4, 3, 5), (True, False, True))
ROWS = torch.tensor([[0.0, 2.0, 4.0], [2.0, 0.0, 1.0]])

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


def test_a_column_sees_what_is_before_it_and_nothing_else():
    net = AnyOrder(LAYOUT, 16, 2)
    initialise(net, torch.Generator().manual_seed(4))
    before = torch.ones(3, 3).tril(-1).expand(2, 3, 3)
    base = net(ROWS, before)
    for changed in range(3):
        other = ROWS.clone()
        other[:, changed] = (other[:, changed] + 1) % LAYOUT.sizes[changed]
        moved = (net(other, before) != base).any(0)
        for j, span in enumerate(LAYOUT):
            assert bool(moved[span.places].any()) == (j > changed)


def test_drawing_asks_the_same_logits_as_training():
    net = AnyOrder(LAYOUT, 16, 2)
    initialise(net, torch.Generator().manual_seed(5))
    whole = net(ROWS, torch.ones(3, 3).tril(-1).expand(2, 3, 3))
    known = torch.zeros(2, 16)
    for j, span in enumerate(LAYOUT):
        assert torch.allclose(net.ask(known, j), whole[:, span.places], atol=1e-5)
        known = net.learn_more(known, j, ROWS[:, j].long())


def test_blinded_rows_give_no_number():
    net, reader = AnyOrder(LAYOUT, 8, 1), Reader(LAYOUT, 8)
    for part in (net, reader):
        initialise(part, torch.Generator().manual_seed(6))
    blind = ROWS * torch.nan
    before = torch.ones(3, 3).tril(-1).expand(2, 3, 3)
    assert surprise(LAYOUT, net(blind, before), blind).isnan().all()
    assert surprise(LAYOUT, torch.zeros(2, LAYOUT.width), blind).isnan().all()
    assert reader(blind, torch.ones(2, 3)).isnan().all()
