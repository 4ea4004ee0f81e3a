"""The frontier between privacy and use: figures of several models against epsilon, with intervals.

Every cell (model, epsilon, seed) is a release that is made, scored and thrown away. The scores are
computed on real rows and not paid for, whatever the cell's epsilon was, so the outcome is for the
owner of the data alone. Cells are kept as they come: an interrupted run goes on where it stopped.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.stats import t as student

from medsynai import store
from medsynai.errors import PlanError
from medsynai.flow.cells import opened
from medsynai.flow.plan import Plan
from medsynai.flow.run import make
from medsynai.flow.watch import Tell, silent
from medsynai.models.catalog import find_entry
from medsynai.report.frontier import FIGURES, NONE, Point, frontier_page

MEASURES = ("variation", "utility", "detection", "membership")  # which make `FIGURES`
HELD = "holdout: "  # before the name of a figure: what real rows score that no model saw
README = """# Internal: this folder must not leave

Figures of releases that were made, scored on real rows and thrown away. No budget covers the
scores, whatever epsilon a line has. What is chosen by them was chosen by looking at the patients.
"""


@dataclass(frozen=True)
class Sweep:
    """What to try.

    Attributes:
        epsilons: None is no differential privacy.
        models: catalogue names; a model is tried where it can be fitted.
        seeds: releases of each cell.
        seconds: no cell is begun after so long.
    """

    epsilons: tuple[float | None, ...]
    models: tuple[str, ...]
    seeds: int = 3
    seconds: float = float("inf")

    def __post_init__(self) -> None:
        if not self.epsilons or not self.models or self.seeds < 1 or self.seconds <= 0:
            raise PlanError("frontier: name epsilons, models, at least one seed, and some time")

    def cells(self) -> Iterator[tuple[int, str, float | None]]:
        """Seed by seed, so that a run cut short has something of everything."""
        for seed in range(self.seeds):
            for epsilon in self.epsilons:
                for model in self.models:
                    entry = find_entry(model)
                    if entry.private if epsilon is not None else not entry.needs_budget:
                        yield seed, model, epsilon


def epsilons_of(text: str) -> tuple[float | None, ...]:
    """Epsilons as a person lists them.

    Raises:
        PlanError: neither a number above 0 nor "none".

    >>> epsilons_of("0.5, 3,none")
    (0.5, 3.0, None)
    """
    found: list[float | None] = []
    for word in filter(None, (w.strip() for w in text.split(","))):
        try:
            found.append(None if word == NONE else float(word))
        except ValueError:
            raise PlanError(f"cannot read the epsilon {word!r}; write 0.5,1,3,10,none") from None
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Cell:
    """One release's figures; None where a measure gave none."""

    model: str
    epsilon: float | None
    seed: int
    figures: dict[str, float | None]


def frontier(plan: Plan, sweep: Sweep, folder: Path, tell: Tell = silent) -> list[Cell]:
    """Fill the cells that the folder does not have yet, then draw what there is.

    Raises:
        PlanError: no cell that any model could fill.
        FolderError: a folder of another frontier.
        InputError: as `medsynai.flow.run.make`.
    """
    wanted, began = list(sweep.cells()), perf_counter()
    if not wanted:
        raise PlanError("none of these models can be fitted at any of these epsilons")
    text = replace(plan, model="auto", epsilon=None, delta=None, seed=0).to_toml()
    place = opened(folder, text, "the frontier")
    found = []
    for number, (seed, model, epsilon) in enumerate(wanted):
        kept = place / f"{model}-{_named(epsilon)}-{seed}.json"
        if not kept.is_file():
            if perf_counter() - began > sweep.seconds:
                continue
            tell(f"{model}, epsilon {_named(epsilon)}, seed {seed} ({number + 1}/{len(wanted)})")
            figures = _figures(replace(plan, model=model, epsilon=epsilon, seed=seed))
            kept.write_text(store.to_json(figures), encoding="utf-8")
        found.append(Cell(model, epsilon, seed, json.loads(kept.read_text(encoding="utf-8"))))
    _write(folder, found, len(wanted) - len(found))
    return found


def _figures(plan: Plan) -> dict[str, float | None]:
    """One cell: without a budget nothing else of a private plan goes along."""
    if plan.epsilon is None:
        plan = replace(plan, delta=None, ledger=None, total_epsilon=None)
    made = make(replace(plan, measures=MEASURES))
    inside = getattr(made, "inside", None)
    scores = made.scores if inside is None else inside.scores
    known = {s.name: s for s in scores if not s.group}
    own = {name: known[name].value if name in known else None for name in FIGURES}
    return own | {HELD + name: known[name].holdout for name in FIGURES if name in known}


def _named(epsilon: float | None) -> str:
    return NONE if epsilon is None else f"{epsilon:g}"


def points(cells: Sequence[Cell]) -> list[Point]:
    """Means over seeds with 95 % intervals (Student's t); no interval of a single seed.

    Every figure is a share or an AUC, so no interval goes beyond 0 and 1.
    """
    groups: dict[tuple[str, float | None, str], list[float]] = {}
    for cell in cells:
        for name, value in cell.figures.items():
            if value is not None and name in FIGURES:
                groups.setdefault((cell.model, cell.epsilon, name), []).append(value)
    return [_point(*key, np.array(values)) for key, values in groups.items()]


def _point(model: str, epsilon: float | None, name: str, values: np.ndarray) -> Point:
    mean, n = float(values.mean()), len(values)
    if n < 2:
        return Point(model, epsilon, name, mean, None, None, n)
    half = float(student.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Point(model, epsilon, name, mean, max(0.0, mean - half), min(1.0, mean + half), n)


def anchors(cells: Sequence[Cell]) -> dict[str, float]:
    """What real rows that no model saw score, mean over cells, by figure."""
    found = {name: [c.figures.get(HELD + name) for c in cells] for name in FIGURES}
    known = {name: [v for v in values if v is not None] for name, values in found.items()}
    return {name: float(np.mean(values)) for name, values in known.items() if values}


def _write(folder: Path, cells: Sequence[Cell], left: int) -> None:
    """Table, page and the word that none of it may leave."""
    (folder / "README.md").write_text(README, encoding="utf-8")
    with (folder / "cells.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["model", "epsilon", "seed", *FIGURES])
        for c in cells:
            figures = [c.figures.get(n) for n in FIGURES]
            writer.writerow([c.model, _named(c.epsilon), c.seed, *figures])
    found = points(cells)
    lines = [asdict(p) for p in found]
    (folder / "frontier.json").write_text(store.to_json(lines) + "\n", encoding="utf-8")
    (folder / "frontier.html").write_text(
        frontier_page(found, left, anchors(cells)), encoding="utf-8"
    )
