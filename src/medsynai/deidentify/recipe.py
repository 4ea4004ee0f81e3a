"""How synthetic rows get the source's columns again: public facts, no value of a real row."""

from dataclasses import dataclass
from enum import StrEnum

from medsynai.data.schema import Schema


class Unit(StrEnum):
    """What an offset counts."""

    DAYS = "days"
    MINUTES = "minutes"
    SECONDS = "seconds"

    @property
    def microseconds(self) -> int:
        """How long one is."""
        return {"days": 86_400, "minutes": 60, "seconds": 1}[self.value] * 1_000_000


@dataclass(frozen=True)
class DateRule:
    """How a date column is turned into a number and back.

    Attributes:
        unit: what its offset from the reference date counts.
        clock: a time of day, counted from midnight; it hangs on no date.
    """

    name: str
    unit: Unit
    clock: bool = False


@dataclass(frozen=True)
class Pattern:
    """What keys of a column look like: enough to draw fresh ones, not to know an old one.

    Attributes:
        form: "uuid", "counter" (numbers one after another), "number" (scattered numbers) or
            "mixed" (one alphabet a place).
        prefix, suffix: what all keys begin and end with.
        width: digits of a number; shorter ones get leading zeros if `padded`.
        start: fresh numbers begin here, above every real one. The highest real number is only
            known to its first digit.
        alphabets: for "mixed": the characters that may stand at each place.
        upper: for "uuid": written in capitals.
    """

    form: str
    prefix: str = ""
    suffix: str = ""
    width: int = 0
    padded: bool = False
    start: int = 0
    alphabets: tuple[str, ...] = ()
    upper: bool = False


@dataclass(frozen=True)
class Bucket:
    """This share of the keys stands in `low` to `high` rows each."""

    low: int
    high: int
    share: float


@dataclass(frozen=True)
class KeyRule:
    """How a key column is drawn afresh.

    Attributes:
        absent: the share of rows without a key, to two decimals.
        sizes: in how many rows a key stands; empty if every row has its own.
        within: the key whose rows this one divides: a stay belongs to one patient.
        steady: levels that all rows of one key have in common, such as the patient's sex.
    """

    name: str
    pattern: Pattern
    absent: float = 0.0
    sizes: tuple[Bucket, ...] = ()
    within: str | None = None
    steady: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """What `finish` needs. Public: it is saved with the model, and holds no row.

    Attributes:
        schema: the columns of the release, in the source's order.
        reference: the date from which the others are counted; its year is learnt.
        dates: the columns that are offsets, the reference, or times of day.
        keys: the columns that are drawn afresh, the patient's key first.
        dropped: columns of the source that the release does not have.
    """

    schema: Schema
    reference: str | None = None
    dates: tuple[DateRule, ...] = ()
    keys: tuple[KeyRule, ...] = ()
    dropped: tuple[str, ...] = ()
