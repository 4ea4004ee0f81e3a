"""The bench page's section on images."""

import json
from pathlib import Path

from targets import Row, short

RESULTS = Path(__file__).resolve().parent / "results"
IMAGES = RESULTS / "images"
IMAGE_SPEED = RESULTS / "image-speed.json"
PICTURES = """## Images

By `python bench/images.py both --set SET --model MODEL`: PneumoniaMNIST (28 x 28, its own test part
held out) and blood cells (32 x 32 RGB, a fifth of the slides held out). One fit a row, on one core
of a machine that did much other work: processor seconds, in brackets wall seconds, of the
twelve hundred that the targets' ten minutes of two cores are. In brackets behind a figure:
what as many fresh real images score. Coverage in a classifier's features, and in 50 whitened
components of the pixels; of the latter the least class, over its real floor. Near: share nearer to
a train image than the nearest twentieth of the holdout is; .05 is chance, and smooth images reach
more without copying. A thousand images are drawn, for TSTR as many as there are train images, and
it is the mean of five networks, TRTR as well: one network alone is off by .01. Seeds other than 0
are said; an empty cell was not measured.

| set | model | fit, CPU s (wall) | draw s | rounds | TSTR (TRTR) | features | pixels | C2ST |"""
PICTURES += " least class | near |\n" + "|---" * 11 + "|\n"
PICTURED = ("tstr", "features", "pixels", "c2st")


def images(rows: list[Row]) -> str:
    """Models of images, and what as many fresh real images score."""
    lines = [PICTURES]
    for r in rows:
        real = json.loads((IMAGES / f"{r['set']}.floor.json").read_text())
        pairs = [f"{short(r[k])} ({short(real[k])})" if k in r else "" for k in PICTURED]
        classes = zip(r["pixels_class"], real["pixels_class"], strict=True)
        rest = [short(min(a / b for a, b in classes)), short(r["near"])]
        times = f"{r['fit_cpu_s']:.0f} ({r['fit_s']:.0f}) | {r['draw_s']:.0f}"
        rounds = f"{r['rounds']:,}" if "rounds" in r else ""
        model = r["model"] + (f", epsilon {r['epsilon']:g}" if "epsilon" in r else "")
        model += f", seed {r['seed']}" if r["seed"] else ""
        cells = [r["set"], model, times, rounds, *pairs, *rest]
        lines.append(f"| {' | '.join(cells)} |\n")
    if IMAGE_SPEED.is_file():
        found = json.loads(IMAGE_SPEED.read_text())
        drawn = ", ".join(f"{k} {v:.1f} s" for k, v in found["draw_10k_s"].items())
        clock = found.get("clock_10k")
        told = (
            ""
            if clock is None
            else (
                f" By the clock, on {clock['cores']} cores, `image-flow` takes {clock['s']:.0f} s"
                " (target 20)."
            )
        )
        lines.append(
            f"\n`python bench/image_speed.py`, 32 x 32 grey pixels, one core, processor time: a"
            f" round of `dcgan`, batch {found['batch']}, takes {found['step']['ratio']:.2f} times a"
            f" plain PyTorch loop of the same networks ({found['step']['ours_ms']} to"
            f" {found['step']['plain_ms']} ms; target 1.10). Drawing 10,000 images (target 20 s),"
            f" and fitting `pca` to 4,000 (target 20 s): {drawn}.{told}\n"
        )
    return "".join(lines) + "\n"
