"""The targets, one row each: of which family, on which set, what figure, how far it may go.

A new family adds its models to FAMILIES and its rows to TARGETS; the page shows them as they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]  # one file of bench/results/

# A family's targets are asked of its best models; `cgan`, `wgan-gp` and `tablegan` are here to
# compare with as their papers have them, and keep their rows beside those of `gan`.
FAMILIES = {
    "forest": ("forest", "grouped-copula"),
    "vae": ("vae", "tvae", "beta-vae"),
    "gan": ("gan",),
    "ctgan": ("ctgan",),
    "autoregressive": ("autoregressive",),
    "diffusion": ("diffusion",),
}

FIGURES: dict[str, tuple[str, Callable[[Row], float]]] = {
    "pairs": ("pairs to train", lambda row: row["pairs_to_train"]),
    "ratio": ("pairs v. holdout / floor", lambda row: row["ratio"]),
    "c2st": ("C2ST v. unseen rows", lambda row: row["c2st"]),
    "tstr": ("TSTR", lambda row: row["tstr"]),
    "gap": ("TSTR behind TRTR", lambda row: row["trtr"] - row["tstr"]),
    "mia": ("membership AUC", lambda row: row["mia_auc"]),
    "tpr": ("membership TPR at 1 % FPR", lambda row: row["mia_tpr_1fpr"]),
    "fit": ("fit, CPU s", lambda row: row["fit_s"]),
    "sample": ("draw 100,000 rows, CPU s", lambda row: row["sample_100k_s"]),
}
HIGHER = ("tstr",)  # of these more is better, of all others less

# family -> set -> figure -> limit
TARGETS: dict[str, dict[str, dict[str, float]]] = {
    "forest": {
        "flchain": {"ratio": 1.1, "c2st": 0.57, "gap": 0.010, "mia": 0.52, "tpr": 0.015},
        "support2": {
            **{"ratio": 1.1, "c2st": 0.60, "gap": 0.010, "mia": 0.52, "tpr": 0.015},
            **{"fit": 6.0, "sample": 2.5},
        },
        "diabetes130": {"ratio": 1.3, "c2st": 0.57, "gap": 0.010, "mia": 0.52, "tpr": 0.015},
        "breast_cancer": {"c2st": 0.75, "tstr": 0.975, "mia": 0.53},
        "gbsg2": {"mia": 0.53},
    },
    "vae": {
        "flchain": {"fit": 10, "pairs": 0.055, "c2st": 0.72, "tstr": 0.820, "mia": 0.53},
        "support2": {"fit": 20, "pairs": 0.056, "c2st": 0.87, "tstr": 0.868, "mia": 0.53},
        "diabetes130": {"fit": 600, "pairs": 0.020},  # 5 minutes of 2 cores
    },
    "gan": {
        "flchain": {"fit": 60, "pairs": 0.057, "c2st": 0.70, "tstr": 0.815},
        "support2": {"fit": 60, "pairs": 0.09, "c2st": 0.95, "tstr": 0.845},
        "diabetes130": {"fit": 600, "pairs": 0.020},
    },
    "ctgan": {  # SDV CTGAN's figures, and a third of its time
        "flchain": {"fit": 33, "pairs": 0.218, "c2st": 0.953, "tstr": 0.786},
        "diabetes130": {"fit": 600, "pairs": 0.020},
    },
    "autoregressive": {
        "flchain": {"fit": 15, "pairs": 0.047, "c2st": 0.59, "tstr": 0.828, "mia": 0.53},
        "support2": {"fit": 60, "pairs": 0.060, "c2st": 0.75, "tstr": 0.868, "mia": 0.53},
        "diabetes130": {"fit": 600, "pairs": 0.020},
    },
    "diffusion": {
        "flchain": {"fit": 25, "pairs": 0.050, "c2st": 0.62, "tstr": 0.825},
        "support2": {"fit": 60, "pairs": 0.065, "c2st": 0.80, "tstr": 0.865},
        "diabetes130": {"fit": 600, "pairs": 0.020},
    },
}

# Under a budget: family -> set -> epsilon -> figure -> limit; of SUPPORT2 for the best model.
UNDER_BUDGET = {
    "marginal": ("aim", "mst"),
    "network": ("autoregressive", "vae"),
}
MARGINAL = {
    1.0: {"pairs": 0.075, "tstr": 0.805, "fit": 10},
    10.0: {"pairs": 0.050, "tstr": 0.815, "c2st": 0.75, "fit": 10},
}
BEST = {1.0: {"tstr": 0.80}, 10.0: {"tstr": 0.84}}
PRIVATE_TARGETS: dict[str, dict[str, dict[float, dict[str, float]]]] = {
    "marginal": {"flchain": MARGINAL, "support2": BEST},
    "network": {
        "flchain": {1.0: {"pairs": 0.115, "tstr": 0.73}, 10.0: {"pairs": 0.075, "tstr": 0.81}},
        "support2": BEST,
        "diabetes130": {
            1.0: {"pairs": 0.018, "tstr": 0.60, "fit": 180},
            10.0: {"pairs": 0.014, "tstr": 0.65, "fit": 180},
        },
    },
}


@dataclass(frozen=True)
class Verdict:
    """One target beside the figure."""

    what: str
    target: str
    figure: str
    met: bool


def short(value: float, places: int = 3) -> str:
    """A figure as the anchors' table writes it: no zero before the point."""
    return f"{value:.{places}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{places}f}"


def family_of(model: str, families: Mapping[str, tuple[str, ...]] = FAMILIES) -> str:
    """The family whose targets a model has to meet; "" for none."""
    return next((f for f, models in families.items() if model in models), "")


def limits_of(row: Row) -> Mapping[str, float]:
    """The targets of a row's family on its set, at its epsilon if it has one."""
    if "epsilon" in row:
        family = family_of(row["model"], UNDER_BUDGET)
        return PRIVATE_TARGETS.get(family, {}).get(row["set"], {}).get(row["epsilon"], {})
    return TARGETS.get(family_of(row["model"]), {}).get(row["set"], {})


def verdicts(row: Row) -> list[Verdict]:
    """Every target of the row's family on its set. Limits hold for the figures as measured."""
    found = []
    for key, limit in limits_of(row).items():
        what, figure_of = FIGURES[key]
        figure = round(figure_of(row), 4)
        met = figure >= limit if key in HIGHER else figure <= limit
        places = 1 if key in ("fit", "sample") else 4 if key in ("tpr", "gap") else 3
        sign = ">=" if key in HIGHER else "<="
        found.append(Verdict(what, f"{sign} {limit:g}", short(figure, places), met))
    return found
