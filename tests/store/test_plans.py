"""A backlog of 100,000 must not make the next call slow: no hot statement may scan or sort a table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Executable, event

from bridge.store.records import Settlement, Unit
from bridge.store.sql import beliefs, commit, dialect, heads, inbox, looks, outbox, rows, settle, subjects, surplus
from bridge.store.sql.dialect import Swift
from bridge.store.sql.engine import sqlite_engine
from bridge.store.sql.rows import dumped
from bridge.store.upgrade import upgrade
from tests.store.given import mint, url, write

ROWS = 100_000


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    upgrade(url(tmp_path))
    engine = sqlite_engine(tmp_path / "bridge.db")
    with engine.connect() as conn:
        yield conn
    engine.dispose()


def fill(conn: Connection, keys: int) -> None:
    """`ROWS` pending rows of one stream over so many order keys; no ledger."""
    with conn.begin():
        ids = dialect.delivery_ids(conn, ROWS)
        commit._PUT_DELIVERY.many(conn, [rows.new_delivery_values(mint(f"u{n}", f"o{n % keys}"), n) for n in ids])
        heads.promote(conn, [("s", f"o{n}") for n in range(keys)])


@pytest.mark.parametrize("keys", [1, ROWS])
def test_leasing_and_settling_stay_fast(conn: Connection, keys: int) -> None:
    fill(conn, keys)
    item = outbox.LeaseDeliveries({"s": 64}, 50.0, 60.0, ())
    started = time.process_time()
    for turn in range(20):
        with conn.begin():
            (leased,) = outbox.lease_many(conn, [item])
            assert len(leased) == min(keys, 64)
            settle.settle_many(conn, [[Settlement(row.id, "delivered", 55.0, "202") for row in leased]])
            outbox.lease_many(conn, [outbox.LeaseDeliveries({}, 50.0, 50.0, ("s",))])
            assert commit.commit_many(conn, [[Unit(ledger=(write(mint(f"n{turn}", "o", stream="t")),))]]) == [[]]
    # 20 rounds take 0.1 s; one scan of the table in each would take many times that
    assert time.process_time() - started < 1.5


def plan(conn: Connection, statement: Executable | Swift, **lists: object) -> str:
    """Runs the statement with whatever parameters, and explains the text that reached the driver."""
    sent: list[tuple[str, tuple[object, ...]]] = []
    if isinstance(statement, Swift):
        statement = statement.statement
    event.listen(conn, "before_cursor_execute", lambda _c, _k, sql, bound, *_: sent.append((sql, bound)))
    names = statement.compile(conn).params  # type: ignore[attr-defined]  # every statement has it
    with conn.begin() as transaction:
        given = {name: lists.get(name, 1) if value is None else value for name, value in names.items()}
        conn.execute(statement, {name: dumped(v) if isinstance(v, list) else v for name, v in given.items()})
        sql, bound = sent[-1]
        found = [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", bound)]
        transaction.rollback()
    return "; ".join(found)


PLANS: dict[str, tuple[Executable | Swift, str]] = {
    "heads that are due": (outbox._DUE, "ix_deliveries_head"),
    "a probe": (outbox._PROBE, "ix_deliveries_probe"),
    "given back": (settle._GIVE_BACK, "INTEGER PRIMARY KEY"),
    "older than a head": (settle._OUTRUN, "ix_deliveries_order"),
    "later of a subject": (settle._PENDING_OF_SUBJECT, "ix_deliveries_subject"),
    "looks that are due": (looks._DUE, "ix_looks_due"),
    "the next look": (looks._NEXT, "ix_looks_due"),
    "looks by key": (looks.LOOKS_OF, "(connector=? AND device_id=?)"),
    "hashes": (inbox._SEEN, "PRIMARY KEY"),
    "devices by key": (commit._DEVICES, "(connector=? AND device_id=?)"),
    "ledger by key": (commit._LEDGER, "(stream_id=? AND subject=?)"),
    "people": (beliefs._PEOPLE, "ix_devices_login"),
    "ledger with tails": (beliefs.LEDGER_OF, "(stream_id=? AND subject=?)"),
    "ledger of a person": (beliefs._LEDGER_BY_LOGIN, "ix_ledger_login"),
    "ledger of a device": (beliefs._LEDGER_BY_DEVICE, "ix_ledger_device"),
    "devices of a person": (beliefs._OF_PERSON, "ix_devices_owner"),
    "pending by stream": (outbox._COUNT_PENDING, "ix_deliveries_order"),
    "dead by stream": (outbox._COUNT_DEAD, "ix_deliveries_dead"),
    "subjects of a stream": (subjects._OTHERS, "(stream_id=?"),
    "subjects that are due": (subjects._DUE, "ix_stream_subjects_due"),
    "how many of each subject": (surplus.COUNTS, "COVERING INDEX ix_deliveries_subject ((stream_id,subject)>(?,?))"),
    "beyond those kept": (surplus.BEYOND, "ix_deliveries_subject"),
}
LISTS = {"ids": [1, 2], "hashes": ["a"], "logins": ["a", "b"], "seconds": ["a", "b"]}
SORTED = {"people"}
COUNTING = {"pending by stream", "dead by stream"}
WHOLE = {"subjects that are due"}
"""They go through an index that holds nothing else."""


@pytest.mark.parametrize("name", PLANS)
def test_hot_statements_use_their_index(conn: Connection, name: str) -> None:
    statement, index = PLANS[name]
    steps = plan(conn, statement, **LISTS)
    assert index in steps, steps
    assert name in SORTED or "B-TREE" not in steps, steps
    assert name in COUNTING | WHOLE or not scans(steps), steps


def test_promotion_uses_its_indexes(conn: Connection) -> None:
    steps = plan(conn, heads._PROMOTE)
    assert "ix_deliveries_order" in steps and "ux_deliveries_head" in steps and not scans(steps), steps


def scans(steps: str) -> list[str]:
    return [step for step in steps.split("; ") if step.startswith("SCAN") and "VIRTUAL TABLE" not in step]
