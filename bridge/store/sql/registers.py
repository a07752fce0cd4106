"""The small tables: streams; and what keeps the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import ColumnClause, Connection, bindparam, delete, func, literal_column, select, update

from bridge.store.records import StreamRow
from bridge.store.sql import tables
from bridge.store.sql.dialect import Swift, upsert
from bridge.store.sql.tables import PENDING, deliveries, devices

_STREAMS = select(*tables.streams.c).order_by(tables.streams.c.created_at, tables.streams.c.id)
_PUT_STREAM = Swift(upsert(tables.streams, but=("paused",)))
_PAUSE = update(tables.streams).where(tables.streams.c.id == bindparam("k_id")).values(paused=bindparam("why"))
_PRUNE = {table: delete(table).where(table.c.stream_id == bindparam("k_id")) for table in (deliveries, tables.ledger)}
_GO_STREAM = delete(tables.streams).where(tables.streams.c.id == bindparam("k_id"))
_TOUCH = update(tables.counters).values(value=tables.counters.c.value)
_DEAD: ColumnClause[str] = literal_column("'dead'")
_COUNTS = {
    "devices": select(func.count()).select_from(devices),
    "not_compliant": select(func.count()).where(devices.c.status == "not-compliant"),
    "no_owner": select(func.count()).select_from(devices).where(devices.c.login.is_(None)),
    "looks": select(func.count()).select_from(tables.looks),
    "pending": select(func.count()).select_from(deliveries).where(deliveries.c.state == PENDING),
    "dead": select(func.count()).select_from(deliveries).where(deliveries.c.state == _DEAD),
    "webhooks": select(func.count()).select_from(tables.webhooks),
    "quarantined": select(func.count()).select_from(tables.quarantine),
}


def streams(conn: Connection) -> list[StreamRow]:
    return [StreamRow(*row) for row in conn.execute(_STREAMS)]


def put_stream_many(conn: Connection, items: Sequence[StreamRow]) -> list[None]:
    _PUT_STREAM.many(conn, [asdict(row) for row in items])
    return [None] * len(items)


def pause_many(conn: Connection, items: Sequence[tuple[str, str]]) -> list[bool]:
    return [conn.execute(_PAUSE, {"k_id": stream_id, "why": why}).rowcount > 0 for stream_id, why in items]


def prune_many(conn: Connection, items: Sequence[str]) -> list[int]:
    """How many ledger rows and deliveries went."""
    counts = []
    for stream_id in items:
        counts.append(sum(conn.execute(statement, {"k_id": stream_id}).rowcount for statement in _PRUNE.values()))
        conn.execute(_GO_STREAM, {"k_id": stream_id})
    return counts


def counts(conn: Connection) -> Mapping[str, int]:
    return {name: conn.execute(statement).scalar_one() for name, statement in _COUNTS.items()}


def ping_many(conn: Connection, items: Sequence[None]) -> list[None]:
    """A read, and a write that is rolled back."""
    conn.execute(_STREAMS).all()
    savepoint = conn.begin_nested()
    conn.execute(_TOUCH)
    savepoint.rollback()
    return [None] * len(items)
