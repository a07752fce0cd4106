"""Every command while another process migrates the store: a clear word within seconds, and nothing half done."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from tenacity import stop_after_delay

from bridge.clock import SystemClock
from bridge.errors import Migrating, StoreProblem
from bridge.store import open_store, upgrade
from tests.cli.scene import ROWS, Scene, failing

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from bridge.store import upgrade

def slowly(conn):
    conn.exec_driver_sql("CREATE TABLE half (id)")
    conn.exec_driver_sql("ALTER TABLE devices RENAME TO devices_before")
    print("begun", flush=True)
    if sys.stdin.readline() == "end\\n":
        conn.exec_driver_sql("DROP TABLE half")
        conn.exec_driver_sql("ALTER TABLE devices_before RENAME TO devices")
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")

upgrade.REVISIONS = ("0000", *upgrade.REVISIONS)
upgrade._run = slowly
upgrade.upgrade_unserved(sys.argv[1])
"""
"""A stand-in for a migration from 0000, which takes as long as it is told to."""

COMMANDS: list[list[str]] = [
    ["serve"],
    ["check"],
    ["db", "status"],
    ["db", "upgrade"],
    ["db", "compact", "--yes"],
    ["devices", "list"],
    ["devices", "list", "--stuck"],
    ["devices", "show", "42"],
    ["devices", "recheck", "42"],
    ["devices", "retire", "42", "--reason", "x", "--yes"],
    ["devices", "override", "42", "--status", "compliant", "--for", "8h", "--reason", "x"],
    ["reconcile"],
    ["connectors", "baseline", "kolide"],
    ["connectors", "baseline", "kolide", "--release"],
    ["guard", "status"],
    ["guard", "release"],
    ["guard", "discard", "--yes"],
    ["streams", "list"],
    ["streams", "pause", "okta", "--reason", "x"],
    ["streams", "resync", "okta"],
    ["deliveries", "list"],
    ["deliveries", "retry", "--all-dead", "--yes"],
    ["webhooks", "list"],
    ["webhooks", "replay", "--all", "--yes"],
    ["people", "show", "ada@acme.example"],
    ["people", "forget", "ada@acme.example", "--yes"],
    ["keys", "list"],
    ["keys", "rotate"],
    ["audit", "list"],
    ["notify", "list"],
]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene(tmp_path)
    made.streams(*ROWS)
    made.believe(failing())
    monkeypatch.setattr(upgrade.status.retry, "stop", stop_after_delay(0.05))  # type: ignore[attr-defined]  # tenacity's
    yield made
    structlog.reset_defaults()  # `serve` began


def raw(scene: Scene) -> sqlite3.Connection:
    return sqlite3.connect(scene.folder / "bridge.db", isolation_level=None)


def tables(scene: Scene) -> dict[str, Any]:
    conn = raw(scene)
    names = [row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")]
    found = {name: conn.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    conn.close()
    return found


@contextmanager
def migration(scene: Scene) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of one, from 0000 on; killed at the end."""
    with raw(scene) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0000'")
    conn.close()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, scene.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stdout is not None and child.stdin is not None
    try:
        assert child.stdout.readline() == "begun\n"
        yield child
    finally:
        child.kill()
        child.stdin.close()
        child.stdout.close()
        child.wait()


def test_every_command_says_so_and_does_nothing(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    before = tables(scene)
    with migration(scene):
        for words in COMMANDS:
            begun = time.monotonic()
            code, said = scene.run(*words), capsys.readouterr()
            assert code == 1, (words, code, said)
            assert "is being migrated by another process: try again in a moment" in said.err + said.out, words
            assert "Traceback" not in said.err and time.monotonic() - begun < 30, words
    before["alembic_version"] = [("0000",)]
    assert tables(scene) == before, "neither the commands nor the migration that was killed left a trace"
    assert scene.run("devices", "list") == 1
    assert "0000" in capsys.readouterr().err, "now it waits for an upgrade, and for nobody"


def test_a_migration_that_ends_in_time_is_waited_for(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    with migration(scene) as child:
        assert child.stdin is not None
        child.stdin.write("end\n")
        child.stdin.flush()
        assert scene.run("devices", "show", "42") == 0
    assert "ADA-MAC" in capsys.readouterr().out


async def test_a_serve_that_starts_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own lock is held by who migrates: that is no second `serve`, and it is not called one."""
    upgrade.upgrade(url := f"sqlite:///{tmp_path / 'bridge.db'}")
    monkeypatch.setattr(upgrade.status.retry, "stop", stop_after_delay(0.05))  # type: ignore[attr-defined]  # tenacity's
    scene = Scene(tmp_path)
    with migration(scene), pytest.raises(Migrating):
        await open_store(url, SystemClock(), exclusive=True, create=True)


async def test_a_database_that_is_served_is_not_migrated(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    serving = await open_store(scene.url, SystemClock(), exclusive=True)
    with raw(scene) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0000'")
    conn.close()
    with pytest.raises(StoreProblem, match="another process already serves"):
        upgrade.upgrade_unserved(scene.url)
    assert scene.run("db", "upgrade") == 1
    assert "another process already serves the database" in capsys.readouterr().err
    await serving.close()
