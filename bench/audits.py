"""What every private model proves to have spent, and what planted faults prove: no row is read.

Usage: python bench/audits.py [--models vae aim ...] [--runs 20] [--canaries 1000]

Each model is fitted to a table of nobody, under the public dictionary of flchain: that charges the
ledger as any table would. The audit then runs the ledger's mechanisms on made-up patients. Rows are
kept in results/audits.json; those not asked for stay as they are.
"""

import argparse
import json
import time
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from audit_page import AUDITS
from page import HERE, page
from run import keep

from medsynai.data.schema import Schema
from medsynai.data.table import Table, canonical_dtype
from medsynai.flow.auditing import audit
from medsynai.learn import mechanism
from medsynai.models.catalog import CATALOG, load_model
from medsynai.models.presets import PRIVATE, preset_of
from medsynai.privacy import audit as proving
from medsynai.privacy.ledger import Budget, Ledger

CLAIM, DELTA, DOUBT = 1.0, 1e-6, 0.05
SUMS, SUM, SAMPLER = mechanism.noisy_sums, mechanism.clipped_sum, mechanism.PoissonSampler
FEW = {"pace": {"average": 0.95, "private": {"rate": 0.05}}}


class Everybody(SAMPLER):
    """A sampler that forgets its coins."""

    def draw(self) -> np.ndarray:
        """All rows."""
        return np.arange(len(self.patients))


def repeated(sums: np.ndarray, spread: float) -> np.ndarray:
    """Noise from a seed: the same in every step."""
    noise: np.ndarray = np.random.default_rng(0).normal(0, spread, len(sums))
    return sums + noise


def unclipped(losses: Any, weights: Any, who: Any, clip: float, *into: Any) -> Any:
    """Sums without a bound."""
    return SUM(losses, weights, who, 1e9, *into)


# fault -> where it is planted, and the settings of the network that it is planted in
FAULTS: dict[str, tuple[Any, str, Any, dict[str, Any]]] = {
    "noise off": (mechanism, "noisy_sums", lambda sums, spread: sums.astype(float), {}),
    "a fiftieth of the noise": (mechanism, "noisy_sums", lambda s, x: SUMS(s, x / 50), {}),
    "the same noise every time": (mechanism, "noisy_sums", repeated, {}),
    "clip off": (mechanism, "clipped_sum", unclipped, {}),
    "everybody in every step, 5 % charged": (mechanism, "PoissonSampler", Everybody, FEW),
    "counts without noise": (proving, "noisy_counts", lambda counts, spend: counts, {}),
}


def ledger_of(model: str, settings: dict[str, Any]) -> Ledger:
    """What a fit charges."""
    schema = Schema.from_toml((HERE / "domains" / "flchain.toml").read_text())
    columns = {c.name: pd.Series([], dtype=canonical_dtype(c)) for c in schema.columns}
    ledger = Ledger(Budget(CLAIM, DELTA))
    load_model(model, preset_of(model, PRIVATE) | settings).fit(
        Table(pd.DataFrame(columns), schema), ledger
    )
    return ledger


def row_of(kind: str, name: str, ledger: Ledger, runs: int, canaries: int) -> dict[str, Any]:
    """One audit; all of its runs together are wrong at most with the doubt."""
    clock = time.process_time()
    found = audit(ledger, canaries, runs, DOUBT)
    return {
        "kind": kind,
        "name": name,
        "claimed": CLAIM,
        "delta": DELTA,
        "runs": runs,
        "canaries": canaries,
        "most": round(found.most, 2),
        "left_out": found.left_out,
        "audit_s": round(time.process_time() - clock, 1),
    }


def written(row: dict[str, Any]) -> None:
    """Keep one row beside the others, and print it."""
    rows = json.loads(AUDITS.read_text()) if AUDITS.exists() else []
    keep(AUDITS, [r for r in rows if r["name"] != row["name"]] + [row])
    print(json.dumps(row), flush=True)


def main() -> None:
    """Audit, write each row as it is found, make the page."""
    private = [entry.name for entry in CATALOG if entry.private and "table" in entry.data]
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", nargs="*", default=private, choices=private)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--canaries", type=int, default=1000)
    asked = parser.parse_args()
    for model in asked.models:
        ledger = ledger_of(model, {})
        written(row_of("model", model, ledger, asked.runs, asked.canaries))
    for fault, (where, what, faulty, settings) in FAULTS.items():
        ledger = ledger_of("autoregressive", settings)
        with patch.object(where, what, faulty):
            written(row_of("fault", fault, ledger, 1, asked.canaries))
    (HERE / "README.md").write_text(page())


if __name__ == "__main__":
    main()
