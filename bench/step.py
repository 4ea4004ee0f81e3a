"""What a noised, clipped step costs beside a plain one: MLP 256-256, batch 256, one core, CPU time.

Usage: python bench/step.py  (writes results/dpsgd-step.json; both kinds take turns in one run)
"""

import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from medsynai.learn.core import Batch, Modules
from medsynai.learn.mechanism import DpSgd, Plain
from medsynai.learn.nets.mlp import initialise, mlp

OUT = Path(__file__).resolve().parent / "results" / "dpsgd-step.json"
ROWS, WIDTH, TURNS, EACH = 256, 256, 15, 20


def miss(modules: Modules, batch: Batch) -> torch.Tensor:
    """Squared error, one number a row."""
    return (modules["net"](batch.noise) - batch.real).square().sum(1)


def milliseconds(how: Plain | DpSgd, modules: Modules, batch: Batch) -> float:
    """Of processor time a step: gradients, and Adam."""
    stepper = torch.optim.Adam(modules.parameters(), lr=1e-4, fused=True)
    clock = time.process_time()
    for _ in range(EACH):
        how.gradients(miss, modules, ("net",), batch)
        stepper.step()
    return (time.process_time() - clock) / EACH * 1000


def main() -> None:
    """Measure, write, print."""
    torch.set_num_threads(1)
    random = torch.Generator().manual_seed(0)
    modules = nn.ModuleDict({"net": mlp(WIDTH, WIDTH, WIDTH)})
    initialise(modules, random)
    real, seen = (torch.randn(ROWS, WIDTH, generator=random) for _ in range(2))
    none = torch.zeros(ROWS, 0)
    batch = Batch(real, none, none, seen, torch.arange(ROWS))
    private = DpSgd(noise=1.0, divisor=ROWS, patients=np.arange(ROWS))
    taken = [
        [milliseconds(how, modules, batch) for how in (Plain(), private)] for _ in range(TURNS)
    ]
    plain, noised = (float(x) for x in np.min(taken, axis=0))
    ratio = float(np.median([b / a for a, b in taken]))
    weights = sum(w.numel() for w in modules.parameters())
    found = {
        "weights": weights,
        "batch": ROWS,
        "plain_ms": round(plain, 2),
        "dpsgd_ms": round(noised, 2),
        "ratio": round(ratio, 2),
    }
    OUT.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
