"""Notices in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson
from sqlalchemy import Connection, bindparam, delete, select

from bridge.store.notices import Notice
from bridge.store.sql import tables
from bridge.store.sql.dialect import Swift, upsert
from bridge.store.sql.rows import dumped

_ALL = select(tables.notices.c.doc).order_by(tables.notices.c.target, tables.notices.c.key)
_PUT = Swift(upsert(tables.notices))
_DROP = delete(tables.notices).where(
    tables.notices.c.target == bindparam("k_target"), tables.notices.c.key == bindparam("k_key")
)


@dataclass(frozen=True, slots=True)
class Put:
    rows: tuple[Notice, ...]
    gone: tuple[tuple[str, str], ...]


def notices(conn: Connection) -> list[Notice]:
    return [Notice(**orjson.loads(row[0])) for row in conn.execute(_ALL)]


def put_many(conn: Connection, items: Sequence[Put]) -> list[None]:
    for item in items:
        if item.rows:
            _PUT.many(conn, [{"target": r.target, "key": r.key, "doc": dumped(asdict(r))} for r in item.rows])
        if item.gone:
            conn.execute(_DROP, [{"k_target": target, "k_key": key} for target, key in item.gone])
    return [None] * len(items)
