"""Models under a budget: every set that has a public dictionary, by model and epsilon.

Usage: python bench/private.py [--sets flchain] [--models aim mst] [--epsilons 1 10] [--fits 5]

Noise has no seed, so every fit differs: medians over fits, one draw of each, judged by the outside
judge. What values a column can have comes from domains/SET.toml alone. A row is a file in
results/private/; those not asked for stay as they are.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from halves import home_of
from page import HERE, PRIVATE, page
from run import OUT, judged, keep, worker

DOMAINS = HERE / "domains"
DELTA = 1e-5  # fixed beforehand, the same for every set and peer
# a table of tens of thousands of rows is not passed over whole in every step
TWENTIETH = {"average": 0.95, "fade": 0.8, "private": {"rate": 0.05}}
LARGE = {"autoregressive": {"steps": 600, "lr": 0.01, "pace": TWENTIETH}}
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {"diabetes130": LARGE}  # beside the preset
FITS = {"aim": 5, "mst": 5, "autoregressive": 3, "vae": 3}  # usual models, and fits of each
FIGURES = {
    **{"pairs_to_train": "bi_tvd", "c2st": "c2st_holdout", "tstr": "tstr"},
    **{"mia_auc": "mia_auc", "mia_tpr_1fpr": "mia_tpr_at_1fpr", "trtr": "trtr"},
    **{"floor": "bi_floor"},
}


def row_of(name: str, model: str, epsilon: float, fits: int) -> dict[str, Any]:
    """Fit, draw and judge one set with one model at one epsilon."""
    home = home_of(name)
    target = json.loads((home / "meta.json").read_text())["target"]
    settings = SETTINGS.get(name, {}).get(model, {})
    fitted, found = [], []
    for fit in range(fits):
        out = OUT / f"private-{name}-{model}-{epsilon:g}-{fit}"
        options = ["--target", target, "--model", model, "--draws", "1", "--timed-rows", "0"]
        options += ["--contract", str(DOMAINS / f"{name}.toml"), "--seed", str(fit)]
        options += ["--epsilon", str(epsilon), "--delta", str(DELTA)]
        options += ["--settings", json.dumps(settings)]
        fitted.append(worker(home / "train.csv.gz", out, *options))
        found += judged(str(home), [out / "draw0.csv"])
    each = {key: [f[theirs] for f in found] for key, theirs in FIGURES.items()}
    each["fit_s"] = [f["fit_s"] for f in fitted]
    return {
        "set": name,
        "model": model,
        "epsilon": epsilon,
        "delta": DELTA,
        "rows": fitted[0]["rows"],
        "columns": fitted[0]["columns"],
        **{key: round(statistics.median(values), 4) for key, values in each.items()},
        "peak_mb": max(f["peak_mb"] for f in fitted),
        "of_fits": {k: [round(v, 4) for v in each[k]] for k in ("pairs_to_train", "c2st", "tstr")},
        "fits": fits,
        **({"settings": settings} if settings else {}),
    }


def path_of(row: dict[str, Any]) -> Path:
    """Where a row is kept."""
    return PRIVATE / f"{row['set']}-{row['model']}-{row['epsilon']:g}.json"


def main() -> None:
    """Measure, write each row as it is found, make the page."""
    known = [path.stem for path in sorted(DOMAINS.glob("*.toml"))]
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=known, choices=known)
    parser.add_argument("--models", nargs="+", default=list(FITS))
    parser.add_argument("--epsilons", nargs="+", type=float, default=[1.0, 10.0])
    parser.add_argument("--fits", type=int, help="of every model, in place of the usual number")
    asked = parser.parse_args()
    PRIVATE.mkdir(parents=True, exist_ok=True)
    for name in asked.sets:
        for model in asked.models:
            for epsilon in asked.epsilons:
                row = row_of(name, model, epsilon, asked.fits or FITS.get(model, 3))
                keep(path_of(row), row)
                print(json.dumps(row), flush=True)
    (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
