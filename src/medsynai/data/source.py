"""What a source looked like, so that what is written has the same form; no row of data inside."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import pandas as pd

from medsynai import store
from medsynai.errors import FolderError, PlanError, ReadError


class Format(StrEnum):
    """The kind of file or object that a table came from."""

    CSV = "csv"
    PARQUET = "parquet"
    EXCEL = "excel"
    STATA = "stata"
    SPSS = "spss"
    SAS = "sas"
    SQL = "sql"
    FRAME = "frame"

    @property
    def is_text(self) -> bool:
        """Every field is a piece of text as it stood in the file."""
        return self is Format.CSV


WRITTEN: dict[str, Format] = {
    ".csv": Format.CSV,
    ".csv.gz": Format.CSV,
    ".tsv": Format.CSV,
    ".tsv.gz": Format.CSV,
    ".txt": Format.CSV,
    ".txt.gz": Format.CSV,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
    ".xlsx": Format.EXCEL,
    ".dta": Format.STATA,
    ".sav": Format.SPSS,
    ".zsav": Format.SPSS,
    ".xpt": Format.SAS,
}


MIXED = "mixed"


@dataclass(frozen=True)
class Form:
    """How one column was written.

    Attributes:
        quoted: every field that is not empty stood in quotes.
        marked: its numbers carry the source's decimal and thousands marks.
        places: the fewest decimal places that a number of it was written with (1 for "11.0").
        unpadded: its dates have no zeros in front of one-digit days, months and hours.
        missing: what stood for a missing value most often; "" for the empty field.
        stored: what a pandas column of objects holds: "date", "decimal", "bool", "int", "float";
            "mixed": numbers, and texts that are none.
        native: its type in a typed file: an Arrow type, or a display format of a statistics file.
        levels: for a pandas category: the dtype of its categories.
        ordered: for a pandas category: whether its categories have an order.
        label: its description in a statistics file.
        labels: for a statistics file: the code of each labelled level, as text.
    """

    quoted: bool = False
    marked: bool = False
    places: int = 0
    unpadded: bool = False
    missing: str = ""
    stored: str = ""
    native: str = ""
    levels: str = ""
    ordered: bool = False
    label: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    def as_plain(self) -> "Form":
        """What of it makes sense in another format: how pandas held the column, its label."""
        return Form(
            places=self.places,
            stored=self.stored,
            levels=self.levels,
            ordered=self.ordered,
            label=self.label,
        )


PLAIN = Form()


@dataclass(frozen=True)
class Cell:
    """What the cells of a column hold beside a number; see `medsynai.data.read.cells`.

    Attributes:
        glue: between the two numbers of a cell; "" where there is one.
        heading: of a column of two numbers, as it stood.
        unit: behind each number.
        limited: some cells are limits, such as "<0.5".
        limits: text of a limit -> the number that stands for it.
    """

    glue: str = ""
    heading: str = ""
    unit: str = ""
    limited: bool = False
    limits: dict[str, str] = field(default_factory=dict)

    def parts(self, name: str) -> tuple[str, ...]:
        """The columns that the cells of the column `name` are learnt as."""
        return (f"{name} (1)", f"{name} (2)") if self.glue else (name,)


@dataclass(frozen=True)
class Source:
    r"""What a source looked like. Public: it may be printed, hashed and saved with a model.

    Attributes:
        header: the column names exactly as they stood, in file order.
        decimal, thousands: the marks inside the numbers of the columns whose form is `marked`.
        quoted_header: the names stood in quotes.
        newline: "\n" or "\r\n".
        sheet: the sheet of a workbook.
        index: columns that were the row index of a frame.
        forms: column name -> how it was written, where that is not `Form()`.
        cells: column name in the file -> what its cells hold beside a number.

    >>> s = Source(Format.CSV, ("id", " age "), delimiter=";", decimal=",")
    >>> s.names, s.heading("age"), Source.from_toml(s.to_toml()) == s
    (('id', 'age'), ' age ', True)
    """

    format: Format
    header: tuple[str | int, ...] = ()
    delimiter: str = ","
    decimal: str = "."
    thousands: str | None = None
    encoding: str = "utf-8"
    bom: bool = False
    compressed: bool = False
    quoted_header: bool = False
    newline: str = "\n"
    sheet: str | None = None
    index: tuple[str, ...] = ()
    forms: dict[str, Form] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the columns have in the schema, in file order."""
        return name_columns(self.header)

    def heading(self, name: str) -> str | int:
        """How a column's name stood in the source; a column that is new keeps its own name."""
        return dict(zip(self.names, self.header, strict=True)).get(name, name)

    def form(self, name: str) -> Form:
        """How a column was written."""
        return self.forms.get(name, PLAIN)

    def forming(self, forms: dict[str, Form]) -> "Source":
        """With these columns' forms put in the place of what was noted before."""
        merged = {**self.forms, **forms}
        return replace(self, forms={k: v for k, v in merged.items() if v != PLAIN})

    @property
    def suffix(self) -> str:
        """The file ending of what is written in this form, e.g. ".csv.gz".

        Frames and database tables are written as CSV, which everybody can open; SAS data sets as
        transport files (.xpt), the only SAS format that others can write.
        """
        if self.format is Format.CSV:
            plain = ".tsv" if self.delimiter == "\t" else ".csv"
            return plain + ".gz" * self.compressed
        if self.format in (Format.FRAME, Format.SQL):
            return ".csv"
        return next(s for s, f in WRITTEN.items() if f is self.format)

    def written_to(self, path: Path) -> "Source":
        """This form where `path` ends as it does, else the plain form that the ending asks for.

        Raises:
            FolderError: an ending that nothing here can write.
        """
        suffix = suffix_of(path, WRITTEN)
        if suffix is None:
            raise FolderError(f"{path.name}: cannot write this ending; use {_list(WRITTEN)}")
        wanted = WRITTEN[suffix]
        if wanted is not self.format:
            forms = {n: f.as_plain() for n, f in self.forms.items()}
            tab = "\t" if suffix.startswith(".tsv") else ","
            plain = Source(wanted, self.header, delimiter=tab, index=self.index, cells=self.cells)
            self = plain.forming(forms)
        return replace(self, compressed=suffix.endswith(".gz"))

    def to_toml(self) -> str:
        """As TOML text."""
        return store.to_toml(self)

    @staticmethod
    def from_toml(text: str) -> "Source":
        """From TOML text.

        Raises:
            ReadError: unknown keys, or text that is not TOML.
        """
        try:
            return store.from_toml(Source, text, "source")
        except PlanError as error:
            raise ReadError(f"source: {error}") from None


@dataclass(frozen=True)
class Raw:
    """A source as it was read, before its columns have a meaning.

    Attributes:
        frame: columns named as in `source.names`; strings with "" for an empty field where
            `source.format.is_text`, else typed columns.
        notes: what a person should know about the reading, without any cell's value.
    """

    frame: pd.DataFrame
    source: Source
    notes: tuple[str, ...] = ()


def name_columns(header: Iterable[str | int]) -> tuple[str, ...]:
    """Names for the schema: as they stood, without outer blanks; a nameless column by its place.

    >>> name_columns(["", " age", 3])
    ('column_1', 'age', '3')

    Raises:
        ReadError: a name that stands more than once.
    """
    names = [str(h).strip() or f"column_{i}" for i, h in enumerate(header, start=1)]
    if len(set(names)) < len(names):
        twice = sorted({n for n in names if names.count(n) > 1})
        raise ReadError(
            f"duplicate column names: {', '.join(map(repr, twice))}; rename them so that each "
            "column has a name of its own"
        )
    return tuple(names)


def suffix_of(path: Path, known: Iterable[str]) -> str | None:
    """The longest known ending of a file's name, or None."""
    name = path.name.lower()
    return max((s for s in known if name.endswith(s)), key=len, default=None)


def hide_password(url: str) -> str:
    """A database URL that may be printed: user and password are left out.

    >>> hide_password("postgresql://ann:secret@db/hospital::visits")
    'postgresql://db/hospital::visits'
    """
    url = re.sub(r"://[^/]*@", "://", url)
    return re.sub(r"(?i)(passw(or)?d|pwd)=[^&:]*", "password=...", url)


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)
