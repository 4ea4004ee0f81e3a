"""A contract proposed for a budget: what a look at the values would tell is bought, bit by bit.

The header is public: names say which columns are identifiers, keys or notes. Of every other column
three noisy histograms are bought: in what forms its cells are written, which values many patients
share, and where its numbers or days lie.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from medsynai.data import names
from medsynai.data.canonical import distinct, text_of
from medsynai.data.cohort_contract import EXAMPLE as COHORT
from medsynai.data.facts import DASHES, MISSING
from medsynai.data.numerals import parse_numbers
from medsynai.data.patterns import mark_by_name
from medsynai.data.schema import Column, Handling, Kind, Origin, Role, Schema
from medsynai.errors import PlanError
from medsynai.flow.contracted import raw_rows
from medsynai.flow.images.contract import EXAMPLE
from medsynai.flow.kinds import kind_of
from medsynai.flow.opening import Handed
from medsynai.flow.plan import Plan
from medsynai.privacy.accounting import Kind as Mechanism
from medsynai.privacy.accounting import Spend
from medsynai.privacy.calibrate import calibrate
from medsynai.privacy.histograms import OTHER, bounds, stable_histogram, stands_out
from medsynai.privacy.ledger import Budget, Ledger
from medsynai.privacy.ledger import Release as Charge
from medsynai.privacy.noise import noisy_counts
from medsynai.privacy.sampling import capped

MOST = 6  # decimal places that are told apart
DAYS = (
    (r"\d{4}-\d{1,2}-\d{1,2}", "%Y-%m-%d"),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    (r"\d{1,2}/\d{1,2}/\d{4}", "%m/%d/%Y"),
    (r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}", "%Y-%m-%d %H:%M:%S"),
)
FORMS = ("absent", *map(str, range(MOST + 1)), *(f for _, f in DAYS), "word")  # of a cell
LEVELS = 12  # numbers of so many values at most are taken for levels
COVER = 0.95  # of the patients, at least
HALVES = 0.5  # share of delta that the sets of categories may use


@dataclass(frozen=True)
class Purse:
    """What each histogram is bought with.

    Attributes:
        plain: of forms, and of ranges.
        named: of sets of values, with a failure chance of its own.
    """

    plain: Spend
    named: Spend

    @staticmethod
    def of(budget: Budget, columns: int) -> "Purse":
        """As much for every histogram, and the whole budget for all of them."""
        delta = HALVES * budget.delta / columns
        named = Spend(Mechanism.GAUSSIAN, 1.0, steps=columns, delta=delta)

        def planned(noise: float) -> Sequence[Spend]:
            plain = Spend(Mechanism.GAUSSIAN, noise, steps=2 * columns)
            return [plain, replace(named, noise=noise)]

        noise = calibrate(planned, budget.epsilon, budget.delta)
        plain = Spend(Mechanism.GAUSSIAN, noise, steps=2 * columns)
        return Purse(plain, replace(named, noise=noise))

    @property
    def limit(self) -> float:
        """A count that noise alone hardly ever reaches."""
        return stands_out(self.plain, len(FORMS))


def propose(plan: Plan, ledger: Ledger, handed: Handed | None = None) -> Schema:
    """A contract for the plan's source, every learnt fact of it of origin `bought`.

    **Guarantee:** the ledger's, for one patient: of each, one row is looked at. The header is taken
    for public. The charge is made before a cell is looked at.

    Raises:
        BudgetError: the ledger does not allow it.
        PlanError: no column whose values would have to be looked at.
        ReadError: a source that cannot be read at all.
    """
    check_table(plan)
    budget = ledger.budget
    raw = raw_rows(plan, handed or Handed())
    header = [str(n) for n in raw.frame]
    marks = {n: m for n in header if (m := mark_by_name(n)) is not None}
    subject = next((n for n, m in marks.items() if m.role is Role.SUBJECT), None)
    open_ = [n for n in header if n not in marks]
    if budget is None or not open_:
        raise PlanError("there is no column whose values would have to be looked at")
    purse = Purse.of(budget, len(open_))
    note = f"forms, shared values and ranges of {len(open_)} columns, one row a patient"
    spends = (purse.plain, purse.named)
    ledger.charge(Charge("propose a contract", "gaussian", note=note, spends=spends))
    frame = raw.frame
    if subject is not None:
        codes, words = distinct(frame[subject])
        named = np.flatnonzero(np.array([*(form_of(text_of(w)) for w in words), 0])[codes])
        frame = frame.iloc[named[capped(codes[named], 1)]]
    columns = []
    for name in header:
        if name in marks:
            columns.append(_marked(name, subject))
        else:
            columns.append(_bought(name, frame[name], purse))
    days = [c.name for c in columns if c.kind is Kind.DATE]
    return Schema(tuple(columns), reference_date=days[0] if days else None)


def check_table(plan: Plan) -> None:
    """Refuse what is no table.

    Raises:
        PlanError: how the contract of images is made, or that the kind has none.
    """
    kind = kind_of(plan.source, plan.kind)
    if kind is None:
        return
    if kind.name == "images":
        raise PlanError(f"nothing of images need be bought: write their contract\n{EXAMPLE}")
    if kind.name == "cohorts":
        raise PlanError(f"nothing of a cohort is bought: write its contract\n{COHORT}")
    raise PlanError(f"there are contracts of tables, cohorts and images, not of {kind.name}")


def _marked(name: str, subject: str | None) -> Column:
    mark = mark_by_name(name)
    assert mark is not None  # only marked columns come here
    role = Role.KEY if mark.role is Role.SUBJECT and name != subject else mark.role
    words = f"{mark.identifier}, by its name alone"
    absent = tuple(sorted(MISSING))  # patients without a key are not one patient
    return Column(
        name,
        mark.kind,
        role,
        mark.handling,
        origin=Origin.DECLARED,
        missing_tokens=absent,
        warnings=(words,),
    )


def _bought(name: str, values: pd.Series, purse: Purse) -> Column:
    """One column, from three histograms."""
    codes, words = distinct(values)
    texts = [text_of(w) for w in words]
    forms = np.array([*map(form_of, texts), 0])
    counts = np.bincount(forms[codes], minlength=len(FORMS))
    found = dict(zip(FORMS, noisy_counts(counts, purse.plain), strict=True))
    sure = {k: v for k, v in found.items() if v > purse.limit}
    present = max(sum(v for k, v in sure.items() if k != "absent"), 1.0)
    start = Column(
        name,
        Kind.CATEGORICAL,
        names.role(name),
        origin=Origin.BOUGHT,
        missing=found["absent"] > 2 * purse.plain.noise,
        missing_tokens=tuple(sorted(MISSING)),
    )
    each = np.bincount(codes[codes >= 0], minlength=len(texts))
    shared = {t: int(n) for t, n, f in zip(texts, each, forms[:-1], strict=True) if f}
    levels = stable_histogram(shared, purse.named)
    numbers = [*parse_numbers(texts), np.nan]
    days = [f for _, f in DAYS if found[f] > present / 2]
    if days:
        parsed = pd.to_datetime(pd.Series(texts, dtype=object), format=days[0], errors="coerce")
        day = parsed.to_numpy("datetime64[D]")  # nanoseconds would refuse the year 1
        numbers = [*np.where(np.isnat(day), np.nan, day.astype("int64")), np.nan]
    ranged = _range(np.asarray(numbers, float)[codes], purse)
    numeric = present - sure.get("word", 0.0)
    covered = sum(v for k, v in levels.items() if k != OTHER)
    if days:
        return _dated(start, days[0], ranged)
    if ranged is not None and ranged[0] == ranged[1] and len(levels) == 2:
        return _lonely(start, levels)
    if numeric > COVER * present and not (
        1 < len(levels) - 1 <= LEVELS and covered > COVER * present
    ):
        return _number(start, sure, ranged)
    spread = purse.plain.noise * math.sqrt(len(sure) + len(levels))
    return _levels(start, levels, present - covered > spread)


def form_of(text: str) -> int:
    """The place in `FORMS` of how a cell is written.

    >>> [FORMS[form_of(t)] for t in ("", "7", "-2.50", "2024-01-31", "high")]
    ['absent', '0', '2', '%Y-%m-%d', 'word']
    """
    text = text.strip()
    if not text or text in MISSING or text in DASHES:
        return 0
    if re.fullmatch(r"[+-]?(0|[1-9]\d*)(\.\d+)?", text):
        return 1 + min(len(text.partition(".")[2]), MOST)
    for pattern, format_ in DAYS:
        if re.fullmatch(pattern, text):
            return FORMS.index(format_)
    return len(FORMS) - 1


def _range(numbers: np.ndarray, purse: Purse) -> tuple[float, float] | None:
    """Powers of two around the crowd; None if no crowd stands out of the noise."""
    try:
        return bounds(numbers, purse.plain)
    except PlanError:
        return None


def _unknown(start: Column) -> Column:
    words = "too few patients share its values: left out, unless you declare them"
    return replace(start, kind=Kind.TEXT, handling=Handling.DROP, warnings=(words,))


def _dated(start: Column, format_: str, ranged: tuple[float, float] | None) -> Column:
    if ranged is None:
        return _unknown(start)
    low, high = ranged
    return replace(
        start,
        kind=Kind.DATE,
        role=Role.QUASI,
        handling=Handling.OFFSET,
        date_format=format_,
        minimum=low,
        maximum=high,
        missing_tokens=(),
    )


def _number(start: Column, sure: dict[str, float], ranged: tuple[float, float] | None) -> Column:
    if ranged is None:
        return _unknown(start)
    decimals = max((d for d in range(MOST + 1) if str(d) in sure), default=0)
    whole = "Int64" if start.missing else "int64"
    return replace(
        start,
        kind=Kind.CONTINUOUS if decimals else Kind.INTEGER,
        storage="float64" if decimals else whole,
        decimals=decimals,
        minimum=ranged[0],
        maximum=ranged[1],
    )


def _lonely(start: Column, levels: dict[str, float]) -> Column:
    """Numbers of which one value alone is shared by enough patients to be seen."""
    known = next(k for k in levels if k != OTHER)
    words = f"only {known!r} is shared by enough patients: declare the others, or they are {OTHER}"
    return replace(_levels(start, levels, others=True), warnings=(words,))


def _levels(start: Column, levels: dict[str, float], others: bool) -> Column:
    """Without OTHER a value beyond the named ones would count as one of them."""
    known = [k for k in levels if k != OTHER]
    if not known:
        return _unknown(start)
    places = np.nan_to_num(parse_numbers(known), nan=np.inf)  # NaN would leave them as they came
    order = [k for _, k in sorted(zip(places.tolist(), known, strict=True))]
    categories = (*order, OTHER) if others else tuple(order)
    kind = {1: Kind.CONSTANT, 2: Kind.BINARY}.get(len(categories), Kind.CATEGORICAL)
    words = f"values of too few patients to be named are {OTHER}, unless you declare them"
    told = (words,) if others else ()
    return replace(start, kind=kind, categories=categories, warnings=told)
