"""Judging images: how a run's own are judged, and anybody's synthetic files."""

from pathlib import Path

import numpy as np

from medsynai.data.imagefiles import read_images
from medsynai.data.images import ImageSet
from medsynai.errors import PlanError
from medsynai.evaluate.images.trial import ImageTrial
from medsynai.evaluate.panel import IMAGE_PANEL
from medsynai.flow import judging, kind_stages, labelled
from medsynai.flow.judging import Assessment, Files, Panel
from medsynai.flow.opening import name_source
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell, Watch
from medsynai.report.evidence import DataFacts
from medsynai.seeds import Seeds

POLICY = "images/policy.toml"


def panel_of(plan: Plan) -> Panel:
    """How a plan's images are judged."""
    return Panel(plan.measures, plan.policy, IMAGE_PANEL, POLICY)


def assess(files: Files, panel: Panel, seed: int, tell: Tell) -> Assessment:
    """Judge anybody's synthetic images; the making wing is not touched.

    Raises:
        ReadError: something that cannot be read as images.
        PlanError: a schema, which images do not have, or sets of different sizes or classes.
    """
    watch = Watch(tell)
    if files.schema is not None:
        raise PlanError("images have no columns, so schema is for tables only")
    with watch.stage("read", "Reading the images"):
        given = (files.real, files.synthetic, files.holdout)
        loaded = [None if f is None else read_images(Path(str(f))) for f in given]
    real, made, held = (None if x is None else x.images for x in loaded)
    if real is None or made is None:
        raise PlanError("name the real and the synthetic images")
    first = loaded[0]
    if held is None and first is not None and first.held is not None:
        held, real = real.rows(first.held), real.rows(~first.held)  # the file's own test part
    classes = labelled.all_classes(real, held)
    train, synthetic = fitted_to(real, real, classes), fitted_to(made, real, classes)
    holdout = None if held is None else fitted_to(held, real, classes)
    trial = ImageTrial(train, holdout, synthetic, Seeds(seed).of("judge"))
    images = Panel(panel.measures, panel.policy, IMAGE_PANEL, POLICY)
    with watch.stage("judge", "Judging"):
        judged = judging.judge(trial, images, watch)
    facts = facts_of(name_source(files.real), train, holdout, synthetic)
    return kind_stages.assessment(files, facts, judged, (), watch)


def fitted_to(images: ImageSet, real: ImageSet, classes: tuple[str, ...]) -> ImageSet:
    """The same images in the real set's list of classes.

    Raises:
        PlanError: another size or type, or a class that no real image has.
    """
    form = (images.pixels.shape[1:], images.pixels.dtype)
    if form != (real.pixels.shape[1:], real.pixels.dtype):
        raise PlanError("the synthetic and the real images differ in size, channels or type")
    return labelled.in_classes(images, classes, "image")


def facts_of(
    source: str, train: ImageSet, holdout: ImageSet | None, synthetic: ImageSet
) -> DataFacts:
    """What the report says of the data."""
    sides = (train, holdout)
    return labelled.facts_of(
        source, sides, len(synthetic), int(np.prod(train.space)), ("pixels", "images")
    )
