"""Every attack of the panel on releases of the benchmark's sets, beside the outside judge's figure.

Usage: python bench/attacks.py [--sets flchain support2] [--models forest shuffle] [--seeds 1]
           [--measures membership]

The model learns the set's train part and the set's holdout is the control, as in bench/run.py. What
is found, with CPU seconds, goes to bench/attacks.json, and the page is made anew: own attacks and
the outside judge's on the same released file. Targets for the non-private default: the AUC of the
worst attack at most .54, rows found at 1 % false alarms at most .02.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from page import HERE, page
from run import OUT, judged

from medsynai.api import synthesize
from medsynai.evaluate.panel import PANEL
from medsynai.evaluate.score import Family
from medsynai.flow.judging import Files, Panel, assess

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("MEDSYNAI_BENCH", ROOT.parent / "shared" / "bench"))
FOUND = Path(__file__).resolve().parent / "attacks.json"
TARGETS = {"membership_auc": 0.54, "membership_tpr_1": 0.02}
ATTACKS = tuple(m.name for m in PANEL if m.family is Family.PRIVACY)


def row_of(name: str, model: str, seed: int, asked: Sequence[str]) -> dict[str, Any]:
    """Fit, draw as many rows as there are to learn from, and attack them."""
    home = SHARED / "sets" / name
    target = json.loads((home / "meta.json").read_text())["target"]
    release = synthesize(
        str(home / "train.csv.gz"),
        target=target, model=model, holdout=0.0, measures=["validity"], seed=seed,
    )  # fmt: skip
    clock = time.process_time()
    files = Files(str(home / "train.csv.gz"), release.frame, str(home / "holdout.csv.gz"))
    found = assess(files, target, Panel(tuple(asked)), seed)
    spent = round(time.process_time() - clock, 1)
    scores = {
        s.name: {k: None if v is None else round(v, 4) for k, v in figures.items()}
        for s in found.scores
        for figures in ({"value": s.value, "low": s.low, "high": s.high, "holdout": s.holdout,
                         "control": s.control},)
    }  # fmt: skip
    OUT.mkdir(exist_ok=True)
    file = OUT / f"attacked-{name}-{model}-{seed}.csv"
    release.frame.to_csv(file, index=False)
    outside = judged(name, [file])[0]
    told = {"membership_auc": outside["mia_auc"], "membership_tpr_1": outside["mia_tpr_at_1fpr"]}
    about = {"set": name, "model": model, "seed": seed, "rows": len(release.frame)}
    about |= {"c2st": outside["c2st_holdout"], "outside": told}
    return {**about, "attack_cpu_s": spent, "scores": scores}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=["flchain", "support2"])
    parser.add_argument("--models", nargs="+", default=["forest", "shuffle"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--measures", nargs="+", default=ATTACKS, help="other scores stay")
    asked = parser.parse_args()
    if not SHARED.is_dir():
        raise SystemExit(f"no benchmark sets at {SHARED}; set MEDSYNAI_BENCH")
    known = json.loads(FOUND.read_text()) if FOUND.is_file() else []
    rows = {(r["set"], r["model"], r["seed"]): r for r in known}
    for name in asked.sets:
        for model in asked.models:
            for seed in range(asked.seeds):
                row = row_of(name, model, seed, asked.measures)
                before = rows.get((name, model, seed), {"scores": {}})["scores"]
                row["scores"] = before | row["scores"]
                rows[name, model, seed] = row
                for score, most in TARGETS.items():
                    value = row["scores"][score]["value"]
                    kept = "kept" if value <= most else "MISSED"
                    print(f"{name} {model} {seed}: {score} {value:.3f}, at most {most}: {kept}")
                print(f"{name} {model} {seed}: attacks took {row['attack_cpu_s']} CPU s")
                ordered = [rows[key] for key in sorted(rows)]
                FOUND.write_text(json.dumps(ordered, indent=1) + "\n")
    (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
