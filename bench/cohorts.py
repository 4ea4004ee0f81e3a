"""Models of cohorts, on stays, visits and codes: two commands a row, then the page.

Usage: python bench/cohorts.py fit --set physionet2012 --model events [--seed 0] [--epsilon 1]
       python bench/cohorts.py judge --set physionet2012 --model events [--seed 0] [--epsilon 1]

`fit` keeps the model in out/ with its seconds, `judge` draws as many patients as the train part has
and judges them; both on one core. With `--epsilon` the fit is private, by the set's contract in
domains/ and the `private` settings, at delta 1e-6. Reads `data` beside the benchmark sets (see
run.py). A row is a file in results/cohorts/.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cohort_page import BESIDE, TARGETS
from page import COHORTS, HERE, page
from run import SHARED

from medsynai.data.cohort import Clock, Cohort
from medsynai.data.cohort_contract import CohortContract
from medsynai.data.cohortfiles import read_cohort
from medsynai.deidentify.cohort import without_traces
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.panel import COHORT_PANEL, judge
from medsynai.models.catalog import load_cohort_model, open_model
from medsynai.models.presets import PRIVATE, preset_of
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.seeds import Seeds

DATA = SHARED.parent / "data"
OUT = HERE / "out" / "cohorts"
DELTA = 1e-6
SIDES = ("value", "holdout", "shuffled", "control")
ALSO = {*BESIDE, "copied_run", "membership_auc", "gap_tvd", "next_tvd", "absent_runs_tvd", "c2st"}
ALSO |= {"stay_counts_correlation", "code_r2", "code_missed", "km_area", "hazard_overlap"}


def physionet2012() -> Cohort:
    """Set A of the 2012 challenge."""
    return read_cohort(DATA / "longitudinal", "physionet2012").mended().cohort


def pbcseq() -> Cohort:
    """Visits of 312 patients; death is the event, a transplantation ends the follow-up."""
    frame = pd.read_csv(DATA / "longitudinal" / "pbcseq.csv.gz", dtype=str)
    frame["died"] = (frame.pop("status") == "2").map({True: "1", False: "0"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pbcseq.csv"
        frame.to_csv(path, index=False)
        return read_cohort(path, "panel", {"columns": "id,day"}).mended().cohort


def diabetes130_codes() -> Cohort:
    """ICD-9 codes over stays: a patient's stays stand a day apart, as the table has no dates."""
    table = pd.read_csv(
        DATA / "tabular" / "diabetes130_us_hospitals.csv.gz",
        usecols=["encounter_id", "patient_nbr", "gender", "age"],
        dtype={"patient_nbr": str},
    )
    held = np.load(DATA / "codes" / "diabetes130_icd9_sparse.npz", allow_pickle=False)
    rows = np.repeat(np.arange(len(table)), np.diff(held["indptr"]))
    stay = table.groupby("patient_nbr")["encounter_id"].rank(method="first").astype(int) - 1
    events = pd.DataFrame(
        {
            "subject_id": table["patient_nbr"].to_numpy()[rows],
            "time": stay.to_numpy("float64")[rows],
            "code": held["codes"].astype(str)[held["indices"]],
            "kind": "condition",
        }
    )
    people = table.groupby("patient_nbr").first().reset_index()
    people = people.rename(columns={"patient_nbr": "subject_id"}).drop(columns="encounter_id")
    return Cohort.of(people, events, clock=Clock.DAYS)


SETS: dict[str, Callable[[], Cohort]] = {
    "physionet2012": physionet2012,
    "pbcseq": pbcseq,
    "diabetes130-codes": diabetes130_codes,
}


def halves(name: str, seed: int) -> tuple[Cohort, Cohort]:
    """Train and holdout by patient; PhysioNet's stays are divided once, the others by the seed."""
    cohort, _ = without_traces(SETS[name]())
    order = np.random.default_rng(0 if name == "physionet2012" else seed).permutation(len(cohort))
    half = len(cohort) // 2
    return cohort.only(np.sort(order[:half])), cohort.only(np.sort(order[half:]))


def titled(model: str, epsilon: float | None) -> str:
    """The model as a row names it."""
    return model if epsilon is None else f"{model}-epsilon{epsilon:g}"


def fit(name: str, model: str, seed: int, epsilon: float | None = None) -> dict[str, float]:
    """Fit, save, and say how long it took."""
    train, _ = halves(name, seed)
    clock, wall = time.process_time(), time.perf_counter()
    if epsilon is None:
        fitted = load_cohort_model(model).fit(train, Ledger(), Seeds(seed))
    else:
        contract = CohortContract.read(HERE / "domains" / f"{name}.toml")
        chosen: Any = load_cohort_model(model, preset_of(model, PRIVATE))
        fitted = chosen.fit(train, Ledger(Budget(epsilon, DELTA)), Seeds(seed), contract)
    spent = {"fit_s": time.process_time() - clock, "fit_wall_s": time.perf_counter() - wall}
    place = OUT / f"{name}-{titled(model, epsilon)}-{seed}"
    shutil.rmtree(place, ignore_errors=True)
    (place / "model").mkdir(parents=True)
    fitted.save(place / "model")
    (place / "seconds.json").write_text(json.dumps(spent))
    return spent


def judged(name: str, model: str, seed: int) -> dict[str, Any]:
    """Draw from the model that was kept, and judge."""
    train, holdout = halves(name, seed)
    place = OUT / f"{name}-{model}-{seed}"
    spent = json.loads((place / "seconds.json").read_text())
    fitted: Any = open_model(place / "model")
    clock = time.process_time()
    made = fitted.sample(len(train), Seeds(seed).of("draw"))
    drawn = time.process_time() - clock
    wanted = {*TARGETS[name], *ALSO}
    card = judge(CohortTrial(train, holdout, made, Seeds(seed).of("judge")), panel=COHORT_PANEL)
    figures: dict[str, Any] = {
        s.name: {k: _short(getattr(s, k)) for k in SIDES} for s in card.scores if s.name in wanted
    }
    figures |= {"fit_s": {"value": spent["fit_s"]}, "draw_s": {"value": drawn}}
    if (area := figures.get("km_area")) and area["holdout"] is not None:
        figures["km_area_ratio"] = {"value": area["value"] / max(area["holdout"], 1e-9)}
    row = {"set": name, "model": model, "seed": seed, "patients": len(train)}
    return row | {"events": len(train.events), "figures": figures}


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def main() -> None:
    """Do one of the two."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("fit", "judge"))
    parser.add_argument("--set", choices=SETS, required=True)
    parser.add_argument("--model", default="events")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epsilon", type=float)
    asked = parser.parse_args()
    if not DATA.exists():
        raise SystemExit(f"no data beside {SHARED}: set MEDSYNAI_BENCH to the sets' folder")
    if asked.what == "fit":
        print(json.dumps(fit(asked.set, asked.model, asked.seed, asked.epsilon)))
        return
    model = titled(asked.model, asked.epsilon)
    row = judged(asked.set, model, asked.seed)
    COHORTS.mkdir(parents=True, exist_ok=True)
    (COHORTS / f"{asked.set}-{model}-{asked.seed}.json").write_text(
        json.dumps(row, indent=1) + "\n"
    )
    print(json.dumps(row))
    (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
