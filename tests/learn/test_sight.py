"""What networks say of codes: likelihoods that sum to one, ties that look back only, ranks kept."""

import numpy as np
import pytest
import torch

from medsynai.codec.layout import Layout
from medsynai.codec.spaces import Space, _joined, _scaled
from medsynai.learn.core import Batch
from medsynai.learn.draw import Asked, levelled
from medsynai.learn.latent import LatentDrawer
from medsynai.learn.losses.likelihood import elbo
from medsynai.learn.losses.matching import matching
from medsynai.learn.nets.coder import Decoder, autoencoder
from medsynai.learn.nets.denoiser import Denoiser
from medsynai.learn.nets.graded_coder import GradedDecoder
from medsynai.learn.nets.mlp import initialise, modules_of
from medsynai.learn.nets.sight import Sight
from medsynai.learn.priors import Flow, Mixture, even_normal

LAYOUT = Layout.of(("a", "b", "c"), (4, 6, 3), (False, True, False))


def space_of(placed: bool) -> Space:
    parts = [(np.arange(s), np.zeros(s), np.full(s, -np.inf)) for s in LAYOUT.sizes]
    if placed:
        parts[1] = _scaled(np.array([0.0, 1.0, 2.0, 5.0, 10.0]))
    return _joined(LAYOUT, parts)


ROWS = torch.tensor([[0.0, 5.0, 1.0], [3.0, 2.0, 0.0], [1.0, 0.0, 2.0]])


def seeded(net, seed: int = 1):
    initialise(net, torch.Generator().manual_seed(seed))
    return net


@pytest.mark.parametrize("placed", [False, True])
def test_the_probabilities_of_a_columns_codes_sum_to_one(placed):
    sight = Sight(space_of(placed))
    outs = torch.randn(7, sight.outs.width, generator=torch.Generator().manual_seed(2))
    spreads = torch.full((len(sight.placed),), -1.0)
    for j, span in enumerate(LAYOUT):
        scores = sight.scores(j, outs[:, sight.outs.spans[j].places], spreads)
        assert scores.shape == (7, span.size)
        assert torch.allclose(scores.exp().sum(1), torch.ones(7), atol=1e-4)


def test_a_positions_density_is_that_of_torch_and_missing_has_none():
    sight = Sight(space_of(True))
    outs = torch.randn(3, sight.outs.width, generator=torch.Generator().manual_seed(3))
    spreads = torch.tensor([-0.7])
    miss = sight.surprise(outs, ROWS, spreads)
    mine = outs[:, sight.outs["b"].places]
    cells = torch.nn.functional.cross_entropy(
        mine[:, :2], torch.tensor([1, 0, 0]), reduction="none"
    )
    normal = torch.distributions.Normal(mine[1:, 2], spreads.exp())
    expected = cells - torch.cat([torch.zeros(1), normal.log_prob(torch.tensor([-0.6, -1.0]))])
    assert torch.allclose(miss[:, 1], expected, atol=1e-5)


def test_a_graded_column_sees_what_is_before_it_and_drawing_asks_the_same():
    decoder = seeded(GradedDecoder(space_of(False), 16, 4, ties=8))
    decoder.prepare(torch.stack([torch.arange(60) % s for s in LAYOUT.sizes], dim=1).float())
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(4))
    assert torch.equal(decoder(z, ROWS), decoder.usual.repeat(3, 1))  # it begins with nothing else
    for weight in decoder.parameters():
        weight.data += 0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(5))
    whole = decoder(z, ROWS)
    for changed in range(3):
        other = ROWS.clone()
        other[:, changed] = (other[:, changed] + 1) % LAYOUT.sizes[changed]
        moved = (decoder(z, other) != whole).any(0)
        for j, span in enumerate(LAYOUT):
            assert bool(moved[span.places].any()) == (j > changed)
    (outs, bias), known = decoder.open(z), torch.zeros(3, 8)
    for j, span in enumerate(LAYOUT):
        expected = torch.log_softmax(whole[:, span.places], dim=1)
        assert torch.allclose(decoder.ask(j, outs, bias, known), expected, atol=1e-4)
        known = decoder.tell(j, ROWS[:, j], known)


def test_a_tied_column_sees_what_is_before_it_and_drawing_asks_the_same():
    decoder = seeded(Decoder(space_of(True), 16, 4, ties=8))
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(4))
    whole = decoder(z, ROWS)
    for changed in range(3):
        other = ROWS.clone()
        other[:, changed] = (other[:, changed] + 1) % LAYOUT.sizes[changed]
        moved = (decoder(z, other) != whole).any(0)
        for j, span in enumerate(decoder.sight.outs):
            assert bool(moved[span.places].any()) == (j > changed)
    outs, bias = decoder.open(z)
    known = torch.zeros(3, 8)
    for j, span in enumerate(decoder.sight.outs):
        expected = decoder.sight.scores(j, whole[:, span.places], decoder.spreads)
        assert torch.allclose(decoder.ask(j, outs, bias, known), expected, atol=1e-4)
        known = decoder.tell(j, ROWS[:, j], known)


def test_a_condition_on_a_tied_latent_follows_bayes_rule():
    space = space_of(False)
    drawer = LatentDrawer(space, seeded(Decoder(space, 16, 4, ties=8), 5), Mixture(4, 0))
    drawer.requires_grad_(False)
    drawer.seen[:] = True
    generator = torch.Generator().manual_seed(6)
    free = Asked(drawer.seen, ())
    rows = drawer.complete(drawer.begin(60_000, free, generator)[0], free, generator)
    able = drawer.seen.clone()
    able[LAYOUT["c"].places] = torch.tensor([False, True, False])
    asked = Asked(able, (2,))
    state, weight = drawer.begin(60_000, asked, generator)
    drawn = drawer.complete(state, asked, generator)
    assert (drawn[:, 2] == 1).all()
    met = rows[rows[:, 2] == 1]
    for code in range(6):
        want = (met[:, 1] == code).float().mean()
        found = ((drawn[:, 1] == code) * weight).sum() / weight.sum()
        assert abs(float(want - found)) < 0.015


def test_levels_make_the_mean_probabilities_those_asked_for():
    scores = torch.randn(500, 5, generator=torch.Generator().manual_seed(7)) * 2
    target = torch.tensor([0.5, 0.2, 0.0, 0.25, 0.05])
    level = levelled(scores, target)
    mean = torch.softmax((scores + level).masked_fill(target == 0, -torch.inf), 1).mean(0)
    assert (mean - target).abs().max() < 0.01


def test_the_mean_point_of_a_sure_answer_is_the_rows_own():
    space = space_of(True)
    net = Denoiser(space, 8, 2, 0.9)
    outs = torch.full((3, net.sight.outs.width), -50.0)
    cells, position = net.sight.see(ROWS)
    for j, span in enumerate(net.sight.outs):
        outs[torch.arange(3), span.start + cells[:, j].long()] = 50.0
    outs[:, net.sight.means] = position
    found, own = net.expect(outs), net.place(ROWS)
    there = ROWS[:, 1] < 5
    assert torch.allclose(found[there], own[there], atol=1e-5)
    assert float(own[0, 0]) == 0.0  # a missing value's position says nothing


def test_a_flow_with_a_known_answer_ends_there():
    class Sure(torch.nn.Module):
        width, last = 3, 0.95

        def forward(self, x, time):
            return x * 0 + torch.tensor([1.0, -2.0, 0.5])

        def expect(self, outs):
            return outs

    drawn = Flow(40).draw(Sure(), 500, torch.Generator().manual_seed(8))
    left = drawn - 0.95 * torch.tensor([1.0, -2.0, 0.5])
    assert left.mean(0).abs().max() < 0.01
    assert abs(float(left.std()) - 0.05) < 0.005  # a twentieth of the noise


def test_even_noise_is_normal_in_each_row_and_level_over_all():
    generator = torch.Generator().manual_seed(9)
    many = even_normal(1000, 3, generator)
    assert many.mean(0).abs().max() < 0.005 and (many.std(0) - 1).abs().max() < 0.01
    assert torch.corrcoef(many.T).fill_diagonal_(0).abs().max() < 0.02
    assert not torch.equal(many, even_normal(1000, 3, generator))
    alone = torch.cat([even_normal(1, 3, generator) for _ in range(4000)])
    assert alone.mean(0).abs().max() < 0.06 and (alone.std(0) - 1).abs().max() < 0.05


@pytest.mark.parametrize("placed", [False, True])
def test_blinded_rows_give_no_loss(placed):
    space = space_of(placed)
    nets = seeded(autoencoder(space, 8, 4, 4, ROWS, graded=not placed))
    blind = Batch(ROWS, ROWS[:, :0], ROWS[:, :0], torch.randn(3, 7)).blind()
    assert elbo(1.0, 0.1, 4)(nets, blind).isnan().all()
    net = modules_of(net=seeded(Denoiser(space, 8, 2, 0.9)))
    noise = torch.randn(3, net["net"].width + 1)
    assert matching()(net, blind._replace(noise=noise)).isnan().all()
