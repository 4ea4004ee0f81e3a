"""Columns drawn one after another: the decoder's own chances, exact gradients, unbiased gaps."""

import numpy as np
import torch

from medsynai.codec.layout import Layout
from medsynai.codec.spaces import Space
from medsynai.codec.tokens import from_one_hot, one_hot
from medsynai.learn.core import Batch
from medsynai.learn.losses.moments import Moments, fool_and_match
from medsynai.learn.nets.mlp import initialise
from medsynai.learn.nets.tied import drawn_at
from medsynai.models.gan import Gan

LAYOUT = Layout.of(("a", "b", "c"), (4, 3, 5), (True, False, True))
SMALL = Gan(width=16, latent=3, ties=6, pack=1)


def space() -> Space:
    cells, whole = np.concatenate([np.arange(s) for s in LAYOUT.sizes]), LAYOUT.width
    return Space(LAYOUT, LAYOUT, cells, np.zeros(whole), np.full(whole, -np.inf), ())


def rows(n: int) -> torch.Tensor:
    a = torch.arange(n) % 4
    return torch.stack([a, a % 3, (a + torch.arange(n) // 7) % 5], dim=1).float()


def networks():
    modules = SMALL.job(space(), rows(200)).modules
    initialise(modules, torch.Generator().manual_seed(1))
    return modules


def noise(n: int, seed: int = 2) -> torch.Tensor:
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(seed))


def test_a_walk_draws_by_the_chances_that_the_decoder_gives_those_codes():
    modules, z = networks(), noise(5000)
    chances, drawn = modules["generator"].walk(z)
    codes = from_one_hot(LAYOUT, drawn)
    assert torch.allclose(one_hot(LAYOUT, codes), drawn, atol=1e-5)
    outs = modules["decoder"](z[:, :3], codes)
    known = [torch.softmax(outs[:, s.places], dim=1) for s in LAYOUT]
    assert torch.allclose(torch.cat(known, dim=1), chances, atol=1e-5)
    assert (drawn.mean(0) - chances.mean(0)).abs().max() < 0.03


def test_a_draws_gradient_is_exact_where_what_follows_is_quadratic():
    """The gradient of the chances alone (straight-through) is off by a tenth and more here."""
    scores = torch.tensor([[0.3, -0.5, 1.1]], requires_grad=True)
    pull = torch.tensor([[1.0, -2.0, 0.5], [0.5, 0.3, 0.0], [-1.0, 0.2, 3.0]])

    def follows(x):
        return (x @ pull).square().sum()

    chance = torch.softmax(scores, dim=1)
    true = sum(chance[0, k] * follows(torch.eye(3)[k : k + 1]) for k in range(3))
    (exact,) = torch.autograd.grad(true, scores)
    ends, found = torch.cat([torch.zeros(1), chance.detach()[0].cumsum(0)]), torch.zeros(1, 3)
    for k in range(3):
        u = ((ends[k] + ends[k + 1]) / 2).reshape(1, 1)
        code = drawn_at(u, scores, torch.softmax(scores, dim=1))
        assert code.argmax() == k
        (slope,) = torch.autograd.grad(follows(code), scores)
        found += chance.detach()[0, k] * slope
    assert torch.allclose(found, exact, atol=1e-4)


def test_rows_of_the_same_law_have_no_gap_in_the_mean():
    """One gap's own square would be the variance of a batch."""
    train, modules = rows(1400), networks()

    class Replay(torch.nn.Module):
        def walk(self, given):
            hot = one_hot(LAYOUT, train[(given[:, 0] * 1e6).long().abs() % len(train)])
            return hot, hot

    modules["generator"], modules["moments"] = Replay(), Moments(space(), train)
    nothing, zero = torch.zeros(40, 0), torch.zeros(40, 3)
    gaps, own = [], []
    for seed in range(300):
        batch = Batch(zero, nothing, nothing, noise(40, seed))
        with torch.no_grad():
            both = [fool_and_match(w)(modules, batch).mean() for w in (0.0, 1.0)]
            one, two = modules["moments"].gaps(*modules["generator"].walk(batch.noise))
        gaps.append(both[1] - both[0])
        own.append(one.square().sum() + two.square().sum() / 2)
    gap, squared = torch.stack(gaps), torch.stack(own).mean()
    assert gap.std() / 300**0.5 < squared / 20
    assert abs(gap.mean()) < squared / 4
