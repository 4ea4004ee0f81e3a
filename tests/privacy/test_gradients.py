"""Clipped sums against gradients taken row by row, and every way round the rules refused."""

import gc

import pytest
import torch
from torch import nn
from torch.nn import functional

from medsynai.errors import PlanError
from medsynai.privacy.gradients import Ghost, Use, clipped_sum

ALONE = torch.arange(12)
PLAY = torch.Generator().manual_seed(0)
ROWS = torch.randn(12, 5, generator=PLAY)
CODES = torch.randint(0, 7, (12, 3), generator=PLAY)
CODES[:, 2] = CODES[:, 0]  # the same line twice in a row


class Net(nn.Module):
    """Every use of a weight that there is a rule for."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.codes, self.bag = nn.Embedding(7, 4), nn.EmbeddingBag(7, 4, mode="sum")
            self.places = nn.Parameter(torch.randn(3, 4))
            self.norm, self.first = nn.LayerNorm(4), nn.Linear(4, 6)
            self.rows, self.heads = nn.Linear(5, 6, bias=False), nn.Linear(6, 5)
            self.spread = nn.Parameter(torch.tensor([0.3, -9.0]))

    def forward(self, rows, codes):
        state = self.norm(self.codes(codes) + self.places)  # (B, 3, 4)
        state = functional.silu(self.first(state)).mean(1) + self.rows(rows)
        state = state + functional.pad(self.bag(codes, per_sample_weights=rows[:, :3]), (0, 2))
        weights, biases = torch.split(self.heads.weight, [2, 3]), self.heads.bias.split([2, 3])
        one, two = map(functional.linear, (state, state * 2), weights, biases)
        score = torch.cat([one, two], 1).square().sum(1)
        return score * torch.exp(-self.spread.clamp(-1.0, 1.0)).sum(-1)


def one_by_one(losses, weights, groups, clip):
    """The same sum by plain autograd: `losses(rows)` of one patient after the other."""
    total = [torch.zeros_like(w) for w in weights]
    for who in groups.unique():
        own = torch.autograd.grad(
            losses(groups == who).sum(), weights, allow_unused=True, materialize_grads=True
        )
        norm = torch.cat([g.flatten() for g in own]).norm()
        for place, gradient in zip(total, own, strict=True):
            place += gradient * min(1.0, clip / float(norm))
    return [t.detach() for t in total]


def agree(losses, weights, groups=ALONE, clip=1.0) -> bool:
    everybody = torch.ones(len(groups), dtype=torch.bool)
    found = clipped_sum(lambda: losses(everybody), weights, groups, clip)
    pairs = zip(found, one_by_one(losses, weights, groups, clip), strict=True)
    return all(
        torch.allclose(one, two, rtol=1e-4, atol=1e-5 * max(1.0, float(two.abs().max())))
        for one, two in pairs
    )


@pytest.mark.parametrize("groups", [ALONE, torch.tensor([0, 1, 2, 0, 3, 3, 4, 4, 4, 5, 0, 1])])
@pytest.mark.parametrize("clip", [1e-2, 5.0, 1e6])
def test_the_sum_is_that_of_gradients_taken_patient_by_patient(groups, clip):
    net = Net()
    assert agree(lambda s: net(ROWS[s], CODES[s]), list(net.parameters()), groups, clip)


def test_long_sequences_and_wide_layers_agree_too():
    net, rows = nn.Linear(3, 2), torch.randn(12, 40, 3, generator=PLAY)
    assert agree(lambda s: net(rows[s]).square().sum((1, 2)), list(net.parameters()))


def critic() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Linear(5, 8), nn.LayerNorm(8), nn.SiLU(), nn.Linear(8, 8), nn.LeakyReLU(0.2),
            nn.Linear(8, 1),
        )  # fmt: skip


def slope_penalty(net, rows):
    at = rows.clone().requires_grad_()
    (slope,) = torch.autograd.grad(net(at).sum(), at, create_graph=True)
    return (slope.square().sum(1).sqrt() - 1) ** 2 + functional.softplus(net(rows))[:, 0]


def test_a_penalty_on_slopes_is_clipped_with_the_rest():
    net = critic()
    assert agree(lambda s: slope_penalty(net, ROWS[s]), list(net.parameters()), clip=0.5)


def test_no_patient_moves_the_sum_by_more_than_the_clip():
    net, clip = critic(), 0.7
    weights = list(net.parameters())
    rows, copies = torch.cat([ROWS, 1e4 * ROWS[:1].repeat(50, 1)]), torch.full((50,), 12)
    who = torch.cat([ALONE, copies])

    def moved(groups):
        return [
            clipped_sum(lambda n=n: slope_penalty(net, rows[:n]), weights, groups[:n], clip)
            for n in (12, 62)
        ]

    def apart(sums):
        return float(torch.cat([(a - b).flatten() for a, b in zip(*sums, strict=True)]).norm())

    assert apart(moved(who)) <= clip * 1.0001
    rowwise = torch.arange(62)  # the violation: the copies of one patient clipped row by row
    assert apart(moved(rowwise)) > 10 * clip


def test_a_row_that_is_no_number_counts_for_nothing():
    net, weights = critic(), list(critic().parameters())
    weights = list(net.parameters())
    broken = ROWS.clone()
    broken[3] = torch.nan
    broken[5] = torch.inf
    found = clipped_sum(lambda: net(broken)[:, 0], weights, ALONE, 1.0)
    kept = torch.tensor([i for i in range(12) if i not in (3, 5)])
    wanted = clipped_sum(lambda: net(ROWS[kept])[:, 0], weights, torch.arange(10), 1.0)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(found, wanted, strict=True))


class Sneaky(torch.autograd.Function):
    """A way past torch's own functions."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x)
        return x @ w.T

    @staticmethod
    def backward(ctx, slope):
        return None, slope.T @ ctx.saved_tensors[0]


LINEAR, GRU = nn.Linear(5, 6), nn.GRU(5, 3, batch_first=True)
SLY = {
    "weight decay": lambda: (LINEAR.weight**2).sum() + LINEAR(ROWS).sum(1),
    "a product by hand": lambda: (ROWS @ LINEAR.weight.T).sum(1),
    "einsum": lambda: torch.einsum("bi,oi->b", ROWS, LINEAR.weight),
    "detached": lambda: (ROWS @ LINEAR.weight.detach().T).sum(1),
    "out of sight": lambda: Sneaky.apply(ROWS, LINEAR.weight).sum(1),
    "a convolution": lambda: functional.conv1d(ROWS[:, :, None], LINEAR.weight[:, :, None]),
    "rows on another axis": lambda: LINEAR(ROWS.T[:, :5]).sum(),
    "a slice of a slice": lambda: functional.linear(ROWS, LINEAR.weight[:2]).sum(1),
    "tied": lambda: functional.embedding(CODES[:, 0], LINEAR.weight).sum(1) + LINEAR(ROWS).sum(1),
}


@pytest.mark.parametrize("way", SLY)
def test_what_no_rule_covers_is_refused(way):
    with pytest.raises(PlanError, match="differential privacy"):
        clipped_sum(SLY[way], list(LINEAR.parameters()), ALONE, 1.0)


def test_an_unknown_kind_of_layer_is_refused():
    with pytest.raises(PlanError, match="differential privacy"):
        clipped_sum(lambda: GRU(ROWS[:, None])[0].sum((1, 2)), list(GRU.parameters()), ALONE, 1.0)


def test_nobody_at_all_gives_zeros():
    net = critic()
    found = clipped_sum(lambda: 1 / 0, list(net.parameters()), torch.zeros(0, dtype=torch.long), 1)
    assert all(not f.any() for f in found)


def uses_alive() -> int:
    """Uses that are still held after a step, with nobody to search for what holds itself."""
    net = Net()
    gc.collect()
    gc.disable()
    try:
        clipped_sum(lambda: net(ROWS, CODES), list(net.parameters()), ALONE, 1.0)
        return sum(type(x) is Use for x in gc.get_objects())
    finally:
        gc.enable()


def test_a_step_leaves_nothing_behind_to_be_searched_for(monkeypatch):
    """Slopes of real rows stay in memory no longer than the step, and no search slows it down."""
    assert uses_alive() == 0
    monkeypatch.setattr(Ghost, "forget", lambda self: None)  # the fault
    assert uses_alive() > 0


@pytest.mark.parametrize("size", [1e2, 1e3, 3e4, 1e7])
@pytest.mark.parametrize("how", ["inner products", "matrices", "lines"])
def test_rows_that_cancel_each_other_count_for_no_more_than_the_clip(how, size):
    """Their sum is short, and what 32-bit floats make of it is not."""
    one, two = torch.randn(2, 64, generator=PLAY)
    rows = torch.stack([size * one, two / two.norm() / 2 - size * one])
    if how == "lines":
        net: nn.Module = nn.Embedding(5, 64)
        losses = lambda: (net(torch.zeros(2, 1, dtype=torch.long))[:, 0] * rows).sum(1)  # noqa: E731
    else:
        net = nn.Linear(64, 64 if how == "inner products" else 1, bias=False)
        losses = lambda: net(rows).sum(1)  # noqa: E731
    (found,) = clipped_sum(losses, list(net.parameters()), torch.zeros(2, dtype=torch.long), 0.1)
    assert float(found.double().norm()) <= 0.1 * (1 + 1e-5)
