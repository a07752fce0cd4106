"""How deliveries end, and what their ledger rows say then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import BindParameter, Connection, and_, bindparam, exists, or_, select, update

from bridge.model import LedgerRow, Status
from bridge.store.ledger_rules import WHY_NOT, cancelled, died, dropped, is_overtaken, overruled, revived
from bridge.store.records import Rank, Settlement
from bridge.store.sql import rows
from bridge.store.sql.beliefs import LEDGER_OF
from bridge.store.sql.dialect import Swift, among, rows_of
from bridge.store.sql.heads import Key, promote
from bridge.store.sql.outbox import delivery
from bridge.store.sql.tables import HEAD, PENDING, deliveries, ledger

_STILL = (deliveries.c.id == bindparam("k_id"), deliveries.c.state == PENDING)
_TRIED: dict[str, BindParameter[Any] | None] = {
    "attempts": bindparam("b_attempts"),
    "faults": bindparam("b_faults"),
    "faulted_at": bindparam("b_faulted_at"),
    "last_code": bindparam("b_code"),
    "last_words": bindparam("b_words"),
    "leased_until": None,
}
_GIVE_BACK = Swift(
    update(deliveries)
    .where(*_STILL)
    .values(
        **_TRIED,
        next_at=bindparam("b_next_at"),
        maybe_received=or_(deliveries.c.maybe_received, bindparam("b_maybe")),
    )
)
_END = Swift(
    update(deliveries).where(*_STILL).values(**_TRIED, state=bindparam("b_state"), head=0, settled_at=bindparam("b_at"))
)
_older = deliveries.alias("older")
_OUTRUN = Swift(
    select(deliveries.c.id, deliveries.c.stream_id, deliveries.c.order_key).where(
        among(deliveries.c.id, "ids"),
        deliveries.c.head == HEAD,
        exists().where(
            _older.c.stream_id == deliveries.c.stream_id,
            _older.c.order_key == deliveries.c.order_key,
            _older.c.state == PENDING,
            _older.c.id < deliveries.c.id,
        ),
    )
)
_NO_HEAD = Swift(update(deliveries).where(among(deliveries.c.id, "ids")).values(head=0))
_KEYS = Swift(
    select(deliveries.c.stream_id, deliveries.c.order_key).where(
        among(deliveries.c.id, "ids"), deliveries.c.state == PENDING
    )
)
_PENDING_OF_SUBJECT = select(deliveries.c.id, deliveries.c.stream_id, deliveries.c.order_key).where(
    deliveries.c.stream_id == bindparam("stream"),
    deliveries.c.subject == bindparam("of_subject"),
    deliveries.c.state == PENDING,
    deliveries.c.id > bindparam("after"),
)
_UNSENT_OF_STREAM = (
    select(deliveries.c.id, deliveries.c.subject, deliveries.c.previous, deliveries.c.stream_id, deliveries.c.order_key)
    .where(
        deliveries.c.stream_id == bindparam("stream"),
        deliveries.c.state == PENDING,
        deliveries.c.rank != Rank.UPDATE.value,
        or_(
            deliveries.c.rank == Rank.VERIFICATION.value,
            and_(deliveries.c.leased_until.is_(None), deliveries.c.maybe_received.is_(False)),
        ),
    )
    .order_by(deliveries.c.id)
)
_SUPERSEDE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("k_id"))
    .values(
        state="superseded", head=0, leased_until=None,
        settled_at=bindparam("b_at"), last_code="superseded", last_words=bindparam("b_words"),
    )
)  # fmt: skip
_PUT_LEDGER = (
    update(ledger)
    .where(ledger.c.stream_id == bindparam("k_stream"), ledger.c.subject == bindparam("k_subject"))
    .values(
        told=bindparam("b_told"), given_up=bindparam("b_given_up"),
        tail_id=bindparam("b_tail"), version=bindparam("b_version"),
    )
)  # fmt: skip
_REVIVE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("k_id"))
    .values(
        state="pending", attempts=0, faults=0, faulted_at=None, settled_at=None, leased_until=None,
        next_at=bindparam("b_now"),
    )
)  # fmt: skip
_MAKE_DUE = update(deliveries).where(*_STILL).values(next_at=bindparam("b_now"))
_YIELD_HEAD = (
    update(deliveries)
    .where(
        deliveries.c.stream_id == bindparam("k_stream"),
        deliveries.c.order_key == bindparam("k_order"),
        deliveries.c.head == HEAD,
        deliveries.c.id > bindparam("k_id"),
        or_(deliveries.c.leased_until.is_(None), deliveries.c.leased_until <= bindparam("b_now")),
    )
    .values(head=0)
)


def settle_many(conn: Connection, items: Sequence[Sequence[Settlement]]) -> list[None]:
    """In the order given: a death decides what those after it still find pending."""
    for state, group in groupby((s for settlements in items for s in settlements), key=lambda s: s.state):
        settlements = list(group)
        if state == "pending":
            _GIVE_BACK.many(conn, [_values(s) for s in settlements])
            _let_older_by(conn, [s.id for s in settlements])
        elif state == "delivered":
            freed = _KEYS.all(conn, {"ids": [s.id for s in settlements]})
            _END.many(conn, [_values(s) for s in settlements])
            promote(conn, [(stream_id, order) for stream_id, order in freed])
        else:
            for settlement in settlements:
                _die(conn, settlement)
    return [None] * len(items)


def _let_older_by(conn: Connection, ids: Sequence[int]) -> None:
    """A head that was being sent while an older row of its key was revived gives way to it now."""
    outrun = _OUTRUN.all(conn, {"ids": ids})
    if outrun:
        _NO_HEAD.all(conn, {"ids": [id_ for id_, _, _ in outrun]})
        promote(conn, [(stream_id, order) for _, stream_id, order in outrun])


def _values(settlement: Settlement) -> rows.Values:
    values: rows.Values = {
        "k_id": settlement.id,
        "b_attempts": settlement.attempts,
        "b_faults": settlement.faults,
        "b_faulted_at": settlement.faulted_at,
        "b_code": settlement.code,
        "b_words": settlement.words,
    }
    if settlement.state == "pending":
        return values | {"b_next_at": settlement.next_at, "b_maybe": settlement.maybe_received}
    return values | {"b_state": settlement.state, "b_at": settlement.at}


def _die(conn: Connection, settlement: Settlement) -> None:
    dead = delivery(conn, settlement.id)
    if dead is None or dead.state != "pending":
        return
    _END.many(conn, [_values(settlement)])
    freed: list[Key] = [(dead.stream_id, dead.order)]
    if settlement.maybe_received or dead.rank != Rank.EVENT:
        return promote(conn, freed)
    later = conn.execute(
        _PENDING_OF_SUBJECT, {"stream": dead.stream_id, "of_subject": dead.subject, "after": dead.id}
    ).all()
    freed += [(row.stream_id, row.order_key) for row in later]
    _supersede(conn, [row.id for row in later], settlement.at, f"delivery {dead.id}, which went before it, is dead")
    promote(conn, freed)
    row = _ledger(conn, dead.stream_id, dead.subject)
    if row is not None and not _overruled(row, dead.id):
        _put(conn, died(row, dead.id, dead.status, dead.previous))


def _supersede(conn: Connection, ids: Sequence[int], at: float, why: str) -> None:
    if ids:
        conn.execute(_SUPERSEDE, [{"k_id": id_, "b_at": at, "b_words": why} for id_ in ids])


def _overruled(row: LedgerRow, delivery_id: int) -> bool:
    return row.tail is not None and overruled(row.tail.id, row.tail.state, delivery_id)


def _ledger(conn: Connection, stream_id: str, subject: str) -> LedgerRow | None:
    found = LEDGER_OF.all(conn, {"first": stream_id, "seconds": [subject]})
    return rows.ledger_row(found[0]) if found else None


def _put(conn: Connection, *ledger_rows: LedgerRow) -> None:
    conn.execute(_PUT_LEDGER, [
        {
            "k_stream": row.stream_id, "k_subject": row.subject, "b_told": row.told, "b_given_up": row.given_up,
            "b_tail": row.tail.id if row.tail else None, "b_version": row.version,
        }
        for row in ledger_rows
    ])  # fmt: skip


# -- by an operator's hand ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ById:
    id: int
    now: float
    why: str = ""


def drop_many(conn: Connection, items: Sequence[ById]) -> list[str]:
    return [_drop(conn, item) for item in items]


def _drop(conn: Connection, item: ById) -> str:
    row = delivery(conn, item.id)
    if row is None:
        return "not_found"
    if row.state != "pending":
        return WHY_NOT[row.state]
    if row.leased_until is not None and row.leased_until > item.now:
        return "held"
    _die(conn, dropped(row, item.now, item.why))
    return ""


def revive_many(conn: Connection, items: Sequence[ById]) -> list[str]:
    return [_revive(conn, item) for item in items]


def _revive(conn: Connection, item: ById) -> str:
    row = delivery(conn, item.id)
    if row is None:
        return "not_found"
    if row.state == "pending":
        conn.execute(_MAKE_DUE, {"k_id": row.id, "b_now": item.now})
        return ""
    if row.state != "dead":
        return WHY_NOT[row.state]
    if row.rank != Rank.EVENT:
        return "framework"
    told = _ledger(conn, row.stream_id, row.subject)
    if told is None or is_overtaken(told, row):
        return "overtaken"
    conn.execute(_REVIVE, {"k_id": row.id, "b_now": item.now})
    key = {"k_stream": row.stream_id, "k_order": row.order}
    conn.execute(_YIELD_HEAD, key | {"k_id": row.id, "b_now": item.now})
    promote(conn, [(row.stream_id, row.order)])
    _put(conn, revived(told, row.status))
    return ""


@dataclass(frozen=True, slots=True)
class Cancel:
    stream_id: str
    now: float
    why: str
    subjects: frozenset[str] | None = None


def cancel_many(conn: Connection, items: Sequence[Cancel]) -> list[int]:
    return [_cancel(conn, item) for item in items]


def _cancel(conn: Connection, item: Cancel) -> int:
    unsent = list(conn.execute(_UNSENT_OF_STREAM, {"stream": item.stream_id}))
    if item.subjects is not None:
        unsent = [row for row in unsent if row.subject in item.subjects]
    oldest: dict[str, tuple[int, Status]] = {}
    for row in unsent:
        oldest.setdefault(row.subject, (row.id, row.previous))
    told = [rows.ledger_row(row) for row in rows_of(conn, LEDGER_OF, [(item.stream_id, subject) for subject in oldest])]
    _supersede(conn, [row.id for row in unsent], item.now, item.why)
    promote(conn, [(row.stream_id, row.order_key) for row in unsent])
    back = [cancelled(row, oldest[row.subject][1]) for row in told if not _overruled(row, oldest[row.subject][0])]
    if back:
        _put(conn, *back)
    return len(unsent)
