"""What a time budget really takes, what the presets buy, and what tuning gains.

Usage: python bench/training.py budgets|presets|tune|refined [--sets flchain] [--models vae ...]

Rows go to bench/training.json, each in the place of an older one of the same question, set and
model, and to bench/README.md. `budgets`: wall seconds that rules, choice and training took where 10
and 30 were allowed. `presets`: a fit with each preset, by the outside judge. `tune`: a fit with the
settings found in two minutes, likewise. `refined`: one fit, two draws, as they are and refined.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from page import HERE, TRAINING, page
from run import OUT, SHARED, judged, worker

from medsynai.errors import InputError
from medsynai.flow.plan import Plan
from medsynai.flow.run import make
from medsynai.flow.tune import Search, tune
from medsynai.models.presets import NAMES, preset_of

Row = dict[str, Any]
ALLOWED, SEARCH = (10.0, 30.0), 120.0  # seconds
TIMED = ("forest", "vae", "autoregressive", "diffusion", "gan", "auto")
TRADED = ("vae", "gan", "autoregressive", "diffusion")
FIGURES = {"pairs": "bi_tvd", "c2st": "c2st_holdout", "tstr": "tstr", "mia_auc": "mia_auc"}
STAGES = ("rules", "choose", "train")


def plan_of(name: str, model: str) -> Plan:
    """The set's train part, whole."""
    home = SHARED / "sets" / name
    target = json.loads((home / "meta.json").read_text())["target"]
    return Plan(str(home / "train.csv.gz"), model=model, target=target, holdout=0.0)


def budgets(name: str, model: str) -> list[Row]:
    """Seconds allowed and seconds taken; `tune` has a clock of its own."""
    rows = []
    for seconds in ALLOWED:
        plan = plan_of(name, model)
        row = {"what": "budgets", "set": name, "model": model, "case": f"{seconds:g} s"}
        try:
            made = make(replace(plan, time_budget=seconds, measures=("validity",)))
        except InputError as error:
            rows.append(row | {"allowed": seconds, "taken": None, "said": str(error)})
            continue
        taken = sum(made.evidence.timing.get(stage, 0.0) for stage in STAGES)
        facts = made.evidence.model
        chosen = facts.name if facts and model == "auto" else ""
        rows.append(row | {"allowed": seconds, "taken": round(taken, 1), "said": chosen})
    return rows


def presets(name: str, model: str) -> list[Row]:
    """A fit with each preset."""
    return [_fit("presets", name, model, p, preset_of(model, p)) for p in NAMES]


def refined(name: str, model: str) -> list[Row]:
    """The rows of one fit as they are, and chosen by discriminators; means of two draws."""
    plan, out = plan_of(name, model), OUT / f"{name}-{model}-refined"
    options = ["--target", str(plan.target), "--model", "refined", "--draws", "2"]
    options += ["--timed-rows", "0", "--settings", json.dumps({"inner": model})]
    spent = worker(Path(str(plan.source)), out, *options)["fit_s"]
    rows = []
    for case, kind in (("one fit as it is", "inner"), ("the same refined", "draw")):
        seen = judged(name, [out / f"{kind}{draw}.csv" for draw in range(2)])
        row = {"what": "refined", "set": name, "model": model, "case": case, "fit_s": spent}
        rows.append(row | {k: round(fmean(s[v] for s in seen), 4) for k, v in FIGURES.items()})
    return rows


def tuning(name: str, model: str) -> list[Row]:
    """A fit with the settings that were found, and how long the search took."""
    began = time.perf_counter()
    found = tune(plan_of(name, model), Search(SEARCH))
    taken, tried = round(time.perf_counter() - began, 1), len(found.attempts) + found.pruned
    case = f"tuned in {SEARCH:g} s"
    row = _fit("tune", name, model, case, found.plan.settings)
    inner = [round(a.loss, 4) for a in (found.attempts[0], found.best)]
    more = {"trials": tried, "inner": inner, "settings": found.plan.settings}
    return [row | {"allowed": SEARCH, "taken": taken} | more]


def _fit(what: str, name: str, model: str, case: str, settings: dict[str, Any]) -> Row:
    """One fit in a process of its own, judged from outside; CPU seconds."""
    plan, out = plan_of(name, model), OUT / f"{name}-{model}-{case.replace(' ', '-')}"
    options = ["--target", str(plan.target), "--model", model, "--draws", "1"]
    options += ["--timed-rows", "0", "--settings", json.dumps(settings)]
    spent = worker(Path(str(plan.source)), out, *options)["fit_s"]
    seen = judged(name, [out / "draw0.csv"])[0]
    figures = {k: round(seen[v], 4) for k, v in FIGURES.items()}
    return {"what": what, "set": name, "model": model, "case": case, "fit_s": spent} | figures


QUESTIONS = {
    "budgets": (budgets, TIMED),
    "presets": (presets, TRADED),
    "tune": (tuning, ("vae",)),
    "refined": (refined, ("vae", "gan")),
}


def main() -> None:
    """Measure, keep each row as it is found, make the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("question", choices=QUESTIONS)
    parser.add_argument("--sets", nargs="+", default=["flchain"])
    parser.add_argument("--models", nargs="+")
    asked = parser.parse_args()
    if not (SHARED / "measure.py").exists():
        raise SystemExit(f"no outside judge at {SHARED}: set MEDSYNAI_BENCH to its folder")
    ask, usual = QUESTIONS[asked.question]
    for name in asked.sets:
        for model in asked.models or usual:
            known = json.loads(TRAINING.read_text()) if TRAINING.is_file() else []
            mine = ask(name, model)
            print(json.dumps(mine), flush=True)
            taken = {(r["what"], r["set"], r["model"], r["case"]) for r in mine}
            rest = [r for r in known if (r["what"], r["set"], r["model"], r["case"]) not in taken]
            TRAINING.write_text(json.dumps([*rest, *mine], indent=2) + "\n")
    (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
