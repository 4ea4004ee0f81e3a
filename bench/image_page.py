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
more without copying. A thousand images are drawn, for coverage and near four times where a model
has a star: one draw's coverage is off by .02. For TSTR as many as there are train images, and
it is the mean of five networks, TRTR as well: one network alone is off by .01. Seeds other than 0
are said; an empty cell was not measured.

| set | model | fit, CPU s (wall) | draw s | rounds | TSTR (TRTR) | features | pixels | C2ST |"""
PICTURES += " least class | near |\n" + "|---" * 11 + "|\n"
TIMED = """All learnt models with the same time, `--minutes` of one core, of which training takes
three quarters; a model that has run all its rounds ends earlier. Those that cover most stand first.

| set | minutes | model | fit, CPU s | TSTR (TRTR) | features | pixels | C2ST | near |
|---|---|---|---|---|---|---|---|---|
"""
COVERED = ("features", "pixels")
PICTURED = ("tstr", "features", "pixels", "c2st")
# set -> model -> figure -> limit; "/" marks a share of what as many real images score
SHARED = {"tstr/": 0.99, "features/": 0.97}
GANS = {"features/": 0.85, "pixels/": 0.75}
TARGETS = {
    "pneumonia": {
        "image-flow": {**SHARED, "pixels/": 0.93, "c2st": 0.74, "near": 0.05},
        "image-gan": GANS,
    },
    "blood": {
        "image-flow": {**SHARED, "pixels/": 0.90, "c2st": 0.80, "least": 0.85},
        "image-gan": GANS,
    },
}
NAMED = {"tstr/": "TSTR / TRTR", "features/": "features / real", "pixels/": "pixels / real"}
NAMED |= {"c2st": "C2ST", "near": "near", "least": "least class / real"}
LESS = ("c2st", "near")  # of these less is better
BRIEF = 300  # CPU seconds of a fit below which it is no answer to a target of twelve hundred


def least(row: Row, real: Row) -> float:
    """Of the classes' shares of the real coverage of the pixels, the least."""
    return min(a / b for a, b in zip(row["pixels_class"], real["pixels_class"], strict=True))


def against(rows: list[Row], floors: dict[str, Row]) -> str:
    """The targets beside what was found by every fit that was no brief one."""
    lines = ["| set | model | figure | target | found |\n|---|---|---|---|---|\n"]
    for name, models in TARGETS.items():
        for model, limits in models.items():
            mine = [r for r in rows if (r["set"], r["model"]) == (name, model)]
            fits = [r for r in mine if r["fit_cpu_s"] >= BRIEF]
            for figure, limit in limits.items():
                lines.append(_verdict(figure, limit, fits, floors[name], f"{name} | {model}"))
    return "".join(lines) + "\n"


def _verdict(figure: str, limit: float, fits: list[Row], real: Row, whose: str) -> str:
    key, sign = figure.rstrip("/"), "<=" if figure in LESS else ">="
    if key == "least":
        found = [least(r, real) for r in fits]
    else:
        found = [r[key] / (real[key] if figure != key else 1) for r in fits if key in r]
    if not found:
        return ""
    worst = max(found) if figure in LESS else min(found)
    met = worst <= limit if figure in LESS else worst >= limit
    told = ", ".join(map(short, found)) + (" met" if met else " **missed**")
    return f"| {whose} | {NAMED[figure]} | {sign} {short(limit)} | {told} |\n"


def timed(rows: list[Row], floors: dict[str, Row]) -> str:
    """Models beside each other, each with the same time on one core; in brackets the floor."""
    if not rows:
        return ""
    lines = [TIMED]
    for r in sorted(rows, key=lambda r: (r["set"], r["minutes"], -sum(r[k] for k in COVERED))):
        real = floors[r["set"]]
        pairs = [f"{short(r[k])} ({short(real[k])})" for k in PICTURED]
        cells = [r["set"], f"{r['minutes']:g}", r["model"], f"{r['fit_cpu_s']:.0f}", *pairs]
        lines.append(f"| {' | '.join([*cells, short(r['near'])])} |\n")
    return "".join(lines) + "\n"


def images(rows: list[Row]) -> str:
    """Models of images, and what as many fresh real images score."""
    beside = [r for r in rows if "minutes" in r and "tstr" in r]
    rows = [r for r in rows if "minutes" not in r]
    lines = [PICTURES]
    floors = {n: json.loads((IMAGES / f"{n}.floor.json").read_text()) for n in TARGETS}
    for r in rows:
        real = floors[r["set"]]
        pairs = [f"{short(r[k])} ({short(real[k])})" if k in r else "" for k in PICTURED]
        rest = [short(least(r, real)), short(r["near"])]
        times = f"{r['fit_cpu_s']:.0f} ({r['fit_s']:.0f}) | {r['draw_s']:.0f}"
        rounds = f"{r['rounds']:,}" if "rounds" in r else ""
        model = r["model"] + (f", epsilon {r['epsilon']:g}" if "epsilon" in r else "")
        model += f", seed {r['seed']}" if r["seed"] else ""
        model += "*" if r.get("draws", 1) > 1 else ""
        cells = [r["set"], model, times, rounds, *pairs, *rest]
        lines.append(f"| {' | '.join(cells)} |\n")
    lines.append(
        f"\nThe targets, by the fits of {BRIEF} s and more; those of a minute are there to"
    )
    lines.append(" show whether other seeds collapse:\n\n")
    lines.append(against(rows, floors))
    lines.append(timed(beside, floors))
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
            f"`python bench/image_speed.py`, 32 x 32 grey pixels, one core, processor time: a"
            f" round of `dcgan`, batch {found['batch']}, takes {found['step']['ratio']:.2f} times a"
            f" plain PyTorch loop of the same networks ({found['step']['ours_ms']} to"
            f" {found['step']['plain_ms']} ms; target 1.10). Drawing 10,000 images (target 20 s),"
            f" and fitting `pca` to 4,000 (target 20 s): {drawn}.{told}\n"
        )
    return "".join(lines) + "\n"
