"""Survival pairs: which column may be a time, and which says whether the event happened."""

from collections.abc import Sequence
from dataclasses import replace

from medsynai.data.names import event_rank, is_survival_time, phrase
from medsynai.data.schema import Column, Handling, Kind, Survival

HAPPENED = ("1", "1.0", "yes", "true", "dead", "deceased", "died", "event", "y", "death")


def suggest_survival(columns: Sequence[Column]) -> tuple[tuple[Survival, ...], list[Column]]:
    """The pairs that names and kinds suggest, and the columns with a word about it.

    A pair is only made where one event is the likeliest; times without one are left alone.
    """
    usable = [c for c in columns if c.handling is Handling.LEARN]
    times = [c for c in usable if c.kind.is_number and is_survival_time(c.name)]
    events = [(event_rank(c.name), c) for c in usable if c.kind is Kind.BINARY]
    ranked = sorted(((r, c) for r, c in events if r is not None), key=lambda e: e[0])
    if not times or not ranked:
        return (), list(columns)
    event = _nearest(times[0], [c for r, c in ranked if r == ranked[0][0]])
    happened = _happened(event)
    if happened is None:
        return (), list(columns)
    pair = Survival(times[0].name, event.name, happened)
    warned = {
        pair.time: f"suggested as a survival time, with {event.name!r} as its event",
        pair.event: f"suggested as a survival event of {pair.time!r}: happened = {happened!r}",
    }
    said = [
        replace(c, warnings=(*c.warnings, warned[c.name])) if c.name in warned else c
        for c in columns
    ]
    return (pair,), said


def _nearest(time: Column, events: list[Column]) -> Column:
    """The event that shares a word with the time (os_time, os_event), else the first."""
    said = set(phrase(time.name).split())
    return max(events, key=lambda c: len(said & set(phrase(c.name).split())))


def _happened(event: Column) -> str | None:
    """The level that means that the event happened."""
    levels = {c.lower(): c for c in event.categories or ()}
    return next((levels[h] for h in HAPPENED if h in levels), None)
