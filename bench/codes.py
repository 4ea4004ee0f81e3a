"""Models of codes beside holdout, shuffled and bootstrap rows: one table, made by one command.

Usage: python bench/codes.py [--sets diabetes130-icd9 mimic3-demo] [--models medgan ...]
           [--seconds 120]

Half of the patients to train, codes as `medsynai synthesize` takes them up, defaults, one seed, as
many rows as the train part has. Each fit runs in a process of its own on one core, so that its peak
memory is its own; it is noted before the judges begin. Reads `data/codes` beside the benchmark sets
(see run.py). Rows go to results/codes.json, each in the place of an older one, and to README.md.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

from page import CODES, HERE, page
from run import CORE, ONE_CORE, SHARED

from medsynai.evaluate.codes.trial import CodeTrial
from medsynai.evaluate.panel import CODE_PANEL
from medsynai.evaluate.score import Score
from medsynai.flow.codes import stages
from medsynai.flow.judging import Panel, judge
from medsynai.flow.kind_stages import Run
from medsynai.flow.plan import Plan
from medsynai.flow.watch import Watch, silent
from medsynai.models.catalog import load_code_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

FILES = {
    "diabetes130-icd9": ("diabetes130_icd9_sparse.npz", ""),
    "mimic3-demo": ("mimic3demo_diagnoses.csv.gz", "codes:subject_id,icd9_code,hadm_id"),
}
MODELS = ("code-mixture", "aae", "medgan", "emr-wgan", "bootstrap", "shuffle")
SIDES = ("value", "holdout", "shuffled")


def measured(name: str, model: str, seconds: float | None) -> dict[str, Any]:
    """Fit, draw and judge one model on one set, in this process."""
    file, kind = FILES[name]
    plan = Plan(str(SHARED.parent / "data" / "codes" / file), kind=kind, holdout=0.5)
    run = Run(plan, Ledger(), Watch(silent))
    parts = stages.divide(stages.read(run), run)
    paced = {"pace": {"seconds": seconds}} if seconds else {}
    chosen, clock = load_code_model(model, paced), time.process_time()
    fitted = chosen.fit(parts.train, Ledger(), Seeds(0).of("fit"))
    spent = time.process_time() - clock
    drawn = fitted.sample(len(parts.train), Seeds(0).of("draw"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    trial = CodeTrial(parts.train, parts.holdout, drawn, Seeds(0).of("judge"))
    judged = judge(trial, Panel((), None, CODE_PANEL, "codes/policy.toml"), Watch(silent))
    return {
        "set": name,
        "model": model,
        "rows": len(parts.train),
        "codes": len(parts.train.codes),
        "allowed_s": seconds,
        "fit_s": round(spent, 1),
        "peak_mb": round(peak),
        "figures": dict(_told(judged.panel.scores)),
    }


def _told(scores: Iterable[Score]) -> Iterable[tuple[str, dict[str, float | None]]]:
    for score in scores:
        sides = ((side, getattr(score, side)) for side in SIDES)
        yield score.name, {k: None if x is None else round(x, 4) for k, x in sides}


def main() -> None:
    """Measure, keep each row as it is found, make the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--seconds", type=float, help="that a network's fit may take")
    parser.add_argument("--one", nargs=2, metavar=("SET", "MODEL"), help="print one row, here")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(*asked.one, asked.seconds)))
        return
    if not (SHARED.parent / "data" / "codes").exists():
        raise SystemExit(f"no codes beside {SHARED}: set MEDSYNAI_BENCH to the sets' folder")
    for name in asked.sets:
        for model in asked.models:
            command = ["taskset", "-c", CORE, sys.executable, str(HERE / "codes.py")]
            command += ["--one", name, model]
            networks = "pace" in vars(load_code_model(model))
            command += ["--seconds", str(asked.seconds)] if asked.seconds and networks else []
            done = subprocess.run(
                command, env=os.environ | ONE_CORE, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise SystemExit(f"{model} failed on {name}:\n{done.stderr[-2000:]}")
            row = json.loads(done.stdout)
            known = json.loads(CODES.read_text()) if CODES.is_file() else []
            rest = [r for r in known if (r["set"], r["model"]) != (name, model)]
            CODES.write_text(json.dumps([*rest, row], indent=1) + "\n")
            print(json.dumps(row), flush=True)
    (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
