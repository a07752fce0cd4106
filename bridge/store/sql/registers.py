"""What keeps the house: how much there is, and whether the store answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnClause, Connection, func, literal_column, select, update

from bridge.store.sql import tables
from bridge.store.sql.tables import PENDING, deliveries, devices

_ANY_STREAM = select(tables.streams.c.id).limit(1)
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


def counts(conn: Connection) -> Mapping[str, int]:
    return {name: conn.execute(statement).scalar_one() for name, statement in _COUNTS.items()}


def ping_many(conn: Connection, items: Sequence[None]) -> list[None]:
    """A read, and a write that is rolled back."""
    conn.execute(_ANY_STREAM).all()
    savepoint = conn.begin_nested()
    conn.execute(_TOUCH)
    savepoint.rollback()
    return [None] * len(items)
