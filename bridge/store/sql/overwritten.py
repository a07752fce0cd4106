"""A word beside a database that was written over while it was in use, for whoever opens it next.

As long as the log (-wal) of before stands beside the copy, SQLite would write it into the copy.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from bridge.errors import StoreProblem

WRITTEN_OVER = (
    "the database file was written over while it was in use (a copy put over it?): stop serve, remove the files that "
    "end in -wal and -shm beside it, put the copy in its place again, then start"
)


def leave_word(database: Path) -> None:
    with contextlib.suppress(OSError):
        _word(database).write_text(f"{WRITTEN_OVER}\n")


def heed_word(database: Path) -> None:
    """Raises StoreProblem while there is such a word and the log of before; the word goes with that log."""
    word = _word(database)
    if not word.exists():
        return
    if database.with_name(database.name + "-wal").exists():
        raise StoreProblem(WRITTEN_OVER)
    with contextlib.suppress(OSError):
        word.unlink()


def _word(database: Path) -> Path:
    return database.with_name(database.name + ".written-over")
