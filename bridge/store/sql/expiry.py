"""Old rows removed: what is old is sought by the reader, so that the writer only deletes rows that it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    true,
    update,
)

from bridge.store.expiry import MOST_BYTES, NAMED, Kind, Step, TableSize
from bridge.store.sql import tables
from bridge.store.sql.dialect import Swift, among, upsert
from bridge.store.sql.tables import PENDING, audit, deliveries, errands, ledger, quarantine, webhook_ids, webhooks

_named = exists().where(
    ledger.c.stream_id == deliveries.c.stream_id,
    ledger.c.subject == deliveries.c.subject,
    ledger.c.tail_id == deliveries.c.id,
)
_AGE: BindParameter[float] = bindparam("age")
_FROM: BindParameter[Any] = bindparam("from_")
_MOST: BindParameter[int] = bindparam("most")
ENDED = and_(
    deliveries.c.state != PENDING, func.coalesce(deliveries.c.settled_at, deliveries.c.created_at) < _AGE, ~_named
)
"""A dry run's SET was never sent and never settled."""
_OVER = and_(errands.c.ended_at.is_not(None), errands.c.ended_at < _AGE)

SEEK: Mapping[Kind, Swift] = {
    "deliveries": Swift(
        select(deliveries.c.id, deliveries.c.created_at, ENDED, func.length(deliveries.c.text))
        .where(deliveries.c.id > _FROM).order_by(deliveries.c.id).limit(_MOST)
    ),
    "payloads": Swift(
        select(webhooks.c.id, webhooks.c.received_at, webhooks.c.body.is_not(None), func.length(webhooks.c.body))
        .where(webhooks.c.id > _FROM).order_by(webhooks.c.id).limit(_MOST)
    ),
    "webhooks": Swift(
        select(webhooks.c.id, webhooks.c.received_at, true(), func.length(webhooks.c.body))
        .where(webhooks.c.id > _FROM).order_by(webhooks.c.id).limit(_MOST)
    ),
    "quarantine": Swift(
        select(quarantine.c.seq, quarantine.c.received_at, true(), func.length(quarantine.c.body))
        .where(quarantine.c.seq > _FROM).order_by(quarantine.c.seq).limit(_MOST)
    ),
    "audit": Swift(
        select(audit.c.seq, audit.c.at, true(), func.length(audit.c.after))
        .where(audit.c.seq > _FROM).order_by(audit.c.seq).limit(_MOST)
    ),
    "errands": Swift(
        select(errands.c.id, errands.c.asked_at, _OVER, func.length(errands.c.doc))
        .where(errands.c.id > _FROM).order_by(errands.c.id).limit(_MOST)
    ),
}  # fmt: skip
"""By the primary key, which is the order of time: no index of its own is kept up to date with every commit.
A row: its key, its time, whether it may go, and its bytes."""

_FORGET_HASHES = Swift(
    delete(webhook_ids).where(
        webhook_ids.c.hash.in_(
            select(webhooks.c.hash).where(among(webhooks.c.id, "ids"), webhooks.c.received_at < _AGE)
        )
    )
)
_LET_GO = Swift(upsert(tables.counters))
_REMOVE: Mapping[Kind, Swift] = {
    "deliveries": Swift(delete(deliveries).where(among(deliveries.c.id, "ids"), ENDED)),
    "payloads": Swift(
        update(webhooks)
        .where(among(webhooks.c.id, "ids"), webhooks.c.received_at < _AGE, webhooks.c.body.is_not(None))
        .values(body=None, headers="{}")
    ),
    "webhooks": Swift(delete(webhooks).where(among(webhooks.c.id, "ids"), webhooks.c.received_at < _AGE)),
    "quarantine": Swift(delete(quarantine).where(among(quarantine.c.seq, "ids"), quarantine.c.received_at < _AGE)),
    "audit": Swift(delete(audit).where(among(audit.c.seq, "ids"), audit.c.at < _AGE)),
    "errands": Swift(delete(errands).where(among(errands.c.id, "ids"), _OVER)),
}


@dataclass(frozen=True, slots=True)
class Seek:
    kind: Kind
    before: float
    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class Found:
    """`keys` may go; the next step begins behind `after`."""

    keys: tuple[Any, ...]
    after: str
    done: bool


def seek(conn: Connection, want: Seek) -> Found:
    text = want.kind in NAMED
    start: Any = want.after if text else int(want.after or 0)
    found = SEEK[want.kind].all(conn, {"from_": start, "most": want.limit, "age": want.before})
    keys: list[Any] = []
    after, size = want.after, 0
    for key, at, may_go, length in found:
        if at >= want.before:
            return Found(tuple(keys), after, True)
        if may_go:
            size += length or 0
            if keys and size > MOST_BYTES:
                return Found(tuple(keys), after, False)
            keys.append(key)
        after = str(key)
    return Found(tuple(keys), after, len(found) < want.limit)


@dataclass(frozen=True, slots=True)
class Remove:
    kind: Kind
    before: float
    keys: tuple[Any, ...]


def remove_many(conn: Connection, items: Sequence[Remove]) -> list[int]:
    return [_remove(conn, item) for item in items]


def _remove(conn: Connection, item: Remove) -> int:
    """What changed since it was sought stays."""
    given = {"ids": list(item.keys), "age": item.before}
    if item.kind == "webhooks":
        _FORGET_HASHES.all(conn, given)
    if item.kind == "audit":
        _LET_GO.many(conn, [{"name": "audit_until", "value": int(item.before)}])
        given["age"] = float(int(item.before))
    _REMOVE[item.kind].all(conn, given)
    return int(conn.exec_driver_sql("SELECT changes()").scalar_one())


def step(found: Found, removed: int) -> Step:
    return Step(removed, found.after, found.done)


# -- how much there is ----------------------------------------------------------------------------

_TABLES: Mapping[str, tuple[Table, str, str]] = {
    # name → the table, its time, the key that is in the order of time
    "webhooks": (webhooks, "received_at", "id"),
    "webhook_ids": (webhook_ids, "seen_at", ""),
    "quarantine": (quarantine, "received_at", "seq"),
    "looks": (tables.looks, "due_at", ""),
    "devices": (tables.devices, "updated_at", ""),
    "deliveries": (deliveries, "created_at", "id"),
    "ledger": (ledger, "compared_at", ""),
    "audit": (audit, "at", "seq"),
    "errands": (errands, "asked_at", "id"),
}


def names(thorough: bool) -> list[str]:
    return [*_TABLES, *(["payloads"] if thorough else [])]


def size(conn: Connection, name: str, thorough: bool) -> TableSize:
    if name != "payloads":
        return _size(conn, name, *_TABLES[name], thorough)
    with_payload = select(func.count(), func.min(webhooks.c.received_at)).where(webhooks.c.body.is_not(None))
    return TableSize(name, *conn.execute(with_payload).one())


def _size(conn: Connection, name: str, table: Table, time: str, key: str, thorough: bool) -> TableSize:
    rows = conn.execute(select(func.count()).select_from(table)).scalar_one()
    if not key and not thorough:
        return TableSize(name, rows, None)
    oldest = select(table.c[time]).order_by(table.c[key]).limit(1) if key else select(func.min(table.c[time]))
    return TableSize(name, rows, conn.execute(oldest).scalar())


def file_bytes(conn: Connection) -> tuple[int, int]:
    pragma: Callable[[str], int] = lambda name: int(conn.exec_driver_sql(f"PRAGMA {name}").scalar_one())  # noqa: E731  one line says it
    page = pragma("page_size")
    return pragma("page_count") * page, pragma("freelist_count") * page
