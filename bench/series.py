"""Models of series beside a real floor: one fit of one model on one set, judged by our own panel.

Usage: python bench/series.py SET MODEL [--seconds 300] [--seeds 3] [--settings '{"width": 128}']

Sets: `sines` (the TimeGAN protocol: 10,000 series of 24 steps and 5 channels, frequency and phase
uniform in 0 to 0.1, on [0, 1]; judged on 10,000 others), `ecg5000` (heartbeats of 140 steps in five
classes, of one person; a random 30 % held out) and `mitbih` (beats of 200 steps and 2 leads, of one
person). A row is a file in results/series/, seconds are wall time and the process's own.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from medsynai.codec.classes import FEWEST
from medsynai.data.series import SeriesSet
from medsynai.data.seriesfiles import read_series
from medsynai.evaluate.interval import auc
from medsynai.evaluate.series import correlation, detection, marginals, memory, prediction, utility
from medsynai.evaluate.series.trial import SeriesTrial
from medsynai.learn.threads import one_thread
from medsynai.models.catalog import load_series_model
from medsynai.seeds import Seeds
from medsynai.store import laid_over

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("MEDSYNAI_BENCH", HERE.parent.parent / "shared" / "bench"))
FOLDER = SHARED.parent / "data" / "timeseries"
FILES = {"ecg5000": "ecg5000_train.npz", "mitbih": "mitbih100_beats.npz"}
RESULTS = HERE / "results" / "series"
ROWS, HELD, SOME = 10_000, 0.3, 2_000
LONG = 48  # steps beyond which recurrent judges take too long here


def sines(seed: int) -> SeriesSet:
    """The set of Yoon et al. 2019 (TimeGAN), section 5.2."""
    rng = np.random.default_rng(seed)
    turn, start = rng.uniform(0, 0.1, (2, ROWS, 1, 5))
    return SeriesSet.of((np.sin(turn * np.arange(24)[:, None] + start) + 1) / 2)


def parts(name: str, seed: int) -> tuple[SeriesSet, SeriesSet]:
    """Train and holdout; classes of few train series are not learnt."""
    if name == "sines":
        return sines(2 * seed), sines(2 * seed + 1)
    whole = read_series(FOLDER / FILES[name]).series
    order = np.random.default_rng(seed).permutation(len(whole))
    cut = round((1 - HELD) * len(whole))
    train, held = whole.rows(order[:cut]), whole.rows(order[cut:])
    rare = (train.people > 0) & (train.people < FEWEST)
    return train.rows(~rare[train.labels]), held


def judged(train: SeriesSet, held: SeriesSet, made: SeriesSet, seed: int) -> dict[str, float]:
    """Figures of one draw; those that end in _real are what train series score."""
    trial = SeriesTrial(train, held, made, Seeds(seed).of("judge"))
    found: dict[str, float] = {}
    measures = [marginals, correlation, memory]
    for measure in measures + [utility] * (len(train.classes) > 1):
        for score in measure.measure(trial).scores:
            found |= {score.name: score.value, f"{score.name}_real": score.holdout}
    sides, seeds = trial.sides, trial.seeds.of("detection")
    pairs = (("", sides.synthetic), ("_real", sides.real))
    few = np.arange(min(SOME, len(sides.reference)))
    for name, other in pairs:
        told = detection.boosted(trial, sides.reference.rows(few), other.rows(few), seeds)
        found[f"c2st{name}"] = auc(*told)
    if train.steps > LONG:
        return {k: v for k, v in found.items() if v is not None}
    for name, other in pairs:
        hits, of = detection.discriminate(trial, sides.reference, other, seeds)
        found[f"discriminative_score{name}"] = abs(hits / of - 0.5)
        errors = prediction.errors(trial, other, sides.reference)
        found[f"predictive_score{name}"] = float(errors.mean())
    return {k: v for k, v in found.items() if v is not None}


def run(asked: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One fit, one draw, its figures."""
    train, held = parts(asked.set, seed)
    model = load_series_model(asked.model, asked.settings)
    if "pace" in vars(model):
        clock = {"pace": {"seconds": asked.seconds}}
        model = load_series_model(asked.model, laid_over(clock, asked.settings))
    began, busy = time.perf_counter(), time.process_time()
    fitted = model.fit(train, seeds=Seeds(seed).of("fit"))
    spent = {"fit_s": time.perf_counter() - began, "fit_cpu_s": time.process_time() - busy}
    began = time.perf_counter()
    made = fitted.sample(len(train), Seeds(seed).of("draw"))
    spent["draw_s"] = time.perf_counter() - began
    told = getattr(fitted, "facts", {})
    print(spent, told.get("rounds"), told.get("ended"), flush=True)
    found = spent | {"rounds": told.get("rounds", 0)} | judged(train, held, made, seed)
    print(json.dumps(found), flush=True)
    return found


@one_thread()
def main() -> None:
    """Runs, and a row of their medians."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("set", choices=("sines", *FILES))
    said.add_argument("model")
    said.add_argument("--seconds", type=float, default=300)
    said.add_argument("--seeds", type=int, default=1)
    said.add_argument("--settings", type=json.loads, default={})
    asked = said.parse_args()
    if asked.set in FILES and not FOLDER.is_dir():
        raise SystemExit(f"no series at {FOLDER}: set MEDSYNAI_BENCH")
    found = [run(asked, seed) for seed in range(asked.seeds)]
    middle = {k: round(statistics.median(f[k] for f in found), 4) for k in found[0]}
    row = {"set": asked.set, "model": asked.model, "seeds": asked.seeds, "seconds": asked.seconds}
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(row | {"settings": asked.settings} | middle, indent=1)
    (RESULTS / f"{asked.set}-{asked.model}.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
