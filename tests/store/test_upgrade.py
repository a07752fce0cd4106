"""Revisions: found from an installed package, named when unknown, all or nothing."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bridge.errors import StoreProblem
from bridge.store import migrations, open_store, upgrade
from bridge.store.sql.engine import sqlite_engine
from bridge.store.sql.tables import metadata
from tests.migrated import make_again
from tests.store.given import FakeClock, url

pytestmark = pytest.mark.usefixtures("migrated")

FOLDER = Path(migrations.__file__).parent


def raw(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path / "bridge.db", isolation_level=None)


def set_revision(path: Path, revision: str) -> None:
    with raw(path) as conn:
        conn.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    conn.close()


def test_the_known_revisions_are_those_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [migrations.HEAD]
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == migrations.REVISIONS


def test_an_upgraded_database_has_the_tables_of_the_code(tmp_path: Path) -> None:
    upgrade.upgrade(url(tmp_path))
    engine = sqlite_engine(tmp_path / "bridge.db")
    with engine.connect() as conn:
        migrated = _schema(conn.connection.driver_connection)
        assert compare_metadata(MigrationContext.configure(conn, opts={"compare_server_default": True}), metadata) == []
    other = sqlite_engine(tmp_path / "made.db")
    metadata.create_all(other)
    with other.connect() as conn:
        made = _schema(conn.connection.driver_connection)
    assert migrated == made


def test_what_other_tests_make_again_is_what_alembic_makes(tmp_path: Path) -> None:
    upgrade.upgrade(url(tmp_path))
    other = sqlite_engine(tmp_path / "again.db")
    with other.begin() as conn:
        make_again(conn)
    made = [sqlite3.connect(tmp_path / name) for name in ("bridge.db", "again.db")]
    first, second = [[*one.iterdump()] for one in made]
    assert first == second and len(first) > 20
    for one in made:
        one.close()


def _schema(conn: object) -> dict[str, str]:
    """Name → statement, blanks and the order of constraints aside."""
    found = conn.execute(  # type: ignore[attr-defined]  # a Connection
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'"
    )
    return {name: " ".join(sorted(re.findall(r"[^\s(),]+", sql))) for name, sql in found}


def test_status_before_and_after(tmp_path: Path) -> None:
    assert upgrade.status(url(tmp_path)) == (None, migrations.HEAD)
    assert not (tmp_path / "bridge.db").exists()
    upgrade.upgrade(url(tmp_path))
    assert upgrade.status(url(tmp_path)) == (migrations.HEAD, migrations.HEAD)
    upgrade.upgrade(url(tmp_path))
    with raw(tmp_path) as conn:
        assert conn.execute("SELECT name, value FROM counters").fetchall() == [("delivery", 0)]
    conn.close()


@pytest.mark.parametrize("exclusive", [True, False])
async def test_an_unknown_revision_is_named_with_the_command(tmp_path: Path, exclusive: bool) -> None:
    upgrade.upgrade(url(tmp_path))
    set_revision(tmp_path, "9f3c")
    with pytest.raises(StoreProblem, match=r"revision 9f3c.*caep-bridge db upgrade"):
        await open_store(url(tmp_path), FakeClock(), exclusive=exclusive, create=True)
    with pytest.raises(StoreProblem, match="9f3c"):
        upgrade.upgrade(url(tmp_path))
    assert upgrade.status(url(tmp_path)) == ("9f3c", migrations.HEAD)


async def test_an_older_revision_is_not_upgraded_behind_the_operators_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade.upgrade(url(tmp_path))
    set_revision(tmp_path, "0000")
    monkeypatch.setattr(upgrade, "REVISIONS", ("0000", *migrations.REVISIONS))
    with pytest.raises(StoreProblem, match=r"at revision 0000, not 0001: run `caep-bridge db upgrade`"):
        await open_store(url(tmp_path), FakeClock(), exclusive=True, create=True)


@pytest.mark.parametrize(
    ("change", "lacks"),
    [("DROP TABLE stream_subjects", "stream_subjects"), ("ALTER TABLE webhooks DROP COLUMN txn", "webhooks.txn")],
)
async def test_a_database_from_between_two_releases_is_named(tmp_path: Path, change: str, lacks: str) -> None:
    """Its revision is ours and its tables are not: `db upgrade` must not say that all is well."""
    upgrade.upgrade(url(tmp_path))
    with raw(tmp_path) as conn:
        conn.execute(change)
    conn.close()
    for ask in (upgrade.status, upgrade.upgrade):
        with pytest.raises(StoreProblem, match=f"lacks {lacks}: .* begin with a new one"):
            ask(url(tmp_path))
    with pytest.raises(StoreProblem, match=f"lacks {lacks}"):
        await open_store(url(tmp_path), FakeClock(), exclusive=True)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    """As on a file system that is mounted read-only: the files beside the database cannot be made."""
    upgrade.upgrade(url(tmp_path))
    (tmp_path / "bridge.db-wal").unlink(missing_ok=True)
    (tmp_path / "bridge.db-wal").mkdir()
    with pytest.raises(StoreProblem, match="or its folder not written to"):
        upgrade.status(url(tmp_path))


def test_a_failed_upgrade_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(conn: object) -> None:
        conn.exec_driver_sql("CREATE TABLE half (id)")  # type: ignore[attr-defined]  # likewise
        raise RuntimeError("no")

    monkeypatch.setattr(upgrade, "_run", explode)
    with pytest.raises(RuntimeError):
        upgrade.upgrade(url(tmp_path))
    monkeypatch.undo()
    assert upgrade.status(url(tmp_path)) == (None, migrations.HEAD)
    upgrade.upgrade(url(tmp_path))


def test_two_upgrades_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first and then finds nothing to do."""
    ran: list[int] = []
    run = upgrade._run

    def counted(conn: Connection) -> None:
        ran.append(1)
        run(conn)

    monkeypatch.setattr(upgrade, "_run", counted)
    problems: list[Exception] = []

    def work() -> None:
        try:
            upgrade.upgrade(url(tmp_path))
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == [] and ran == [1]


async def test_alembic_is_loaded_only_for_an_upgrade(tmp_path: Path) -> None:
    upgrade.upgrade(url(tmp_path))
    code = (
        "import asyncio, sys; from bridge.clock import SystemClock; from bridge.store import open_store\n"
        "async def main():\n"
        f"    await (await open_store({url(tmp_path)!r}, SystemClock(), exclusive=True)).close()\n"
        "asyncio.run(main()); sys.exit('alembic' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False, timeout=60).returncode == 0
