"""Drafts: components and what they leave out, and a painter that cannot change what they say."""

import numpy as np
import pytest
import torch

from medsynai.codec.image import Frame
from medsynai.data.images import ImageSet
from medsynai.errors import ModelError, PlanError
from medsynai.learn.core import Batch
from medsynai.learn.drafting import Artist, Draft
from medsynai.learn.losses.velocity import velocity
from medsynai.learn.nets.conv import Canvas
from medsynai.learn.nets.mlp import initialise, modules_of
from medsynai.models.catalog import load_image_model

CANVAS = Canvas(1, (6, 5), 2, 4)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def rows(n: int = 200) -> torch.Tensor:
    """Six directions of falling weight, and a little of everything."""
    weights = torch.tensor([8.0, 6.0, 4.0, 3.0, 2.0, 1.5])
    mixed = torch.randn(6, CANVAS.pixels, generator=seeded()) / CANVAS.pixels**0.5
    some = torch.Generator().manual_seed(2)
    few = torch.randn(n, 6, generator=some) * weights
    return 3 + few @ mixed + 0.05 * torch.randn(n, CANVAS.pixels, generator=some)


def test_components_are_those_of_a_singular_value_decomposition():
    x, draft = rows(), Draft(4, CANVAS.pixels).fit(rows(), seeded())
    centred = (x - x.mean(0)).double().numpy()
    values, axes = np.linalg.svd(centred, full_matrices=False)[1:]
    assert np.allclose(draft.spread, values[:4] / len(x) ** 0.5, rtol=1e-3)
    assert np.allclose(np.abs((draft.axes.double().numpy() * axes[:4]).sum(1)), 1, atol=1e-3)
    assert torch.allclose(draft.axes @ draft.axes.T, torch.eye(4), atol=1e-4)
    scores = draft.scores(x)
    assert torch.allclose(scores.T @ scores / len(x), torch.eye(4), atol=1e-3)


def test_an_image_is_its_draft_and_what_lies_beside():
    x, draft = rows(), Draft(4, CANVAS.pixels).fit(rows(), seeded())
    sketch = draft.image(draft.scores(x))
    assert torch.allclose(sketch + draft.beside(x - draft.middle), x, atol=1e-4)
    assert draft.beside(sketch - draft.middle).abs().max() < 1e-4
    assert torch.allclose(draft.rest, (x - sketch).std(0, correction=0), atol=1e-4)


@pytest.mark.parametrize(("n", "there"), [(3, 0), (9, 2), (40, 4)])
def test_few_images_have_few_components(n, there):
    draft = Draft(4, CANVAS.pixels).fit(rows(n), seeded())
    assert int((draft.axes.norm(dim=1) > 0.5).sum()) == there
    assert draft.scores(rows(n))[:, there:].abs().sum() == 0


def test_equal_images_have_no_component():
    draft = Draft(2, CANVAS.pixels).fit(torch.full((50, CANVAS.pixels), 7.0), seeded())
    assert draft.scores(torch.randn(5, CANVAS.pixels)).abs().sum() == 0


def artist() -> Artist:
    made = Artist(CANVAS, 4, 3)
    initialise(made, seeded())
    with torch.no_grad():  # which begins at zero: it would not paint
        made.painter.last.weight.normal_(generator=seeded())
    made.draft.fit(rows(), seeded())
    return made


def test_a_painter_cannot_change_what_a_draft_says():
    made, labels = artist(), torch.tensor([[0.0], [1.0]]).repeat(20, 1)
    noise = torch.randn(40, made.noise, generator=seeded())
    painted = made(noise, labels)
    meant = made.path.carried(noise[:, :4], labels[:, 0])
    assert torch.allclose(made.draft.scores(painted), meant, atol=1e-3)
    assert (painted - made.draft.image(meant)).std() > 0.3  # and yet it paints


def test_the_flow_learns_of_real_images_and_not_of_the_critic():
    model = load_image_model("image-gan", {"components": 4, "width": 4})
    images = ImageSet.of(np.zeros((20, 1, 6, 5), np.uint8))
    job = model.job(Frame.of(images), torch.cat([rows(), torch.zeros(200, 1)], 1))
    initialise(job.modules, seeded())
    (first,), (flow, critic, paint) = (phase.updates for phase in job.phases)
    assert first.trains == flow.trains == ("net",)
    assert [u.reads_real for u in (flow, critic, paint)] == [True, True, False]
    real = torch.cat([rows(8), torch.zeros(8, 1)], 1)
    batch = Batch(real, real[:, -1:], real[:, -1:], torch.randn(8, job.noise, generator=seeded()))
    assert flow.loss(job.modules, batch.blind()).isnan().all()
    paint.loss(job.modules, batch.blind()).mean().backward()
    slopes = {n: [p.grad for p in job.modules[n].parameters()] for n in ("net", "painter")}
    assert all(g is None for g in slopes["net"])
    assert any(g is not None and g.abs().sum() > 0 for g in slopes["painter"])


def test_many_paths_of_a_row_count_as_their_mean():
    class Seen(torch.nn.Module):
        def forward(self, x, time, label):
            return x + time[:, None] + label[:, None]

    real = torch.tensor([[1.0, -1.0, 2.0], [0.5, 0.0, 1.0]])
    noise = torch.randn(2, 9, generator=seeded())
    batch = Batch(real, real[:, -1:], real[:, -1:], noise)
    net = modules_of(net=Seen())
    alone = [velocity()(net, batch._replace(noise=noise[:, at : at + 3])) for at in (0, 3, 6)]
    assert torch.allclose(velocity(often=3)(net, batch), torch.stack(alone).mean(0))
    assert not torch.allclose(alone[0], alone[1])


@pytest.mark.parametrize("rounds", [(5,), (5, 5, 5), (0, 5), (5, 0)])
def test_rounds_are_of_the_flow_and_of_the_duel(rounds):
    with pytest.raises((ModelError, PlanError), match=r"flow and duel|expected 2 values"):
        load_image_model("image-gan", {"rounds": rounds})
