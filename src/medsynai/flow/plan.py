"""A run as data: everything that a person chose, and nothing that was learnt from the rows."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

from medsynai import store
from medsynai.data.impute import WAYS
from medsynai.data.source import hide_password
from medsynai.errors import PlanError
from medsynai.learn.devices import AUTO, DEVICES
from medsynai.models.presets import BALANCED, NAMES

NO_PASSWORD = """\
# User and password of the database are not kept in this file. To repeat the run, name the whole
# URL again: medsynai synthesize URL --plan plan.toml --out DIR
"""
FORMS = ("same", "csv", "parquet")
ATTACKS = STANDARD, THOROUGH = "standard", "thorough"


@dataclass(frozen=True)
class Plan:
    """What to make from which table; plan.toml repeats the run.

    Attributes:
        source: a path or database URL; None for a data frame handed over in Python.
        kind: of data: "" to look, "table", "cohorts", or "codes", for a long CSV with its columns:
            "codes:PATIENT,CODE,VISIT".
        schema: path of a schema file; None to infer one.
        model: a catalogue name, or "auto" to choose by scores on an inner split.
        preset: "fast", "balanced" (the models' own defaults) or "best".
        settings: the model's settings, where they differ from those.
        time_budget: seconds that choosing and training a model may take; None for no limit.
        device: where networks are trained: "auto" (a GPU if there is one), "cpu" or "cuda".
        tuned: how the settings were found, where `tune` found them; the ledger repeats it.
        refine: draw more rows than needed and let discriminators choose among them.
        rows: how many rows to make; None for as many as the source has (with `keep`: as many as
            the train part has).
        target: the outcome that utility is judged on.
        leaks: columns that tell the outcome afterwards; left out of utility models.
        conditions: e.g. "sex=female"; every synthetic row meets all of them.
        keep: columns copied from the real train rows, the rest drawn given these.
        impute: fill missing values in before training, by "mean", "median" or "model"; None, the
            default: they are drawn as missing.
        mix_real: share of the rows that are real ones; None, the default, for none.
        holdout: share of the patients kept from the generator.
        seed: all randomness of splitting, training and judging.
        draw: which of the tables that this model can draw.
        measures: names of the measures to take; empty for all.
        attacks: "standard", or "thorough" for attacks that fit the model some thirty times more.
        policy: path of a policy file with the gates; None for the defaults.
        form: "same" as the source, "csv" or "parquet".
        positive_control: the rows are to be copies of real patients, to test the attacks.
        skip_bad: leave out, and count, image files that cannot be used, instead of refusing.
        epsilon: differential privacy: what this release may cost; None for none.
        delta: fixed beforehand; None for 1e-6, which the release then says.
        ledger: path of the ledger that is carried from run to run on the same data.
        total_epsilon: what all runs of that ledger may cost; None for what the ledger says, or for
            `epsilon` where it begins.
        warm_start: path of public or simulated rows that a private network learns first, for free.
        credit, licence, contact: of the real data, printed on the card as given.
    """

    source: str | None = None
    kind: str = ""
    schema: str | None = None
    model: str = "auto"
    preset: str = BALANCED
    settings: dict[str, Any] = field(default_factory=dict)
    time_budget: float | None = None
    device: str = AUTO
    tuned: str = ""
    refine: bool = False
    rows: int | None = None
    target: str | None = None
    leaks: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    impute: str | None = None
    mix_real: float | None = None
    holdout: float = 0.2
    seed: int = 0
    draw: int = 0
    measures: tuple[str, ...] = ()
    attacks: str = STANDARD
    policy: str | None = None
    form: str = "same"
    positive_control: bool = False
    skip_bad: bool = False
    epsilon: float | None = None
    delta: float | None = None
    ledger: str | None = None
    total_epsilon: float | None = None
    warm_start: str | None = None
    credit: str = ""
    licence: str = ""
    contact: str = ""

    def __post_init__(self) -> None:
        if self.rows is not None and self.rows < 1:
            raise PlanError(f"rows must be at least 1, not {self.rows}")
        if not 0 <= self.holdout < 1:
            raise PlanError(f"holdout must be at least 0 and below 1, not {self.holdout:g}")
        if self.mix_real is not None and not 0 < self.mix_real < 1:
            raise PlanError(f"the share of real rows must lie between 0 and 1: {self.mix_real:g}")
        if self.keep and self.mix_real is not None:
            raise PlanError("keep and mix-real contradict each other; choose one")
        if self.impute is not None and self.mix_real is not None:
            raise PlanError("impute and mix-real contradict each other: real rows have gaps")
        if self.attacks == THOROUGH and (self.keep or self.conditions or self.mix_real is not None):
            raise PlanError(
                "thorough attacks ask for no keep, condition or mix-real; leave them out"
            )
        choices = {"form": FORMS, "preset": NAMES, "attacks": ATTACKS, "impute": (None, *WAYS)}
        choices["device"] = DEVICES
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                given = getattr(self, name)
                known = ", ".join(x for x in allowed if x)
                raise PlanError(f"{name} must be one of {known}, not {given!r}")
        if self.time_budget is not None and not 0 < self.time_budget < math.inf:
            raise PlanError("time-budget must be more than 0 seconds")
        if min(self.seed, self.draw) < 0:
            raise PlanError("seed and draw must be 0 or more")
        paid = (self.delta, self.ledger, self.total_epsilon, self.warm_start)
        if self.epsilon is None and paid != (None,) * 4:
            raise PlanError(
                "delta, ledger, total-epsilon and warm-start belong to a run with epsilon"
            )
        if self.model == "bootstrap" and not self.positive_control:
            raise PlanError(
                "bootstrap hands out real patients' rows and is not for a release; to test the "
                "attacks with it, say so: --positive-control"
            )

    def to_toml(self) -> str:
        """As the text of plan.toml; user and password of a database URL are left out."""
        plain = store.to_plain(self, drop_none=True)
        if self.source is not None:
            plain["source"] = hide_password(self.source)
        hidden = plain.get("source") != self.source
        return (NO_PASSWORD if hidden else "") + store.to_toml(plain)


def amend(plan: Plan, chosen: Mapping[str, Any]) -> Plan:
    """The plan with what was chosen beside it; None and () change nothing.

    Raises:
        PlanError: an option that a plan does not have, of the wrong type, or out of range.

    >>> amend(Plan(rows=5, seed=1), {"rows": 7, "seed": None}).rows
    7
    """
    check_options(chosen, [f.name for f in fields(Plan)])
    hints = get_type_hints(Plan)
    # as from a file: NumPy's numbers are numbers, and a text is no number of rows
    typed = {
        k: store.from_plain(hints[k], store.to_plain(v), k)
        for k, v in chosen.items()
        if v is not None
    }
    return replace(plan, **{k: v for k, v in typed.items() if v != ()})


def check_options(chosen: Iterable[str], names: Sequence[str]) -> None:
    """Refuse options of other names.

    Raises:
        PlanError: an option that is not one of `names`; the message names the nearest.
    """
    for name in chosen:
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"options: {', '.join(names)}"
            raise PlanError(f"no option {name!r}; {hint}")


def read_plan(path: Path) -> Plan:
    """The plan in a TOML file.

    Raises:
        PlanError: a file that cannot be read, unknown keys, or options out of range.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise PlanError(f"no readable plan at {path}") from None
    try:
        return store.from_toml(Plan, text, "it")
    except PlanError as error:
        raise PlanError(f"plan {path}: {error}") from None
