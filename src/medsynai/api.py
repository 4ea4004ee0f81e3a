"""The Python door: `read`, `synthesize`, `evaluate`; pandas in, pandas out."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import pandas as pd

from medsynai.data.read import check_source
from medsynai.data.read import read as read_source
from medsynai.data.schema import Schema
from medsynai.data.table import Table
from medsynai.flow.judging import Assessment, Data, Files, Panel, assess
from medsynai.flow.opening import Handed, read_schema_file
from medsynai.flow.plan import Plan, amend, check_options
from medsynai.flow.release import Release, Released
from medsynai.flow.run import make

__all__ = ["Assessment", "Release", "evaluate", "read", "synthesize"]


def read(data: Data, schema: Schema | str | Path | None = None) -> Table:
    """A file, a database table or a frame as a table with a schema, for `Forest().fit`.

    Models learn its learnable columns only: identifiers, free text and raw dates stay out.

    Args:
        data: a path, a database URL with `::table`, or a pandas frame.
        schema: what the columns are, or the path of a schema file; inferred if None.

    Raises:
        ReadError: a source that cannot be read as a table.
        SchemaError: data that do not fit the schema.

    >>> import pandas as pd
    >>> table = read(pd.DataFrame({"age": range(30, 90), "sex": ["f", "m", "f"] * 20}))
    >>> len(table), table.schema["sex"].kind.value
    (60, 'binary')
    """
    return read_source(data, _schema_of(schema)).table


class Options(TypedDict, total=False):
    """What `synthesize` takes by name; each is a field of `Plan`, where its default stands."""

    model: str
    preset: str
    settings: Mapping[str, Any]
    time_budget: float | None
    device: str
    refine: bool
    rows: int | None
    target: str | None
    leaks: str | Sequence[str]
    condition: str | Sequence[str]
    keep: str | Sequence[str]
    impute: str | None
    mix_real: float | None
    holdout: float
    seed: int
    draw: int
    measures: str | Sequence[str]
    attacks: str
    policy: str | None
    form: str
    positive_control: bool
    epsilon: float | None
    delta: float | None
    ledger: str | None
    total_epsilon: float | None
    warm_start: str | None
    credit: str
    licence: str
    contact: str


def synthesize(
    data: Data | None = None,
    *,
    schema: Schema | str | Path | None = None,
    plan: Plan | None = None,
    **options: Unpack[Options],
) -> Released:
    """Make a synthetic release in memory; `.save(dir)` writes its folder.

    Args:
        data: a path, a database URL or a pandas frame; None if the plan names it.
        schema: what the columns are, or the path of a schema file; inferred if None.
        plan: where to start from; the other arguments win.
        options: see `Options`; `condition` is "sex=female" or several like ["age>=60", "age<80"].

    Returns:
        The release: `.frame` in the dtypes of the data, `.scores`, `.verdict`, `.evidence`.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    check_options(options, list(Options.__annotations__))
    chosen: dict[str, Any] = dict(options)
    chosen["conditions"] = chosen.pop("condition", None)
    for name in ("conditions", "leaks", "keep", "measures"):
        if isinstance(chosen.get(name), str):
            chosen[name] = (chosen[name],)
    if data is not None:
        check_source(data)
    handed = Handed(data if isinstance(data, pd.DataFrame) else None, _schema_of(schema))
    if isinstance(data, str | Path):
        chosen["source"] = str(data)
    return make(amend(plan or Plan(), chosen), handed)


def evaluate(
    *,
    real: Data,
    synthetic: Data,
    holdout: Data | None = None,
    schema: Schema | str | Path | None = None,
    target: str | None = None,
    seed: int = 0,
) -> Assessment:
    """Judge anybody's synthetic table against the real one.

    Args:
        real: the rows that the generator was trained on.
        synthetic: the rows to judge.
        holdout: real rows that it never saw; without them the attacks are "not assessed".
        schema: what the columns are, or the path of a schema file; inferred from `real` if None.
        target: the outcome that utility is judged on.
        seed: all randomness of the measures.

    Returns:
        `.scores`, `.verdict`, `.evidence`; `.save(dir)` writes the report.

    Raises:
        InputError: whatever the user can mend; the message says how.
    """
    files = Files(real, synthetic, holdout, _schema_of(schema))
    return assess(files, target, Panel(), seed)


def _schema_of(schema: Schema | str | Path | None) -> Schema | None:
    return read_schema_file(Path(schema)) if isinstance(schema, str | Path) else schema
