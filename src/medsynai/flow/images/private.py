"""Images under a budget: the same story as of tables; see `medsynai.flow.private`.

**Guarantee:** everything outside of `internal/` is the contract, the plan, or computed from charged
releases alone, each patient with all their images being one unit.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import store
from medsynai.data.imagefiles.apart import layout_of, read_apart
from medsynai.data.images import ImageSet, ImageSource
from medsynai.data.schema import Schema
from medsynai.errors import PlanError
from medsynai.evaluate.images.trial import ImageTrial
from medsynai.evaluate.policy import Verdict
from medsynai.flow import judging, kind_stages
from medsynai.flow.images.contract import ImageContract, read_contract
from medsynai.flow.images.judging import facts_of, panel_of
from medsynai.flow.images.maker import ImageMaker
from medsynai.flow.images.pictures import write_pictures
from medsynai.flow.images.release import look, write
from medsynai.flow.judging import Judged
from medsynai.flow.kind_release import KindRelease
from medsynai.flow.labelled import as_asked, asked
from medsynai.flow.opening import name_source
from medsynai.flow.plan import Plan
from medsynai.flow.private import counted_for, noisy_number, open_ledger, refuse_unpaid, said
from medsynai.flow.watch import Tell, Watch, silent
from medsynai.learn.desk import Desk, at_desk
from medsynai.models.catalog import find_entry, load_image_model
from medsynai.models.entries_beside import BESIDE
from medsynai.models.presets import BALANCED, PRIVATE, preset_of
from medsynai.privacy.ledger import Ledger
from medsynai.report.evidence import Evidence, ModelFacts
from medsynai.seeds import Seeds

DEFAULT = "image-moments"
TABLES_ONLY = ("target", "leaks", "form", "warm_start")


@dataclass(frozen=True)
class Parts:
    """Real images of different patients, and what their files were like.

    Attributes:
        named: whether the source says whose an image is: else the unit is an image.
        lost: how many images were left out, by why; for the owner of the data alone.
    """

    train: ImageSet
    holdout: ImageSet
    source: ImageSource
    named: bool
    lost: Mapping[str, int]

    @property
    def people(self) -> int:
        """How many patients there are."""
        return sum(len(np.unique(part.patients)) for part in (self.train, self.holdout))


def make(plan: Plan, tell: Tell = silent) -> KindRelease:
    """A release of images in memory, everything that is read paid for first.

    Raises:
        InputError: whatever the user can mend; the message says how.
        BudgetError: what this run, or all runs of its ledger, would spend is more than allowed.
    """
    refuse_unpaid(plan)
    kind_stages.refuse_options(plan, TABLES_ONLY, "images have no columns")
    contract, name = read_contract(plan.schema), named(plan)
    preset = preset_of(name, PRIVATE if plan.preset == BALANCED else plan.preset)
    model: Any = load_image_model(name, store.laid_over(preset, plan.settings))
    panel_of(plan).load()
    condition = asked(plan.conditions, contract.classes)
    ledger, watch = open_ledger(plan), Watch(tell)
    parts = divide(plan, contract, watch)
    note = "one noisy number: as many images are made as there are patients"
    counting = None if plan.rows else counted_for(ledger, "count the patients", note)
    title = f"Training: {find_entry(name).title}"

    def hear(done: int, rounds: int, mark: dict[str, Any]) -> None:
        watch.tell(f"{title}: round {done:,} of {rounds:,}")  # no loss: it tells of real images

    with watch.stage("train", title), at_desk(Desk(hear)):
        fitted = model.fit(parts.train, ledger, Seeds(plan.seed).of("train", name))
    ledger.charge()  # what was intended and not yet written down: nothing, if the fit was paid for
    rows = noisy_number(parts.people, 1, counting) if counting else plan.rows or 1
    maker = ImageMaker(fitted, parts.source)
    made = maker.draw(rows, Seeds(plan.seed).of("draw", plan.draw), condition)
    judged, why = judge(made, parts, plan, watch)
    return report(plan, contract, (parts, maker, made), (judged, why), (ledger, model), watch)


def named(plan: Plan) -> str:
    """The plan's model; it must have a private form.

    Raises:
        ModelError: an unknown model.
        PlanError: a model without one.
    """
    name = DEFAULT if plan.model == "auto" else plan.model
    if not find_entry(name).private:
        able = ", ".join(e.name for e in BESIDE if e.private and "images" in e.data)
        raise PlanError(
            f"{name} has no differentially private form: its convolutions read real images "
            f"without noise; those of images with one: {able}"
        )
    return name


def divide(plan: Plan, contract: ImageContract, watch: Watch) -> Parts:
    """Lawful images, about `holdout` of the patients held out, each by a hash of their own images.

    Nobody changes sides when another patient is added.

    Raises:
        ReadError: nothing is there, or an array of another form than the contract's.
        PlanError: files that say more of a patient than pixels.
    """
    if plan.source is None:
        raise PlanError("no data: name a folder or a file of images")
    path = Path(plan.source)
    with watch.stage("read", "Reading the images"):
        source = contract.source(layout := layout_of(path))
        read = read_apart(path, layout, contract.known)
    images = read.images
    held = np.zeros(len(images), bool)
    order = np.argsort(images.patients, kind="stable")
    ends = np.flatnonzero(np.diff(images.patients[order])) + 1
    for mine in np.split(order, ends):
        held[mine] = coin(images.pixels[mine]) < plan.holdout
    return Parts(images.rows(~held), images.rows(held), source, read.named, read.lost)


def coin(pixels: Iterable[np.ndarray]) -> float:
    """A number in [0, 1) that hangs on one patient's images alone, in whatever order they come."""
    each = sorted(hashlib.sha256(np.ascontiguousarray(one).tobytes()).digest() for one in pixels)
    return int.from_bytes(hashlib.sha256(b"".join(each)).digest()[:8], "big") / 2**64


def judge(made: ImageSet, parts: Parts, plan: Plan, watch: Watch) -> tuple[Judged | None, str]:
    """Score the images. Whether that succeeds hangs on real ones, so the release must not."""
    watch.tell("Judging")
    unseen = Watch(seconds=watch.seconds)  # how far it gets hangs on the images
    told = plan.conditions
    train, held = (as_asked(part, told) for part in (parts.train, parts.holdout))
    try:
        if not len(train) or not len(held):
            return None, "Not judged: there are too few real images."
        trial = ImageTrial(train, held, made, Seeds(plan.seed).of("judge"))
        return judging.judge(trial, panel_of(plan), unseen), ""
    except Exception as error:
        return None, f"Judging broke ({type(error).__name__}): nothing is scored."


def report(
    plan: Plan,
    contract: ImageContract,
    found: tuple[Parts, ImageMaker, ImageSet],
    scored: tuple[Judged | None, str],
    paid: tuple[Ledger, Any],
    watch: Watch,
) -> KindRelease:
    """Two evidences: what may leave, and what stays beside the real images."""
    (parts, maker, made), (judged, why), (ledger, model) = found, scored, paid
    entry, real = find_entry(model.name), facts_of("", parts.train, parts.holdout, made)
    facts = replace(
        real, source=name_source(plan.source), credit=plan.credit, licence=plan.licence,
        contact=plan.contact,
    )  # fmt: skip
    data = replace(facts, rows=None, train=None, holdout=None, patients=None)
    chosen = f"{DEFAULT}, the model of images that can be private" if plan.model == "auto" else ""
    outside = Evidence(
        f"Synthetic {data.source}",
        data,
        Schema(()),
        (),
        Verdict(()),
        model=ModelFacts(
            entry.name, entry.title, entry.paper, entry.about,
            settings=store.to_plain(model), chosen=chosen, conditions=plan.conditions,
        ),
        ledger=ledger.record(unit="patient" if parts.named else "image"),
        plan=tomllib.loads(plan.to_toml()),
        notes=said(plan, len(made)),
        versions=judging.versions(),
        contract=contract.words,
    )  # fmt: skip
    inside = replace(outside, data=facts, timing=dict(watch.seconds))
    internal: dict[str, Any] = {}
    misfits = [{"column": "", "rows": n, "what": why} for why, n in parts.lost.items() if n]
    if judged is None:
        inside = replace(inside, notes=(*outside.notes, why))
    else:
        panel, internal = judged.panel, dict(judged.panel.internal)
        inside = replace(
            inside, scores=panel.scores, verdict=judged.verdict, exhibits=panel.exhibits,
            notes=(*outside.notes, *judging.faults(panel)),
        )  # fmt: skip
    pictures = internal.pop("pictures", None)
    return KindRelease(
        made,
        partial(look, made),
        partial(write, made, parts.source, Seeds(plan.seed).of("files", plan.draw)),
        plan,
        outside,
        maker,
        internal | {"misfits": misfits, "pictures": bool(pictures)},
        partial(write_pictures, pictures=pictures),
        inside,
        store.to_toml(contract),
    )
