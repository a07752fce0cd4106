"""Deliveries handed out, listed and counted. How they end stands in `settle`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, literal_column, or_, select, true, update

from bridge.model import DeliveryState
from bridge.store.ledger_rules import held
from bridge.store.records import Backlog, Delivery, Rank
from bridge.store.sql import rows
from bridge.store.sql.dialect import Swift, among
from bridge.store.sql.tables import HEAD, PENDING, deliveries, looks

_FREE = or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= bindparam("now"))
_HEADS = (
    select(*rows.DELIVERY)
    .where(deliveries.c.head == HEAD, deliveries.c.stream_id == bindparam("stream"), _FREE)
    .limit(bindparam("most"))
)
_IS_DUE = or_(
    deliveries.c.next_at + literal_column("0") <= bindparam("now"),
    and_(deliveries.c.created_at > bindparam("now"), deliveries.c.faults == 0),
)
"""The sum keeps SQLite off the index on `next_at`: it would collect and sort every head that is due. A row that was
made after now waits for nothing: the clock was set back."""
_DUE = Swift(
    _HEADS.where(_IS_DUE, deliveries.c.rank <= bindparam("reach")).order_by(deliveries.c.rank, deliveries.c.id)
)
_PROBE = Swift(
    _HEADS.where(deliveries.c.rank + literal_column("0") <= bindparam("reach")).order_by(
        deliveries.c.attempts, deliveries.c.id
    )
)
_HOLD = Swift(
    update(deliveries)
    .where(among(deliveries.c.id, "ids"))
    .values(
        leased_until=bindparam("until"),
        maybe_received=case((deliveries.c.leased_until.is_not(None), true()), else_=deliveries.c.maybe_received),
    )
)
_ANY_DUE = Swift(
    select(deliveries.c.id)
    .where(
        deliveries.c.head == HEAD, deliveries.c.stream_id == bindparam("stream"), _FREE, _IS_DUE,
        deliveries.c.rank <= bindparam("reach"),
    )
    .limit(literal_column("1"))
)  # fmt: skip
_BY_JTI = Swift(
    select(*rows.DELIVERY).where(
        among(deliveries.c.jti, "jtis"), deliveries.c.stream_id == bindparam("stream"), deliveries.c.state == PENDING
    )
)
_first = select(func.min(deliveries.c.stream_id).label("stream_id")).where(deliveries.c.head == HEAD)
_seen = _first.cte("seen", recursive=True)
_beyond = deliveries.alias("beyond")
_next = (
    select(func.min(_beyond.c.stream_id))
    .where(_beyond.c.head == HEAD, _beyond.c.stream_id > _seen.c.stream_id)
    .scalar_subquery()
)
_with_heads = _seen.union_all(select(_next).where(_seen.c.stream_id.is_not(None)))
_WITH_HEADS = Swift(select(_with_heads.c.stream_id).where(_with_heads.c.stream_id.is_not(None)))
"""The streams that have heads: one step of the index for each, however many heads it has."""
FEW = 8
"""So many streams are asked one by one; of more it is found out first which have anything."""
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
    reach: Mapping[str, Rank] = field(default_factory=dict)


def lease_many(conn: Connection, items: Sequence[LeaseDeliveries]) -> list[list[Delivery]]:
    return [_lease(conn, item) for item in items]


def _lease(conn: Connection, item: LeaseDeliveries) -> list[Delivery]:
    found: list[Delivery] = []
    asked = _having(conn, item.streams.keys() | set(item.probes))
    for stream_id, most in item.streams.items():
        if stream_id in asked and stream_id not in item.probes and most > 0:
            found += map(rows.delivery, _DUE.all(conn, _asking(item, stream_id, most)))
    for stream_id in dict.fromkeys(item.probes):
        if stream_id in asked:
            found += map(rows.delivery, _PROBE.all(conn, _asking(item, stream_id, 1)))
    if found:
        _HOLD.all(conn, {"ids": [row.id for row in found], "until": item.until})
    return sorted((held(row, item.until) for row in found), key=lambda row: (row.rank, row.id))


def _asking(item: LeaseDeliveries, stream_id: str, most: int) -> rows.Values:
    reach = item.reach.get(stream_id, Rank.EVENT)
    return {"stream": stream_id, "now": item.now, "most": most, "reach": int(reach)}


def _having(conn: Connection, stream_ids: Set[str]) -> Set[str]:
    """Those of these streams that may have heads."""
    if len(stream_ids) <= FEW:
        return stream_ids
    return stream_ids & {stream_id for (stream_id,) in _WITH_HEADS.all(conn, {})}


def has_due(conn: Connection, reach: Mapping[str, Rank], now: float) -> set[str]:
    asked = {stream_id: int(reach[stream_id]) for stream_id in _having(conn, reach.keys())}
    return {id_ for id_, rank in asked.items() if _ANY_DUE.all(conn, {"stream": id_, "now": now, "reach": rank})}


def by_jti(conn: Connection, stream_id: str, jtis: Collection[str]) -> list[Delivery]:
    return [rows.delivery(row) for row in _BY_JTI.all(conn, {"stream": stream_id, "jtis": list(jtis)})]


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
