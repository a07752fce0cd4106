"""The store: what arrived, what is believed, who was told. `open_store` is the only door; callers type `protocol`."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from bridge.clock import Clock
from bridge.errors import StoreProblem, Unavailable
from bridge.store import upgrade as revisions
from bridge.store.lock import FileLock
from bridge.store.memory import MemoryStore
from bridge.store.protocol import Store
from bridge.store.sql.engine import sqlite_engine
from bridge.store.sql.overwritten import heed_word
from bridge.store.sql.place import Place
from bridge.store.sql.store import SqlStore

__all__ = ["compact_database", "open_store"]

MIN_FREE = 64 * 1024 * 1024


async def open_store(
    url: str,
    clock: Clock,
    *,
    exclusive: bool,
    create: bool = False,
    min_free: int = MIN_FREE,
    patience: float = 2.0,
) -> Store:
    """Opens `memory:` or `sqlite:///<file>`.

    `exclusive`: as the one `serve` on this file; a second one is refused. Others open without it, also meanwhile.
    `create`: make the file and its tables if there are none yet. An older revision is never upgraded here.
    `min_free`: bytes on the disk below which nothing is written. `patience`: seconds until a call gets `Unavailable`.
    Raises StoreProblem, or Unavailable when another process keeps the database busy: Migrating when it migrates it.
    """
    if url == "memory:":
        return MemoryStore(clock)
    path = revisions.database_path(url)
    lock = await asyncio.to_thread(_lock, url, path) if exclusive else None
    try:
        await asyncio.to_thread(_prepare, url, path, create)
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    admit = _room(path.absolute().parent, min_free)
    if lock is None:
        return SqlStore(sqlite_engine(path), sqlite_engine(path, begin="BEGIN"), clock, patience=patience, admit=admit)
    place = Place(path)

    def closed() -> None:
        place.close()
        lock.release()

    return SqlStore(
        sqlite_engine(path, place=place),
        sqlite_engine(path, begin="BEGIN", place=place),
        clock,
        patience=patience,
        admit=admit,
        on_close=closed,
        spoiled=lambda: place.spoiled,
    )


async def compact_database(url: str) -> None:
    """Writes the SQLite file anew, without the room of what was deleted. Raises StoreProblem while `serve` runs."""
    path = revisions.database_path(url)
    lock = FileLock(path)
    try:
        await asyncio.to_thread(_rewrite, path)
    finally:
        lock.release()


def _lock(url: str, path: Path) -> FileLock:
    """That of the one `serve`. Who migrates holds it too, and is waited for, or named."""
    try:
        return FileLock(path)
    except StoreProblem:
        revisions.status(url)
        return FileLock(path)


def _rewrite(path: Path) -> None:
    raw = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreProblem(f"the database could not be written anew: {error}") from error
    finally:
        raw.close()


def _prepare(url: str, path: Path, create: bool) -> None:
    if not create and not path.exists():
        raise StoreProblem(f"there is no database {path}: `{revisions.COMMAND}` makes it, and so does the first serve")
    heed_word(path)
    revision, head = revisions.status(url)
    if not revisions.check(revision):
        return
    if revision is not None or not create:
        stands = revision or "none"
        raise StoreProblem(f"the database {path} is at revision {stands}, not {head}: run `{revisions.COMMAND}`")
    revisions.upgrade(url)


def _room(folder: Path, least: int) -> Callable[[], None]:
    def admit() -> None:
        if shutil.disk_usage(folder).free < least:
            raise Unavailable("the disk of the database is nearly full: nothing is written until there is room", 60)

    return admit
