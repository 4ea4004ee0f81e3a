"""The benchmark: every target of the tables in one run, beside the anchors' figures.

Usage: python bench/run.py [--sets flchain ...] [--models vae ...] [--fits 2] [--draws 3]
           [--seconds 270]

With --sets or --models only these rows are measured; all other rows stay as they are.

Reads the sets and the outside judge from a folder beside the checkout (`../shared/bench`, or the
environment variable MEDSYNAI_BENCH); without it there is nothing to measure against and it says
so. Each fit runs in a process of its own on one core. The judge wants an older pandas, so it gets
an environment of its own, `.venv-judge`, made on first use. Each row is a file in bench/results/;
bench/README.md is made from all of them. Speed and memory of the command are in bench/speed.py.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from page import HERE, RESULTS, page

ROOT = HERE.parent
SHARED = Path(os.environ.get("MEDSYNAI_BENCH", ROOT.parent / "shared" / "bench"))
OUT = HERE / "out"
JUDGE = ROOT / ".venv-judge" / "bin" / "python"
CORE = os.environ.get("MEDSYNAI_CORE", "0")  # the core that fits are timed on
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
BIG, SMALL = ("flchain", "support2", "diabetes130"), ("breast_cancer", "gbsg2")
# Which models are measured on which sets when nothing else is asked for; a new model adds its row.
RUNS: dict[str, tuple[str, ...]] = {
    "forest": (*BIG, *SMALL),
    "grouped-copula": SMALL,
    "shuffle": SMALL,
    "vae": BIG,
    "autoregressive": BIG,
    "diffusion": BIG,
    "gan": BIG,
    "cgan": BIG[:2],
    "ctgan": BIG[:2],
    "wgan-gp": BIG[:2],
    "tablegan": BIG[:2],
}
DRAWS = {**dict.fromkeys(BIG, 3), **dict.fromkeys(SMALL, 30)}  # few rows: much noise in each


def judge_python() -> Path:
    """The judge's own environment: its exact-match figure needs pandas below 3."""
    if not JUDGE.exists():
        subprocess.run([sys.executable, "-m", "venv", ROOT / ".venv-judge"], check=True)
        wanted = ["pandas<3", "numpy", "scipy", "scikit-learn", "lightgbm"]
        subprocess.run([JUDGE, "-m", "pip", "install", "-q", *wanted], check=True)
    return JUDGE


def worker(data: Path, out: Path, *options: str, cores: str = CORE) -> dict[str, float]:
    """One fit in a process of its own, bound to `cores`."""
    environment = os.environ | (ONE_CORE if "," not in cores else {})
    command = ["taskset", "-c", cores, sys.executable, HERE / "worker.py", data, out, *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the worker failed on {data.name}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def judged(name: str, files: list[Path]) -> list[dict[str, float]]:
    """The outside judge's figures for each file."""
    rows = []
    for file in files:
        command = [judge_python(), SHARED / "judge.py", name, file]
        environment = os.environ | ONE_CORE | {"PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
    return rows


def row_of(name: str, model: str, asked: argparse.Namespace) -> dict[str, object]:
    """Fit, draw and judge one set with one model."""
    fits, draws = asked.fits, asked.draws or DRAWS[name]
    settings = {"pace": {"seconds": asked.seconds}} if asked.seconds else {}
    before = RESULTS / f"{name}-{model}.json"
    keeps = asked.untimed and before.is_file()
    kept = json.loads(before.read_text())["sample_100k_s"] if keeps else None
    timed = 100_000 if kept is None else 0
    meta = json.loads((SHARED / "sets" / name / "meta.json").read_text())
    figures, found = [], []
    for seed in range(fits):
        out = OUT / f"{name}-{model}-{seed}"
        options = ["--target", meta["target"], "--model", model, "--draws", str(draws)]
        options += ["--settings", json.dumps(settings)]
        options += ["--seed", str(seed), "--timed-rows", str(timed if not seed else 0)]
        figures.append(worker(SHARED / "sets" / name / "train.csv.gz", out, *options))
        found += judged(name, [out / f"draw{draw}.csv" for draw in range(draws)])

    def mean(key: str) -> float:
        return statistics.fmean(f[key] for f in found)

    def varies(key: str, places: int = 3) -> float:
        return round(statistics.stdev(f[key] for f in found), places)

    return {
        "set": name,
        "model": model,
        "rows": figures[0]["rows"],
        "columns": figures[0]["columns"],
        "allowed_s": asked.seconds,
        "fit_s": round(statistics.fmean(f["fit_s"] for f in figures), 2),
        "sample_100k_s": figures[0]["sample_s"] if kept is None else kept,
        "peak_mb": max(f["peak_mb"] for f in figures),
        "pairs_to_train": round(mean("bi_tvd"), 4),
        "pairs_v_holdout": round(mean("bi_tvd_holdout"), 4),
        "floor": round(mean("bi_floor"), 4),
        "ratio": round(mean("bi_tvd_holdout") / mean("bi_floor"), 3),
        "c2st": round(mean("c2st_holdout"), 4),
        "c2st_binned": round(mean("c2st_bin"), 3),
        "tstr": round(mean("tstr"), 4),
        "trtr": round(mean("trtr"), 4),
        "mia_auc": round(mean("mia_auc"), 4),
        "mia_tpr_1fpr": round(mean("mia_tpr_at_1fpr"), 4),
        "spread": {
            "c2st": varies("c2st_holdout"),
            "tstr": varies("tstr"),
            "mia_auc": varies("mia_auc"),
        }
        if len(found) > 1
        else {},
        "exact_copies": [f["exact"] for f in found],
        "fits": fits,
        "draws": len(found),
    }


def main() -> None:
    """Measure, write each row as it is found, make the page, print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", choices=(*BIG, *SMALL), help="only these")
    parser.add_argument("--models", nargs="+", help="only these, on all sets asked for")
    parser.add_argument("--fits", type=int, default=1, help="with other seeds each")
    parser.add_argument("--draws", type=int, help="of each fit")
    parser.add_argument("--seconds", type=float, help="that a network's fit may take")
    parser.add_argument("--untimed", action="store_true", help="keep the row's time of a draw")
    asked = parser.parse_args()
    if not (SHARED / "measure.py").exists():
        raise SystemExit(f"no outside judge at {SHARED}: set MEDSYNAI_BENCH to its folder")
    RESULTS.mkdir(exist_ok=True)
    if not (asked.sets or asked.models):
        subprocess.run([sys.executable, HERE / "speed.py"], check=True)
    for model in asked.models or RUNS:
        usual = RUNS.get(model, BIG)
        for name in asked.sets or usual:
            if asked.models or name in usual:
                row = row_of(name, model, asked)
                keep(RESULTS / f"{name}-{model}.json", row)
    (HERE / "README.md").write_text(page())
    print((HERE / "README.md").read_text())


def keep(path: Path, figures: dict[str, object]) -> None:
    """Write one file of results in place of what it held."""
    path.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
