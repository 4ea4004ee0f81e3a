"""How many patients have each code: over all codes, and by how frequent they are.

R2 over all codes is owned by the commonest: deleting every rare code hardly moves it. So the error
of log-odds is given for three bands, by the train patients that have a code.
"""

import numpy as np

from medsynai.data.codes import CodeMatrix
from medsynai.evaluate.codes.trial import CodeTrial, Numbers, Statistic, Tally, compare, tally
from medsynai.evaluate.score import Family, Findings, Score, blank
from medsynai.seeds import Seeds

BANDS = {"common": (101, 2**62), "mid": (11, 100), "rare": (3, 10)}  # train patients of a code
FEWEST = 5  # codes that a band needs
SMALLEST = 11  # real rows behind a point that is shown
_CHOI = "dimension-wise probability (Choi et al. 2017, medGAN)"

R2 = blank(
    "code_r2",
    "Codes: R2 of their shares",
    Family.FIDELITY,
    "high",
    f"1 - SSE / SST over codes; {_CHOI}",
    note="Owned by the commonest codes: read it beside the bands below.",
)
LOG_ODDS = {
    band: blank(
        f"code_logodds_{band}",
        f"Codes: error of log-odds, {words}",
        Family.FIDELITY,
        "low",
        f"mean |logit p - logit q|, half a patient added; by frequency band, after {_CHOI}",
    )
    for band, words in {
        "common": "those of more than 100 train patients",
        "mid": "those of 11 to 100 train patients",
        "rare": "those of 3 to 10 train patients",
    }.items()
}
MISSED = blank(
    "code_missed",
    "Codes of real rows that are never made",
    Family.FIDELITY,
    "low",
    "share of the codes in the holdout and among the train patients' (3 or more)",
)
INVENTED = blank(
    "code_invented",
    "Codes made that no real row has",
    Family.VALIDITY,
    "low",
    "share of the different codes in the synthetic rows; 0 is required",
)


def measure(trial: CodeTrial) -> Findings:
    """Shares of codes: R2, log-odds by band, codes missed and invented; a picture of all.

    Raises:
        AssessmentError: fewer than 20 rows on a side.
    """
    frequency, scores = trial.frequency, {R2: r2, MISSED: _missed(trial.frequency)}
    for band, (low, high) in BANDS.items():
        inside = (frequency >= low) & (frequency <= high)
        scores[LOG_ODDS[band]] = _log_odds(inside)
    bounds = {s.name: (0.0, np.inf) for s in LOG_ODDS.values()} | {R2.name: (-np.inf, 1.0)}
    found = compare(scores, trial.sides, shares, trial.seeds.of("prevalence"), bounds)
    return Findings((*found, _invented(trial)), {"prevalence": _picture(trial)})


def shares(matrix: CodeMatrix, seeds: Seeds) -> Tally:
    """How many rows have each code, by group of patients."""
    return tally(matrix, matrix.present, seeds)


def r2(p: Numbers, q: Numbers, n: int, m: int) -> float:
    """1 - SSE / SST of `p` as a guess of `q`; NaN where all are alike, or there is none."""
    if not len(q):
        return np.nan
    spread = float(((q - q.mean()) ** 2).sum())
    return 1 - float(((p - q) ** 2).sum()) / spread if spread > 0 else np.nan


def _log_odds(inside: Numbers) -> Statistic:
    def error(p: Numbers, q: Numbers, n: int, m: int) -> float:
        if inside.sum() < FEWEST:
            return np.nan
        return float(np.abs(logit(p[inside], n) - logit(q[inside], m)).mean())

    return error


def logit(share: Numbers, rows: int) -> Numbers:
    """Log-odds with half a row added to both sides, so that 0 has one too."""
    return np.log((share * rows + 0.5) / ((1 - share) * rows + 0.5))


def _missed(frequency: Numbers) -> Statistic:
    def missed(p: Numbers, q: Numbers, n: int, m: int) -> float:
        there = (q > 0) & (frequency >= BANDS["rare"][0])
        return float((p[there] == 0).mean()) if there.any() else np.nan

    return missed


def _invented(trial: CodeTrial) -> Score:
    from dataclasses import replace

    own = trial.invented
    return replace(INVENTED, value=own, holdout=0.0, shuffled=0.0, n=len(trial.synthetic))


def _picture(trial: CodeTrial) -> dict[str, object]:
    """Shares of each code that 11 or more real rows have, without its name."""
    sides = trial.sides
    real = sides.reference.counts
    rows = np.bincount(real.indices, minlength=real.shape[1])
    made = sides.synthetic.counts
    own = np.bincount(made.indices, minlength=made.shape[1])
    shown = rows >= SMALLEST
    return {
        "x": [round(float(v), 6) for v in rows[shown] / len(sides.reference)],
        "y": [round(float(v), 6) for v in own[shown] / len(sides.synthetic)],
        "left_out": int((~shown).sum()),
    }
