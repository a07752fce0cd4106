"""What is held, and what is known of many devices at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, tuple_

from bridge.model import Device, HeldWhy, LedgerRow
from bridge.store.hold_rules import kind_of
from bridge.store.records import HoldCount, Known
from bridge.store.sql import rows
from bridge.store.sql.beliefs import LEDGER_ROWS
from bridge.store.sql.dialect import Swift, among, rows_of
from bridge.store.sql.looks import LOOKS_OF
from bridge.store.sql.tables import devices, ledger

_KNOWN = Swift(
    select(devices.c.device_id, devices.c.doc, devices.c.version).where(
        devices.c.connector == bindparam("first"), among(devices.c.device_id, "seconds")
    )
)
_HELD_PEOPLE = (
    select(ledger.c.held_by, ledger.c.held_why, func.count(ledger.c.login.distinct()))
    .where(ledger.c.held_by.is_not(None))
    .group_by(ledger.c.held_by, ledger.c.held_why)
)
_HELD_DEVICES = (
    select(devices.c.connector, devices.c.hold, func.count())
    .where(devices.c.hold.is_not(None))
    .group_by(devices.c.connector, devices.c.hold)
)
_FLEET = select(func.count()).select_from(devices)


@dataclass(frozen=True, slots=True)
class Filter:
    connector: str | None
    why: HeldWhy | None
    after: tuple[str, str] | None
    limit: int


def held(conn: Connection, want: Filter) -> list[LedgerRow]:
    where: list[ColumnElement[bool]] = [ledger.c.held_by.is_not(None)]
    if want.connector is not None:
        where.append(ledger.c.held_by == want.connector)
    if want.why is not None:
        where.append(ledger.c.held_why == want.why)
    if want.after is not None:
        where.append(tuple_(ledger.c.stream_id, ledger.c.subject) > want.after)
    found = LEDGER_ROWS.where(*where).order_by(ledger.c.stream_id, ledger.c.subject).limit(want.limit)
    return [rows.ledger_row(row) for row in conn.execute(found)]


def holds(conn: Connection) -> list[HoldCount]:
    people = [HoldCount(by, kind_of(why), count) for by, why, count in conn.execute(_HELD_PEOPLE)]
    return sorted(
        [*people, *(HoldCount(connector, kind, count) for connector, kind, count in conn.execute(_HELD_DEVICES))],
        key=lambda one: (one.connector, one.kind),
    )


def known(conn: Connection, connector: str, ids: Collection[str]) -> dict[str, Known]:
    pairs = [(connector, device_id) for device_id in ids]
    found = {row[0]: rows.device(row[1], row[2]) for row in rows_of(conn, _KNOWN, pairs)}
    due = {row[1]: rows.look(row) for row in rows_of(conn, LOOKS_OF, pairs)}
    return {id_: Known(found.get(id_), due.get(id_)) for id_ in found.keys() | due.keys()}


def devices_of(conn: Connection, pairs: Collection[tuple[str, str]]) -> list[Device]:
    """Of these (connector, device id) those that are known, in order."""
    return sorted((rows.device(row[1], row[2]) for row in rows_of(conn, _KNOWN, pairs)), key=lambda one: one.key)


def fleet(conn: Connection, connector: str) -> int:
    counts = devices.c.hold.is_(None) | (devices.c.hold != "retired")
    count: int = conn.execute(_FLEET.where(devices.c.connector == connector, counts)).scalar_one()
    return count
