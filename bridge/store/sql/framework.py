"""SETs about the stream itself: those that waited too long, or are too many, go; and how any SET ends unsent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, and_, bindparam, literal_column, select, update

from bridge.store.records import Rank
from bridge.store.sql.dialect import Swift, among
from bridge.store.sql.heads import promote
from bridge.store.sql.tables import PENDING, deliveries
from bridge.store.streams import EXPIRED, TOO_MANY

END = Swift(
    update(deliveries)
    .where(among(deliveries.c.id, "ids"))
    .values(
        state="superseded", head=0, leased_until=None, settled_at=bindparam("at"),
        last_code="superseded", last_words=bindparam("why"),
    )
)  # fmt: skip
"""Supersedes these `ids`; what then comes first of their keys is for the caller to say."""
_OLD = select(deliveries.c.id, deliveries.c.stream_id, deliveries.c.order_key).where(
    and_(deliveries.c.state == PENDING, deliveries.c.rank < literal_column(str(Rank.EVENT.value))),
    deliveries.c.created_at < bindparam("before"),
)
_VERIFICATIONS = (
    select(deliveries.c.id, deliveries.c.stream_id, deliveries.c.order_key)
    .where(
        deliveries.c.stream_id == bindparam("stream"),
        deliveries.c.state == PENDING,
        deliveries.c.rank == literal_column(str(Rank.VERIFICATION.value)),
    )
    .order_by(deliveries.c.id.desc())
    .offset(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Expire:
    before: float
    now: float


def expire_many(conn: Connection, items: Sequence[Expire]) -> list[int]:
    return [_expire(conn, item) for item in items]


def _expire(conn: Connection, item: Expire) -> int:
    found = conn.execute(_OLD, {"before": item.before}).all()
    return _end(conn, found, item.now, EXPIRED)


@dataclass(frozen=True, slots=True)
class Bound:
    stream_id: str
    most: int
    now: float


def bound_many(conn: Connection, items: Sequence[Bound]) -> list[int]:
    return [_bound(conn, item) for item in items]


def _bound(conn: Connection, item: Bound) -> int:
    surplus = conn.execute(_VERIFICATIONS, {"stream": item.stream_id, "most": item.most}).all()
    return _end(conn, surplus, item.now, TOO_MANY)


def _end(conn: Connection, found: Sequence[Row[tuple[int, str, str]]], now: float, why: str) -> int:
    if found:
        END.all(conn, {"ids": [row.id for row in found], "at": now, "why": why})
        promote(conn, [(row.stream_id, row.order_key) for row in found])
    return len(found)
