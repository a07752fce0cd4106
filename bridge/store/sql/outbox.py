"""Deliveries handed out, listed and counted. How they end stands in `settle`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, literal_column, or_, select, true, update

from bridge.model import DeliveryState
from bridge.store.ledger_rules import held
from bridge.store.records import Backlog, Delivery
from bridge.store.sql import rows
from bridge.store.sql.dialect import Swift, among
from bridge.store.sql.tables import HEAD, PENDING, deliveries, looks

_FREE = or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= bindparam("now"))
_HEADS = (
    select(*rows.DELIVERY)
    .where(deliveries.c.head == HEAD, deliveries.c.stream_id == bindparam("stream"), _FREE)
    .limit(bindparam("most"))
)
_DUE = Swift(
    _HEADS.where(
        or_(
            deliveries.c.next_at + literal_column("0") <= bindparam("now"),
            and_(deliveries.c.created_at > bindparam("now"), deliveries.c.faults == 0),
        )
    ).order_by(deliveries.c.id)
)
"""The sum keeps SQLite off the index on `next_at`: it would collect and sort every head that is due. A row that was
made after now waits for nothing: the clock was set back."""
_PROBE = Swift(_HEADS.order_by(deliveries.c.attempts, deliveries.c.id))
_HOLD = Swift(
    update(deliveries)
    .where(among(deliveries.c.id, "ids"))
    .values(
        leased_until=bindparam("until"),
        maybe_received=case((deliveries.c.leased_until.is_not(None), true()), else_=deliveries.c.maybe_received),
    )
)
_ONE = select(*rows.DELIVERY).where(deliveries.c.id == bindparam("k_id"))
_COUNT_PENDING = (
    select(deliveries.c.stream_id, func.count(), func.min(deliveries.c.created_at))
    .where(deliveries.c.state == PENDING)
    .group_by(deliveries.c.stream_id)
)
_COUNT_DEAD = (
    select(deliveries.c.stream_id, func.count())
    .where(deliveries.c.state == literal_column("'dead'"))
    .group_by(deliveries.c.stream_id)
)
_FREE_DELIVERIES = (
    update(deliveries)
    .where(deliveries.c.head == HEAD, deliveries.c.leased_until.is_not(None))
    .values(leased_until=None, maybe_received=true())
)
_FREE_LOOKS = update(looks).where(looks.c.leased_until.is_not(None)).values(leased_until=None)


@dataclass(frozen=True, slots=True)
class LeaseDeliveries:
    streams: Mapping[str, int]
    now: float
    until: float
    probes: Collection[str]


def lease_many(conn: Connection, items: Sequence[LeaseDeliveries]) -> list[list[Delivery]]:
    return [_lease(conn, item) for item in items]


def _lease(conn: Connection, item: LeaseDeliveries) -> list[Delivery]:
    found: list[Delivery] = []
    for stream_id, most in item.streams.items():
        if stream_id not in item.probes and most > 0:
            found += map(rows.delivery, _DUE.all(conn, {"stream": stream_id, "now": item.now, "most": most}))
    for stream_id in dict.fromkeys(item.probes):
        found += map(rows.delivery, _PROBE.all(conn, {"stream": stream_id, "now": item.now, "most": 1}))
    if found:
        _HOLD.all(conn, {"ids": [row.id for row in found], "until": item.until})
    return sorted((held(row, item.until) for row in found), key=lambda row: row.id)


def delivery(conn: Connection, delivery_id: int) -> Delivery | None:
    row = conn.execute(_ONE, {"k_id": delivery_id}).first()
    return None if row is None else rows.delivery(row)


@dataclass(frozen=True, slots=True)
class Filter:
    stream_id: str | None
    state: DeliveryState | None
    subject: str | None
    device: tuple[str, str] | None
    jti: str | None
    before: int | None
    limit: int


def list_deliveries(conn: Connection, want: Filter) -> list[Delivery]:
    where: list[ColumnElement[bool]] = []
    if want.stream_id is not None:
        where.append(deliveries.c.stream_id == want.stream_id)
    where.append(deliveries.c.state != "dry_run" if want.state is None else deliveries.c.state == want.state)
    if want.subject is not None:
        where.append(deliveries.c.subject == want.subject)
    if want.device is not None:
        where += [deliveries.c.connector == want.device[0], deliveries.c.device_id == want.device[1]]
    if want.jti is not None:
        where.append(deliveries.c.jti == want.jti)
    if want.before is not None:
        where.append(deliveries.c.id < want.before)
    found = select(*rows.DELIVERY).where(*where).order_by(deliveries.c.id.desc()).limit(want.limit)
    return [rows.delivery(row) for row in conn.execute(found)]


def backlog(conn: Connection) -> list[Backlog]:
    dead = {stream_id: count for stream_id, count in conn.execute(_COUNT_DEAD)}
    pending = {stream_id: (count, oldest) for stream_id, count, oldest in conn.execute(_COUNT_PENDING)}
    lines = []
    for stream_id in sorted(dead.keys() | pending.keys()):
        count, oldest = pending.get(stream_id, (0, None))
        lines.append(Backlog(stream_id, count, dead.get(stream_id, 0), oldest))
    return lines


def release_many(conn: Connection, items: Sequence[None]) -> list[int]:
    freed = conn.execute(_FREE_DELIVERIES).rowcount + conn.execute(_FREE_LOOKS).rowcount
    return [freed] + [0] * (len(items) - 1)
