"""The stages of a run on images, one function each; `kind.make` tells them in order."""

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import store
from medsynai.data.imagefiles import read_images
from medsynai.data.images import ImageSet, LoadedImages
from medsynai.data.schema import Schema
from medsynai.data.split import split_patients
from medsynai.errors import PlanError
from medsynai.evaluate.images.trial import ImageTrial
from medsynai.flow import judging
from medsynai.flow.images.judging import facts_of, panel_of
from medsynai.flow.images.maker import ImageMaker, asked
from medsynai.flow.images.release import ImageRelease
from medsynai.flow.judging import Judged
from medsynai.flow.opening import FEWEST, name_source
from medsynai.flow.plan import Plan
from medsynai.flow.stages import MODEL_INSIDE, risks
from medsynai.flow.training import followed, went_wrong
from medsynai.flow.watch import Watch
from medsynai.learn.desk import at_desk
from medsynai.models.catalog import find_entry, load_image_model
from medsynai.models.presets import preset_of
from medsynai.privacy.ledger import Ledger, Release
from medsynai.report.evidence import Evidence, ModelFacts
from medsynai.seeds import Seeds

DEFAULT = "image-flow"
CHOSEN = f"{DEFAULT}, the default of `auto` for images: docs/images.md says what it was measured to"
# Options of a plan that speak of a table's columns, or of forms that images do not have.
TABLES_ONLY = ("schema", "target", "leaks", "keep", "mix_real", "form", "impute", "refine")


def read(plan: Plan, ledger: Ledger, watch: Watch) -> LoadedImages:
    """The real images.

    Raises:
        PlanError: options that only a table has, or a budget, which no model of images takes yet.
        ReadError: files that cannot be read as images.
    """
    defaults = {f.name: f.default for f in fields(Plan)}
    for name in TABLES_ONLY:
        if getattr(plan, name) not in (defaults[name], ()):
            raise PlanError(
                f"images have no columns, so {name.replace('_', '-')} is for tables only"
            )
    if plan.source is None:
        raise PlanError("no data: name a folder or a file of images")
    with watch.stage("read", "Reading the images"):
        note = "size, stored type, classes and their shares, range of the pixels in round numbers"
        ledger.charge(Release("look at the images", note=note))
        return read_images(Path(plan.source), plan.skip_bad)


@dataclass(frozen=True)
class ImageParts:
    """Real images of different patients.

    Attributes:
        images: how many the source has.
    """

    train: ImageSet
    holdout: ImageSet | None
    images: int
    notes: tuple[str, ...]


def divide(loaded: LoadedImages, plan: Plan, watch: Watch) -> ImageParts:
    """Train and holdout by patient; where the file itself has a test part, that is held out.

    Raises:
        PlanError: too few patients.
        ConditionError: a condition on anything but a known label.
    """
    panel_of(plan).load()
    load_image_model(DEFAULT if plan.model == "auto" else plan.model, plan.settings)
    images = loaded.images
    asked(plan.conditions, images.classes)
    with watch.stage("split", "Splitting by patient"):
        people = len(np.unique(images.patients))
        if people < FEWEST:
            raise PlanError(f"{people} patients are too few; at least {FEWEST} are needed")
        if loaded.held is not None and plan.holdout:
            note = ("the file's own test part is the holdout",)
            return ImageParts(
                images.rows(~loaded.held), images.rows(loaded.held), len(images), note
            )
        seeds = Seeds(plan.seed).of("split")
        inside, outside = split_patients(images.patients, plan.holdout, seeds)
        held = images.rows(outside) if len(outside) else None
        return ImageParts(images.rows(inside), held, len(images), ())


@dataclass(frozen=True)
class ImageTrained:
    """A maker, and how it came to be; see `medsynai.flow.training.Trained`."""

    maker: ImageMaker
    settings: dict[str, Any]
    name: str
    chosen: str
    notes: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)


def train(
    parts: ImageParts,
    loaded: LoadedImages,
    plan: Plan,
    ledger: Ledger,
    watch: Watch,
    work: Path | None = None,
) -> ImageTrained:
    """Fit the model, on train images only; an interrupted network is gone on with from `work`."""
    name = DEFAULT if plan.model == "auto" else plan.model
    model = load_image_model(name, timed(name, plan))
    title = f"Training the {find_entry(name).title.lower()}"
    with watch.stage("train", title), at_desk(followed(watch, title, work)):
        fitted = model.fit(parts.train, ledger, Seeds(plan.seed).of("train", name))
    chosen = CHOSEN if plan.model == "auto" else ""
    maker = ImageMaker(fitted, loaded.source)
    facts = dict(getattr(fitted, "facts", {}))
    notes = went_wrong(facts, ledger)
    return ImageTrained(maker, store.to_plain(model), name, chosen, notes, facts)


def timed(name: str, plan: Plan) -> dict[str, Any]:
    """The settings of a model under the plan's time budget, where it has a pace to be hurried."""
    paced = "pace" in store.to_plain(load_image_model(name))
    clock = {"pace": {"seconds": plan.time_budget}} if plan.time_budget and paced else {}
    return store.laid_over(store.laid_over(preset_of(name, plan.preset), plan.settings), clock)


def draw(trained: ImageTrained, parts: ImageParts, plan: Plan, watch: Watch) -> ImageSet:
    """Draw as many images as are asked for, or as the source has."""
    n = parts.images if plan.rows is None else plan.rows
    seeds = Seeds(plan.seed).of("draw", plan.draw)
    condition = asked(plan.conditions, parts.train.classes)
    with watch.stage("draw", f"Drawing {n:,} images"):
        return trained.maker.draw(n, seeds, condition)


def judge(made: ImageSet, parts: ImageParts, plan: Plan, watch: Watch) -> Judged:
    """Score the images against train and holdout, and hold the scores against the policy."""
    trial = ImageTrial(parts.train, parts.holdout, made, Seeds(plan.seed).of("judge"))
    with watch.stage("judge", "Judging"):
        return judging.judge(trial, panel_of(plan), watch)


@dataclass(frozen=True)
class Findings:
    """All that the report is made from."""

    loaded: LoadedImages
    parts: ImageParts
    trained: ImageTrained
    made: ImageSet
    judged: Judged


def report(found: Findings, plan: Plan, ledger: Ledger, watch: Watch) -> ImageRelease:
    """Gather the evidence; the files are written when the release is saved."""
    ledger.charge(Release("judge and report", note="scores, and pictures of synthetic images"))
    parts, entry = found.parts, find_entry(found.trained.name)
    facts = facts_of(name_source(plan.source), parts.train, parts.holdout, found.made)
    facts = replace(facts, credit=plan.credit, licence=plan.licence, contact=plan.contact)
    evidence = Evidence(
        f"Synthetic {facts.source}",
        facts,
        Schema(()),
        found.judged.panel.scores,
        found.judged.verdict,
        model=ModelFacts(
            entry.name,
            entry.title,
            entry.paper,
            entry.about,
            settings=found.trained.settings,
            chosen=found.trained.chosen,
            training=found.trained.training,
        ),
        ledger=ledger.record(),
        plan=tomllib.loads(plan.to_toml()),
        exhibits=found.judged.panel.exhibits,
        absent=found.judged.panel.skipped,
        notes=(
            *found.loaded.notes,
            *parts.notes,
            *found.trained.notes,
            MODEL_INSIDE,
            *risks(plan),
            *judging.faults(found.judged.panel),
        ),
        timing=dict(watch.seconds),
        versions=judging.versions(),
    )
    inside = found.judged.panel.internal
    source = found.loaded.source
    return ImageRelease(found.made, source, plan, evidence, found.trained.maker, inside)
