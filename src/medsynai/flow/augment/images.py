"""The study on images: the judge's small network, and images as the files store them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from medsynai.data.images import ImageSet
from medsynai.data.pixels import PixelScale
from medsynai.errors import PlanError
from medsynai.evaluate.arms import Arm
from medsynai.evaluate.encode import Floats
from medsynai.evaluate.images.judge_net import BATCH, ask, train_judge
from medsynai.flow.augment.lab import duplicates
from medsynai.flow.images import stages
from medsynai.flow.kind_stages import Models, Run
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Watch
from medsynai.generator import FittedImages
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

FEW = 500  # images below which the baseline is taken by `auto`: networks have too little to go by
TURNS = 20  # times that the real images are seen in the real arm
FEWEST, MOST = 100, 500  # steps of it
LABEL = "label"


@dataclass(frozen=True)
class ImageLab:
    """See `lab.Lab`."""

    plan: Plan
    train: ImageSet
    holdout: ImageSet
    unit: str = "images"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.train.classes

    @property
    def labels(self) -> np.ndarray:
        """(train images,) class of each."""
        return self.train.labels

    @property
    def patients(self) -> np.ndarray:
        """(train images,) whose it is."""
        return np.unique(self.train.patients, return_inverse=True)[1]

    def bench(self, learn: np.ndarray, held: np.ndarray, seeds: Seeds) -> "ImageBench":
        """Fit the generator to the images to learn from.

        Raises:
            InputError: images that the model cannot be fitted to.
        """
        real = self.train.rows(learn)
        models = Models(stages.MODELS.load, "pca" if len(real) < FEW else stages.MODELS.default)
        model = models.load(models.named(self.plan), models.settings(self.plan))
        fitted = model.fit(real, Ledger(), seeds.of("fit"))
        return ImageBench(real, self.train.rows(held), self.holdout, fitted)


@dataclass(frozen=True)
class ImageBench:
    """See `lab.Bench`."""

    real: ImageSet
    validation: ImageSet
    holdout: ImageSet
    fitted: FittedImages

    def added(self, arm: Arm, n: int, seeds: Seeds) -> ImageSet:
        """Images to add; the classic ones are moved, turned and lit otherwise, never mirrored."""
        if arm is Arm.MIXED:
            return self.fitted.sample(n, seeds)
        repeated = self.real.rows(duplicates(len(self.real), n, seeds))
        return repeated if arm is Arm.DUPLICATED else moved(repeated, seeds)

    def evened(self, seeds: Seeds) -> None:
        """Of images no class is asked for by itself."""

    def joined(self, parts: Sequence[ImageSet]) -> ImageSet:
        """One after another."""
        pixels, labels = (
            np.concatenate([getattr(p, n) for p in parts]) for n in ("pixels", "labels")
        )
        return ImageSet(pixels, labels, self.real.classes, np.arange(len(pixels)))

    def tried(self, stages: Sequence[ImageSet], seeds: Seeds) -> tuple[Floats, Floats]:
        """One network, taught by each stage in turn."""
        scale, net = PixelScale.of(self.real.pixels), None
        usual = min(max(TURNS * len(self.real) // BATCH, FEWEST), MOST)
        for k, stage in enumerate(stages):
            steps = round(usual * len(stage) / len(self.real))
            pixels = scale.forward(stage.pixels)
            size = len(self.real.classes)
            net = train_judge(pixels, stage.labels, size, max(steps, 1), seeds.of(k), net)
        assert net is not None
        stacks = [
            np.column_stack([part.labels, ask(net, scale.forward(part.pixels))[0]])
            for part in (self.validation, self.holdout)
        ]
        return stacks[0], stacks[1]


def moved(images: ImageSet, seeds: Seeds) -> ImageSet:
    """Each image turned by up to 10 degrees, moved by up to 7 %, and lit by up to 10 % otherwise.

    Not mirrored: left and right mean something in a body.
    """
    rng, nd = seeds.of("moved").numpy(), len(images.space)
    limits = np.iinfo(images.pixels.dtype) if images.pixels.dtype.kind in "iu" else None
    out = np.empty_like(images.pixels)
    for i, image in enumerate(images.pixels):
        angle = np.deg2rad(rng.uniform(-10, 10))
        turn = np.eye(nd)
        turn[-2:, -2:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        middle = (np.array(images.space) - 1) / 2
        shift = rng.uniform(-0.07, 0.07, nd) * images.space
        gain = rng.uniform(0.9, 1.1)
        for c, plane in enumerate(image):
            low = float(plane.min())
            there = ndimage.affine_transform(
                plane.astype(float), turn, middle - turn @ middle + shift, order=1, mode="nearest"
            )
            lit = low + gain * (there - low)
            if limits is not None:
                lit = np.clip(np.round(lit), limits.min, limits.max)
            out[i, c] = lit
    return replace(images, pixels=out)


def open_lab(plan: Plan, watch: Watch) -> ImageLab:
    """Read and split as `synthesize` does.

    Raises:
        PlanError: another target than the label, or no holdout.
        InputError: as `flow.images.stages`.
    """
    if plan.target not in (None, LABEL):
        raise PlanError("images have no columns: the only target is their label")
    run = Run(replace(plan, target=None), Ledger(), watch)
    parts = stages.divide(stages.read(run), run)
    if parts.holdout is None:
        raise PlanError("a study needs a holdout: leave --holdout above 0")
    return ImageLab(run.plan, parts.train, parts.holdout)
