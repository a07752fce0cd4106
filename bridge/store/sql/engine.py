"""SQLite as we use it: WAL, synced at each commit, transactions that begin when we say so."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from bridge.errors import StoreProblem
from bridge.store.sql.faults import meaning
from bridge.store.sql.place import Place

BUSY_TIMEOUT_MS = 5000
MOVED = "the database file was removed or replaced while it is in use: put it back, or start again"
ALTERED = (
    "the schema of the database was changed, or a copy restored into it, while it is in use: start again, and after a "
    "restored copy follow docs/playbook.md"
)


def sqlite_engine(path: Path, *, begin: str = "BEGIN IMMEDIATE", place: Place | None = None) -> Engine:
    """An engine whose transactions start with `begin`; "BEGIN" is enough for one that only reads.

    SQLite goes on writing to a file that was removed or renamed, and what it commits there is lost: so each
    transaction begins by asking whether the files are still in their place, and raises StoreProblem if they are not.
    With a `place` it also asks whether somebody wrote over the file. Nor does it go on once the schema is another: a
    migration, or a copy that was restored by SQLite's own means.
    """
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def connected(raw: sqlite3.Connection, _: Any) -> None:
        raw.isolation_level = None  # the driver must not begin transactions on its own
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "wal_autocheckpoint=4000",  # 16 MiB: the same pages are written many times between checkpoints
            "journal_size_limit=67108864",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(conn: Connection) -> None:
        files = conn.info.get("files")
        if files is not None:
            if _files(path) != files:
                raise StoreProblem(MOVED)
            if place is not None:
                place.look()
        conn.exec_driver_sql(begin)
        try:
            _see(conn, path, place)
        except StoreProblem:
            conn.exec_driver_sql("ROLLBACK")
            raise

    if place is not None:
        event.listen(engine, "commit", lambda conn: place.look())
    return engine


def _see(conn: Connection, path: Path, place: Place | None) -> None:
    """Until it has read once, a connection does not keep others from removing the log as they close: so what it stands
    on is seen only after that."""
    schema = _schema(conn)
    if conn.info.setdefault("schema", schema) != schema:
        raise StoreProblem(ALTERED)
    if "files" not in conn.info:
        conn.exec_driver_sql("SELECT count(*) FROM sqlite_master")
        conn.info["files"] = _files(path)
        if place is not None:
            place.look()


def _schema(conn: Connection) -> int:
    """SQLite's own number of the schema; also a restore by its backup interface changes it."""
    raw: sqlite3.Connection = conn.connection.driver_connection  # type: ignore[assignment]  # only SQLite comes here
    found: int = raw.execute("PRAGMA schema_version").fetchone()[0]
    return found


def _files(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Which files stand at the names of the database, its log and the index of that; None for a name without a file."""
    return tuple(_file(f"{path}{end}") for end in ("", "-wal", "-shm"))


def _file(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def connect(engine: Engine) -> Connection:
    """A connection, or the reason why there is none as `Unavailable` or `StoreProblem`."""
    try:
        return engine.connect()
    except DBAPIError as error:
        raise meaning(error) or StoreProblem(f"the database cannot be opened: {error.orig}") from error
    except sqlite3.Error as error:
        raise _raw(error) from error


def _raw(error: sqlite3.Error) -> Exception:
    """The pragmas run on the bare driver, whose errors SQLAlchemy does not wrap."""
    return meaning(DBAPIError(None, None, error)) or StoreProblem(f"the database cannot be opened: {error}")
