"""Looks in the database. Each `…_many` takes the items of one commit and gives a result for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from bridge.store.look_rules import finished, rung
from bridge.store.records import LeasedLook, Look, LookDone, Ring, Urgency
from bridge.store.sql import rows
from bridge.store.sql.dialect import Swift, among, rows_of, upsert
from bridge.store.sql.tables import devices, looks

_Key = tuple[str, str]

_FREE = or_(looks.c.leased_until.is_(None), looks.c.leased_until <= bindparam("now"))
LOOKS_OF = Swift(select(*rows.LOOK).where(looks.c.connector == bindparam("first"), among(looks.c.device_id, "seconds")))
_PUT = Swift(upsert(looks))
_GO = Swift(
    delete(looks).where(looks.c.connector == bindparam("k_connector"), looks.c.device_id == bindparam("k_device_id"))
)
_DUE = Swift(
    select(*rows.LOOK, devices.c.doc, devices.c.version)
    .select_from(
        looks.outerjoin(
            devices, (devices.c.connector == looks.c.connector) & (devices.c.device_id == looks.c.device_id)
        )
    )
    .where(
        looks.c.connector == bindparam("connector"),
        looks.c.urgency == bindparam("urgency"),
        looks.c.due_at <= bindparam("now"),
        _FREE,
    )
    .order_by(looks.c.due_at, looks.c.device_id)
    .limit(bindparam("most"))
)
_HOLD = Swift(
    update(looks)
    .where(looks.c.connector == bindparam("k_connector"), among(looks.c.device_id, "ids"))
    .values(leased_until=bindparam("until"))
)
_NEXT = (
    select(looks.c.due_at)
    .where(looks.c.connector == bindparam("connector"), looks.c.urgency == bindparam("urgency"), _FREE)
    .order_by(looks.c.due_at)
    .limit(1)
)


_ALL_DUE = select(looks.c.device_id, looks.c.generation).where(
    looks.c.connector == bindparam("connector"), looks.c.due_at <= bindparam("now"), _FREE
)


_BY_TXN = (
    select(*rows.LOOK)
    .where(
        looks.c.txn == bindparam("txn"),
        or_(looks.c.due_at <= bindparam("now"), looks.c.last_error.startswith("look_", autoescape=True)),
    )
    .order_by(looks.c.connector, looks.c.device_id)
)


class LookBook:
    """Some looks as they stand within one transaction; `write` puts back what changed."""

    def __init__(self, conn: Connection, keys: Iterable[_Key]) -> None:
        self._conn = conn
        self._stood: dict[_Key, tuple[Any, ...]] = {(row[0], row[1]): row for row in rows_of(conn, LOOKS_OF, keys)}
        self._now: dict[_Key, Look | None] = {}
        """Only the looks that something happened to: most rows are never read beyond their key and generation."""

    def _look(self, key: _Key) -> Look | None:
        if key in self._now:
            return self._now[key]
        row = self._stood.get(key)
        return None if row is None else rows.look(row)

    def ring(self, ring: Ring) -> None:
        key = (ring.connector, ring.device_id)
        self._now[key] = rung(self._look(key), ring)

    def finish(self, done: LookDone) -> None:
        key = (done.connector, done.device_id)
        row = None if key in self._now else self._stood.get(key)
        if row is not None and done.again_at is None and row[rows.GENERATION] == done.generation:
            self._now[key] = None
            return
        look = self._look(key)
        if look is not None:
            self._now[key] = finished(look, done)

    def write(self) -> None:
        put = [rows.look_values(look) for look in self._now.values() if look is not None]
        gone = [
            {"k_connector": key[0], "k_device_id": key[1]}
            for key, look in self._now.items()
            if look is None and key in self._stood
        ]
        if put:
            _PUT.many(self._conn, put)
        if gone:
            _GO.many(self._conn, gone)


def ring_all(conn: Connection, rings: Sequence[Ring]) -> None:
    if rings:
        book = LookBook(conn, [(ring.connector, ring.device_id) for ring in rings])
        for ring in rings:
            book.ring(ring)
        book.write()


def ring_many(conn: Connection, items: Sequence[Sequence[Ring]]) -> list[None]:
    ring_all(conn, [ring for rings in items for ring in rings])
    return [None] * len(items)


@dataclass(frozen=True, slots=True)
class LeaseLooks:
    connector: str
    limit: int
    now: float
    until: float


def lease_many(conn: Connection, items: Sequence[LeaseLooks]) -> list[list[LeasedLook]]:
    return [_lease(conn, item) for item in items]


def _lease(conn: Connection, item: LeaseLooks) -> list[LeasedLook]:
    leased: list[LeasedLook] = []
    for urgency in Urgency:  # one index range each: a single query would walk or sort what is not due
        if len(leased) >= item.limit:
            break
        found = _DUE.all(
            conn,
            {
                "connector": item.connector,
                "urgency": int(urgency),
                "now": item.now,
                "most": item.limit - len(leased),
            },
        )
        for row in found:
            look = rows.look(row, leased_until=item.until)
            leased.append(LeasedLook(look, rows.device(row[-2], row[-1]) if row[-1] else None))
    if leased:
        ids = [one.look.device_id for one in leased]
        _HOLD.all(conn, {"k_connector": item.connector, "ids": ids, "until": item.until})
    return leased


def due_looks(conn: Connection, connector: str, now: float) -> dict[str, int]:
    return {row[0]: row[1] for row in conn.execute(_ALL_DUE, {"connector": connector, "now": now})}


def looks_by(conn: Connection, txn: str, now: float) -> list[Look]:
    return [rows.look(row) for row in conn.execute(_BY_TXN, {"txn": txn, "now": now})]


def next_look_at(conn: Connection, connector: str, now: float) -> float | None:
    found = (conn.execute(_NEXT, {"connector": connector, "urgency": int(one), "now": now}).scalar() for one in Urgency)
    return min((at for at in found if at is not None), default=None)


def look(conn: Connection, connector: str, device_id: str) -> Look | None:
    found = LOOKS_OF.all(conn, {"first": connector, "seconds": [device_id]})
    return rows.look(found[0]) if found else None
