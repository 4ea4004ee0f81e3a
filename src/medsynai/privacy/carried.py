"""The ledger that is carried from run to run, so that releases of the same data compose.

It is a file beside the real data. Each charge is written to it before a row is read; a run that
fails afterwards has spent all the same, as nobody can tell what was seen of it.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from medsynai import store
from medsynai.errors import BudgetError, FolderError, PlanError
from medsynai.privacy.ledger import Budget, Ledger, Release, reopen


@dataclass(frozen=True)
class LedgerFile:
    """A ledger in a file.

    **Guarantee:** what all runs that carry this file release together keeps its budget. Runs at
    the same time wait for nobody: one of them is refused.

    Attributes:
        path: the file; it is made by the first charge.
        budget: of all runs together; what the file says wins, and must be the same if given.
    """

    path: Path
    budget: Budget | None = None

    def open(self) -> Ledger:
        """What the file holds; an empty ledger where there is none yet.

        Raises:
            PlanError: the file is no ledger, or its budget is not the one that was named.
        """
        if not self.path.exists():
            if self.budget is None:
                raise PlanError(
                    f"there is no ledger at {self.path} yet: begin it with the budget of all runs "
                    "together, --total-epsilon"
                )
            return Ledger(self.budget)
        try:
            ledger = reopen(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            raise PlanError(f"{self.path} cannot be read as a ledger") from None
        if self.budget is not None and self.budget != ledger.budget:
            kept, asked = ledger.budget, self.budget
            raise PlanError(
                f"{self.path} has the budget epsilon {kept and kept.epsilon:g}, delta "
                f"{kept and kept.delta:g}, not {asked.epsilon:g}, {asked.delta:g}: what was "
                "promised cannot be raised afterwards; leave --total-epsilon out"
            )
        return ledger

    def charge(self, *releases: Release) -> None:
        """Add releases to the file, all or none.

        Raises:
            BudgetError: all runs together would pass the budget.
            FolderError: the file cannot be written, or another run is writing it.
        """
        with self._alone():
            ledger = self.open()
            try:
                ledger.charge(*releases)
            except BudgetError as error:
                raise BudgetError(f"all runs of {self.path} together: {error}") from None
            part = self.path.with_name(f".{self.path.name}.{token_hex(4)}.part")
            plain = {"budget": ledger.budget, "entries": ledger.entries, "spent": ledger.spent}
            try:
                part.write_text(store.to_json(plain) + "\n", encoding="utf-8")
                part.replace(self.path)
            except OSError as error:
                raise FolderError(f"{self.path} cannot be written ({error.strerror})") from None
            finally:
                part.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self.path.with_name(f".{self.path.name}.lock")
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            raise FolderError(
                f"another run is writing {self.path}; try again. If none is, remove {lock}"
            ) from None
        except OSError as error:
            raise FolderError(f"{self.path} cannot be written ({error.strerror})") from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def told_if_charged(path: str | None) -> Iterator[None]:
    """Say of a run that is interrupted that what it wrote into this ledger stays spent.

    Raises:
        KeyboardInterrupt: the interruption, with the words for a person.
    """
    before = _content(path)
    try:
        yield
    except KeyboardInterrupt:
        if _content(path) == before:
            raise
        raise KeyboardInterrupt(
            "interrupted; no release was left behind, but what it had charged to "
            f"{path} stays spent"
        ) from None


def _content(path: str | None) -> bytes:
    return Path(path).read_bytes() if path is not None and Path(path).is_file() else b""
