"""What kinds of labelled records share: images and series, each with a class and a patient."""

from dataclasses import replace
from typing import TypeVar

import numpy as np

from medsynai.data.images import ImageSet
from medsynai.data.schema import Column, Kind, Schema
from medsynai.data.series import SeriesSet
from medsynai.errors import PlanError
from medsynai.flow.conditions import parse_conditions
from medsynai.generator import FREE, Condition
from medsynai.report.evidence import DataFacts

Records = TypeVar("Records", ImageSet, SeriesSet)


def asked(texts: tuple[str, ...], classes: tuple[str, ...]) -> Condition:
    """What `--condition label=CLASS` asks for.

    Raises:
        ConditionError: anything but a known label.
    """
    if not texts:
        return FREE
    return parse_conditions(texts, Schema((Column("label", Kind.CATEGORICAL, categories=classes),)))


def as_asked(records: Records, texts: tuple[str, ...]) -> Records:
    """Under conditions the real records of the classes that were asked for, else all.

    What is drawn under a condition is judged beside its like: others have no counterpart.
    """
    levels = [w.levels for w in asked(texts, records.classes).wanted if w.levels is not None]
    met = np.ones(len(records.classes), bool)
    for wanted in levels:
        met &= np.isin(np.array(records.classes), wanted)
    return records.rows(np.flatnonzero(met[records.labels]))


def all_classes(real: ImageSet | SeriesSet, held: ImageSet | SeriesSet | None) -> tuple[str, ...]:
    """The classes of the real records, of those that nobody trained on too."""
    return real.classes if held is None else tuple(sorted({*real.classes, *held.classes}))


def in_classes(records: Records, classes: tuple[str, ...], one: str) -> Records:
    """The same records in another list of classes.

    Args:
        records: of real or synthetic data.
        classes: the real data's.
        one: what a record is called.

    Raises:
        PlanError: a class that no real record has.
    """
    invented = sorted({*records.classes} - {*classes})
    if invented:
        raise PlanError(f"class {', '.join(invented)}: no real {one} has it; correct the labels")
    place = np.array([classes.index(c) for c in records.classes])
    return replace(records, labels=place[records.labels], classes=classes)


def facts_of(
    source: str,
    sides: tuple[Records, Records | None],
    synthetic: int,
    columns: int,
    words: tuple[str, str],
) -> DataFacts:
    """What the report says of the data.

    Args:
        source: its name.
        sides: train and holdout.
        synthetic: how many records were made.
        columns: numbers of a record.
        words: what these are called, and what records are.
    """
    train, holdout = sides
    there = [train] if holdout is None else [train, holdout]
    return DataFacts(
        source,
        rows=sum(map(len, there)),
        columns=columns,
        synthetic=synthetic,
        train=len(train),
        holdout=None if holdout is None else len(holdout),
        patients=sum(len(np.unique(s.patients)) for s in there),
        across=words[0],
        unit=words[1],
    )
