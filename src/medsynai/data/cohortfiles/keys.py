"""Keys for formats that ask whole numbers."""

import pandas as pd

LARGEST = 18  # digits of a number that fits an int64


def numbered(keys: pd.Series, whose: str, notes: list[str]) -> pd.Series:
    """Each key -> a whole number as text: itself if all are numbers, else counted from 1.

    >>> numbered(pd.Series(["7", "12"]), "patients", []).tolist()
    ['7', '12']
    >>> notes = []
    >>> numbered(pd.Series(["P7", "007"]), "patients", notes).tolist(), len(notes)
    (['1', '2'], 1)
    """
    plain = keys.str.fullmatch(rf"(0|[1-9]\d{{0,{LARGEST - 1}}})").fillna(False).all()
    if plain or not len(keys):
        return pd.Series(keys.to_numpy(), index=keys)
    notes.append(f"keys of {len(keys):,} {whose} are no whole numbers; they are counted from 1")
    return pd.Series([str(i) for i in range(1, len(keys) + 1)], index=keys)
