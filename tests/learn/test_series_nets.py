"""Networks of series: components come back, attributes are kept, a critic that is ahead rests."""

import torch

from medsynai.codec.series import SeriesFrame
from medsynai.data.series import SeriesSet
from medsynai.learn.core import Batch
from medsynai.learn.losses.timegan import judge
from medsynai.learn.nets.components import Components
from medsynai.learn.nets.mlp import initialise, modules_of
from medsynai.learn.nets.recurrent import (
    Chain,
    Embedder,
    InBatches,
    Recurrent,
    flat,
    stepwise,
    stretched,
)

SOME = torch.Generator().manual_seed(0)


def frame(steps=10, channels=3) -> SeriesFrame:
    values = torch.randn(30, steps, channels, generator=SOME).numpy()
    return SeriesFrame.of(SeriesSet.of(values))


def test_components_are_white_and_what_they_leave_is_noise():
    base = torch.randn(400, 3, generator=SOME) * torch.tensor([5.0, 1.0, 0.01])
    rows = base @ torch.randn(3, 12, generator=SOME) + 2
    basis = Components(12, 8).learn(rows, 4)
    seen = basis.see(rows)
    assert int((basis.spreads > 0).sum()) == 3 and seen.shape == (400, 8)
    assert torch.allclose(seen[:, :3].std(0), torch.ones(3), atol=0.01)  # the flat one as well
    assert not seen[:, 3:].any()
    assert torch.allclose(basis.back(seen, SOME), rows, atol=1e-3)
    noisy = rows + torch.randn(rows.shape, generator=SOME)
    left = Components(12, 2).learn(noisy, 4)
    drawn = left.back(left.see(noisy), SOME)
    assert torch.allclose(drawn.var(0), noisy.var(0), rtol=0.3)
    few = Components(12, 8).learn(noisy[:20], 4)
    assert int((few.spreads > 0).sum()) == 5  # four rows stand behind each


def test_a_series_has_the_middle_and_range_that_were_drawn_first():
    steps = torch.randn(5, 10, 3, generator=SOME)
    assert torch.equal(stepwise(flat(steps), 3), steps)
    even, middle, half = stretched(steps)
    assert torch.allclose(even.amax(1), torch.ones(5, 3)) and torch.allclose(
        middle[:, None] + half[:, None] * even, steps, atol=1e-5
    )
    maker = InBatches(frame(), 4, 16, 4)
    initialise(maker, SOME)
    noise, asked = torch.randn(6, maker.noise, generator=SOME), torch.zeros(6, 1)
    said = maker.attributes(torch.cat([noise[:, :4], maker.classes(asked)], 1))
    _, middle, half = stretched(stepwise(maker(noise, asked), 3))
    assert torch.allclose(middle, said[:, :3], atol=1e-4)
    assert torch.allclose(half, said[:, 3:].exp(), rtol=1e-3)
    other = noise.clone()
    other[:, 4:] = torch.randn(6, maker.noise - 4, generator=SOME)  # only the course is redrawn
    assert torch.allclose(stretched(stepwise(maker(other, asked), 3))[1], middle, atol=1e-4)


def test_what_is_drawn_lies_within_the_scale():
    of = frame()
    chain = Chain(of, 4, 6, 1)
    initialise(chain, SOME)
    rows = chain(9 * torch.randn(50, 40, generator=SOME), torch.zeros(50, 1))
    low, high = (torch.from_numpy(x) for x in of.ends)
    assert (stepwise(rows, 3) >= low).all() and (stepwise(rows, 3) <= high).all()


def test_a_critic_that_is_ahead_rests():
    of = frame()
    critic = Recurrent(6, 1, 1, 6, 1)
    nets = modules_of(embedder=Embedder(of, 6, 1), critic=critic)
    nets.update(dict(Chain(of, 4, 6, 1).named_children()))
    initialise(nets, SOME)
    real, none = torch.zeros(8, 31), torch.zeros(8, 1)
    batch = Batch(real, none, none, torch.randn(8, 40, generator=SOME))
    assert (judge()(nets, batch) > 0).all()

    class Sure(torch.nn.Module):
        """Right about every row: real ones are shown first."""

        calls = 0

        def forward(self, h, asked):
            self.calls += 1
            return h[:, :, :1] * 0 + (9.0 if self.calls == 1 else -9.0)

    nets["critic"] = Sure()
    assert not judge()(nets, batch).any()
