"""Heads: of each (stream, order) the one row that may be sent next carries `head = 1`."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, and_, bindparam, case, exists, func, literal_column, select, update

from bridge.store.sql.dialect import Swift
from bridge.store.sql.tables import HEAD, PENDING, deliveries

Key = tuple[str, str]
"""(stream id, order key)."""

_others = deliveries.alias("others")
_OLDEST = (
    select(func.min(_others.c.id))
    .where(
        _others.c.stream_id == bindparam("k_stream"),
        _others.c.order_key == bindparam("k_order"),
        _others.c.state == PENDING,
    )
    .scalar_subquery()
)
IS_FIRST = case(
    (and_(bindparam("k_state") == PENDING, ~exists().where(
        _others.c.stream_id == bindparam("k_stream"),
        _others.c.order_key == bindparam("k_order"),
        _others.c.state == PENDING,
    )), HEAD),
    else_=literal_column("0"),
)  # fmt: skip
"""The `head` of a row that is about to be made: 1 if it is to be sent and nothing of its key goes before it. To make it
so at once spares half of what the row costs: it is written once, and its three indexes of heads are touched once."""
_headed = deliveries.alias("headed")
_HAS_HEAD = exists().where(
    and_(
        _headed.c.stream_id == bindparam("k_stream"),
        _headed.c.order_key == bindparam("k_order"),
        _headed.c.head == HEAD,
    )
)
_PROMOTE = Swift(update(deliveries).where(deliveries.c.id == _OLDEST, ~_HAS_HEAD).values(head=literal_column("1")))


def promote(conn: Connection, keys: Iterable[Key]) -> None:
    """Gives each of these keys that has pending rows and no head its oldest pending row as head."""
    distinct = dict.fromkeys(keys)
    if distinct:
        _PROMOTE.many(conn, [{"k_stream": stream_id, "k_order": order} for stream_id, order in distinct])
