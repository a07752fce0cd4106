"""SQLite as we use it: WAL, synced at each commit, transactions that begin when we say so."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from bridge.errors import StoreProblem
from bridge.store.sql.faults import meaning

BUSY_TIMEOUT_MS = 5000
MOVED = "the database file was removed or replaced while it is in use: put it back, or start again"


def sqlite_engine(path: Path, *, begin: str = "BEGIN IMMEDIATE") -> Engine:
    """An engine whose transactions start with `begin`; "BEGIN" is enough for one that only reads.

    SQLite goes on writing to a file that was removed or renamed, and what it commits there is lost: so each
    transaction begins by asking whether the files are still in their place, and raises StoreProblem if they are not.
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
        if files is not None and _files(path) != files:
            raise StoreProblem(MOVED)
        conn.exec_driver_sql(begin)
        if files is None:
            # Until it has read once, a connection does not keep others from removing the log as they close.
            conn.exec_driver_sql("SELECT count(*) FROM sqlite_master")
            conn.info["files"] = _files(path)

    return engine


def _files(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """Which files stand at the names of the database and its log; None for a name without a file."""
    return tuple(_file(name) for name in (path, path.with_name(path.name + "-wal")))


def _file(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
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
