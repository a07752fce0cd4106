"""What a database's complaint means to us. No message repeats a parameter of the statement."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError

from bridge.errors import BridgeError, StoreProblem, Unavailable

LATER = "the database is busy: another process has held it too long"
FULL = "the disk of the database is full"

_MEANING: dict[int, tuple[type[Unavailable] | type[StoreProblem], str]] = {
    sqlite3.SQLITE_BUSY: (Unavailable, LATER),
    sqlite3.SQLITE_LOCKED: (Unavailable, LATER),
    sqlite3.SQLITE_FULL: (Unavailable, FULL),
    sqlite3.SQLITE_NOMEM: (Unavailable, "the database is out of memory"),
    sqlite3.SQLITE_READONLY: (StoreProblem, "the database is read-only"),
    sqlite3.SQLITE_PERM: (StoreProblem, "access to the database is denied"),
    sqlite3.SQLITE_AUTH: (StoreProblem, "access to the database is denied"),
    sqlite3.SQLITE_CANTOPEN: (StoreProblem, "the database file cannot be opened, or its folder not written to"),
    sqlite3.SQLITE_CORRUPT: (StoreProblem, "the database is corrupt: restore it from a backup"),
    sqlite3.SQLITE_NOTADB: (StoreProblem, "the file is not a database, or it is corrupt"),
    sqlite3.SQLITE_IOERR: (StoreProblem, "the disk of the database failed to read or write"),
    sqlite3.SQLITE_PROTOCOL: (Unavailable, LATER),
}


def meaning(error: DBAPIError) -> BridgeError | None:
    """The database's own trouble; None when the fault lies in what we asked of it (a row that it refuses)."""
    if isinstance(error, IntegrityError):
        return None
    code = getattr(error.orig, "sqlite_errorcode", None)
    kind = _MEANING.get(code & 0xFF) if isinstance(code, int) else None
    if kind is not None:
        return kind[0](kind[1])
    if isinstance(error.orig, sqlite3.OperationalError) and "no such" in str(error.orig):
        return StoreProblem("the database lacks a table or column: run `caep-bridge db upgrade`")
    return None


def spoils_connection(error: DBAPIError) -> bool:
    """Whether the connection should be opened anew before it is used again."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return error.connection_invalidated or code in (
        sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN,
    )  # fmt: skip
