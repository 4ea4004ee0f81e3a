"""From a composition of networks to a fitted model of images or series: fit, sample, save, load.

What is said of images holds of series: a series is an image of one axis, its steps.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from medsynai.codec.framing import AnyFrame, Labelled, frame_of, from_facts, to_facts
from medsynai.data.schema import Schema
from medsynai.generator import FREE, SEEDS, Condition, check_draw
from medsynai.learn.core import Modules, Phase
from medsynai.learn.desk import at_desk, desk
from medsynai.learn.film import EACH
from medsynai.learn.fitted import key_of, shorten
from medsynai.learn.image_looks import look_at_copies
from medsynai.learn.job import Job, Pace, Trained, halves
from medsynai.learn.loop import train
from medsynai.learn.mechanism import Plain
from medsynai.learn.monitor import BATCH, Monitor
from medsynai.learn.nets.conv import Canvas
from medsynai.learn.threads import shared_out
from medsynai.privacy.ledger import Ledger
from medsynai.saved import Saved, read_model, write_model
from medsynai.seeds import Seeds

CHUNK = 256  # images drawn at once
DRAWN = 128  # images drawn at a look: a twentieth of what the rounds between two looks cost


class ImageComposition(Protocol):
    """A model: its catalogue name, its public settings, and what they put together.

    To add one: a frozen dataclass in `models/<name>.py` with what stands below and
    `fit = fit_images`, `load = partial(load_images, kind=<Class>)` beside it, a row of `CATALOG`
    and a page in `docs/models/`.
    """

    name: ClassVar[str]

    @property
    def pace(self) -> Pace:
        """How it is trained."""
        ...

    def phases(self) -> tuple[Phase, ...]:
        """What is trained when; known before an image is read."""
        ...

    def job(self, frame: AnyFrame) -> Job:
        """The networks and what is trained of them; a row is an image's pixels, then its class."""
        ...

    def drawer(self, frame: AnyFrame) -> nn.Module:
        """What is kept to draw with: `draw(labels, generator)` gives (n, width) pixels."""
        ...

    def settle(self, drawer: Any, modules: Modules, rows: Tensor, seeds: Seeds) -> None:
        """Take the trained weights over, and fit what is fitted to rows at most."""
        ...


@dataclass(frozen=True)
class FittedImageNetwork:
    """A trained network of images. Holds weights and facts; never an image, never a critic.

    Attributes:
        settings: the composition that was fitted.
        facts: how training went.
        film: rounds, and images that were painted then from the same noise, the classes by turns;
            for the report of the run, and not saved.
    """

    settings: Any
    frame: AnyFrame
    drawer: Any
    facts: dict[str, Any]
    film: tuple[tuple[int, Any], ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """What may be asked for."""
        return self.frame.classes

    def sample(self, n: int, seeds: Seeds = SEEDS, condition: Condition = FREE) -> Any:
        """Draw exactly `n` images; see `medsynai.generator.FittedImages.sample`.

        Raises:
            PlanError: n below 1.
            ConditionError: a condition on anything but a known label.
        """
        check_draw(n)
        labels = self.frame.draw_labels(n, condition, seeds.of("labels").numpy())
        told = torch.split(torch.from_numpy(labels).float(), CHUNK)

        def draw(part: int) -> Tensor:
            generator = torch.Generator().manual_seed(seeds.of("pixels", part).integer())
            found: Tensor = self.drawer.draw(told[part], generator)
            return found

        return self.frame.decode(torch.cat(shared_out(draw, range(len(told)))).numpy(), labels)

    @torch.inference_mode()
    def between(self, steps: int, seeds: Seeds = SEEDS) -> Any:
        """For each class in turn `steps` records on the way from one draw to another."""
        generator = torch.Generator().manual_seed(seeds.of("between").integer())
        labels = np.arange(len(self.classes) or 1)
        drawn: Tensor = self.drawer.between(torch.from_numpy(labels).float(), steps, generator)
        return self.frame.decode(drawn.numpy(), labels.repeat(steps))

    def save(self, folder: Path) -> None:
        """Write model.json, weights.safetensors and schema.toml into an existing folder."""
        arrays = {f"net.{k}": v.numpy() for k, v in self.drawer.state_dict().items()}
        facts = to_facts(self.frame) | self.facts
        name = self.settings.name
        write_model(folder, Saved(name, self.settings, Schema(()), facts, arrays))


def fit_images(
    settings: ImageComposition, images: Labelled, ledger: Ledger | None = None, seeds: Seeds = SEEDS
) -> FittedImageNetwork:
    """Train a composition on images, the ledger charged first; see `ImageGenerator.fit`.

    Raises:
        ModelError: no images, a class of too few patients, or training that failed.
        PlanError: a budget too small to train in.
    """

    def job_of(frame: Any, rows: Tensor) -> Job:
        job = settings.job(frame)
        if job.monitor is not None:
            return job
        return replace(job, monitor=_copies(settings, frame, rows, seeds.of("copies")))

    return fit_framed(settings, images, job_of, ledger, seeds)


def _copies(settings: ImageComposition, frame: Any, rows: Tensor, seeds: Seeds) -> Monitor:
    """What looks for near copies among images that are drawn as they will be, but few of them.

    Whatever is fitted to rows before a draw is fitted to a thousand of the train images.
    """
    random = torch.Generator().manual_seed(seeds.of("rows").integer())
    some = rows[torch.randperm(len(rows), generator=random)[:BATCH]]
    labels = torch.from_numpy(frame.draw_labels(DRAWN, FREE, seeds.of("labels").numpy())).float()

    def draw(modules: Modules) -> Tensor:
        drawer: Any = settings.drawer(frame).requires_grad_(False)
        settings.settle(drawer, modules, some, seeds.of("settle"))
        same = torch.Generator().manual_seed(seeds.of("pixels").integer())
        found: Tensor = drawer.draw(labels, same)
        return found

    return look_at_copies(Canvas.of(frame, 1), rows[:, :-1], draw, random)


def fit_framed(
    settings: Any,
    images: Labelled,
    job_of: Callable[[Any, Tensor], Job],
    ledger: Ledger | None,
    seeds: Seeds,
) -> FittedImageNetwork:
    """The same, with a job that may look at the train rows; see `fit_images`."""
    charge = Plain().charge(f"train the {settings.name} model", settings.phases())
    (ledger or Ledger()).charge(charge)
    frame = frame_of(images)
    rows = to_rows(frame, images)
    inside, outside = halves(images.patients, settings.pace.held, seeds)
    job = job_of(frame, rows[inside])
    if not len(outside) and settings.pace.held:
        job = shorten(job, len(rows))
    place = desk().place(key_of(settings, seeds, rows))
    trained = train(job, rows[inside], rows[outside], seeds, place)
    with at_desk(desk().after_training(job.pace.seconds)):
        return kept(settings, frame, trained, rows[inside], seeds)


def kept(
    settings: Any, frame: AnyFrame, trained: Trained, rows: Tensor, seeds: Seeds
) -> FittedImageNetwork:
    """What is kept of a run to draw with, fitted to these rows at most, and its film."""
    drawer = settings.drawer(frame).requires_grad_(False)
    with torch.no_grad():
        settings.settle(drawer, trained.modules, rows, seeds.of("settle"))
    labels = np.arange(EACH) % max(1, len(frame.classes))
    film = tuple((done, frame.decode(shot.numpy(), labels)) for done, shot in trained.film)
    return FittedImageNetwork(settings, frame, drawer, trained.facts, film)


def to_rows(frame: Any, images: Labelled) -> Tensor:
    """(n, width + 1): an image's pixels, then its class."""
    labels = images.labels[:, None].astype(np.float32)
    return torch.from_numpy(np.hstack([frame.encode(images), labels]))


def load_images(folder: Path, kind: Any) -> FittedImageNetwork:
    """A network saved by `FittedImageNetwork.save`, rebuilt from its settings.

    Raises:
        ModelError: another model's folder, or a corrupt one.
    """

    def build(whole: Saved) -> FittedImageNetwork:
        facts = dict(whole.facts)
        frame = from_facts(facts)
        drawer = whole.settings.drawer(frame).requires_grad_(False)
        named = {k[4:]: torch.from_numpy(v) for k, v in whole.arrays.items() if k[:4] == "net."}
        drawer.load_state_dict(named)
        return FittedImageNetwork(whole.settings, frame, drawer, facts)

    return read_model(folder, kind.name, kind, build)
