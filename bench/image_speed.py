"""Speed of the models of images: a DCGAN's step beside a plain PyTorch loop, drawing, components.

Usage: python bench/image_speed.py [step] [draw_10k_s] [clock_10k]

Writes results/image-speed.json: seconds of processor time, and for `clock_10k`, which wants idle
cores, the least of three by the clock.

The plain loop has the same networks, loss and batch, and nothing else: no averaged weights, no
clipped gradients, no alarms. Both take turns in one run, and the median of the ratios counts.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from joblib import cpu_count
from torch import Tensor

from medsynai.codec.image import Frame
from medsynai.data.images import ImageSet
from medsynai.learn.core import Batch, Modules
from medsynai.learn.images import FittedImageNetwork, to_rows
from medsynai.learn.job import Job
from medsynai.learn.loop import train
from medsynai.learn.losses.adversarial import goodfellow
from medsynai.models.catalog import load_image_model
from medsynai.seeds import Seeds

OUT = Path(__file__).resolve().parent / "results" / "image-speed.json"
BATCH, TURNS, ROUNDS, DRAWN = 64, 3, 6, 10_000
DRAWERS = ("image-vae", "image-gan", "image-hybrid", "image-flow")


def pictures(n: int) -> ImageSet:
    """Noise of 32 x 32 grey pixels: what they show takes no time."""
    rng = np.random.default_rng(0)
    return ImageSet.of(rng.integers(0, 256, (n, 1, 32, 32)).astype(np.uint8))


def ours(job: Job, rows: Tensor, rounds: int) -> float:
    """Seconds of the loop for so many rounds, what stands around them included."""
    phases = tuple(replace(p, rounds=rounds) for p in job.phases)
    began = time.process_time()
    train(replace(job, phases=phases), rows, rows[:0], Seeds(0))
    return time.process_time() - began


def plain(modules: Modules, latent: int, rows: Tensor) -> float:
    """Seconds a round of a loop that does the least."""
    duel, seconds = goodfellow(), 0.0
    adams = {
        name: torch.optim.Adam(modules[name].parameters(), 2e-4, fused=True)
        for name in ("critic", "generator")
    }
    for _ in range(ROUNDS):
        began = time.process_time()
        for name, loss in (("critic", duel.critic), ("generator", duel.generator)):
            real = rows[torch.randint(len(rows), (BATCH,))]
            batch = Batch(real, real[:, -1:], real[:, -1:], torch.randn(BATCH, latent))
            adams[name].zero_grad()
            loss(modules, batch).mean().backward(inputs=list(modules[name].parameters()))
            adams[name].step()
        seconds += time.process_time() - began
    return seconds / ROUNDS


def step() -> dict[str, float]:
    """A round of critic and painter, by both loops in turn."""
    pace = {"batch": BATCH, "check": 10_000, "held": 0.0}
    model = load_image_model("dcgan", {"penalty": 0.0, "pace": pace})
    images = pictures(512)
    rows, found = to_rows(Frame.of(images), images), []
    ours(replace(model.job(Frame.of(images)), monitor=None), rows, 1)  # type: ignore[attr-defined]
    for _ in range(TURNS):
        job = replace(model.job(Frame.of(images)), monitor=None)  # type: ignore[attr-defined]
        more = (ours(job, rows, 2 * ROUNDS) - ours(job, rows, ROUNDS)) / ROUNDS
        found.append((plain(job.modules, job.noise, rows), more))
    least = np.min(found, axis=0) * 1000
    ratio = float(np.median([b / a for a, b in found]))
    names = ("plain_ms", "ours_ms")
    return {n: round(float(x)) for n, x in zip(names, least, strict=True)} | {
        "ratio": round(ratio, 2)
    }


def drawing() -> dict[str, float]:
    """Seconds to draw 10,000 images, and to fit the components of 4,000."""
    found = {}
    for name in DRAWERS:
        model = load_image_model(name)
        frame = Frame.of(pictures(64))
        drawer = model.drawer(frame).requires_grad_(False)  # type: ignore[attr-defined]
        labels, random = torch.zeros(256), torch.Generator().manual_seed(0)
        drawer.draw(labels, random)
        began = time.process_time()
        for _ in range(2):
            drawer.draw(labels, random)
        found[name] = round((time.process_time() - began) / 512 * DRAWN, 1)
    began = time.process_time()
    load_image_model("pca").fit(pictures(4000))
    return found | {"pca_fit": round(time.process_time() - began, 1)}


def by_the_clock() -> dict[str, float]:
    """Seconds by the clock to draw 10,000 images of the default on all cores that may be used."""
    model, n = load_image_model("image-flow"), 2560
    frame = Frame.of(pictures(64))
    drawer = model.drawer(frame).requires_grad_(False)  # type: ignore[attr-defined]
    fitted = FittedImageNetwork(model, frame, drawer, {})
    fitted.sample(512)
    turns = []
    for _ in range(TURNS):
        began = time.perf_counter()
        fitted.sample(n)
        turns.append((time.perf_counter() - began) / n * DRAWN)
    return {"s": round(min(turns), 1), "cores": cpu_count()}


def main() -> None:
    """Measure what is asked for (all), write, print."""
    torch.set_num_threads(1)
    parts = {"step": step, "draw_10k_s": drawing, "clock_10k": by_the_clock}
    found = json.loads(OUT.read_text()) if OUT.is_file() else {}
    found |= {name: parts[name]() for name in sys.argv[1:] or parts}
    found |= {"batch": BATCH, "pixels": "32 x 32"}
    OUT.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
