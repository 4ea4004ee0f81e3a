"""What drawn courses broke before they were made to keep their laws, counted law by law.

What holds in the output by construction may hold because much of it was mended. So it is counted,
and where a great part of the events would have to go, nothing is given back.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from medsynai.errors import ModelError

MOST = 0.5  # of a draw's events that may be left out


@dataclass(frozen=True)
class Mends:
    """Of drawn patients, how many events, visits and patients broke a law.

    Attributes:
        early: patients whose first event lay before their entry; all their events are later.
        outside: events of a visit before any of the patient's had begun; they lie in the first.
        without: patients without a visit, where everybody has one; they have one more.
        running: visits that ran into the next one; they end before it.
        late: ends behind the patient's death; they lie at it.
        unlawful: events of a code that sex or age forbids; they are left out.
    """

    early: int = 0
    outside: int = 0
    without: int = 0
    running: int = 0
    late: int = 0
    unlawful: int = 0

    def named(self) -> dict[str, int]:
        """In words, those that there were any of."""
        words = {
            "patients whose first event lay before their entry: all later": self.early,
            "events of a visit before any had begun: into the first": self.outside,
            "patients without a visit: given one": self.without,
            "visits that ran into the next: ended before it": self.running,
            "ends after death: at it": self.late,
            "events of a code that sex or age forbids: left out": self.unlawful,
        }
        return {what: count for what, count in words.items() if count}

    def check(self, events: int) -> None:
        """Refuse a draw most of whose events had to go.

        Args:
            events: drawn, before any was left out.

        Raises:
            ModelError: more than half of them were left out.
        """
        if self.unlawful > MOST * events:
            raise ModelError(
                f"{self.unlawful:,} of {events:,} drawn events are of a code that the table of "
                "codes forbids in the sex or age of their patient: too many to be left out. Look "
                "at its sex and age columns, or train the model for longer"
            )


def unhoused(rows: pd.DataFrame, roles: np.ndarray) -> int:
    """How many events of a visit lie before any of their patient's begins, or have none.

    Args:
        rows: patient, token and tick of each.
        roles: (tokens,) 2 for a visit, 1 for what lies in one, 0 for all else.
    """
    role = roles[rows["token"]]
    first = rows[role == 2].groupby("patient")["tick"].min()
    begins = rows["patient"].map(first).to_numpy("float64")
    return int((~(rows["tick"].to_numpy() >= begins) & (role == 1)).sum())
