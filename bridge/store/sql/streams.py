"""Streams, and what receivers made of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, delete, func, insert, literal_column, select, update

from bridge.model import StreamStatus, Subscription
from bridge.store.records import AuditEntry, NewDelivery, StreamRow
from bridge.store.sql import rows
from bridge.store.sql.audit import forget_marks, record_many
from bridge.store.sql.commit import mint
from bridge.store.sql.dialect import Swift, among, upsert
from bridge.store.sql.framework import END
from bridge.store.sql.subject_table import FORGET_CHOICES, forget_some
from bridge.store.sql.tables import PENDING, deliveries, ledger, streams
from bridge.store.streams import DELETED

_NAMES = tuple(column.name for column in streams.c)
_OTHERS = ("client", "paused", "announced", "active_at", "subscription")
_ALL = select(*streams.c).order_by(streams.c.created_at, streams.c.id)
_IT = streams.c.id == bindparam("k_id")
_ONE = select(*streams.c).where(_IT)
_PUT = Swift(upsert(streams, but=_OTHERS))
_UPDATE = Swift(
    update(streams)
    .where(_IT)
    .values({c.name: bindparam(f"b_{c.name}") for c in streams.c if c.name not in (*_OTHERS, "id")})
)
_MAKE = insert(streams)
_PAUSE = update(streams).where(_IT).values(paused=bindparam("why"))
_PRUNE = {table: delete(table).where(table.c.stream_id == bindparam("k_id")) for table in (deliveries, ledger)}
_GO = delete(streams).where(_IT)
_VERSION = func.json_extract(streams.c.subscription, "$.version")
_GONE = func.json_extract(streams.c.subscription, "$.deleted_at")
_COUNT = select(func.count()).where(
    streams.c.client == bindparam("of_client"), streams.c.subscription.is_not(None), _GONE.is_(None)
)
_CHANGE = (
    update(streams).where(_IT, bindparam("at_version") == _VERSION).values(subscription=bindparam("b_subscription"))
)
_CHANGE_AND_ANNOUNCE = _CHANGE.values(announced=bindparam("b_announced"))
_ANNOUNCE = update(streams).where(_IT, streams.c.announced == bindparam("was")).values(announced=bindparam("now_is"))
_ACTIVE = update(streams).where(_IT).values(active_at=bindparam("at"))
_OPEN = (
    select(deliveries.c.id)
    .where(deliveries.c.stream_id == bindparam("stream"), deliveries.c.state == PENDING)
    .limit(bindparam("most"))
)
_DEAD = (
    select(deliveries.c.id)
    .where(deliveries.c.stream_id == bindparam("stream"), deliveries.c.state == literal_column("'dead'"))
    .limit(bindparam("most"))
)
_TOLD = select(ledger.c.subject).where(ledger.c.stream_id == bindparam("stream")).limit(bindparam("most"))
_FORGET = Swift(delete(ledger).where(ledger.c.stream_id == bindparam("stream"), among(ledger.c.subject, "subjects")))


def _row(row: rows.AnyRow) -> StreamRow:
    members: list[Any] = list(row)
    if members[-1] is not None:
        members[-1] = _subscription(members[-1])
    return StreamRow(*members)


def _subscription(text: str) -> Subscription:
    doc = orjson.loads(text)
    if doc["events_requested"] is not None:
        doc["events_requested"] = tuple(doc["events_requested"])
    return Subscription(**doc)


def all_streams(conn: Connection) -> list[StreamRow]:
    return [_row(row) for row in conn.execute(_ALL)]


def if_written(conn: Connection, seen: object) -> tuple[object, list[StreamRow] | None]:
    """SQLite counts for each connection what others, in this process too, committed to the file."""
    state = conn.info.setdefault("connection", object()), conn.exec_driver_sql("PRAGMA data_version").scalar_one()
    return state, None if state == seen else all_streams(conn)


def one(conn: Connection, stream_id: str) -> StreamRow | None:
    row = conn.execute(_ONE, {"k_id": stream_id}).first()
    return None if row is None else _row(row)


def put_many(conn: Connection, items: Sequence[StreamRow]) -> list[None]:
    _PUT.many(conn, [_values(row) for row in items])
    return [None] * len(items)


def update_many(conn: Connection, items: Sequence[StreamRow]) -> list[None]:
    _UPDATE.many(conn, [{"k_id": row.id} | {f"b_{k}": v for k, v in _values(row).items()} for row in items])
    return [None] * len(items)


def _values(row: StreamRow) -> rows.Values:
    values = {name: getattr(row, name) for name in _NAMES}
    return values | {"subscription": None if row.subscription is None else rows.dumped(row.subscription)}


def pause_many(conn: Connection, items: Sequence[tuple[str, str]]) -> list[bool]:
    return [conn.execute(_PAUSE, {"k_id": stream_id, "why": why}).rowcount > 0 for stream_id, why in items]


def prune_many(conn: Connection, items: Sequence[str]) -> list[int]:
    """How many ledger rows and deliveries went."""
    counts = []
    for stream_id in items:
        counts.append(sum(conn.execute(statement, {"k_id": stream_id}).rowcount for statement in _PRUNE.values()))
        conn.execute(FORGET_CHOICES, {"k_stream": stream_id})
        _go(conn, stream_id)
    return counts


def _go(conn: Connection, stream_id: str) -> None:
    conn.execute(_GO, {"k_id": stream_id})
    forget_marks(conn, stream_id)


# -- those of the API -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Make:
    row: StreamRow
    most: int
    entries: tuple[AuditEntry, ...]


def make_many(conn: Connection, items: Sequence[Make]) -> list[bool]:
    return [_make(conn, item) for item in items]


def _make(conn: Connection, item: Make) -> bool:
    if conn.execute(_COUNT, {"of_client": item.row.client}).scalar_one() >= item.most:
        return False
    conn.execute(_MAKE, _values(item.row))
    record_many(conn, item.entries)
    return True


@dataclass(frozen=True, slots=True)
class Change:
    stream_id: str
    version: int
    subscription: Subscription
    announced: StreamStatus | None
    entries: tuple[AuditEntry, ...]


def change_many(conn: Connection, items: Sequence[Change]) -> list[bool]:
    return [_change(conn, item) for item in items]


def _change(conn: Connection, item: Change) -> bool:
    doc = {name: getattr(item.subscription, name) for name in Subscription.__dataclass_fields__}
    values = {"k_id": item.stream_id, "at_version": item.version}
    values["b_subscription"] = rows.dumped(doc | {"version": item.version + 1})
    if item.announced is None:
        done = conn.execute(_CHANGE, values).rowcount > 0
    else:
        done = conn.execute(_CHANGE_AND_ANNOUNCE, values | {"b_announced": item.announced}).rowcount > 0
    if done:
        record_many(conn, item.entries)
    return done


@dataclass(frozen=True, slots=True)
class Announce:
    stream_id: str
    was: StreamStatus
    status: StreamStatus
    sets: tuple[NewDelivery, ...]


def announce_many(conn: Connection, items: Sequence[Announce]) -> list[bool]:
    return [_announce(conn, item) for item in items]


def _announce(conn: Connection, item: Announce) -> bool:
    known = conn.execute(_ANNOUNCE, {"k_id": item.stream_id, "was": item.was, "now_is": item.status})
    if known.rowcount == 0:
        return False
    mint(conn, item.sets)
    return True


def active_many(conn: Connection, items: Sequence[Mapping[str, float]]) -> list[None]:
    noted = [{"k_id": stream_id, "at": at} for item in items for stream_id, at in item.items()]
    if noted:
        conn.execute(_ACTIVE, noted)
    return [None] * len(items)


@dataclass(frozen=True, slots=True)
class Clear:
    stream_id: str
    now: float
    limit: int


def clear_many(conn: Connection, items: Sequence[Clear]) -> list[int]:
    return [_clear(conn, item) for item in items]


def _clear(conn: Connection, item: Clear) -> int:
    asked = {"stream": item.stream_id, "most": item.limit}
    for statement in (_OPEN, _DEAD):
        if ids := list(conn.execute(statement, asked).scalars()):
            END.all(conn, {"ids": ids, "at": item.now, "why": DELETED})
            return len(ids)
    if subjects := list(conn.execute(_TOLD, asked).scalars()):
        _FORGET.all(conn, {"stream": item.stream_id, "subjects": subjects})
        return len(subjects)
    if chosen := forget_some(conn, item.stream_id, item.limit):
        return chosen
    _go(conn, item.stream_id)
    return 0
