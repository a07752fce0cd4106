"""Which revision a database is at, and how it gets to ours."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from bridge.errors import Migrating, StoreProblem, Unavailable
from bridge.store.lock import FileLock, is_held
from bridge.store.migrations import HEAD, REVISIONS
from bridge.store.sql.engine import connect, sqlite_engine
from bridge.store.sql.faults import meaning
from bridge.store.sql.tables import metadata

COMMAND = "caep-bridge db upgrade"
PATIENCE = 3.0
"""Seconds for which an upgrade by another process is waited for."""
AGAIN = 0.05
_MIGRATIONS = Path(__file__).parent / "migrations"


def database_path(url: str) -> Path:
    """The file that a `sqlite:///` URL names. Raises StoreProblem for any other URL; no message repeats a password."""
    scheme = url.partition(":")[0]
    if scheme.partition("+")[0] in ("postgresql", "postgres"):
        raise StoreProblem("store.url: postgresql is not supported yet: use sqlite:///<file>")
    if url == "memory:":
        raise StoreProblem("store.url: memory: has no file and needs no upgrade; it ends with `serve`")
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername != "sqlite":
        raise StoreProblem(f"store.url: unknown scheme {scheme[:20]!r}: supported are sqlite:///<file> and memory:")
    if not parsed.database or parsed.database == ":memory:" or parsed.host or parsed.query:
        raise StoreProblem("store.url: sqlite needs a file: sqlite:///caep-bridge.db or sqlite:////var/lib/bridge.db")
    return Path(parsed.database)


@retry(retry=retry_if_exception_type(Migrating), stop=stop_after_delay(PATIENCE), wait=wait_fixed(AGAIN), reraise=True)
def status(url: str) -> tuple[str | None, str]:
    """(the database's revision, ours). None: it was never migrated, or there is no file. Changes nothing.

    Raises Migrating where another process is at it, and has not ended within three seconds: what stands there now is
    neither the old nor the new, and nobody should act on it.
    """
    path = database_path(url)
    if is_held(path, "upgrade"):
        raise Migrating(migrating(path))
    if not path.exists() or path.stat().st_size == 0:
        return None, HEAD
    engine = sqlite_engine(path, begin="BEGIN")
    try:
        with connect(engine) as conn, conn.begin():
            return _revision(conn), HEAD
    except DBAPIError as error:
        raise meaning(error) or StoreProblem(f"the database cannot be read: {error.orig}") from error
    finally:
        engine.dispose()


def migrating(path: Path) -> str:
    return f"the database {path} is being migrated by another process: try again in a moment"


@retry(retry=retry_if_exception_type(Unavailable), stop=stop_after_delay(5), wait=wait_fixed(AGAIN), reraise=True)
def upgrade(url: str) -> None:
    """Brings the database to our revision, making the file if there is none. One transaction: all or nothing.

    Raises StoreProblem if the database is at a revision that we do not know, and Unavailable if it is busy for long.
    SQLite itself does not wait for another process that makes the same new file a WAL database: so it is tried again.
    """
    path = database_path(url)
    make_file(path)
    lock = _alone(path)
    engine = sqlite_engine(path)
    try:
        with connect(engine) as conn, conn.begin():
            if check(_revision(conn)):
                _run(conn)
    except DBAPIError as error:
        raise meaning(error) or StoreProblem(f"the database cannot be upgraded: {error.orig}") from error
    finally:
        engine.dispose()
        lock.release()


def upgrade_unserved(url: str) -> None:
    """As `upgrade`, and refused with StoreProblem while a `serve` runs on the database: it would go on in the old way
    on the new tables."""
    lock = FileLock(database_path(url))
    try:
        upgrade(url)
    finally:
        lock.release()


def _alone(path: Path) -> FileLock:
    try:
        return FileLock(path, "upgrade")
    except StoreProblem as problem:
        if not is_held(path, "upgrade"):
            raise
        raise Migrating(migrating(path)) from problem


def check(revision: str | None) -> bool:
    """Whether an upgrade is needed. Raises StoreProblem for a revision that we do not know."""
    if revision is not None and revision not in REVISIONS:
        raise StoreProblem(
            f"the database is at revision {revision}, which this version does not know (it knows up to {HEAD}): "
            f"install the version that wrote it, or one that is newer, then run `{COMMAND}`"
        )
    return revision != HEAD


def make_file(path: Path) -> None:
    """An empty file that only its owner may read: it will hold webhooks and signed SETs."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600))
    except OSError as error:
        raise StoreProblem(f"the database {path} cannot be opened: {error.strerror}") from error


def _revision(conn: Connection) -> str | None:
    tables = inspect(conn).get_table_names()
    if "alembic_version" in tables:
        found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found == HEAD and (lacking := _lacking(conn)):
            raise StoreProblem(
                f"the database says that it is at revision {HEAD}, and lacks {', '.join(lacking)}: it was made by a "
                "version between two releases, and nothing leads from there; move its file away, begin with a new one"
            )
        return found
    if tables:
        raise StoreProblem("the database holds tables of another program")
    return None


def _lacking(conn: Connection) -> list[str]:
    """The tables and columns of ours that are not there, three of them at most."""
    there = {
        table: {one["name"] for one in columns} for (_, table), columns in inspect(conn).get_multi_columns().items()
    }
    missing = [
        table.name if table.name not in there else f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name not in there.get(table.name, ())
    ]
    return list(dict.fromkeys(missing))[:3]


def _run(conn: Connection) -> None:
    from alembic import command  # not at the top: it costs a tenth of a second that most starts need not pay
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
