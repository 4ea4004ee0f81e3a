"""Models of images beside a real floor: one fit of one model on one set, judged by our own panel.

Usage: python bench/images.py fit|judge|both [--set pneumonia|blood] [--model image-flow]
           [--seconds 320 | --minutes 5] [--seed 0] [--settings '{"width": 48}'] [--epsilon 3]

`fit` trains and keeps the model in bench/out/, `judge` draws from it and writes the row, so that
neither takes long; a row is a file in results/images/, and the page is made anew. Speed is in
`image_speed.py`.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from page import HERE, IMAGES, page

from medsynai.data.imagefiles import read_images
from medsynai.data.images import ImageSet
from medsynai.data.split import split_patients
from medsynai.evaluate.images import detection, memory, utility
from medsynai.evaluate.images.coverage import NEIGHBOURS, distances
from medsynai.evaluate.images.lenses import lenses, pixel_lens
from medsynai.evaluate.images.trial import ImageTrial, some
from medsynai.evaluate.interval import auc
from medsynai.learn.precision import multiplies_bfloat16
from medsynai.learn.threads import one_thread
from medsynai.models.catalog import load_image_model, open_model
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds
from medsynai.store import laid_over

SHARED = Path(os.environ.get("MEDSYNAI_BENCH", HERE.parent.parent / "shared" / "bench"))
FOLDER = SHARED.parent / "data" / "images"
FILES = {"pneumonia": "pneumoniamnist_28.npz", "blood": "bccd_blood_cells_32.npz"}
OUT = HERE / "out" / "images"
DRAWN, DRAWS = 1000, 4  # images that are judged, and how often: one draw's coverage is off by .02
JUDGES = 5  # networks that a TSTR is the mean of: one alone is off by .01 and more
AT_ONCE = ("pca", "image-moments", "image-mean-embedding")  # no network
DELTA = 1e-6
HELD = 0.2  # of the slides, where the file itself holds nothing out


def parts(name: str) -> tuple[ImageSet, ImageSet]:
    """Train and holdout, by patient or slide; MedMNIST's own test part is the holdout."""
    loaded = read_images(FOLDER / FILES[name])
    images = loaded.images
    if loaded.held is not None:
        return images.rows(~loaded.held), images.rows(loaded.held)
    inside, outside = split_patients(images.patients, HELD, Seeds(0).of("split"))
    return images.rows(inside), images.rows(outside)


def place(asked: argparse.Namespace) -> Path:
    """Where a fitted model is kept."""
    return OUT / called(asked)


def called(asked: argparse.Namespace) -> str:
    """What a fit is called."""
    paid = f"-{asked.epsilon:g}" if asked.epsilon else ""
    timed = f"-{asked.minutes:g}m" if asked.minutes else ""
    return f"{asked.set}-{asked.model}{paid}{timed}-{asked.seed}"


@one_thread()
def fit(asked: argparse.Namespace) -> None:
    """Train within the time, and keep the model."""
    train, _ = parts(asked.set)
    seconds = 60 * asked.minutes if asked.minutes else asked.seconds
    clock = {} if asked.model in AT_ONCE else {"pace": {"seconds": seconds}}
    ledger = Ledger(Budget(asked.epsilon, DELTA) if asked.epsilon else None)
    model = load_image_model(asked.model, laid_over(clock, asked.settings))
    began, busy = time.perf_counter(), time.process_time()
    fitted = model.fit(train, ledger, seeds=Seeds(asked.seed).of("fit"))
    spent = {"fit_s": time.perf_counter() - began, "fit_cpu_s": time.process_time() - busy}
    place(asked).mkdir(parents=True, exist_ok=True)
    fitted.save(place(asked))
    told = {k: v for k, v in getattr(fitted, "facts", {}).items() if k != "losses"}
    facts = {k: round(v, 1) for k, v in spent.items()} | told
    (place(asked) / "fit.json").write_text(json.dumps(facts) + "\n")
    print(json.dumps(facts), flush=True)


@one_thread()
def judge(asked: argparse.Namespace) -> None:
    """Draw, judge, write the row."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    floor(asked.set, asked.brief)
    train, holdout = parts(asked.set)
    fitted = open_model(place(asked))
    began = time.perf_counter()
    drawn: Any = fitted.sample(DRAWN, Seeds(asked.seed).of("draw"))
    took = round(time.perf_counter() - began, 1)
    row = {"set": asked.set, "model": asked.model, "seed": asked.seed, "cores": 1}
    row |= {"epsilon": asked.epsilon} if asked.epsilon else {}
    row |= {"minutes": asked.minutes} if asked.minutes else {}
    row |= json.loads((place(asked) / "fit.json").read_text())
    row["draw_s"] = took
    more = [fitted.sample(DRAWN, Seeds(asked.seed).of("draw", k)) for k in range(1, DRAWS)]
    trials = [ImageTrial(train, holdout, x, Seeds(0).of("judge")) for x in (drawn, *more)]
    sides = [t.sides.synthetic for t in trials]
    row |= coverage(trials[0], sides, asked.brief)
    row |= {"near": copying(trials[0], [drawn, *more]), "c2st": told_apart(trials[0], sides[0])}
    if not asked.brief:  # as many as the train images, which TRTR has
        taught = fitted.sample(len(train), Seeds(asked.seed).of("taught"))
        row |= {"tstr": useful(train, holdout, taught)}
    (IMAGES / f"{called(asked)}.json").write_text(json.dumps(row, indent=2) + "\n")
    (HERE / "README.md").write_text(page())
    print(json.dumps(row), flush=True)


# without the cache, which would keep weights as they were before a step
@torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16(), cache_enabled=False)
def coverage(trial: ImageTrial, candidates: list[ImageSet], brief: bool) -> dict[str, Any]:
    """What candidates cover of the reference in the mean: one draw's coverage is off by .02.

    `brief` leaves out what needs a classifier of the classes, which takes three times as long.
    """
    reference = trial.sides.reference
    classes = np.unique(reference.labels)
    found: dict[str, Any] = {"draws": len(candidates)}
    looks = {"pixels": pixel_lens(trial)} if brief else lenses(trial)
    for name, look in looks.items():
        real = look(reference)
        reach = np.sort(distances(real, real), axis=1)[:, NEIGHBOURS]
        covered = np.mean([distances(real, look(x)).min(1) <= reach for x in candidates], axis=0)
        found[name] = float(covered.mean())
        found[f"{name}_class"] = [float(covered[reference.labels == k].mean()) for k in classes]
    return found


@torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16(), cache_enabled=False)
def told_apart(trial: ImageTrial, candidate: ImageSet) -> float:
    """The AUC of a small network that tells the candidate from the reference."""
    told = detection.tell_apart(
        trial, candidate, trial.sides.reference, trial.seeds.of("detection")
    )
    return auc(*told)


def copying(trial: ImageTrial, draws: list[ImageSet]) -> float:
    """Share nearer to a train image than the nearest twentieth of the holdout is; of all draws."""
    assert trial.holdout is not None
    line = np.quantile(memory.nearest(trial, trial.holdout, trial.train), memory.CLOSE)
    return float(np.mean([memory.nearest(trial, x, trial.train) <= line for x in draws]))


@torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16(), cache_enabled=False)
def useful(train: ImageSet, holdout: ImageSet, source: ImageSet) -> float:
    """Balanced accuracy on the holdout of networks taught by `source`: the mean of five."""
    trials = (ImageTrial(train, holdout, source, Seeds(k).of("judge")) for k in range(JUDGES))
    return float(np.mean([utility.balanced(utility.tried_on(t, source, holdout)) for t in trials]))


def floor(name: str, brief: bool) -> dict[str, Any]:
    """What fresh real images score; worked out once a set."""
    place = IMAGES / f"{name}.floor.json"
    known: dict[str, Any] = json.loads(place.read_text()) if place.is_file() else {}
    if known.get("draws") == DRAWS and (brief or "tstr" in known):
        return known
    train, holdout = parts(name)
    alike = np.round(DRAWN * train.counts / len(train)).astype(int)  # as many as are drawn
    trial = ImageTrial(train, holdout, some(train, alike, Seeds(0)), Seeds(0).of("judge"))
    real, many = trial.sides.real, trial.sides.real.counts
    more = [some(trial.halves[1], many, Seeds(k).of("floor")) for k in range(1, DRAWS)]
    known |= coverage(trial, [real, *more], brief)
    if "c2st" not in known:
        known["c2st"] = told_apart(trial, real)
    if not brief and "tstr" not in known:
        known["tstr"] = useful(train, holdout, train)
    place.write_text(json.dumps(known, indent=2) + "\n")
    return known


def both(asked: argparse.Namespace) -> None:
    """One after the other."""
    fit(asked)
    judge(asked)


def main() -> None:
    """Measure, keep the row, make the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--set", choices=FILES, default="pneumonia")
    parser.add_argument("--model", default="image-flow")
    parser.add_argument("--seconds", type=float, default=320.0)
    parser.add_argument("--minutes", type=float, help="of one core: a row beside other models'")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", type=json.loads, default={}, help="the model's, as JSON")
    parser.add_argument("--epsilon", type=float, help="differential privacy, delta 1e-6")
    parser.add_argument("--brief", action="store_true", help="no classifier of the classes")
    asked = parser.parse_args()
    if not FOLDER.exists():
        raise SystemExit(f"no images at {FOLDER}: set MEDSYNAI_BENCH")
    WHAT[asked.what](asked)


WHAT = {"fit": fit, "judge": judge, "both": both}

if __name__ == "__main__":
    main()
