"""The benchmark: every target of the tables in one run, beside the anchors' figures.

Usage: python bench/run.py [--sets flchain support2 ...] [--draws 3] [--models forest ...]

Reads the sets and the outside judge from a folder beside the checkout (`../shared/bench`, or the
environment variable MEDSYNAI_BENCH); without it there is nothing to measure against and it says
so. Each fit runs in a process of its own on one core. The judge wants an older pandas, so it gets
an environment of its own, `.venv-judge`, made on first use. Results go to bench/results.json and
bench/README.md.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import medsynai

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SHARED = Path(os.environ.get("MEDSYNAI_BENCH", ROOT.parent / "shared" / "bench"))
OUT = HERE / "out"
JUDGE = ROOT / ".venv-judge" / "bin" / "python"
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# On small tables `auto` also tries the grouped copula; both rows are shown.
MODELS = {"breast_cancer": ("forest", "grouped-copula"), "gbsg2": ("forest", "grouped-copula")}
SETS = ("flchain", "support2", "diabetes130", "breast_cancer", "gbsg2")


def judge_python() -> Path:
    """The judge's own environment: its exact-match figure needs pandas below 3."""
    if not JUDGE.exists():
        subprocess.run([sys.executable, "-m", "venv", ROOT / ".venv-judge"], check=True)
        wanted = ["pandas<3", "numpy", "scipy", "scikit-learn", "lightgbm"]
        subprocess.run([JUDGE, "-m", "pip", "install", "-q", *wanted], check=True)
    return JUDGE


def worker(data: Path, out: Path, *options: str, cores: str = "0") -> dict[str, float]:
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


def row_of(name: str, model: str, draws: int) -> dict[str, object]:
    """Fit, draw and judge one set with one model."""
    meta = json.loads((SHARED / "sets" / name / "meta.json").read_text())
    out = OUT / f"{name}-{model}"
    options = ["--target", meta["target"], "--model", model, "--draws", str(draws)]
    figures = worker(SHARED / "sets" / name / "train.csv.gz", out, *options)
    found = judged(name, sorted(out.glob("draw*.csv"))[:draws])

    def mean(key: str) -> float:
        return sum(f[key] for f in found) / len(found)

    return {
        "set": name,
        "model": model,
        "rows": figures["rows"],
        "columns": figures["columns"],
        "fit_s": figures["fit_s"],
        "sample_100k_s": figures["sample_s"],
        "peak_mb": figures["peak_mb"],
        "pairs_to_train": round(mean("bi_tvd"), 4),
        "pairs_v_holdout": round(mean("bi_tvd_holdout"), 4),
        "floor": round(mean("bi_floor"), 4),
        "ratio": round(mean("bi_tvd_holdout") / mean("bi_floor"), 3),
        "c2st": round(mean("c2st_holdout"), 3),
        "c2st_binned": round(mean("c2st_bin"), 3),
        "tstr": round(mean("tstr"), 4),
        "trtr": round(mean("trtr"), 4),
        "mia_auc": round(mean("mia_auc"), 3),
        "mia_tpr_1fpr": round(mean("mia_tpr_at_1fpr"), 4),
        "exact_copies": [f["exact"] for f in found],
        "draws": len(found),
    }


def help_seconds() -> float:
    """The best of five starts of `medsynai --help`, in wall seconds."""
    command = [Path(sys.executable).with_name("medsynai"), "--help"]
    taken = []
    for _ in range(5):
        clock = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        taken.append(time.perf_counter() - clock)
    return round(min(taken), 2)


def whole_diabetes() -> dict[str, float] | None:
    """All of Diabetes-130, fitted on every core."""
    data = SHARED.parent / "data" / "tabular" / "diabetes130_us_hospitals.csv.gz"
    if not data.exists():
        return None
    cores = ",".join(str(c) for c in range(os.cpu_count() or 1))
    options = ["--target", "readmitted", "--draws", "0", "--jobs", "0", "--timed-rows", "0"]
    return worker(data, OUT / "diabetes-whole", *options, cores=cores)


def stream(rows: int) -> dict[str, float]:
    """Draw and write many rows from a saved model, in shards; wall seconds and peak memory."""
    release, file = OUT / "stream", OUT / "stream.parquet"
    tool = Path(sys.executable).with_name("medsynai")
    data = SHARED / "sets" / "support2" / "train.csv.gz"
    if not release.exists():
        medsynai.synthesize(data, rows=1000, measures=("validity",)).save(release)
    clock = time.perf_counter()
    draw = [tool, "sample", release, "--rows", str(rows), "--out", file, "--overwrite"]
    subprocess.run(draw, capture_output=True, check=True)
    wall = time.perf_counter() - clock
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    file.unlink()
    return {"rows": rows, "wall_s": round(wall, 1), "peak_mb": round(peak)}


def main() -> None:
    """Measure, write the table, print it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--models", nargs="+", help="instead of those that `auto` tries")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--stream", type=int, default=1_000_000, help="rows drawn in shards")
    asked = parser.parse_args()
    if not (SHARED / "measure.py").exists():
        raise SystemExit(f"no outside judge at {SHARED}: set MEDSYNAI_BENCH to its folder")
    streamed = stream(asked.stream)  # first: it reads the peak of all children so far
    rows = [
        row_of(name, model, asked.draws)
        for name in asked.sets
        for model in asked.models or MODELS.get(name, ("forest",))
    ]
    results = {
        "cores": os.cpu_count(),
        "help_s": help_seconds(),
        "stream": streamed,
        "diabetes_whole": whole_diabetes(),
        "tables": rows,
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    from page import page

    (HERE / "README.md").write_text(page(results))
    print((HERE / "README.md").read_text())


if __name__ == "__main__":
    main()
