"""SETs that are pending or dead: which keys they name, and other SETs in their place."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnClause, Connection, bindparam, literal_column, select, union, union_all, update

from bridge.store.sql.dialect import Swift, among
from bridge.store.sql.outbox import delivery
from bridge.store.sql.tables import PENDING, deliveries
from bridge.store.undelivered import Renewal, renewable

_DEAD: ColumnClause[str] = literal_column("'dead'")
_KIDS = union(*(select(deliveries.c.kid).where(deliveries.c.state == state) for state in (PENDING, _DEAD)))
_STRANDED = Swift(
    union_all(
        *(
            select(deliveries.c.id).where(deliveries.c.state == state, ~among(deliveries.c.kid, "kids"))
            for state in (PENDING, _DEAD)
        )
    )
)
"""Each half finds its rows by the partial index of its state."""
_RENEW = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("k_id"))
    .values(jti=bindparam("b_jti"), kid=bindparam("b_kid"), text=bindparam("b_text"))
)
_ANEW = _RENEW.where(deliveries.c.state == PENDING).values(
    attempts=0, faults=0, faulted_at=None, next_at=bindparam("b_now")
)


def kids(conn: Connection) -> set[str]:
    return {kid for (kid,) in conn.execute(_KIDS)}


def stranded(conn: Connection, published: Collection[str]) -> list[int]:
    return sorted(id_ for (id_,) in _STRANDED.all(conn, {"kids": sorted(published)}))


def renew_many(conn: Connection, items: Sequence[Sequence[Renewal]]) -> list[list[str]]:
    return [[_renew(conn, renewal) for renewal in item] for item in items]


def _renew(conn: Connection, renewal: Renewal) -> str:
    row = delivery(conn, renewal.id)
    refused = renewable(row, renewal.jti, renewal.at)
    if row is None or refused:
        return refused
    signed = renewal.signed
    values = {"k_id": row.id, "b_jti": signed.jti, "b_kid": signed.kid, "b_text": signed.text}
    if row.state == "pending":
        conn.execute(_ANEW, values | {"b_now": renewal.at})
    else:
        conn.execute(_RENEW, values)
    return ""
