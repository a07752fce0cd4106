"""The rows of joined lists, kept in a temporary file while a fleet is listed: they are too many for memory.

The file is this user's alone (0600) and has no name any more as soon as it is open, so nothing stays behind, whatever
ends the process.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import orjson

from bridge.model import LookFailed

_CACHE_KIB: Final = 8192
_SCHEMA: Final = f"""
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -{_CACHE_KIB};
    CREATE TABLE rows (join_name TEXT NOT NULL, key TEXT NOT NULL, row BLOB NOT NULL);
    CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
    BEGIN;
"""
"""All is one transaction that never ends: what does not fit into the cache goes to the file, and nothing else."""


class Spool:
    """Raises LookFailed("limited") if the file cannot be written: the disk of temporary files is full, or not ours."""

    def __init__(self) -> None:
        path = ""
        try:
            handle, path = tempfile.mkstemp(prefix="caep-bridge-sweep-")
            os.close(handle)
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error):
            raise _no_room() from None
        finally:
            with suppress(OSError):  # where an open file keeps its name, `close` takes it away
                os.unlink(path)
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        with suppress(OSError):
            os.unlink(self._path)

    def add(self, join: str, rows: Iterable[tuple[str, object]]) -> None:
        """Rows of a join, each with its key."""
        self._many("INSERT INTO rows VALUES (?, ?, ?)", [(join, key, orjson.dumps(row)) for key, row in rows])

    def close_joins(self) -> None:
        """Make the rows findable; none is added after that. Takes a second for a million, so not in the event loop."""
        try:
            self._db.execute("CREATE INDEX rows_by_key ON rows (join_name, key)")
        except sqlite3.Error:
            raise _no_room() from None

    def find(self, join: str, key: str) -> list[object]:
        """In the order of adding, equal ones once."""
        try:
            found = self._db.execute("SELECT row FROM rows WHERE join_name = ? AND key = ? ORDER BY rowid", (join, key))
            return [orjson.loads(row) for row in dict.fromkeys(row for (row,) in found)]
        except sqlite3.Error:
            raise _no_room() from None

    def see(self, ids: Iterable[str]) -> int:
        """How many of these devices were not seen before."""
        before = self._db.total_changes
        self._many("INSERT OR IGNORE INTO seen VALUES (?)", [(one,) for one in ids])
        return self._db.total_changes - before

    def _many(self, statement: str, values: list[tuple[object, ...]]) -> None:
        try:
            self._db.executemany(statement, values)
        except sqlite3.Error:
            raise _no_room() from None


def _no_room() -> LookFailed:
    return LookFailed("limited", "the temporary file of the sweep cannot be written: see TMPDIR and its disk", 300.0)
