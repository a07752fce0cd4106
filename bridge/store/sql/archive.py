"""Webhooks and misfits read, and a misfit let in after all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, LargeBinary, Row, Select, Table, func, literal, null, or_, select
from sqlalchemy import delete as delete_from

from bridge.store.archive import ACCEPTED, MISFIT, Kept, Wanted
from bridge.store.records import Accepted, Arrival, Delivery
from bridge.store.sql import rows
from bridge.store.sql.inbox import accept_many
from bridge.store.sql.tables import deliveries, quarantine, webhooks

_OUTCOME = func.coalesce(func.nullif(webhooks.c.ignored, ""), ACCEPTED)


def kept(conn: Connection, want: Wanted) -> list[Kept]:
    found: list[Kept] = []
    if want.outcome != MISFIT:
        found += map(_kept, conn.execute(_chosen(webhooks, _OUTCOME, webhooks.c.type, literal(""), want)))
    if want.outcome in (None, MISFIT):
        misfits = _chosen(quarantine, literal(MISFIT), literal(""), quarantine.c.problem, want)
        found += map(_kept, conn.execute(misfits))
    found.sort(key=lambda one: one.id, reverse=not want.oldest_first)
    return found[: want.limit]


def _chosen(
    table: Table, outcome: ColumnElement[str], type_: ColumnElement[str], problem: ColumnElement[str], want: Wanted
) -> Select[Any]:
    c = table.c
    where: list[ColumnElement[bool]] = []
    if want.connector is not None:
        where.append(c.connector == want.connector)
    if want.since is not None:
        where.append(c.received_at >= want.since)
    if want.outcome is not None:
        where.append(outcome == want.outcome)
    if want.search:
        where.append(
            or_(*(text.contains(want.search, autoescape=True) for text in (c.id, type_, c.txn, problem, c.devices)))
        )
    if want.before is not None:
        where.append(c.id < want.before)
    if want.after is not None:
        where.append(c.id > want.after)
    body = c.body if want.bodies else null().cast(LargeBinary)
    columns = (c.id, c.connector, c.received_at, type_, outcome, c.txn, c.devices, problem, func.length(c.body))
    order = c.id if want.oldest_first else c.id.desc()
    return select(*columns, c.headers, body).where(*where).order_by(order).limit(want.limit)


def _kept(row: Row[Any]) -> Kept:
    members = list(row)
    members[6] = tuple(orjson.loads(members[6]))
    members[9] = orjson.loads(members[9])
    return Kept(*members)


def one(conn: Connection, webhook_id: str) -> Kept | None:
    want = Wanted(bodies=True)
    for table, outcome, type_, problem in (
        (webhooks, _OUTCOME, webhooks.c.type, literal("")),
        (quarantine, literal(MISFIT), literal(""), quarantine.c.problem),
    ):
        found = conn.execute(_chosen(table, outcome, type_, problem, want).where(table.c.id == webhook_id)).first()
        if found is not None:
            return _kept(found)
    return None


def caused(conn: Connection, txn: str, limit: int) -> list[Delivery]:
    """A walk through all SETs: nothing but this asks for them by their cause, and an index would cost every commit."""
    found = select(*rows.DELIVERY).where(deliveries.c.txn == txn).order_by(deliveries.c.id).limit(limit)
    return [rows.delivery(row) for row in conn.execute(found)]


@dataclass(frozen=True, slots=True)
class Readmit:
    misfit_id: str
    arrival: Arrival


def readmit_many(conn: Connection, items: Sequence[Readmit]) -> list[Accepted | None]:
    return [_readmit(conn, item) for item in items]


def _readmit(conn: Connection, item: Readmit) -> Accepted | None:
    if not conn.execute(delete_from(quarantine).where(quarantine.c.id == item.misfit_id)).rowcount:
        return None
    return accept_many(conn, [item.arrival])[0]
