"""What each measure of cohorts says of copies, of other real patients, and of marginals alone.

Usage: python bench/cohort_anchors.py [--only made pbcseq physionet2012]

A third of the patients trains, a third is the holdout, and a third is judged as if it were
synthetic; beside it an exact copy of the train part, a bootstrap of its patients, and what
`shuffle` makes of it. Rows go to results/cohort_anchors/, and the page is made anew.
"""

import argparse
import json
from typing import Any

import made_cohort
import numpy as np
from cohorts import pbcseq, physionet2012
from page import ANCHORED, HERE, page

from medsynai.data.cohort import Cohort
from medsynai.data.copied import copied
from medsynai.deidentify.cohort import without_traces
from medsynai.evaluate.cohorts.trial import CohortTrial
from medsynai.evaluate.panel import COHORT_PANEL, judge
from medsynai.models.catalog import load_cohort_model
from medsynai.privacy.ledger import Ledger
from medsynai.seeds import Seeds

MADE = 900  # patients of the made cohort


def made() -> Cohort:
    """A cohort that nobody was in."""
    return made_cohort.cohort(MADE, 20)


SOURCES = {"made": made, "pbcseq": pbcseq, "physionet2012": physionet2012}


def row_of(name: str) -> dict[str, Any]:
    """All measures of the four sides."""
    cohort, _ = without_traces(SOURCES[name]())
    order = np.random.default_rng(0).permutation(len(cohort))
    third = len(cohort) // 3
    train, holdout, other = (
        cohort.only(np.sort(order[k * third : (k + 1) * third])) for k in range(3)
    )
    seeds = Seeds(0)
    marginals = load_cohort_model("shuffle").fit(train, Ledger(), seeds.of("fit"))
    pick = np.random.default_rng(1).integers(0, third, third)
    sides = {
        "copy": train,
        "real": other,
        "bootstrap": copied(train, pick),
        "marginals": marginals.sample(third, seeds.of("draw")),
    }
    rows: dict[str, dict[str, Any]] = {}
    for side, patients in sides.items():
        trial = CohortTrial(train, holdout, patients, seeds.of("judge"))
        card = judge(trial, panel=COHORT_PANEL)
        assert not card.failed, card.failed
        for s in card.scores:
            mine = rows.setdefault(s.name, {"family": s.family.value, "better": s.better})
            mine[side] = [None if v is None else round(v, 4) for v in (s.value, s.low, s.high)]
        print(name, side, flush=True)
    return {"set": name, "patients": third, "events": len(train.events), "scores": rows}


def main() -> None:
    """Judge, keep, make the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=SOURCES, default=list(SOURCES))
    asked = parser.parse_args()
    ANCHORED.mkdir(parents=True, exist_ok=True)
    for name in asked.only:
        row = row_of(name)
        (ANCHORED / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n")
    (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
