"""Adversarial losses: known answers, blinded generators, and a toy that each duel must learn."""

import math

import pytest
import torch
from torch import nn

from medsynai.learn.core import Batch, Phase, Update, batchwise_reason
from medsynai.learn.job import Job, Pace
from medsynai.learn.loop import train
from medsynai.learn.losses import adversarial
from medsynai.learn.nets.mlp import initialise, mlp
from medsynai.seeds import Seeds

GOODFELLOW, WASSERSTEIN = adversarial.goodfellow(), adversarial.wasserstein()
RELATIVISTIC = adversarial.relativistic()
DUELS = {
    "goodfellow": (GOODFELLOW, adversarial.zero_centred(0.1)),
    "wasserstein": (WASSERSTEIN, adversarial.gradient_penalty(1.0)),
    "relativistic": (RELATIVISTIC, adversarial.zero_centred(0.1)),
}


class Line(nn.Module):
    """D(x) = w x, for packs of rows: known slopes."""

    def __init__(self, weight, pack=1):
        super().__init__()
        self.weight, self.pack = nn.Parameter(torch.tensor(weight)), pack

    def view(self, real):
        return real

    def forward(self, x, asked):
        return (x @ self.weight).reshape(-1, self.pack).sum(1)


class Shift(nn.Module):
    """G(z) = z + s."""

    def __init__(self, by):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))

    def forward(self, noise, condition):
        return noise[:, :2] + self.by


def pair(pack=1) -> nn.ModuleDict:
    return nn.ModuleDict({"critic": Line([3.0, 4.0], pack), "generator": Shift([0.5, -0.25])})


def batch(rows=6) -> Batch:
    real, noise = torch.randn(2, rows, 3, generator=torch.Generator().manual_seed(1))
    return Batch(real[:, :2], torch.zeros(rows, 0), torch.zeros(rows, 0), noise)


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_losses_are_those_of_the_papers():
    modules, given = pair(), batch()
    real = (given.real @ torch.tensor([3.0, 4.0])).tolist()
    fake = ((given.noise[:, :2] + torch.tensor([0.5, -0.25])) @ torch.tensor([3.0, 4.0])).tolist()
    expected = {
        GOODFELLOW.critic: [
            -math.log(logistic(r)) - math.log(1 - logistic(f))
            for r, f in zip(real, fake, strict=True)
        ],
        GOODFELLOW.generator: [-math.log(logistic(f)) for f in fake],
        WASSERSTEIN.critic: [f - r for r, f in zip(real, fake, strict=True)],
        WASSERSTEIN.generator: [-f for f in fake],
        RELATIVISTIC.critic: [
            -math.log(logistic(r - f)) + adversarial.PIN * r**2
            for r, f in zip(real, fake, strict=True)
        ],
        RELATIVISTIC.generator: [-math.log(logistic(f)) for f in fake],
    }
    for loss, values in expected.items():
        assert loss(modules, given).tolist() == pytest.approx(values, rel=1e-4, abs=1e-5)


def test_penalties_of_a_line_are_known():
    modules, given = pair(), batch()
    assert adversarial.gradient_penalty(10.0)(modules, given).tolist() == pytest.approx(
        [10.0 * (5 - 1) ** 2] * 6
    )
    assert adversarial.zero_centred(0.3)(modules, given).tolist() == pytest.approx(
        [0.15 * (25 + 25)] * 6
    )
    with torch.no_grad():  # a look asks for a penalty where no graph is kept
        assert adversarial.zero_centred(0.3)(modules, given).tolist() == pytest.approx([7.5] * 6)


def test_a_pack_has_one_score_and_one_slope():
    modules, given = pair(pack=3), batch()
    assert adversarial.zero_centred(2.0)(modules, given).tolist() == pytest.approx([150.0] * 2)
    assert len(GOODFELLOW.critic(modules, given)) == 2


def test_a_penalty_reaches_the_critic_and_not_the_generator():
    modules, given = pair(), batch()
    for penalty in (adversarial.gradient_penalty(), adversarial.zero_centred()):
        penalty(modules, given).sum().backward()
        assert modules["critic"].weight.grad.abs().min() > 0.1
        assert modules["generator"].by.grad is None
        modules.zero_grad()


@pytest.mark.parametrize("name", DUELS)
def test_generators_do_not_see_real_rows_and_critics_do(name):
    duel, penalty = DUELS[name]
    modules, given = pair(), batch()
    seen, blind = duel.generator(modules, given), duel.generator(modules, given.blind())
    assert torch.equal(seen, blind) and seen.isfinite().all()
    assert duel.critic(modules, given.blind()).isnan().all()
    curved = nn.ModuleDict({"critic": Judge(), "generator": Shift([0.5, -0.25])})
    initialise(curved["critic"], torch.Generator().manual_seed(1))
    assert penalty(curved, given.blind()).isnan().all()


def test_a_penalty_is_worked_out_seldom_and_weighs_as_much():
    asked = []

    def penalty(modules, batch):
        asked.append(len(batch.real))
        return torch.ones(len(batch.real))

    zero = Update(("critic",), lambda m, b: torch.zeros(len(b.real)), True)
    update = Update(("critic",), zero.loss, True, penalty=penalty, every=4)
    losses = [float(update.at(r)(pair(), batch()).mean()) for r in range(8)]
    assert losses == [4.0, 0, 0, 0, 4.0, 0, 0, 0] and len(asked) == 2


def test_packs_say_so():
    update = Update(
        ("critic",), RELATIVISTIC.critic, True, penalty=adversarial.zero_centred(), every=2
    )
    assert update.batchwise is None and adversarial.packed(update, 1) == update
    for pack in (2, 10):
        marked = adversarial.packed(update, pack)
        assert marked.batchwise == f"packs of {pack} rows share one score"
        assert batchwise_reason(marked.at(0)) and batchwise_reason(marked.at(1))


class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = mlp(2, 32, 1)

    def view(self, real):
        return real

    def forward(self, x, asked):
        return self.body(x)[:, 0]


class Maker(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = mlp(2, 32, 2)

    def forward(self, noise, condition):
        return self.body(noise[:, :2])


def blobs(n: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    side = torch.randint(2, (n, 1), generator=generator) * 4.0 - 2.0
    return side + 0.3 * torch.randn(n, 2, generator=generator)


@pytest.mark.parametrize("name", DUELS)
def test_each_duel_learns_two_blobs(name):
    duel, penalty = DUELS[name]
    critic = Update(
        ("critic",), duel.critic, True, lr=2e-3, betas=(0.0, 0.99), penalty=penalty, every=2
    )
    fool = Update(("generator",), duel.generator, False, lr=2e-3, betas=(0.0, 0.99))
    modules = nn.ModuleDict({"critic": Judge(), "generator": Maker()})
    pace = Pace(batch=64, check=100, held=0.0)
    job = Job(modules, (Phase((critic, fool), 900),), 3, pace)
    trained = train(job, blobs(1000), torch.zeros(0, 2), Seeds(1))
    noise = torch.randn(2000, 3, generator=torch.Generator().manual_seed(2))
    made = trained.modules["generator"](noise, noise[:, :0])
    near = [((made - c).square().sum(1) < 1).float().mean() for c in (-2.0, 2.0)]
    assert min(near) > 0.25 and sum(near) > 0.75, [float(x) for x in near]
