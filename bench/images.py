"""Models of images beside a real floor: one fit of one model on one set, judged by our own panel.

Usage: python bench/images.py fit|judge|both [--set pneumonia|blood] [--model image-flow]
           [--seconds 320] [--seed 0] [--settings '{"width": 48}']

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

from page import HERE, IMAGES, page

from medsynai.data.imagefiles import read_images
from medsynai.data.images import ImageSet
from medsynai.data.split import split_patients
from medsynai.evaluate.images import coverage, detection, memory, utility
from medsynai.evaluate.images.trial import ImageTrial
from medsynai.evaluate.score import Score
from medsynai.learn.threads import one_thread
from medsynai.models.catalog import load_image_model, open_model
from medsynai.seeds import Seeds
from medsynai.store import laid_over

SHARED = Path(os.environ.get("MEDSYNAI_BENCH", HERE.parent.parent / "shared" / "bench"))
FOLDER = SHARED.parent / "data" / "images"
FILES = {"pneumonia": "pneumoniamnist_28.npz", "blood": "bccd_blood_cells_32.npz"}
OUT = HERE / "out" / "images"
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
    return OUT / f"{asked.set}-{asked.model}-{asked.seed}"


@one_thread()
def fit(asked: argparse.Namespace) -> None:
    """Train within the time, and keep the model."""
    train, _ = parts(asked.set)
    clock = {} if asked.model == "pca" else {"pace": {"seconds": asked.seconds}}
    model = load_image_model(asked.model, laid_over(clock, asked.settings))
    began, busy = time.perf_counter(), time.process_time()
    fitted = model.fit(train, seeds=Seeds(asked.seed).of("fit"))
    spent = {"fit_s": time.perf_counter() - began, "fit_cpu_s": time.process_time() - busy}
    place(asked).mkdir(parents=True, exist_ok=True)
    fitted.save(place(asked))
    told = {k: v for k, v in getattr(fitted, "facts", {}).items() if k != "losses"}
    facts = {k: round(v, 1) for k, v in spent.items()} | told
    (place(asked) / "fit.json").write_text(json.dumps(facts) + "\n")
    print(json.dumps(facts), flush=True)


@one_thread()
def judge(asked: argparse.Namespace) -> None:
    """Draw as many images as there are train images, judge them, write the row."""
    train, holdout = parts(asked.set)
    fitted = open_model(place(asked))
    began = time.perf_counter()
    drawn: Any = fitted.sample(len(train), Seeds(asked.seed).of("draw"))
    row = {"set": asked.set, "model": asked.model, "seed": asked.seed, "cores": 1}
    row |= json.loads((place(asked) / "fit.json").read_text())
    row["draw_s"] = round(time.perf_counter() - began, 1)
    row |= figures(ImageTrial(train, holdout, drawn, Seeds(0).of("judge")))
    IMAGES.mkdir(parents=True, exist_ok=True)
    name = f"{asked.set}-{asked.model}-{asked.seed}.json"
    (IMAGES / name).write_text(json.dumps(row, indent=2) + "\n")
    (HERE / "README.md").write_text(page())
    print(json.dumps(row), flush=True)


def figures(trial: ImageTrial) -> dict[str, Any]:
    """What the row says, each with what as many real images score."""
    found: dict[str, Any] = {}
    covered = coverage.measure(trial).scores
    for lens in coverage.TITLES:
        mine = [s for s in covered if s.name == f"image_coverage_{lens}"]
        found |= beside(lens, next(s for s in mine if not s.group))
        classes = [s.value / s.holdout for s in mine if s.group and s.value and s.holdout]
        found[f"{lens}_least_class"] = round(min(classes), 3) if classes else None
    found |= beside("c2st", detection.measure(trial).scores[0])
    scores = {s.name: s for s in utility.measure(trial).scores if not s.group}
    found |= beside("tstr", scores["tstr_balanced"])
    near = {s.name: s for s in memory.measure(trial).scores}
    found["near"] = round(float(near["image_near_copies"].value or 0), 4)
    found["membership"] = round(float(near["membership_auc"].value or 0), 3)
    return found


def beside(name: str, score: Score) -> dict[str, float]:
    """A score and its real anchor."""
    assert score.value is not None and score.holdout is not None
    return {name: round(score.value, 3), f"{name}_real": round(score.holdout, 3)}


def main() -> None:
    """Measure, keep the row, make the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--set", choices=FILES, default="pneumonia")
    parser.add_argument("--model", default="image-flow")
    parser.add_argument("--seconds", type=float, default=320.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", type=json.loads, default={}, help="the model's, as JSON")
    asked = parser.parse_args()
    if not FOLDER.exists():
        raise SystemExit(f"no images at {FOLDER}: set MEDSYNAI_BENCH")
    WHAT[asked.what](asked)


def both(asked: argparse.Namespace) -> None:
    """One after the other."""
    fit(asked)
    judge(asked)


WHAT = {"fit": fit, "judge": judge, "both": both}

if __name__ == "__main__":
    main()
