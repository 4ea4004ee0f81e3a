"""The stages of a run on images, one function each; `kind_stages.make` tells them in order."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medsynai.data.imagefiles import read_images
from medsynai.data.images import ImageSet, LoadedImages
from medsynai.data.split import split_patients
from medsynai.errors import PlanError
from medsynai.evaluate.images.baseline import NAME
from medsynai.evaluate.images.trial import ImageTrial
from medsynai.flow import judging, kind_stages
from medsynai.flow.images.baseline import MODEL, drawn_beside, said
from medsynai.flow.images.judging import facts_of, panel_of
from medsynai.flow.images.maker import ImageMaker
from medsynai.flow.images.pictures import shown, write_pictures
from medsynai.flow.images.release import look, write
from medsynai.flow.judging import Judged
from medsynai.flow.kind_release import KindRelease
from medsynai.flow.kind_stages import Findings, Models, Run, Trained
from medsynai.flow.labelled import as_asked, asked
from medsynai.flow.opening import FEWEST, name_source
from medsynai.flow.plan import Plan
from medsynai.models.catalog import load_image_model
from medsynai.privacy.ledger import Release
from medsynai.seeds import Seeds

MODELS = Models(load_image_model, "image-flow")
CHOSEN = "the default of `auto` for images: docs/images.md says what it was measured to"
# Options of a plan that speak of a table's columns, or of forms that images do not have.
TABLES_ONLY = ("schema", "target", "leaks", "keep", "mix_real", "form", "impute", "refine")


def read(run: Run) -> LoadedImages:
    """The real images.

    Raises:
        PlanError: options that only a table has.
        ReadError: files that cannot be read as images.
    """
    plan = run.plan
    kind_stages.refuse_options(plan, TABLES_ONLY, "images have no columns")
    if plan.source is None:
        raise PlanError("no data: name a folder or a file of images")
    with run.watch.stage("read", "Reading the images"):
        note = "size, stored type, classes and their shares, range of the pixels in round numbers"
        run.ledger.charge(Release("look at the images", note=note))
        return read_images(Path(plan.source), plan.skip_bad)


@dataclass(frozen=True)
class ImageParts:
    """Real images of different patients."""

    train: ImageSet
    holdout: ImageSet | None
    notes: tuple[str, ...]


def divide(loaded: LoadedImages, run: Run) -> ImageParts:
    """Train and holdout by patient; where the file itself has a test part, that is held out.

    Raises:
        PlanError: too few patients.
        ConditionError: a condition on anything but a known label.
    """
    plan, images = run.plan, loaded.images
    panel_of(plan).load()
    MODELS.check(plan)
    asked(plan.conditions, images.classes)
    with run.watch.stage("split", "Splitting by patient"):
        people = len(np.unique(images.patients))
        if people < FEWEST:
            raise PlanError(f"{people} patients are too few; at least {FEWEST} are needed")
        if loaded.held is not None and plan.holdout:
            note = ("the file's own test part is the holdout",)
            return ImageParts(images.rows(~loaded.held), images.rows(loaded.held), note)
        seeds = Seeds(plan.seed).of("split")
        inside, outside = split_patients(images.patients, plan.holdout, seeds)
        held = images.rows(outside) if len(outside) else None
        return ImageParts(images.rows(inside), held, ())


def train(parts: ImageParts, loaded: LoadedImages, run: Run) -> Trained[ImageMaker]:
    """Fit the model, on train images only."""
    maker = partial(ImageMaker, source=loaded.source)
    trained = kind_stages.train(MODELS, parts.train, maker, CHOSEN, run)
    return replace(trained, exhibits=shown(trained.maker.fitted, Seeds(run.plan.seed).of("shown")))


def draw(
    trained: Trained[ImageMaker], loaded: LoadedImages, parts: ImageParts, run: Run
) -> ImageSet:
    """Draw as many images as are asked for, or as the source has."""
    plan = run.plan
    n = len(loaded.images) if plan.rows is None else plan.rows
    seeds = Seeds(plan.seed).of("draw", plan.draw)
    condition = asked(plan.conditions, parts.train.classes)
    with run.watch.stage("draw", f"Drawing {n:,} images"):
        return trained.maker.draw(n, seeds, condition)


def judge(made: ImageSet, parts: ImageParts, run: Run) -> Judged:
    """Score the images against train and holdout, and hold the scores against the policy."""
    told, seeds = run.plan.conditions, Seeds(run.plan.seed)
    held = None if parts.holdout is None else as_asked(parts.holdout, told)
    trial = ImageTrial(as_asked(parts.train, told), held, made, seeds.of("judge"))
    if held is not None and _compared(run.plan):
        with run.watch.stage("baseline", "Fitting the baseline"):
            beside = drawn_beside(parts.train, made, held, run.ledger, seeds.of("baseline"))
        trial = replace(trial, baseline=beside)
    with run.watch.stage("judge", "Judging"):
        return judging.judge(trial, panel_of(run.plan), run.watch)


def _compared(plan: Plan) -> bool:
    """Whether the baseline stands beside what is judged: unless it is the model, or not asked."""
    return plan.model != MODEL and NAME in (plan.measures or (NAME,))


def report(found: Findings, run: Run) -> KindRelease:
    """Gather the evidence; the files are written when the release is saved."""
    parts, trained, plan = found.parts, found.trained, run.plan
    facts = facts_of(name_source(plan.source), parts.train, parts.holdout, found.made)
    evidence = kind_stages.evidence(found, facts, run)
    if _compared(plan):
        beside = said(trained.name, found.judged.panel)
        evidence = replace(evidence, notes=(*evidence.notes, *beside))
    inside = found.judged.panel.internal
    rest: dict[str, Any] = {**inside, "pictures": bool(inside.get("pictures"))}
    rest["lost"] = [{"file": name, "why": why} for name, why in found.loaded.lost]
    seeds = Seeds(plan.seed).of("files", plan.draw)
    return KindRelease(
        found.made,
        partial(look, found.made),
        partial(write, found.made, found.loaded.source, seeds),
        plan,
        evidence,
        trained.maker,
        rest,
        partial(write_pictures, pictures=inside.get("pictures")),
    )
