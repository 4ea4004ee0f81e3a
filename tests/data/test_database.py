"""Databases: SQLite, and a real PostgreSQL that these tests start and stop themselves."""

import datetime as dt
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from medsynai.data.canonical import from_canonical
from medsynai.data.read import Loaded, read, read_raw
from medsynai.data.schema import Kind
from medsynai.data.write import write
from medsynai.errors import MissingExtra, ReadError

pytest.importorskip("sqlalchemy")
ROWS = 60


def fill(run: object, kinds: dict[str, str], mark: str) -> None:
    """A table `visits` of every common column type."""
    columns = {
        "id": [10**6 + i for i in range(ROWS)],
        "age": [None if i % 7 == 0 else 20 + i for i in range(ROWS)],
        "dose": [f"{i}.50" for i in range(ROWS)],
        "sex": ["f" if i % 2 else "m" for i in range(ROWS)],
        "day": [dt.date(2020, 1, 1) + dt.timedelta(i) for i in range(ROWS)],
        "alive": [None if i % 5 == 0 else i % 2 == 0 for i in range(ROWS)],
    }
    spelt = ", ".join(f"{n} {kinds[n]}" for n in columns)
    execute = run.execute  # type: ignore[attr-defined]
    execute(f"create table visits ({spelt})")
    for row in zip(*columns.values(), strict=True):
        execute(f"insert into visits values ({', '.join([mark] * len(row))})", row)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("db") / "clinic.db"
    kinds = {
        "id": "integer",
        "age": "integer",
        "dose": "numeric",
        "sex": "text",
        "day": "text",
        "alive": "integer",
    }
    with sqlite3.connect(path) as connection:
        sqlite3.register_adapter(dt.date, dt.date.isoformat)
        fill(connection, kinds, "?")
        connection.execute("create table bare (a integer, b integer)")
    connection.close()
    return path


def test_a_sqlite_table_is_read_and_written_as_csv(sqlite: Path, tmp_path: Path) -> None:
    loaded = read(f"sqlite:///{sqlite}::visits")
    schema = loaded.table.schema
    assert len(loaded.table) == ROWS
    assert schema["age"].kind is Kind.INTEGER and schema["age"].storage == "Int64"
    assert schema["day"].kind is Kind.DATE
    assert loaded.source.suffix == ".csv"
    write(loaded.table, loaded.source, tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[:3] == ["id,age,dose,sex,day,alive", lines[1], lines[2]]
    assert lines[1].split(",")[1] == "" and lines[2].split(",")[1] == "21"


def test_a_query_reads_its_own_columns(sqlite: Path) -> None:
    raw = read_raw(f"sqlite:///{sqlite}::select sex, count(*) as n from visits group by sex;")
    assert list(raw.frame) == ["sex", "n"] and raw.frame["n"].sum() == ROWS


def test_nothing_can_be_written_through_a_source(sqlite: Path) -> None:
    before = sqlite.read_bytes()
    for wanted in (
        "with x as (select 1) insert into bare select 1, 2",
        "delete from visits",
        "drop table visits",
    ):
        with pytest.raises(ReadError):
            read(f"sqlite:///{sqlite}::{wanted}")
    assert sqlite.read_bytes() == before


def test_wrong_places_say_so_without_the_password(sqlite: Path, tmp_path: Path) -> None:
    for source, says in [
        (f"sqlite:///{sqlite}", "no table or query"),
        (f"sqlite:///{sqlite}::absent", "has no table or view 'absent'"),
        (f"sqlite:///{sqlite}::bare", "no rows"),
        (f"sqlite:///{sqlite}::select SECRET from", "refused the table or query"),
        (f"sqlite:///{tmp_path / 'none.db'}::visits", "no such file"),
        ("nosuch://ann:SECRET@host/db::visits", "no such kind of database"),
        ("postgresql://ann:SECRET@127.0.0.1:1/db::visits", "cannot connect"),
        ("postgresql://ann:S@SECRET@127.0.0.1:1/db::visits", "cannot connect"),
        ("postgresql://127.0.0.1:1/db::visits", "name the whole URL again"),
        ("postgresql://127.0.0.1:1/db?user=ann&password=SECRET::visits", "cannot connect"),
        ("postgresql://ann:SECRET@127.0.0.1:port/db::visits", "is not a database URL"),
    ]:
        with pytest.raises(ReadError) as caught:
            read(source)
        assert says in str(caught.value) and "SECRET" not in str(caught.value), source
    assert not (tmp_path / "none.db").exists()


def test_a_missing_extra_prints_its_install_line(
    sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtra, match=r"medsynai\[sql\]"):
        read(f"sqlite:///{sqlite}::visits")


def _binaries() -> Path | None:
    """The newest PostgreSQL whose server and initdb are there."""
    found = [Path(p).parent for p in (shutil.which("postgres"),) if p]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((p for p in found if all((p / b).exists() for b in ("initdb", "pg_ctl"))), None)


def _as_other(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: hand the folder to another user then."""
    if os.getuid() != 0:
        return []
    runuser = shutil.which("runuser")
    for user in ("postgres", "nobody"):
        known = subprocess.run(["id", "-u", user], capture_output=True, check=False)
        if runuser and known.returncode == 0:
            shutil.chown(folder, user)
            return [runuser, "-u", user, "--"]
    pytest.skip("no other user to run PostgreSQL as")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    pytest.importorskip("psycopg")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Not pytest's own folder: another user has to reach it, and a socket's path is short.
    home = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    other = _as_other(home)
    data = home / "data"

    def run(*words: object) -> None:
        subprocess.run(
            [*other, *map(str, words)], check=True, capture_output=True, timeout=60, cwd=home
        )

    try:
        run(binaries / "initdb", "-D", data, "-U", "ann", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-p {port} -h 127.0.0.1 -k {home} -F"
        # The server must not hold the pipes of pg_ctl open: its words go to a file.
        run(binaries / "pg_ctl", "-D", data, "-l", home / "log", "-o", options, "-w", "start")
        try:
            yield f"postgresql://ann:SECRET@127.0.0.1:{port}/postgres"
        finally:
            run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def visits(postgres: str) -> str:
    import psycopg

    kinds = {
        "id": "bigint",
        "age": "integer",
        "dose": "numeric(8, 2)",
        "sex": "text",
        "day": "date",
        "alive": "boolean",
    }
    with psycopg.connect(postgres) as connection:
        connection.execute("create schema ward")
        connection.execute("set search_path to ward")
        fill(connection, kinds, "%s")
        connection.execute("create sequence counter")
        connection.execute("create table odd (a integer[], b text)")
        connection.execute("insert into odd values ('{1}', 'x')")
    return postgres


def test_a_postgresql_table_keeps_its_types(visits: str, tmp_path: Path) -> None:
    loaded = read(f"{visits}::ward.visits")
    schema = loaded.table.schema
    assert len(loaded.table) == ROWS
    assert schema["dose"].kind is Kind.CONTINUOUS
    assert schema["day"].kind is Kind.DATE
    assert schema["alive"].categories == ("False", "True")
    back = from_canonical(loaded.table, loaded.source)
    assert back["day"].iloc[0] == dt.date(2020, 1, 1)
    write(loaded.table, loaded.source, tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[2] == "1000001,21,1.50,f,2020-01-02,False"
    assert "SECRET" not in loaded.source.to_toml() and "127.0.0.1" not in loaded.source.to_toml()


def test_a_postgresql_query_may_cast_and_cannot_write(visits: str) -> None:
    wanted = "select age::text as years, dose from ward.visits where sex = 'f' and sex <> ':x'"
    assert len(read_raw(f"{visits}::{wanted}").frame) == ROWS // 2
    gone = "with gone as (delete from ward.visits returning *) select * from gone"
    with pytest.raises(ReadError):
        read(f"{visits}::{gone}")
    with pytest.raises(ReadError, match="ReadOnlySqlTransaction"):
        read(f"{visits}::select nextval('ward.counter')")
    assert len(read_raw(f"{visits}::ward.visits").frame) == ROWS


def test_postgresqls_own_words_are_not_shown(visits: str) -> None:
    with pytest.raises(ReadError) as caught:
        read(f"{visits}::select sex::integer from ward.visits")
    assert "InvalidTextRepresentation" in str(caught.value)
    assert '"m"' not in str(caught.value) and "SECRET" not in str(caught.value)
    with pytest.raises(ReadError, match="column 'a' has values of type list"):
        read(f"{visits}::ward.odd")


def test_both_databases_hold_the_same_rows(visits: str, sqlite: Path) -> None:
    def cells(loaded: Loaded) -> list[object]:
        return loaded.table.frame[["age", "sex"]].astype(object).fillna("").to_numpy().tolist()

    query = "select * from {} order by id"
    here = read(f"sqlite:///{sqlite}::{query.format('visits')}")
    there = read(f"{visits}::{query.format('ward.visits')}")
    assert cells(here) == cells(there)
