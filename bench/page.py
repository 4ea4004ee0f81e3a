"""bench/README.md from bench/results/: our figures, the anchors' beside them, the targets.

Usage: python bench/page.py  (after rows were added or merged; measures nothing)
"""

import json
import statistics
from pathlib import Path
from typing import Any

from anchored_page import ANCHORED, anchored
from anchors import ANCHORS, PRIVATE_ANCHORS
from audit_page import AUDITS, audits
from cohort_page import cohorts, sizes
from image_page import IMAGES, images
from targets import FAMILIES, Row, short, verdicts

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
SPEED = RESULTS / "speed.json"
ATTACKED = HERE / "attacks.json"
OWN_ATTACKS = ("distance", "density", "learned")
RARE = RESULTS / "rare"
AUGMENT = RESULTS / "augment"
PRIVATE = RESULTS / "private"
COHORTS = RESULTS / "cohorts"
SETTINGS = PRIVATE / "settings.json"
CODES = RESULTS / "codes.json"
TRAINING = HERE / "training.json"
SETS = ("flchain", "support2", "diabetes130", "breast_cancer", "gbsg2")
MODELS = [model for models in FAMILIES.values() for model in models]
RARE_GAP = 0.010  # behind models trained on real rows, at most
OVER = 1.2  # how much more than allowed a budget may take
HEAD = (
    "| system | fit s | 100k rows s | pairs to train | C2ST | TSTR | membership AUC / TPR @ 1 % |\n"
    "|---|---|---|---|---|---|---|\n"
)
ABOUT = """# Benchmark

Made by `make bench`; one family's rows by `python bench/run.py --models vae --sets flchain
support2`, which leaves all other rows as they are; this page alone, from the rows that are there,
by `python bench/page.py`. A row is a file in `results/`; the targets stand in `targets.py`.

Judged by the outside judge (`measure.py`), which knows nothing of how the rows were made. One
core a fit, CPU seconds, defaults. Our figures are means over fits (other seeds) and draws, `+-`
their standard deviation from draw to draw, on a machine of 2 cores that does other work as well:
quote ratios, not seconds. The anchors' figures are as recorded beside the judge, one fit a cell;
gaps below .02 are level. `cut`: stopped after a minute. Pairs to train below the floor is
overfitting, not quality, so targets are set against the holdout. `shuffle` is what chance scores
on the split: shuffled columns tell nobody's row. The adversarial networks' targets are asked of
the best of them, `gan`; `cgan`, `wgan-gp` and `tablegan` keep their rows beside it, and CTGAN has
targets of its own: SDV's figures in a third of its time.

"""
ATTACKS = """## Attacks: our own beside the outside judge's

By `python bench/attacks.py`. Membership AUC / rows found at 1 % false alarms, on the same released
file, train rows against holdout rows, one draw of a fit; of several fits the median, and the range
in brackets. Targets for the default: AUC .54 and .02 of the rows at most. The judge's attack is the
distance to the nearest released row. Ours: that distance, by ranks among the rows of both sides;
its ratio to the distance from real rows (density); a classifier on all such distances (learned).
The strongest of the three is what a release reports. `shuffle` tells nobody's row: what it scores
is chance.

| set | model | fits | C2ST | judge's | distance | density | learned | ours, strongest | stronger |
|---|---|---|---|---|---|---|---|---|---|
"""
UNDER_BUDGET = """## Under a budget

By `python bench/private.py`, delta 1e-5, public dictionaries in [domains](domains/README.md), which
says how each was written and what its writer knew: medians over fits, as noise has no seed; in
brackets the least and the greatest. One draw of each fit, CPU seconds. Targets of marginal models
are for the better of `aim` and `mst`, of networks for `autoregressive` and `vae`, those of SUPPORT2
for the best model; `gan`, `wgan-gp` and `pategan` are here to compare with. Networks take their
`private` settings, on Diabetes-130 with those that its row's file names: a twentieth of the
patients a step. Membership: AUC / TPR at 1 % FPR. Pima is halved by `halves.py`.

| set | epsilon | system | fits | fit s | pairs to train | C2ST | TSTR | membership | targets |
|---|---|---|---|---|---|---|---|---|---|
"""
COMPARED = """Settings of `aim` at epsilon 1 by `python bench/settings.py`: medians of fits on a
real table and on one that nobody was in (`made.py`). Chosen by all tables together, never by one
fit.

| settings | set | fits | fit s | pairs to train | TSTR |
|---|---|---|---|---|---|
"""


def rows_of(name: str) -> list[Row]:
    """The rows of one set, family by family."""
    rows = [json.loads(path.read_text()) for path in sorted(RESULTS.glob(f"{name}-*.json"))]
    return sorted(rows, key=lambda r: MODELS.index(r["model"]) if r["model"] in MODELS else 99)


def spread(row: Row, key: str, places: int = 3) -> str:
    """A figure and how much it varies, where that is known."""
    varies = row.get("spread", {}).get(key)
    return short(row[key], places) + ("" if varies is None else f" +- {short(varies, places)}")


def ranged(middle: float, each: list[float]) -> str:
    """A median with the least and the greatest of what it is the median of."""
    return f"{short(middle)} [{short(min(each))}, {short(max(each))}]"


def section(name: str, rows: list[Row]) -> str:
    """One set: our rows, the anchors' rows, the targets."""
    first = rows[0]
    lines = [
        f"## {name}: {first['rows']:,} train rows x {first['columns']}; models trained on real rows"
        f" {short(first['trtr'])}; floor of pairs {short(first['floor'])}\n\n",
        HEAD,
    ]
    lines += [
        f"| **medsynai {r['model']}** | {fit_of(r)} | {r['sample_100k_s']:.1f} |"
        f" {short(r['pairs_to_train'])} | {spread(r, 'c2st')} | {spread(r, 'tstr')} |"
        f" {spread(r, 'mia_auc')} / {short(r['mia_tpr_1fpr'], 4)} |\n"
        for r in rows
    ]
    lines += ["| " + " | ".join(anchor) + " |\n" for anchor in ANCHORS.get(name, [])]
    lines.append("\n| model | what | target | figure | |\n|---|---|---|---|---|\n")
    for row in rows:
        lines += [
            f"| {row['model']} | {v.what} | {v.target} | {v.figure} |"
            f" {'met' if v.met else '**missed**'} |\n"
            for v in verdicts(row)
        ]
    return "".join(lines) + "\n"


def rare(rows: list[Row]) -> str:
    """Outcomes that few have; one row each."""
    lines = [
        "## Rare outcomes\n\nMade by `python bench/rare.py`: AUROC on the holdout, median of fits, "
        "`+-` the standard deviation from draw to draw. TSTR: as many synthetic rows as real ones; "
        "beside it, of several times as many. Resampled: models trained on a bootstrap copy of the "
        "train rows, which is what a perfect generator could reach with as many rows. The target, "
        f"{RARE_GAP:.3f} behind TRTR, is for outcomes of 2 to 6 %.\n\n"
        "| set | outcome | share | cases in train / holdout / synthetic | TRTR | resampled | TSTR |"
        " more rows | behind TRTR, with more rows | |\n|---|---|---|---|---|---|---|---|---|---|\n"
    ]
    for r in rows:
        share, gap = r["positive_train"] / r["rows"], r["trtr"] - r["tstr"]
        verdict = ("met" if gap <= RARE_GAP else "**missed**") if share >= 0.02 else "rarer"
        more, times = r["tstr_together"], r["times"]
        lines.append(
            f"| {r['set']} | {r['target']} | {100 * share:.1f} % |"
            f" {r['positive_train']} / {r['positive_holdout']} / {r['positive_synthetic']:.0f} |"
            f" {short(r['trtr'])} | {short(r['resampled'])} | {short(r['tstr'])} +-"
            f" {short(r['spread'])} | {short(more)} ({times} x) |"
            f" {short(gap)}, {short(r['trtr'] - more)} | {verdict} |\n"
        )
    return "".join(lines) + "\n"


def augmented(rows: list[Row]) -> str:
    """Studies of augmentation; a row a size, a column an arm."""
    arms = list(dict.fromkeys(a["arm"] for r in rows for a in r["arms"]))
    lines = [
        "## Augmentation\n\nMade by `python bench/augment.py` (docs/augment.md): mean AUROC on the "
        "holdout, five draws of patients (`-again`: twenty), one core; all arms but the first and "
        f"the fifth train on as many records.\n\n| set | at hand | {' | '.join(arms)} | seconds |\n"
        f"|---|---|{'---|' * len(arms)}---|\n"
    ]
    for row in rows:
        for size in dict.fromkeys(a["size"] for a in row["arms"]):
            found = {a["arm"]: short(a["auroc"]) for a in row["arms"] if a["size"] == size}
            figures = " | ".join(found.get(arm, "") for arm in arms)
            hand = f"{size} a class" if size else "all"
            lines.append(f"| {row['set']} | {hand} | {figures} | {row['seconds']} |\n")
    said = [f"- {row['set']}: {words}\n" for row in rows for words in row["verdicts"]]
    return "".join([*lines, "\n", *said]) + "\n"


def private(rows: list[Row]) -> str:
    """Models under a budget, peers' figures under each set and epsilon, and the targets."""
    lines = []
    for name, epsilon in dict.fromkeys((r["set"], r["epsilon"]) for r in rows):
        place = f"| {name} | {epsilon:g} |"
        for row in (r for r in rows if (r["set"], r["epsilon"]) == (name, epsilon)):
            figures = " | ".join(ranged(row[k], each) for k, each in row["of_fits"].items())
            targets = ", ".join(
                f"{v.what} {v.target} " + ("met" if v.met else f"**missed** ({v.figure})")
                for v in verdicts(row)
            )
            lines.append(
                f"{place} **medsynai {row['model']}** | {row['fits']} | {row['fit_s']:.1f} |"
                f" {figures} | {short(row['mia_auc'])} / {short(row['mia_tpr_1fpr'], 4)} |"
                f" {targets or '-'} |\n"
            )
        for anchor in PRIVATE_ANCHORS.get((name, epsilon), []):
            lines.append(f"{place} {' | '.join(anchor)} | - |\n")
    return UNDER_BUDGET + "".join(lines) + "\n"


def compared(rows: list[Row]) -> str:
    """Settings of one private model on several tables."""
    lines = [
        f"| {r['case']} | {r['set']} | {r['fits']} | {r['fit_s']:.1f} |"
        f" {ranged(r['pairs'], r['pairs_of_fits'])} | {ranged(r['tstr'], r['tstr_of_fits'])} |\n"
        for r in rows
    ]
    return COMPARED + "".join(lines) + "\n"


OF_CODES = (
    *(("code_r2",), ("code_logodds_common", "code_logodds_mid", "code_logodds_rare")),
    *(("code_auroc",), ("code_pairs_r2",), ("code_width",), ("c2st",), ("membership_auc",)),
)
ABOUT_CODES = """## Codes

By `python bench/codes.py`: half of the patients to train, codes as `medsynai synthesize` takes
them up, as many rows as the train part, one fit, one draw, judged by our own measures of codes
against the holdout. CPU seconds; memory is the process's peak until the judges begin (2,048 MB at
most are asked for). Prediction: AUROC of each code from the others. Shuffled: the train rows' codes
dealt anew; bootstrap: copies of train rows. A dash: not defined on so few rows.

"""


OVER_CODES = (
    "| | fit s | MB | shares R2 | log-odds error common / mid / rare | prediction | pairs R2 |"
    " codes a row, W1 | C2ST | membership AUC |\n|---|---|---|---|---|---|---|---|---|---|\n"
)


def codes(rows: list[Row]) -> str:
    """Models of codes, and what real, dealt and copied rows score."""
    lines = [ABOUT_CODES]
    for name in dict.fromkeys(r["set"] for r in rows):
        mine = [r for r in rows if r["set"] == name]
        first = mine[0]
        lines.append(
            f"{name}: {first['rows']:,} train rows x {first['codes']} codes\n\n{OVER_CODES}"
        )
        for side, words in (("holdout", "real holdout"), ("shuffled", "shuffled")):
            lines.append(f"| {words} | - | - | {_of_codes(first['figures'], side)} |\n")
        lines += [
            f"| **medsynai {r['model']}** | {fit_of(r)} | {r['peak_mb']:,} |"
            f" {_of_codes(r['figures'], 'value')} |\n"
            for r in mine
        ]
        lines.append("\n")
    return "".join(lines)


def _of_codes(figures: dict[str, dict[str, float | None]], side: str) -> str:
    cells = []
    for names in OF_CODES:
        values = [figures.get(n, {}).get(side) for n in names]
        cells.append(" / ".join("-" if v is None else short(v) for v in values))
    return " | ".join(cells)


def fit_of(row: Row) -> str:
    """Seconds of a fit, and how long it was allowed if there was a limit."""
    allowed = row.get("allowed_s")
    return f"{row['fit_s']:.1f}" + (f" ({allowed:g} allowed)" if allowed else "")


def speed(figures: dict[str, Any]) -> str:
    """What is measured once, whatever the set; by `python bench/speed.py`."""
    lines = ["## Speed and memory\n\n| what | target | figure |\n|---|---|---|\n"]
    lines.append(f"| `medsynai --help` | <= 0.4 s | {figures['help_s']:.2f} s |\n")
    if whole := figures.get("diabetes_whole"):
        lines.append(
            f"| fit Diabetes-130 whole, {whole['rows']:,} x {whole['columns']}, every core |"
            f" <= 45 s | {whole['fit_wall_s']:.0f} s |\n"
            f"| its peak memory | <= 1,200 MB | {whole['peak_mb']:,} MB |\n"
        )
    if release := figures.get("diabetes_release"):
        lines.append(
            f"| judge Diabetes-130 whole, the default panel | <= 180 s |"
            f" {release['stages']['judge']:.0f} s |\n"
            f"| `medsynai synthesize` of it, from file to report | - | {release['wall_s']:.0f} s,"
            f" {release['cpu_s']:.0f} CPU s, {release['peak_mb']:,} MB |\n"
        )
    return "".join(lines) + _dear(figures) + _stream(figures) + sizes(figures)


def _dear(figures: dict[str, Any]) -> str:
    """Which measures take the time."""
    stages = figures.get("diabetes_release", {}).get("stages", {})
    taken = {name[7:]: s for name, s in stages.items() if name.startswith("judge: ")}
    dear = sorted(taken, key=lambda name: -taken[name])[:8]
    listed = ", ".join(f"{name.replace('_', ' ')} {taken[name]:.0f} s" for name in dear)
    return f"\nOf judging Diabetes-130, the dearest measures: {listed}.\n" if dear else ""


def _stream(figures: dict[str, Any]) -> str:
    """Rows drawn and written in shards from a saved forest of SUPPORT2: flat memory."""
    lines = [
        "\n`medsynai sample` of a saved SUPPORT2 forest (47 columns), shards of 50,000 rows:\n\n",
        "| rows | file | wall s, busy machine | CPU s | peak memory |\n|---|---|---|---|---|\n",
    ]
    lines += [
        f"| {s['rows']:,} | {s['format']}, {s['file_mb']:,} MB | {s['wall_s']:.0f} |"
        f" {s['cpu_s']:.0f} | {s['peak_mb']:,} MB |\n"
        for s in figures.get("stream", [])
    ]
    return "".join(lines) if len(lines) > 2 else ""


def attacks(rows: list[Row]) -> str:
    """Our own attacks beside the outside judge's one, on the same released rows."""
    lines = []
    rows = [r for r in rows if "outside" in r]
    for name, model in dict.fromkeys((r["set"], r["model"]) for r in rows):
        mine = [r for r in rows if (r["set"], r["model"]) == (name, model)]
        own = [{k: s["value"] for k, s in r["scores"].items()} for r in mine]
        outside = [r["outside"] for r in mine]
        each = [middle([f[f"membership_{k}_auc"] for f in own]) for k in OWN_ATTACKS]
        ours, theirs = ([f["membership_auc"] for f in side] for side in (own, outside))
        rates = (middle([f["membership_tpr_1"] for f in side], 4) for side in (outside, own))
        other, most = next(rates), next(rates)
        lines.append(
            f"| {name} | {model} | {len(mine)} | {middle([r['c2st'] for r in mine])} |"
            f" {middle(theirs)} / {other} | {' | '.join(each)} | {middle(ours)} / {most} |"
            f" {'ours' if statistics.median(ours) > statistics.median(theirs) else 'the judge'} |\n"
        )
    return ATTACKS + "".join(lines) + "\n" if lines else ""


def middle(values: list[float], places: int = 3) -> str:
    """The median, and the range of several in brackets."""
    if len(values) == 1:
        return short(values[0], places)
    low, high = short(min(values), places), short(max(values), places)
    return f"{short(statistics.median(values), places)} [{low}, {high}]"


def training(rows: list[Row]) -> str:
    """What `bench/training.py` found: presets and tuning by the judge, budgets by the clock."""
    judged = [r for r in rows if "c2st" in r]
    lines = [
        "## Presets, tuning, refinement and time budgets\n\n"
        "`python bench/training.py presets|tune|refined|budgets`; seconds of a refined fit are the "
        "inner one's and the discriminators'."
    ]
    lines.append(
        "\n\n| set | model | | fit s | pairs to train | C2ST | TSTR | membership AUC |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    for r in judged:
        figures = " | ".join(short(r[k]) for k in ("pairs", "c2st", "tstr", "mia_auc"))
        case = r["case"] + (f", {r['trials']} trials" if "trials" in r else "")
        lines.append(f"| {r['set']} | {r['model']} | {case} | {r['fit_s']:.1f} | {figures} |\n")
    lines.append(
        "\nWall seconds for rules, choice and training, on a core of its own; the target is at most"
        " a fifth more than allowed.\n\n"
        "| set | model | allowed | taken | |\n|---|---|---|---|---|\n"
    )
    for r in rows:
        if "allowed" not in r:
            continue
        met = r["taken"] is None or r["taken"] <= OVER * r["allowed"]
        taken = "refused" if r["taken"] is None else f"{r['taken']:.1f}"
        name = "tune " * (r["what"] == "tune") + r["model"]
        said = f" ({r['said']})" if r.get("said") and r["taken"] is not None else ""
        verdict = "met" if met else "**missed**"
        lines.append(f"| {r['set']} | {name}{said} | {r['allowed']:g} | {taken} | {verdict} |\n")
    return "".join(lines) + "\n"


def page() -> str:
    """The whole page."""
    parts = [ABOUT, *(section(name, rows) for name in SETS if (rows := rows_of(name)))]
    if ATTACKED.is_file():
        parts.append(attacks(json.loads(ATTACKED.read_text())))
    if CODES.is_file():
        parts.append(codes(json.loads(CODES.read_text())))
    if found := [json.loads(path.read_text()) for path in sorted(RARE.glob("*.json"))]:
        parts.append(rare(found))
    if found := [json.loads(path.read_text()) for path in sorted(AUGMENT.glob("*.json"))]:
        parts.append(augmented(found))
    if found := [json.loads(path.read_text()) for path in sorted(PRIVATE.glob("*-*.json"))]:
        parts.append(private(sorted(found, key=lambda r: (r["set"], r["epsilon"]))))
    if SETTINGS.is_file():
        parts.append(compared(json.loads(SETTINGS.read_text())))
    if AUDITS.is_file():
        parts.append(audits(json.loads(AUDITS.read_text())))
    if found := [json.loads(path.read_text()) for path in sorted(IMAGES.glob("*-*.json"))]:
        parts.append(images(found))
    if found := [json.loads(path.read_text()) for path in sorted(COHORTS.glob("*.json"))]:
        parts.append(cohorts(found))
    if found := [json.loads(path.read_text()) for path in sorted(ANCHORED.glob("*.json"))]:
        parts.append(anchored(found))
    if TRAINING.is_file():
        parts.append(training(json.loads(TRAINING.read_text())))
    if SPEED.is_file():
        parts.append(speed(json.loads(SPEED.read_text())))
    return "".join(parts)


if __name__ == "__main__":
    (HERE / "README.md").write_text(page())
