"""The study told in order: draw patients, fit the generator, train every arm, choose, compare.

The holdout is tried by every model and chooses nothing: the ratio is chosen by validation patients,
whom neither the generator nor a model learns from. Cells are kept as they come, so that an
interrupted study goes on where it stopped.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medsynai import store
from medsynai.codec.classes import FEWEST
from medsynai.errors import ModelError, PlanError
from medsynai.evaluate.arms import MAIN, Arm, Outcome, differences, figures_of, verdict
from medsynai.flow.augment.lab import Lab
from medsynai.flow.cells import opened
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Tell, silent
from medsynai.report.augment import augment_page
from medsynai.seeds import Seeds

RATIOS = (0.25, 0.5, 1.0, 2.0, 5.0)
HELD = 0.2  # share of the records at hand that the ratio is chosen by
EVEN = (Arm.REPEATED, Arm.EVENED)
LEAST = 4  # records of a class at hand; one of them is for the choice
README = """# Internal: this folder must not leave unless its figures may

Figures of models that were trained on real and synthetic records and tried on real ones. No budget
covers them. No record is in here.
"""


@dataclass(frozen=True)
class Asked:
    """What to try.

    Attributes:
        sizes: records of a class at hand, each a part of the study; None is all of them.
        ratios: synthetic records, as multiples of the real ones.
        seeds: draws of patients at each size.
    """

    sizes: tuple[int | None, ...] = (10, 25, 50, None)
    ratios: tuple[float, ...] = RATIOS
    seeds: int = 5

    def __post_init__(self) -> None:
        if not self.sizes or any(s is not None and s < LEAST for s in self.sizes):
            raise PlanError(f"sizes must be at least {LEAST} records a class, or all")
        if not self.ratios or min(self.ratios) <= 0 or self.seeds < 1:
            raise PlanError("name ratios above 0, and at least one seed")

    def cells(self) -> Iterator[tuple[int, int | None]]:
        """Seed by seed, so that a study cut short has something of everything."""
        return ((seed, size) for seed in range(self.seeds) for size in self.sizes)


def numbers_of(text: str, kind: type, whole: str = "") -> tuple[Any, ...]:
    """Numbers as a person lists them; `whole` is the word for None.

    Raises:
        PlanError: anything else.

    >>> numbers_of("10, 50,all", int, "all"), numbers_of(".25,1", float)
    ((10, 50, None), (0.25, 1.0))
    """
    found: list[Any] = []
    for word in filter(None, (w.strip() for w in text.split(","))):
        try:
            found.append(None if whole and word == whole else kind(word))
        except ValueError:
            example = f"10,25,{whole}" if whole else ".25,1,5"
            raise PlanError(f"cannot read the number {word!r}; write {example}") from None
    return tuple(dict.fromkeys(found))


def study(
    lab: Lab, plan: Plan, asked: Asked, folder: Path, tell: Tell = silent
) -> tuple[list[Outcome], list[str]]:
    """Fill the cells that the folder lacks, then compare what there is.

    Returns:
        every outcome, and the verdicts in words.

    Raises:
        PlanError: fewer than two classes.
        FolderError: a folder of another study.
        ModelError: no size at which the generator can be fitted. Of a size at which it cannot be
            fitted to every draw, as a class has too few patients, only that is said.
    """
    if len(lab.classes) < 2:
        raise PlanError("a study needs records of two classes or more")
    text = plan.to_toml() + store.to_toml({"ratios": list(asked.ratios)})
    place = opened(folder, text, "an augmentation study")
    outcomes: list[Outcome] = []
    unable: dict[int | None, ModelError] = {}
    cells = list(asked.cells())
    for number, (seed, size) in enumerate(cells):
        kept = place / f"{size or 'all'}-{seed}.json"
        if size in unable:
            continue
        if not kept.is_file():
            tell(f"{_words(size, lab.unit)}, seed {seed} ({number + 1}/{len(cells)})")
            seeds = Seeds(plan.seed).of("augment", size, seed)
            try:
                found = cell(lab, size, seed, asked.ratios, seeds)
            except ModelError as error:
                unable[size] = error
                continue
            kept.write_text(store.to_json([asdict(o) for o in found]), encoding="utf-8")
        lines = json.loads(kept.read_text(encoding="utf-8"))
        outcomes += [store.from_plain(Outcome, o, str(kept)) for o in lines]
    outcomes = [o for o in outcomes if o.size not in unable]
    if not outcomes:
        raise next(iter(unable.values()))
    return outcomes, _write(folder, lab, outcomes, plan, unable)


def _words(size: int | None, unit: str) -> str:
    return f"{size} {unit} a class" if size else f"all {unit}"


def cell(
    lab: Lab, size: int | None, seed: int, ratios: tuple[float, ...], seeds: Seeds
) -> list[Outcome]:
    """All arms on one draw of patients."""
    learn, held = at_hand(lab, size, seeds)
    bench = lab.bench(learn, held, seeds)
    n, learning = len(learn), seeds.of("model")

    def added(arm: Arm, ratio: float) -> Any:
        return bench.added(arm, max(round(ratio * n), 1), seeds.of(arm.value, ratio))

    def outcome(arm: Arm, ratio: float, *stages: Any) -> Outcome:
        validation, test = bench.tried(stages, learning)
        scored = figures_of(validation, lab.classes)[MAIN]
        count = sum(map(len, stages))
        return Outcome(size, seed, arm, ratio, count, True, scored, figures_of(test, lab.classes))

    drawn = {ratio: added(Arm.MIXED, ratio) for ratio in ratios}
    mixed = [outcome(Arm.MIXED, r, bench.joined((bench.real, x))) for r, x in drawn.items()]
    best = max(mixed, key=lambda o: (np.nan_to_num(o.validated), -o.ratio)).ratio
    others = {
        arm: (bench.joined((bench.real, added(arm, best))),)
        for arm in (Arm.DUPLICATED, Arm.CLASSIC)
    } | {Arm.SYNTHETIC: (drawn[best],), Arm.PRETRAINED: (drawn[best], bench.real)}
    even = bench.evened(seeds.of("evened"))
    for arm, more in zip(EVEN, even or (), strict=False):
        others[arm] = (bench.joined((bench.real, more)),)
    return [
        outcome(Arm.REAL, 0.0, bench.real),
        *(o if o.ratio == best else Outcome(**{**o.__dict__, "chosen": False}) for o in mixed),
        *(
            outcome(arm, best if arm not in EVEN else len(stages[0]) / n - 1, *stages)
            for arm, stages in others.items()
        ),
    ]


def at_hand(lab: Lab, size: int | None, seeds: Seeds) -> tuple[np.ndarray, np.ndarray]:
    """Places of the records to learn from, and of those to choose by, of other patients.

    Of `size` records a class a fifth is for the choice; a class that has fewer gives all it has. No
    patient gives more than an eighth of those to learn from: a generator asks for as many patients.
    """
    rng = seeds.of("patients").numpy()
    people = rng.permutation(int(lab.patients.max(initial=0)) + 1)
    counts = np.bincount(lab.labels, minlength=len(lab.classes))
    most = counts if size is None else np.minimum(counts, size)
    wanted = {"held": np.maximum(np.round(HELD * most), 1).astype(int)}
    wanted["learn"] = most - wanted["held"]
    each = counts if size is None else np.maximum(wanted["learn"] // FEWEST, 1)
    got: dict[str, list[int]] = {"held": [], "learn": []}
    have = {name: np.zeros(len(lab.classes), int) for name in got}
    by_person = np.split(
        np.argsort(lab.patients, kind="stable"), np.cumsum(np.bincount(lab.patients))[:-1]
    )
    for person in people:
        mine = by_person[person]
        side = _side(lab.labels[mine], have, wanted)
        given = np.zeros(len(lab.classes), int)
        for place in mine:
            label = lab.labels[place]
            if have[side][label] < wanted[side][label] and given[label] < each[label]:
                have[side][label] += 1
                given[label] += 1
                got[side].append(int(place))
    return np.array(got["learn"], int), np.array(got["held"], int)


def _side(labels: np.ndarray, have: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> str:
    """Where a patient's records are wanted more, by the share that is still missing."""
    lacks = {
        side: float(np.mean([1 - have[side][k] / max(wanted[side][k], 1) for k in labels]))
        for side in have
    }
    return max(lacks, key=lacks.__getitem__)


def _write(
    folder: Path,
    lab: Lab,
    outcomes: list[Outcome],
    plan: Plan,
    unable: Mapping[int | None, Exception],
) -> list[str]:
    """Figures for machines, the page for people, and the verdicts."""
    found = differences(outcomes)
    sizes = list(dict.fromkeys(o.size for o in outcomes))
    said = []
    for size in sizes:
        head = _words(size, lab.unit).capitalize()
        arms = [Arm.MIXED, Arm.PRETRAINED]
        arms += (
            [Arm.EVENED] if any(o.size == size and o.arm is Arm.EVENED for o in outcomes) else []
        )
        said += [f"{head}. {verdict(size, found, arm)}" for arm in arms]
    said += [f"{_words(size, lab.unit)}. Not tried: {why}." for size, why in unable.items()]
    record = {
        "verdicts": said,
        "model": plan.model,
        "differences": [asdict(d) for d in found],
        "outcomes": [asdict(o) for o in outcomes],
    }
    (folder / "README.md").write_text(README, encoding="utf-8")
    (folder / "study.json").write_text(store.to_json(record) + "\n", encoding="utf-8")
    page = augment_page(outcomes, found, said, lab.unit)
    (folder / "study.html").write_text(page, encoding="utf-8")
    return said
