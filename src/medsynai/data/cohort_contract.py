"""What differential privacy asks of a cohort: every fact about its patients public, and a bound on
how much of each of them counts.

Which codes there are, the range of a number, how long a course may be: looked up in the patients,
each tells of them. What a contract does not name is left out, patient by patient, without a word.
"""

from dataclasses import dataclass
from pathlib import Path

from medsynai import store
from medsynai.data.cohort import Clock
from medsynai.data.contract import check_contract
from medsynai.data.schema import Column, Handling, Kind, Origin, Schema
from medsynai.errors import PlanError, SchemaError

PUBLIC = (Origin.STANDARD, Origin.DICTIONARY, Origin.DECLARED)
NONE = Schema(())
EXACT = 2**24  # whole numbers that a float of 32 bits holds: ticks, steps
HOW = (
    "say what is publicly known of the cohort: clock, span, steps and events of a patient at most, "
    "the codes with the ranges of their numbers, and where that is known from (origin = "
    '"standard", "dictionary" or "declared"); docs/privacy.md shows one'
)

EXAMPLE = """clock = "minutes"
span = 2880
steps = 200
events = 800

[[codes]]
code = "HR"
kind = "measurement"
minimum = 0
maximum = 300
decimals = 0
often = true
origin = "dictionary"

[[statics.columns]]
name = "sex"
kind = "binary"
categories = ["female", "male"]
origin = "declared"
"""


@dataclass(frozen=True)
class Known:
    """A code that a patient may have, and its numbers.

    Attributes:
        code, kind, unit: as the events say them; "" for none.
        minimum, maximum, decimals: of its numbers; without them it has none.
        missing: an event of it may come without its number.
        often: how often it comes is told of a patient once: for what comes again and again.
        origin: where all this is known from.
    """

    code: str
    kind: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = None
    missing: bool = False
    often: bool = False
    origin: Origin = Origin.INFERRED

    @property
    def valued(self) -> bool:
        """Whether it has numbers."""
        return self.minimum is not None

    @property
    def column(self) -> Column:
        """Its numbers as a column; without any, a level that is there or not."""
        name = "/".join(part for part in (self.kind, self.code, self.unit) if part)
        if not self.valued:
            return Column(name, Kind.CATEGORICAL, origin=self.origin, categories=(self.code,))
        return Column(
            name,
            Kind.CONTINUOUS,
            storage="float64",
            origin=self.origin,
            missing=self.missing,
            minimum=self.minimum,
            maximum=self.maximum,
            decimals=self.decimals,
        )

    @property
    def said(self) -> tuple[str | None, str | None, str | None]:
        """Kind, code and unit as a cohort has them."""
        return self.kind or None, self.code or None, self.unit or None


@dataclass(frozen=True)
class CohortContract:
    """Public facts of a cohort; times are offsets from each patient's own beginning.

    Attributes:
        clock: the unit of times; not the calendar.
        span: the latest time that counts.
        steps, events: times at which something happens to a patient, and events, at most; the
            first of each patient count.
        codes: what may happen, in the order in which it is told.
        decimals: of times.
        statics: of the subjects, numbers and levels; see `docs/schema.md`.
    """

    clock: Clock
    span: float
    steps: int
    events: int
    codes: tuple[Known, ...]
    decimals: int = 0
    statics: Schema = NONE

    @property
    def ticks(self) -> int:
        """Ticks of the whole span."""
        return round(self.span * 10**self.decimals)

    @property
    def told(self) -> Schema:
        """For documents: statics and codes, each as a column, and how many events count."""
        columns = (*self.statics.columns, *(c.column for c in self.codes))
        return Schema(columns, max_rows=self.events)

    def check(self) -> None:
        """Refuse a contract that does not say all that must be known beforehand.

        Raises:
            SchemaError: what is lacking, and how to go on.
        """
        if self.clock is Clock.CALENDAR:
            raise SchemaError(
                "differential privacy takes times since each patient's own beginning, as days of "
                "the calendar tell who it is: write them as offsets, and the clock as days, hours, "
                "minutes or seconds"
            )
        if not 0 <= self.decimals <= 6 or not 1 <= self.ticks < EXACT:
            raise SchemaError(f"contract: span and decimals must make 1 to {EXACT:,} ticks")
        if not 1 <= self.steps <= self.events < EXACT:
            raise SchemaError("contract: steps must be at least 1, and events no fewer than steps")
        names = [c.said for c in self.codes]
        if not names or len(set(names)) < len(names):
            raise SchemaError(f"contract: each code stands once, and there is one: {HOW}")
        for code in self.codes:
            _check(code)
        self._check_statics()

    def _check_statics(self) -> None:
        if not self.statics.columns:
            return
        check_contract(self.statics)
        able = {c.name for c in self.statics.learnt if c.handling is Handling.LEARN}
        for column in self.statics.columns:
            if column.name not in able or column.name.startswith("."):
                raise SchemaError(f"contract: {column.name!r} must be a number or a level, learnt")
            if column.origin not in PUBLIC:
                raise SchemaError(f"contract: the origin of {column.name!r} is not public: {HOW}")

    @staticmethod
    def read(path: Path) -> "CohortContract":
        """From a TOML file, checked.

        Raises:
            SchemaError: a file that cannot be read, is no contract, or says too little.
        """
        try:
            contract = store.from_toml(CohortContract, path.read_text("utf-8"), path.name)
        except (OSError, UnicodeDecodeError):
            raise SchemaError(f"no readable contract at {path}") from None
        except PlanError as error:
            raise SchemaError(f"contract: {error}") from None
        contract.check()
        return contract


def _check(code: Known) -> None:
    told = f"contract: code {code.code!r}"
    if code.origin not in PUBLIC:
        raise SchemaError(f"{told} does not say where it is publicly known from: {HOW}")
    numbers = (code.minimum, code.maximum, code.decimals)
    if numbers == (None, None, None):
        return
    low, high, places = numbers
    if low is None or high is None or places is None or not low < high:
        raise SchemaError(f"{told}: minimum below maximum and decimals, or none of the three")
    if not 0 <= places <= 12:
        raise SchemaError(f"{told}: decimals lie in 0 to 12")
