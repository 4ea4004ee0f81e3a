"""What the columns are: kinds, roles, facts and where each fact came from."""

from dataclasses import dataclass, replace
from enum import StrEnum

from medsynai import store
from medsynai.errors import PlanError, SchemaError


class Kind(StrEnum):
    """What a column's values are."""

    CONTINUOUS = "continuous"
    INTEGER = "integer"
    ORDINAL = "ordinal"
    CATEGORICAL = "categorical"
    BINARY = "binary"
    DATE = "date"
    TEXT = "text"
    IDENTIFIER = "identifier"
    CONSTANT = "constant"

    @property
    def is_number(self) -> bool:
        """Held as float64: continuous and integer columns."""
        return self in (Kind.CONTINUOUS, Kind.INTEGER)

    @property
    def is_level(self) -> bool:
        """Held as a pandas category of strings: ordinal, categorical, binary, constant."""
        return self in (Kind.ORDINAL, Kind.CATEGORICAL, Kind.BINARY, Kind.CONSTANT)

    @property
    def is_learnt(self) -> bool:
        """Generators learn it; dates are turned into numbers before, text and keys kept out."""
        return self.is_number or self.is_level


class Role(StrEnum):
    """What a column is for."""

    FEATURE = "feature"
    PROTECTED = "protected"  # sex, race, age ...: fairness is judged by it
    QUASI = "quasi-identifier"  # an outsider may know it
    SENSITIVE = "sensitive"  # an outsider must not learn it
    TARGET = "target"
    SUBJECT = "subject"  # the patient's key: the unit of splitting and privacy
    KEY = "key"  # another row's key; drawn afresh
    WEIGHT = "weight"


class Origin(StrEnum):
    """Where a fact about a column came from; differential privacy refuses `inferred`."""

    INFERRED = "inferred"
    DECLARED = "declared"
    DICTIONARY = "dictionary"
    STANDARD = "standard"
    BOUGHT = "bought"


class Handling(StrEnum):
    """What is done with a column that may not pass as it is."""

    LEARN = "learn"  # synthesise it
    SURROGATE = "surrogate"  # fresh keys in the same pattern, so that joins and counts work
    DROP = "drop"  # leave it out of the release
    OFFSET = "offset"  # a date: days from the row's reference date, written back as a fresh date
    YEAR = "year"  # a date: only its year
    CLIP = "clip"  # a number: learn it, values beyond minimum or maximum set to the bound
    SAFE_HARBOR = "safe-harbor"  # an age, date or area: learn as much as the US rule allows


@dataclass(frozen=True)
class Column:
    """One column. Everything here is public: it may be printed, hashed and published.

    Attributes:
        storage: the pandas dtype to give back, e.g. "int64", "bool", "str", "category".
        categories: for levels: the allowed values, in order for an ordinal one.
        minimum, maximum: for numbers and dates (days since 1970-01-01): the allowed range.
        decimals: for numbers: the most decimal places written.
        digits: for numbers: significant digits written, as an instrument gives them.
        edges: for numbers: cuts between the bins that a private model begins with.
        date_format: for dates: the strftime pattern of the source.
        missing: whether the value may be absent.
        missing_tokens: what stands for absent in the source, beside the empty field.
        sentinels: numbers or words that look like codes for "unknown"; reported, not altered.
        warnings: what a person should look at before a release.
    """

    name: str
    kind: Kind
    role: Role = Role.FEATURE
    handling: Handling = Handling.LEARN
    storage: str = "str"
    origin: Origin = Origin.INFERRED
    missing: bool = False
    categories: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = None
    digits: int | None = None
    edges: tuple[float, ...] = ()
    date_format: str | None = None
    missing_tokens: tuple[str, ...] = ()
    sentinels: tuple[str, ...] = ()
    identifier: str | None = None  # which direct identifier it looks like, e.g. "e-mail"
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Survival:
    """A time-to-event pair: `time` until `event` (one of its levels means that it happened).

    Attributes:
        entry: of cohorts: the column with the beginning; else 0 of offsets, or the first that is
            known of the patient.
        unit: of cohorts: what `time` counts; else the cohort's own unit, days of the calendar.
    """

    time: str
    event: str
    happened: str = "1"
    entry: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Schema:
    """All columns in file order, with the keys, pairs and rules that span them.

    `max_rows` is how many rows of each patient count, where differential privacy needs to know it.

    >>> s = Schema((Column("sex", Kind.BINARY, categories=("f", "m")), Column("age", Kind.INTEGER)))
    >>> s["age"].kind.is_number, s.names
    (True, ('sex', 'age'))
    >>> Schema.from_toml(s.to_toml()) == s
    True
    """

    columns: tuple[Column, ...] = ()  # none of a cohort's
    reference_date: str | None = None
    survival: tuple[Survival, ...] = ()
    rules: tuple[str, ...] = ()  # read by medsynai.constraints
    max_rows: int = 1

    def __post_init__(self) -> None:
        names = [c.name for c in self.columns]
        twice = (
            sorted({n for n in names if names.count(n) > 1}) if len(set(names)) < len(names) else []
        )
        if twice:
            raise SchemaError(f"column {twice[0]!r} is listed more than once")
        if self.max_rows < 1:
            raise SchemaError("max_rows must be at least 1")

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in file order."""
        return tuple(c.name for c in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise SchemaError(f"no column {name!r}; columns: {', '.join(self.names)}")

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def having(self, *roles: Role) -> tuple[str, ...]:
        """Names of the columns with one of these roles."""
        return tuple(c.name for c in self.columns if c.role in roles)

    @property
    def subject(self) -> str | None:
        """The column that names the patient, if there is one."""
        return next(iter(self.having(Role.SUBJECT)), None)

    @property
    def target(self) -> str | None:
        """The outcome that utility is judged on, if one is set."""
        return next(iter(self.having(Role.TARGET)), None)

    @property
    def learnt(self) -> tuple[Column, ...]:
        """The columns that a generator sees."""
        kept = (Handling.LEARN, Handling.CLIP, Handling.SAFE_HARBOR)
        return tuple(c for c in self.columns if c.kind.is_learnt and c.handling in kept)

    def only(self, names: tuple[str, ...]) -> "Schema":
        """The schema of these columns alone, in the order given."""
        keep = set(names)
        pairs = tuple(s for s in self.survival if {s.time, s.event} <= keep)
        reference = self.reference_date if self.reference_date in keep else None
        return replace(
            self,
            columns=tuple(self[n] for n in names),
            survival=pairs,
            reference_date=reference,
        )

    def replacing(self, *columns: Column) -> "Schema":
        """The schema with these columns put in the place of those of the same name."""
        new = {c.name: c for c in columns}
        for name in new:
            self[name]
        return replace(self, columns=tuple(new.get(c.name, c) for c in self.columns))

    def to_toml(self) -> str:
        """As the text of schema.toml."""
        return store.to_toml(self)

    @staticmethod
    def from_toml(text: str) -> "Schema":
        """From the text of schema.toml.

        Raises:
            SchemaError: unknown keys or kinds, or text that is not TOML.
        """
        try:
            return store.from_toml(Schema, text, "schema.toml")
        except PlanError as error:
            raise SchemaError(f"schema: {error}") from None
