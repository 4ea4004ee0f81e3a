"""Plain words for what the panel measures: chapter by chapter, and term by term."""

from medsynai.evaluate.score import Family, Score
from medsynai.report.rounding import MINUS

QUESTIONS = {
    Family.VALIDITY: "Is every synthetic row lawful?",
    Family.UTILITY: "Do models trained on it work on real patients?",
    Family.FIDELITY: "Do columns, and pairs of columns, look alike?",
    Family.DETECTION: "Can a classifier tell synthetic rows from real ones?",
    Family.PRIVACY: "Can an attacker learn about a real patient?",
    Family.FAIRNESS: "Are all groups of patients served alike?",
}

CHAPTERS = {
    Family.VALIDITY: (
        "Validity",
        "Whether the synthetic rows keep the types, ranges, categories and rules of the real "
        "table. A sound release scores 1 on each: one unlawful row is a fault, not a matter of "
        "degree.",
    ),
    Family.UTILITY: (
        "Utility: does analysis on it lead to the same place?",
        "Models are trained on synthetic rows and tested on real patients whom the generator never "
        "saw, then compared with models trained on real rows. The anchor on the right of each bar "
        "is what real training rows reach.",
    ),
    Family.FIDELITY: (
        "Fidelity: do the data look alike?",
        "Distances between the distributions of synthetic and real rows, for single columns, pairs "
        "and larger sets. Two random samples of the same patients also differ a little: that is "
        "the holdout anchor, and no generator should be expected to beat it.",
    ),
    Family.DETECTION: (
        "Detection: what gives the synthetic rows away?",
        "A classifier is asked to tell synthetic rows from real rows that the generator never saw. "
        "An area under the curve (AUC) of 0.5 means that it guesses, 1 that it always knows.",
    ),
    Family.PRIVACY: (
        "Privacy: attacks, and what they achieved",
        "Attackers were played against this release. Each attack is run on patients who were in "
        "the training data and on patients who were not (the control); only success beyond the "
        "control is a leak. Each is also run on a plain copy of the training rows (the positive "
        "control), which it must catch: an attack that does not is inconclusive, not reassuring.",
    ),
    Family.FAIRNESS: (
        "Subgroups: is everybody served alike?",
        "The main figures again, for each protected group alone. An average may hide a group for "
        "which the data are poor. Groups too small to judge are named, not left out.",
    ),
}

GLOSSARY = (
    ("Synthetic rows", "records drawn from a model of the real table; no row is a patient."),
    ("Train rows", "the real rows from which the model was learnt."),
    (
        "Holdout",
        "real rows of other patients, set aside before anything was learnt. Where a figure has a "
        "holdout anchor, it is what an equal number of these real rows scores in the synthetic "
        "rows' place: as good as real data get.",
    ),
    (
        "Shuffled",
        "the training table with each column shuffled on its own: every column right, every "
        "relation lost. A figure near this anchor is poor.",
    ),
    (
        "Copy",
        "the training rows themselves, drawn again with repeats: the worst case for privacy, and "
        "the positive control of every attack. Where a figure of likeness has it, it is as good as "
        "real: no likeness shows that anything new was made.",
    ),
    (
        "Interval",
        "where the figure could lie by chance of sampling, at 95 % unless said otherwise.",
    ),
    (
        "AUC",
        "area under the receiver operating characteristic curve: the chance that a classifier "
        "ranks a random case above a random non-case. 0.5 is guessing, 1 is always right.",
    ),
    (
        "Total variation distance",
        "the share of rows that would have to be moved to make two distributions equal: 0 is "
        "equal, 1 is no overlap. Numbers are cut at the deciles of the train rows; missing counts "
        "as a value of its own.",
    ),
    (
        "Membership",
        "an attacker who holds a patient's record asks whether it was among the train rows.",
    ),
    (
        "Residual risk",
        f"(attack {MINUS} control) / (1 {MINUS} control): the share of attacks that succeed "
        "because of the release, beyond those that succeed on patients who were not in it.",
    ),
)

LIMITS = (
    "Synthetic rows are drawn from a model. A relation that the model did not learn is not in "
    "them, and a finding in them must be confirmed on real patients before it informs care.",
    "One synthetic copy analysed as if it were real gives standard errors that are too small and "
    "false findings too often (Decruyenaere et al. 2023). Use it to explore, teach, test software "
    "and prepare an analysis, not to estimate.",
    "An attack that failed here does not prove that every attack fails. The attacks played are "
    "those named, with the knowledge described; stronger ones may come.",
    "Averages hide people at the edge: patients with rare combinations of values are harder to "
    "represent and, where they are represented, easier to recognise.",
)

DISTANCE_CAPTION = (
    "For information only. Distances to the closest real record are not evidence of privacy: data "
    "that pass such tests have been attacked with success (Yao et al. 2025). Classes of equal "
    "quasi-identifiers describe the released file; where its rows are synthetic they are no "
    "evidence either."
)

# What a figure is that was guessed, whatever the rows; for those of which more is better.
GUESS = {"tstr_auroc": 0.5, "tstr_r2": 0.0, "code_auroc": 0.5, "tstr_outcome": 0.5}
GUESS |= {"tstr_next_value": 0.0, "tstr_next_visit": 0.5}

# Keys of exhibits as a reader sees them; others lose their underscores.
LABELS = {
    "tvd_pairs": "pairs of columns: total variation distance",
    "c2st": "told from real rows (AUC)",
    "tstr": "trained on synthetic",
    "trtr": "trained on real",
    "membership_auc": "membership AUC",
    "candidates": "models that `auto` tried, on inner splits of the train rows",
    "tvd": "total variation distance",
    "tvd_holdout": "the same, holdout",
    "holdout": "the same, holdout",
    "ks": "Kolmogorov-Smirnov",
    "wasserstein": "Wasserstein",
    "missing_real": "missing, real",
    "missing_synthetic": "missing, synthetic",
    "auroc": "AUROC",
    "f1": "F1",
    "r2": "R2",
    "mae": "mean absolute error",
    "brier": "Brier score",
    "attack": "attack on train rows",
    "control": "attack on holdout rows",
    "naive": "best guess without the release",
    "blind_guess": "guess without the release",
    "residual": "residual risk",
    "copies_exact": "equal a train row",
    "copies_unique": "equal a train row that occurs once",
    "copies_near": "nearly equal a train row",
    "singling_out_univariate": "by one column",
    "singling_out_multivariate": "by several columns",
    "missing": "difference in missing rates",
    "disparity": "log disparity of its share",
}

STATUS_WORDS = {
    "pass": "pass",
    "warn": "warning",
    "fail": "fail",
    "inconclusive": "inconclusive",
    "not assessed": "not assessed",
}

SIGNS = {"pass": "✓", "warn": "!", "fail": "✕", "inconclusive": "?", "not assessed": "\u2013"}

DIRECTION = {"low": "lower is better", "high": "higher is better", "info": "for information"}


def label(key: str) -> str:
    """An exhibit's key in plain words.

    >>> label("tvd"), label("rows_drawn")
    ('total variation distance', 'rows drawn')
    """
    if key.endswith("_anchor"):
        return "the same, holdout"
    return LABELS.get(key, key.replace("_", " "))


def remark(score: Score) -> str:
    """What stands in small print below a score's title."""
    note = score.note.removeprefix("not assessed: ").removeprefix("not assessed")
    if score.value is None:
        return note
    if score.information:
        return note or "not evidence"
    return f"{DIRECTION[score.better]}; {note}" if note else DIRECTION[score.better]


def beaten(score: Score) -> bool:
    """Whether a figure is not shown to be better than what keeps no relation scores.

    That is shuffled columns, or a guess where it is known what a guess scores. By the unfavourable
    end of the interval: a prediction model that may be no better than chance is not to be relied
    on, and where real rows foretell nothing either, less than ever. Other figures have no such
    ground to stand on if their anchors coincide (single columns survive shuffling unharmed).

    >>> from medsynai.evaluate.score import Family
    >>> beaten(Score("t", "t", Family.UTILITY, .52, "high", 9, "", low=.49, high=.55, shuffled=.5))
    True
    """
    bar, figures = (
        nothing(score),
        [v for v in (score.value, score.low, score.high) if v is not None],
    )
    if bar is None or score.value is None or score.better == "info" or score.information:
        return False
    if score.family is not Family.UTILITY and ends(score) is None:
        return False
    return min(figures) <= bar if score.better == "high" else max(figures) >= bar


def nothing(score: Score) -> float | None:
    """What a figure is that tells nothing: the shuffled columns', or a guess's if that is better.

    >>> from medsynai.evaluate.score import Family
    >>> nothing(Score("tstr_auroc", "t", Family.UTILITY, .6, "high", 9, "", shuffled=.47))
    0.5
    """
    if score.shuffled is None or score.family is Family.PRIVACY:
        return None
    guess = GUESS.get(score.name)
    return score.shuffled if guess is None else max(score.shuffled, guess)


def ends(score: Score) -> tuple[tuple[float, float], tuple[str, str]] | None:
    """The poor and the good anchor of a score with their names, poor first; None without both."""
    if score.better == "info" or score.information:
        return None
    privacy = score.family is Family.PRIVACY
    poor = score.control if privacy else score.shuffled
    good = score.holdout if score.holdout is not None or not privacy else score.shuffled
    if poor is None or good is None:
        return None
    # A bar between anchors that coincide, or stand the wrong way round, would only mislead.
    if (good - poor) * (1 if score.better == "high" else -1) <= 1e-9:
        return None
    good_name = "holdout" if score.holdout is not None else "shuffled"
    return (poor, good), ("copy" if privacy else "shuffled", good_name)


def way(score: Score) -> float | None:
    """How far a figure has come from the poor anchor (0) to the good one (1); None without both.

    >>> from medsynai.evaluate.score import Family
    >>> way(Score("t", "t", Family.FIDELITY, .06, "low", 9, "", holdout=.05, shuffled=.15))
    0.9
    """
    anchors = ends(score)
    if anchors is None or score.value is None:
        return None
    poor, good = anchors[0]
    return round((score.value - poor) / (good - poor), 6)
