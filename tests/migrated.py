"""New databases for the tests, without the tenth of a second that Alembic takes for each.

The first one of a process is migrated; its statements are kept, and run again for each that is as empty as it was.
`tests/store/test_upgrade.py` has every one migrated, and compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import Connection

from bridge.store import upgrade
from bridge.store.sql.engine import sqlite_engine

_migrate = upgrade._run


@pytest.fixture(scope="session", autouse=True)
def made_again() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upgrade, "_run", make_again)
        yield


@pytest.fixture
def migrated() -> Iterator[None]:
    """Alembic makes every database of this test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upgrade, "_run", _migrate)
        yield


def make_again(conn: Connection) -> None:
    if conn.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar():
        _migrate(conn)
        return
    for statement in _statements():
        conn.exec_driver_sql(statement)


@cache
def _statements() -> tuple[str, ...]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "bridge.db")
        engine = sqlite_engine(path)
        with engine.begin() as conn:
            _migrate(conn)
        with engine.connect() as conn:
            dump = [*conn.connection.driver_connection.iterdump()]
        engine.dispose()
    return tuple(one for one in dump if one not in ("BEGIN TRANSACTION;", "COMMIT;"))
