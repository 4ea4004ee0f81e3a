"""What left the real rows: an append-only list of releases, and a budget that it may not pass."""

from dataclasses import dataclass, field

UNPROTECTED = "unprotected"


@dataclass(frozen=True)
class Release:
    """One thing computed from real rows that leaves them.

    Attributes:
        purpose: what for, e.g. "train the forest".
        mechanism: "unprotected", or the name of a differentially private mechanism.
        unit: whose presence it is about; always the patient.
        note: plain words for a reader of the ledger.
    """

    purpose: str
    mechanism: str = UNPROTECTED
    unit: str = "patient"
    note: str = ""


@dataclass
class Ledger:
    """Append-only. An unprotected run has entries that say so, not an empty ledger.

    >>> ledger = Ledger()
    >>> ledger.charge(Release("train the forest"))
    >>> ledger.guarantee
    'unprotected'
    """

    _entries: list[Release] = field(default_factory=list)

    def charge(self, release: Release) -> None:
        """Write a release down, before it is made."""
        self._entries.append(release)

    @property
    def entries(self) -> tuple[Release, ...]:
        """All releases so far, oldest first."""
        return tuple(self._entries)

    @property
    def guarantee(self) -> str:
        """What the entries together promise: "nothing released" or "unprotected"."""
        return UNPROTECTED if self._entries else "nothing released"

    def record(self) -> dict[str, object]:
        """The ledger as it is written to ledger.json."""
        return {"guarantee": self.guarantee, "unit": "patient", "entries": self.entries}
