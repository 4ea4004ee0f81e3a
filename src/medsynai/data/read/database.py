"""A database table or query by URL, read only: `sqlite:///clinic.db::visits`.

Behind `::` stands a table (`visits`, `ward.visits`) or a query that starts with `select` or `with`.
"""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from medsynai.data.read import frame as frames
from medsynai.data.read.files import check_file
from medsynai.data.source import Format, Raw, hide_password
from medsynai.errors import MissingExtra, ReadError

FORM = "write it as sqlite:///file.db::table or postgresql://user@host/database::select ..."
PARTS = re.compile(r"(?s)(\w+(?:\+\w+)?://(?:\[[^\]]*\]|[^\[])*?)::(.+)")
QUERY = re.compile(r"(?is)\s*(select|with)\b")


def read(url: str) -> Raw:
    """The rows of a table or query.

    Raises:
        MissingExtra: SQLAlchemy or the database's driver is not installed.
        ReadError: a URL that is not of the form above, no connection, no such table, or a query
            that fails. Neither the password nor the server's own words, which may quote a value,
            are shown.
    """
    parts = PARTS.fullmatch(url)
    if parts is None:
        raise ReadError(f"{hide_password(url)}: no table or query; {FORM}")
    place, wanted = parts.groups()
    try:
        import sqlalchemy
        from sqlalchemy import exc
    except ImportError:
        raise MissingExtra("reading databases", "sqlalchemy", "sql") from None
    shown = hide_password(place)
    try:
        engine = _open(place, sqlalchemy)
    except exc.NoSuchModuleError:
        raise ReadError(f"{shown}: no such kind of database; {FORM}") from None
    except (exc.ArgumentError, ValueError):
        raise ReadError(f"{shown} is not a database URL; {FORM}") from None
    except ImportError:
        raise MissingExtra(f"reading {shown}", "a database driver", "sql") from None
    try:
        try:
            connection = engine.connect()
        except exc.SQLAlchemyError:
            raise ReadError(f"{shown}: cannot connect; {_advice(engine.url)}") from None
        with connection:
            return _fetch(connection, wanted.strip().rstrip(";"), shown)
    finally:
        engine.dispose()


def _advice(url: Any) -> str:
    """What to look at when a server lets nobody in."""
    advice = "check host, name and rights"
    if url.password is None and "password" not in url.query:
        advice += "; no password was given (a plan keeps none: name the whole URL again)"
    return advice


def _open(place: str, sqlalchemy: Any) -> Any:
    """An engine that cannot write, as far as the database lets us say so."""
    url = sqlalchemy.engine.make_url(place)
    backend = url.get_backend_name()
    if backend == "sqlite" and url.database not in (None, "", ":memory:"):
        # SQLite would make an absent file; and only a `file:` URI can be opened read only.
        path = check_file(Path(url.database)).resolve()
        url = url.set(database=f"{path.as_uri()}", query={"mode": "ro", "uri": "true"})
    if backend == "postgresql" and "+" not in url.drivername:
        url = url.set(drivername="postgresql+psycopg")
    options = {"postgresql_readonly": True} if backend == "postgresql" else {}
    return sqlalchemy.create_engine(url, execution_options=options, poolclass=sqlalchemy.NullPool)


def _fetch(connection: Any, wanted: str, shown: str) -> Raw:
    import sqlalchemy
    from sqlalchemy import exc

    try:
        if QUERY.match(wanted):
            statement: Any = sqlalchemy.text(wanted.replace(":", r"\:"))
        else:
            schema, _, table = wanted.rpartition(".")
            if not sqlalchemy.inspect(connection).has_table(table, schema=schema or None):
                raise ReadError(f"{shown} has no table or view {wanted!r}; {FORM}")
            named = sqlalchemy.table(table, schema=schema or None)
            statement = sqlalchemy.select(sqlalchemy.text("*")).select_from(named)
        result = connection.execution_options(stream_results=True).execute(statement)
        names, rows = tuple(map(str, result.keys())), result.fetchall()
    except exc.SQLAlchemyError as error:
        kind = type(getattr(error, "orig", None) or error).__name__
        raise ReadError(f"{shown}: the database refused the table or query ({kind})") from None
    finally:
        connection.rollback()
    columns = [type_values(c) for c in zip(*rows, strict=True)]
    frame = pd.concat(columns, axis=1) if rows else pd.DataFrame(columns=range(len(names)))
    frame.columns = pd.Index(names)
    return frames.read(frame, Format.SQL)


def type_values(values: tuple[Any, ...]) -> pd.Series:
    """A result's column; whole numbers and truth values stay so beside missing ones."""
    kinds = {type(v) for v in values if v is not None}
    nullable = {int: "Int64", bool: "boolean"}
    if None in values and len(kinds) == 1 and (kind := next(iter(kinds))) in nullable:
        return pd.Series(values, dtype=nullable[kind])
    return pd.Series(
        values, dtype="object" if not kinds or None in values else None
    ).infer_objects()
