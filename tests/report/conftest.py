"""A release's evidence with figures of the size that a real one has."""

from typing import Any

import numpy as np
import pytest

from medsynai.data.schema import Column, Handling, Kind, Role, Schema
from medsynai.evaluate.policy import Ruling, Severity, Status, Verdict
from medsynai.evaluate.score import Family, Score
from medsynai.report.evidence import DataFacts, Evidence, ModelFacts

F = Family


def ruling(
    name: str, limit: float, value: float, status: Status, reason: str = "", **more: Any
) -> Ruling:
    titles = {s.name: s.title for s in SCORES}
    facts = {"low": None, "high": None, "severity": Severity.FAIL, "required": True}
    facts |= {"source": "EMA Policy 0070; Health Canada PRCI"}
    return Ruling(name, titles[name], limit, value, status=status, reason=reason, **(facts | more))


SCORES = (
    Score("validity", "Cells that keep types, ranges and categories", F.VALIDITY, 1.0, "high",
          4552, "Own definition", low=0.9992, high=1.0, holdout=1.0, shuffled=1.0),
    Score("tstr_auroc", "Gradient boosting: AUROC on real holdout", F.UTILITY, 0.8684, "high",
          4553, "Esteban et al. 2017", low=0.8571, high=0.8797, holdout=0.8779, shuffled=0.5032),
    Score("tstr_brier", "Gradient boosting: Brier score on real holdout", F.UTILITY, 0.1302, "low",
          4553, "Brier 1950", low=0.1251, high=0.1353, holdout=0.1244, shuffled=0.1927),
    Score("calibration_slope", "Logistic regression: calibration slope", F.UTILITY, None, "info",
          4553, "Cox 1958", note="the optimiser did not settle"),
    Score("tvd_pairs", "Pairs of columns: total variation distance", F.FIDELITY, 0.0581, "low",
          4552, "TVD = 1/2 sum |p - q|, mean over pairs", low=0.0574, high=0.0588,
          holdout=0.0543, shuffled=0.1482),
    Score("tvd_columns", "Single columns: total variation distance", F.FIDELITY, 0.0162, "low",
          4552, "TVD = 1/2 sum |p - q|, mean over columns", low=0.0158, high=0.0167,
          holdout=0.0181, shuffled=0.0181),
    Score("c2st", "Gradient boosting: AUC, real holdout against synthetic", F.DETECTION, 0.5923,
          "low", 9105, "Lopez-Paz and Oquab 2017", low=0.5811, high=0.6035, holdout=0.5012,
          shuffled=0.9981),
    Score("membership_auc", "Membership inference: AUC of the strongest attack", F.PRIVACY, 0.5142,
          "low", 9105, "van Breugel et al. 2023", low=0.5021, high=0.5263, holdout=0.4987,
          shuffled=0.5011, control=0.9712),
    Score("linkability", "Linkability: residual risk", F.PRIVACY, 0.0061, "low", 2000,
          "Giomi et al. 2022", low=0.0, high=0.0192, holdout=0.001, shuffled=0.0, control=0.871),
    Score("attribute_diabetes", "Attribute inference: residual risk", F.PRIVACY, 0.0021, "low",
          2000, "Giomi et al. 2022", low=0.0, high=0.0174, holdout=0.002, shuffled=0.0,
          control=0.041, note="inconclusive: a copy of the train rows was not caught"),
    Score("dcr_median", "Median distance to the closest train row", F.PRIVACY, 4.8131, "info", 4552,
          "Yao et al. 2025", holdout=4.7934, information=True),
    Score("tvd_group", "Single columns: total variation distance", F.FAIRNESS, 0.0213, "low", 1990,
          "Bhanot et al. 2021", holdout=0.0262, shuffled=0.0321, group="sex=female"),
    Score("tvd_group", "Single columns: total variation distance", F.FAIRNESS, 0.0201, "low", 2562,
          "Bhanot et al. 2021", holdout=0.0231, shuffled=0.0311, group="sex=male"),
    Score("tvd_group", "Single columns: total variation distance", F.FAIRNESS, None, "low", 37,
          "Bhanot et al. 2021", group="race=asian", note="fewer than 50 rows"),
)  # fmt: skip

GATES = (
    ruling("membership_auc", 0.6, 0.5142, Status.PASS, low=0.5021, high=0.5263),
    ruling("linkability", 0.09, 0.0061, Status.PASS, low=0.0, high=0.0192),
    ruling("attribute_diabetes", 0.09, 0.0021, Status.INCONCLUSIVE,
           "the attack does not catch a copy of the train rows", severity=Severity.WARN),
    ruling("validity", 1.0, 1.0, Status.PASS, source="This policy", low=0.9992, high=1.0),
    ruling("tvd_pairs", 0.07, 0.0581, Status.PASS, source="This policy"),
    ruling("c2st", 0.58, 0.5923, Status.WARN, "0.592, limit at most 0.58", source="This policy"),
)  # fmt: skip

COLUMNS = ("age", "sex", "race", "meanbp", "wblc", "hrt", "temp", "crea", "sod", "ph", "hospdead")


def shares(rng: np.random.Generator, bins: int, spread: float = 0.0) -> list[float]:
    """Bell-shaped shares; those of the pictures only, from no patient."""
    at = np.linspace(-2.4, 2.4, bins)
    bell = np.exp(-(at**2) / 2) * np.exp(rng.normal(0, spread, bins))
    return [round(float(v), 4) for v in bell / bell.sum()]


def histograms(rng: np.random.Generator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for i, name in enumerate(COLUMNS):
        if name in ("sex", "hospdead"):
            found.append({"column": name, "levels": ["female", "male"] if i == 1 else ["0", "1"],
                          "real": [0.437, 0.563], "synthetic": [0.441, 0.559]})  # fmt: skip
        elif name == "race":
            found.append(
                {
                    "column": name,
                    "levels": ["white", "black", "hispanic", "other", "asian", "(missing)"],
                    "real": [0.789, 0.152, 0.031, 0.013, 0.01, None],
                    "synthetic": [0.792, 0.149, 0.03, 0.014, 0.01, 0.005],
                }
            )
        else:
            edges = [round(float(e), 3) for e in np.linspace(10 * i, 10 * i + 83.5, 19)]
            real: list[float | None] = list(shares(rng, 18))
            real[-1] = None if name == "crea" else real[-1]
            found.append(
                {"column": name, "edges": edges, "real": real, "synthetic": shares(rng, 18, 0.08)}
            )
    return found


def correlation(rng: np.random.Generator, names: tuple[str, ...]) -> dict[str, Any]:
    load = rng.normal(size=(len(names), 3))
    real = np.corrcoef(load + 0.4 * rng.normal(size=load.shape))
    synthetic = np.clip(real + 0.06 * rng.normal(size=real.shape), -1, 1)
    synthetic = (synthetic + synthetic.T) / 2
    np.fill_diagonal(synthetic, 1.0)
    grids = {"real": real, "synthetic": synthetic, "difference": synthetic - real}
    return {"columns": list(names)} | {k: np.round(v, 3).tolist() for k, v in grids.items()}


def plane(rng: np.random.Generator) -> dict[str, Any]:
    at = np.linspace(-2, 2, 24)
    hill = np.exp(-(at[:, None] ** 2) - (at[None, :] + 0.3 * at[:, None]) ** 2)
    hill /= hill.sum()
    real = [[None if v < 0.0008 else round(float(v), 5) for v in row] for row in hill]
    noisy = hill * np.exp(rng.normal(0, 0.15, hill.shape))
    return {"real": real, "synthetic": np.round(noisy / noisy.sum(), 5).tolist()}


def survival() -> list[dict[str, Any]]:
    time = np.linspace(0, 2029, 60)
    parts = {}
    for name, rate in (("real", 0.9), ("synthetic", 0.86)):
        alive = 0.28 + 0.72 * np.exp(-rate * time / 600)
        width = 0.005 + 0.02 * time / 2029
        parts[name] = {
            "time": np.round(time, 1).tolist(),
            "survival": np.round(alive, 4).tolist(),
            "low": np.round(alive - width, 4).tolist(),
            "high": np.round(alive + width, 4).tolist(),
            "at_risk_time": [0, 500, 1000, 1500, 2000],
            "at_risk": [4552, 2390, 1611, 884, 96],
        }
    return [{"title": "Survival by d.time", "unit": "days", **parts}]


def giveaways() -> list[dict[str, Any]]:
    named = ("totcst", "charges", "avtisst", "sps", "surv2m", "aps", "slos", "bun")
    return [{"column": c, "importance": round(0.061 / (i + 1), 4)} for i, c in enumerate(named)]


def exhibits() -> dict[str, Any]:
    rng = np.random.default_rng(7)
    return {
        "histograms": histograms(rng),
        "correlation": correlation(rng, COLUMNS),
        "pca": plane(rng),
        "giveaways": giveaways(),
        "km": survival(),
        "utility_rows": [
            {"rows": "1x", "auroc": 0.8684}, {"rows": "2x", "auroc": 0.8721},
            {"rows": "5x", "auroc": 0.8752},
        ],
    }  # fmt: skip


def schema() -> Schema:
    kinds = {"sex": Kind.BINARY, "hospdead": Kind.BINARY, "race": Kind.CATEGORICAL}
    roles = {"sex": Role.PROTECTED, "race": Role.PROTECTED, "hospdead": Role.TARGET}
    real = tuple(
        Column(c, kinds.get(c, Kind.CONTINUOUS), roles.get(c, Role.FEATURE)) for c in COLUMNS
    )
    return Schema((*real, Column("mrn", Kind.IDENTIFIER, Role.KEY, Handling.SURROGATE)))


def build(**changes: Any) -> Evidence:
    facts: dict[str, Any] = {
        "title": "SUPPORT2: seriously ill hospital patients",
        "data": DataFacts(
            "support2.csv", 9105, 47, 4552, train=4552, holdout=4553, missing=0.1072,
            patients=9105, licence="CC BY 4.0", credit="UCI set 880",
        ),
        "schema": schema(),
        "scores": SCORES,
        "verdict": Verdict(GATES),
        "model": ModelFacts(
            "forest", "Sequential forest", "Drechsler and Reiter 2011",
            "Columns are drawn one after another, each from small trees grown on the columns "
            "before it. A leaf holds how often each value range occurs, never a row.",
            {"min_leaf": 20, "trees": 10, "rows": 0.8, "bins": 200}, COLUMNS,
        ),
        "ledger": {
            "guarantee": "unprotected", "unit": "patient",
            "entries": [{"purpose": "train the forest", "mechanism": "unprotected",
                         "unit": "patient", "note": "histograms in leaves of at least 20 rows"}],
        },
        "plan": {"seed": 7, "holdout": 0.5, "target": "hospdead"},
        "exhibits": exhibits(),
        "notes": ("mrn: direct identifier, regenerated as fresh keys in the same pattern.",),
        "repairs": {"sfdm2 is missing when death = 0": 0, "slos <= d.time": 12},
        "timing": {"read": 0.41, "fit": 5.2, "sample": 0.61, "judge": 58.3},
        "versions": {"medsynai": "0.1.0", "numpy": "2.4.6", "scikit-learn": "1.9.1"},
        "hashes": {"synthetic.csv": "9f2c" * 16, "schema.toml": "03ab" * 16},
    }  # fmt: skip
    return Evidence(**(facts | changes))


@pytest.fixture
def evidence() -> Evidence:
    return build()
