"""How a cohort lies in files: which table holds what, in which columns. Public: no row inside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from medsynai import store
from medsynai.data.cohort import CODES, EVENTS, SUBJECTS, VISITS, Clock, Cohort
from medsynai.data.integrity import Problem, check, mend
from medsynai.errors import PlanError, SchemaError


class Part(StrEnum):
    """What the rows of a table are."""

    SUBJECTS = "subjects"
    VISITS = "visits"
    EVENTS = "events"
    CODES = "codes"


COLUMNS = {Part.SUBJECTS: SUBJECTS, Part.VISITS: VISITS, Part.EVENTS: EVENTS, Part.CODES: CODES}
Named = str | tuple[str, ...]  # a column of a table, or several
JOINED = "//"  # between the parts of a code that stands in several columns


@dataclass(frozen=True)
class Sheet:
    """One table.

    Attributes:
        name: of its file, without the ending.
        part: what its rows are.
        columns: a cohort's column -> the table's, or several that are joined (a code's system and
            the code). `description` is a code's. What is not named here is carried beside.
        kind: of its events; each table has its own.
        numbered: columns of row numbers that nothing refers to; written anew.
        file, header, delimiter: as they stood; a file that was not read gets plain ones.
        times: a column -> the form of its times (strptime).
        types: for Parquet: a column -> its Arrow type.
        places: a column of numbers -> the decimals that each of them had at least.
        twin: the column of texts only repeats the numbers, and holds texts where there is none.
    """

    name: str
    part: Part
    columns: dict[str, Named] = field(default_factory=dict)
    kind: str = ""
    numbered: tuple[str, ...] = ()
    file: str = ""
    header: tuple[str, ...] = ()
    delimiter: str = ","
    times: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    twin: bool = False

    def __post_init__(self) -> None:
        known = set(COLUMNS[self.part]) | ({"description"} if self.part is Part.EVENTS else set())
        unknown = sorted(set(self.columns) - known)
        if unknown:
            raise SchemaError(
                f"table {self.name!r}: {self.part.value} have no column {unknown[0]!r}; they have "
                f"{', '.join(sorted(known))}"
            )

    def named(self, column: str) -> tuple[str, ...]:
        """The table's columns that hold a cohort's column."""
        said = self.columns.get(column, ())
        return (said,) if isinstance(said, str) else said

    @property
    def mapped(self) -> tuple[str, ...]:
        """All the table's columns that a cohort has a place for."""
        return tuple(dict.fromkeys(n for c in self.columns for n in self.named(c)))


@dataclass(frozen=True)
class Layout:
    """The form that a cohort was read from, or is written to.

    Attributes:
        format: a row of `FORMATS`.
        sheets: its tables, where it is made of tables.
        clock: what its times are.
        details: what else a format needs to know.

    >>> stays = Sheet("stays", Part.SUBJECTS, {"subject_id": "RecordID"})
    >>> l = Layout("tables", (stays,), Clock.MINUTES)
    >>> Layout.from_toml(l.to_toml()) == l
    True
    """

    format: str = "tables"
    sheets: tuple[Sheet, ...] = ()
    clock: Clock = Clock.CALENDAR
    details: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in ("name", "kind"):
            said = [getattr(s, what) for s in self.sheets if what == "name" or s.part == "events"]
            if len(set(said)) < len(said):
                raise SchemaError(f"two tables have the same {what}; give each one of its own")

    def of(self, part: Part) -> tuple[Sheet, ...]:
        """The tables of one part."""
        return tuple(s for s in self.sheets if s.part is part)

    def to_toml(self) -> str:
        """As the text of cohort.toml."""
        return store.to_toml(self)

    @staticmethod
    def from_toml(text: str) -> "Layout":
        """From the text of cohort.toml.

        Raises:
            SchemaError: unknown keys, columns that a cohort does not have, or not TOML.
        """
        try:
            return store.from_toml(Layout, text, "cohort.toml")
        except PlanError as error:
            raise SchemaError(f"cohort.toml: {error}") from None


@dataclass(frozen=True)
class LoadedCohort:
    """A cohort as it was read: nothing is set aside yet.

    Attributes:
        layout: its form, for the writer.
        notes: what a person should know, without any cell's value: what is not carried, above all.
        problems: what is wrong with it, counted.
        met: those of them that only the reader of the files could see.
    """

    cohort: Cohort
    layout: Layout
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    met: tuple[Problem, ...] = ()

    @staticmethod
    def of(
        cohort: Cohort,
        layout: Layout,
        notes: tuple[str, ...] = (),
        problems: tuple[Problem, ...] = (),
    ) -> "LoadedCohort":
        """With what `check` finds beside what the reader saw."""
        met = tuple(p for p in problems if p.count)
        return LoadedCohort(cohort, layout, notes, (*met, *check(cohort)), met)

    def mended(self) -> "LoadedCohort":
        """With keys that hold; what was set aside is in the notes.

        Raises:
            SchemaError: no row of a table could be kept.
        """
        cohort, notes = mend(self.cohort)
        problems = (*self.met, *check(cohort))  # a cohort is sorted and in one zone: no trace of it
        return replace(self, cohort=cohort, notes=(*self.notes, *notes), problems=problems)


def unplaced(
    cohort: Cohort, places: Mapping[str, Sequence[str]], statics: Sequence[str]
) -> list[str]:
    """What a format has no column for, counted.

    Args:
        cohort: what is to be written.
        places: the extra columns that the format has, by kind of event (`OF_VISITS`: of visits).
        statics: the columns of subjects that it has beside `SUBJECTS`.
    """
    told = {kind: (frame, places[kind]) for kind, frame in cohort.extras.items() if kind in places}
    told["subjects"] = (cohort.subjects, (*SUBJECTS, *statics))
    notes = []
    for kind, (frame, known) in told.items():
        more = [n for n in frame if n not in known and frame[n].notna().any()]
        if more:
            notes.append(f"not written: {len(more)} columns of {kind}: {', '.join(map(str, more))}")
    return notes


def unfollowed(cohort: Cohort) -> list[str]:
    """Entries and exits, for a format that has no place for them, counted."""
    lost = cohort.subjects[["entry", "exit"]].notna().any(axis=1)
    return [f"not written: entry and exit of {lost.sum():,} patients"] if lost.any() else []
