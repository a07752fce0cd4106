"""The signing keys: a small table, read and written whole, so that of two who change it at once only one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select

from bridge.key import KeyRow
from bridge.store.sql.tables import signing_keys

_KEYS = select(*signing_keys.c).order_by(signing_keys.c.created_at, signing_keys.c.kid)


@dataclass(frozen=True, slots=True)
class Swap:
    expected: frozenset[KeyRow]
    rows: tuple[KeyRow, ...]


def keys(conn: Connection) -> list[KeyRow]:
    return [KeyRow(*row) for row in conn.execute(_KEYS)]


def swap_many(conn: Connection, items: Sequence[Swap]) -> list[bool]:
    return [_swap(conn, item) for item in items]


def _swap(conn: Connection, item: Swap) -> bool:
    if frozenset(keys(conn)) != item.expected:
        return False
    conn.execute(delete(signing_keys))
    if item.rows:
        conn.execute(insert(signing_keys), [asdict(row) for row in item.rows])
    return True
