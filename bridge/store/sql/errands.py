"""Errands and connectors in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, insert, or_, select, update

from bridge.store.errands import MANY, ConnectorRow, Errand, ErrandState
from bridge.store.sql import tables
from bridge.store.sql.dialect import Swift, upsert
from bridge.store.sql.rows import AnyRow, Values, dumped

_ERRANDS = select(*tables.errands.c)
_ONE = _ERRANDS.where(tables.errands.c.id == bindparam("k_id"))
_OPEN = _ERRANDS.where(
    tables.errands.c.kind == bindparam("k_kind"),
    tables.errands.c.target == bindparam("k_target"),
    tables.errands.c.ended_at.is_(None),
)
_FREE = (
    _ERRANDS.where(
        tables.errands.c.ended_at.is_(None),
        or_(tables.errands.c.leased_until.is_(None), tables.errands.c.leased_until <= bindparam("now")),
    )
    .order_by(tables.errands.c.asked_at, tables.errands.c.id)
    .limit(1)
)
_NEWEST = _ERRANDS.order_by(tables.errands.c.asked_at.desc(), tables.errands.c.id.desc()).limit(bindparam("most"))
_PUT = insert(tables.errands)
_CHANGE = (
    update(tables.errands)
    .where(tables.errands.c.id == bindparam("k_id"), tables.errands.c.ended_at.is_(None))
    .values(
        state=bindparam("b_state"), doc=bindparam("b_doc"),
        leased_until=bindparam("b_until"), ended_at=bindparam("b_ended"),
    )
)  # fmt: skip
_CONNECTORS = select(tables.connectors.c.doc).order_by(tables.connectors.c.name)
_PUT_CONNECTOR = Swift(upsert(tables.connectors))


def _errand(row: AnyRow) -> Errand:
    said = orjson.loads(row[8])
    return Errand(
        id=row[0], kind=row[1], target=row[2], state=row[3], asked_at=row[4], asked_by=row[5],
        leased_until=row[6], ended_at=row[7], asked=said["asked"], doc=said["doc"],
    )  # fmt: skip


def _doc(asked: Mapping[str, Any], doc: Mapping[str, Any]) -> str:
    return dumped({"asked": dict(asked), "doc": dict(doc)})


def ask_many(conn: Connection, items: Sequence[Errand]) -> list[Errand]:
    return [_ask(conn, item) for item in items]


def _ask(conn: Connection, errand: Errand) -> Errand:
    found = None
    if errand.kind != MANY:
        found = conn.execute(_OPEN, {"k_kind": errand.kind, "k_target": errand.target}).first()
    if found is not None:
        return _errand(found)
    put_errands(conn, [errand])
    return errand


def put_errands(conn: Connection, errands: Sequence[Errand]) -> None:
    if errands:
        conn.execute(_PUT, [_values(errand) for errand in errands])


def _values(errand: Errand) -> Values:
    return {
        "id": errand.id, "kind": errand.kind, "target": errand.target, "state": errand.state,
        "asked_at": errand.asked_at, "asked_by": errand.asked_by, "leased_until": None, "ended_at": None,
        "doc": _doc(errand.asked, errand.doc),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lease:
    now: float
    until: float


def lease_many(conn: Connection, items: Sequence[Lease]) -> list[Errand | None]:
    return [_lease(conn, item) for item in items]


def _lease(conn: Connection, item: Lease) -> Errand | None:
    found = conn.execute(_FREE, {"now": item.now}).first()
    if found is None:
        return None
    _write(conn, Change(found[0], "running", None, item.until))
    return one(conn, found[0])


@dataclass(frozen=True, slots=True)
class Change:
    """`doc` None: as it is."""

    id: str
    state: ErrandState
    doc: Mapping[str, Any] | None
    until: float | None
    ended_at: float | None = None
    if_waiting: bool = False


def change_many(conn: Connection, items: Sequence[Change]) -> list[bool]:
    return [_write(conn, item) for item in items]


def _write(conn: Connection, change: Change) -> bool:
    stands = one(conn, change.id)
    if stands is None or stands.ended_at is not None or (change.if_waiting and stands.state != "waiting"):
        return False
    doc = stands.doc if change.doc is None else change.doc
    asked = stands.asked if change.ended_at is None else {}
    conn.execute(_CHANGE, {
        "k_id": change.id, "b_state": change.state, "b_doc": _doc(asked, doc),
        "b_until": change.until, "b_ended": change.ended_at,
    })  # fmt: skip
    return True


def one(conn: Connection, errand_id: str) -> Errand | None:
    row = conn.execute(_ONE, {"k_id": errand_id}).first()
    return None if row is None else _errand(row)


def newest(conn: Connection, limit: int) -> list[Errand]:
    return [_errand(row) for row in conn.execute(_NEWEST, {"most": limit})]


def connectors(conn: Connection) -> list[ConnectorRow]:
    return [ConnectorRow(**orjson.loads(row[0])) for row in conn.execute(_CONNECTORS)]


def put_connector_many(conn: Connection, items: Sequence[ConnectorRow]) -> list[None]:
    _PUT_CONNECTOR.many(conn, [{"name": row.name, "doc": dumped(asdict(row))} for row in items])
    return [None] * len(items)
