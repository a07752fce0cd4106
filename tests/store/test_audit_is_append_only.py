"""The database itself keeps the audit log: whatever statement comes, from us or from a shell."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bridge.store import open_store
from bridge.store.records import AuditEntry
from tests.store.given import FakeClock, url

DAY = 86_400.0


@pytest.fixture
async def raw(tmp_path: Path) -> sqlite3.Connection:
    store = await open_store(url(tmp_path), FakeClock(), exclusive=True, create=True)
    for day in range(4):
        await store.record(AuditEntry(day * DAY, "root", "drop", str(day)))
    assert (await store.expire("audit", DAY)).removed == 1
    await store.close()
    return sqlite3.connect(tmp_path / "bridge.db", isolation_level=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'nobody'",
        "UPDATE OR REPLACE audit SET at = 0",
        "REPLACE INTO audit SELECT seq, at, 'nobody', what, target, why, before, after FROM audit",
        "INSERT OR REPLACE INTO audit VALUES (3, 0, 'nobody', '', '', '', '', '')",
        "INSERT INTO audit VALUES (1, 0, 'fills a gap', '', '', '', '', '')",
        "INSERT INTO audit VALUES (2, 0, 'nobody', '', '', '', '', '') ON CONFLICT DO UPDATE SET who = 'nobody'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        f"DELETE FROM audit WHERE at = {DAY}",
    ],
)
def test_no_statement_changes_or_deletes(raw: sqlite3.Connection, statement: str) -> None:
    before = raw.execute("SELECT * FROM audit").fetchall()
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(statement)
    assert raw.execute("SELECT * FROM audit").fetchall() == before and len(before) == 3
    raw.close()


def test_numbers_are_not_used_again(raw: sqlite3.Connection) -> None:
    """A gap shows; it cannot be filled by what comes later."""
    assert [row[0] for row in raw.execute("SELECT seq FROM audit ORDER BY seq")] == [2, 3, 4]
    raw.close()
