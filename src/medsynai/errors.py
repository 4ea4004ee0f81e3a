"""One tree of errors. Each says what, where and what to do; none ever holds a cell's value.

MedSynAIError
├── InputError               the user can mend it; the command ends with exit code 2
│   ├── ReadError            a file or database that cannot be read as a table
│   ├── SchemaError          a schema that is wrong, or does not fit the data
│   ├── ConditionError       a condition that the data or the model cannot meet
│   ├── PlanError            options that contradict each other or are out of range
│   ├── FolderError          an output folder that exists, or cannot be written
│   ├── ModelError           an unknown model, or a model folder that is not one of ours
│   └── MissingExtra         an optional dependency that is absent; prints the install line
├── BudgetError              a release that the privacy ledger does not allow
└── AssessmentError          a measure that cannot judge these rows; becomes "not assessed"
"""


class MedSynAIError(Exception):
    """Anything that this package raises on purpose."""


class InputError(MedSynAIError):
    """Bad input or usage: the message says what to do."""


class ReadError(InputError):
    """A source that cannot be read as a table."""


class SchemaError(InputError):
    """A schema that is wrong in itself or does not fit the data."""


class ConditionError(InputError):
    """A condition that cannot be met exactly."""


class PlanError(InputError):
    """Options that are out of range or contradict each other."""


class FolderError(InputError):
    """An output folder that already exists or cannot be written."""


class ModelError(InputError):
    """A model name or a model folder that is not known here."""


class MissingExtra(InputError):
    """An optional dependency is not installed.

    >>> str(MissingExtra("reading Excel files", "openpyxl", "excel"))
    "reading Excel files needs openpyxl: pip install 'medsynai[excel]'"
    """

    def __init__(self, purpose: str, package: str, extra: str) -> None:
        super().__init__(f"{purpose} needs {package}: pip install 'medsynai[{extra}]'")


class BudgetError(MedSynAIError):
    """A release of the real rows that the ledger's budget does not allow."""


class AssessmentError(MedSynAIError):
    """A measure cannot judge these rows; the panel writes "not assessed" and this reason."""
