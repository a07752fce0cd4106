"""A person taken out of the database, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy import Connection, bindparam, delete, literal, select, tuple_, update
from sqlalchemy import union as union_of

from bridge.store.erasure import Erase, Erased, Hindrance, Pair, is_anothers
from bridge.store.sql.audit import mark, put_mark
from bridge.store.sql.dialect import Swift, among, rows_of
from bridge.store.sql.heads import promote
from bridge.store.sql.holds import devices_of
from bridge.store.sql.subject_table import FORGET_CHOICE
from bridge.store.sql.tables import deliveries, devices, ledger, looks, quarantine, webhooks
from bridge.store.subjects import CHOICES_ERASED

_SUBJECTS = union_of(
    select(ledger.c.stream_id, ledger.c.subject), select(deliveries.c.stream_id, deliveries.c.subject)
).subquery()  # fmt: skip
_TOLD = Swift(
    select(ledger.c.stream_id, ledger.c.subject, ledger.c.told).where(
        ledger.c.stream_id == bindparam("first"), among(ledger.c.subject, "seconds")
    )
)
_SETS = Swift(
    select(
        deliveries.c.id, deliveries.c.stream_id, deliveries.c.order_key, deliveries.c.state, deliveries.c.leased_until
    ).where(deliveries.c.stream_id == bindparam("first"), among(deliveries.c.subject, "seconds"))
)
_LOOKS = Swift(
    select(looks.c.connector, looks.c.device_id, looks.c.leased_until).where(
        looks.c.connector == bindparam("first"), among(looks.c.device_id, "seconds")
    )
)
_NO_DEVICE = delete(devices).where(
    devices.c.connector == bindparam("k_first"), devices.c.device_id == bindparam("k_second")
)
_NO_LOOK = delete(looks).where(looks.c.connector == bindparam("k_first"), looks.c.device_id == bindparam("k_second"))
_NO_LEDGER = delete(ledger).where(ledger.c.stream_id == bindparam("k_first"), ledger.c.subject == bindparam("k_second"))
_NO_SET = delete(deliveries).where(deliveries.c.id == bindparam("k_id"))
_NO_MISFIT = delete(quarantine).where(quarantine.c.id == bindparam("k_id"))
_NO_BODY = (
    update(webhooks)
    .where(webhooks.c.id == bindparam("k_id"), webhooks.c.body.is_not(None))
    .values(body=None, headers="{}")
)


def subjects(conn: Connection, after: Pair | None, limit: int) -> list[Pair]:
    found = select(_SUBJECTS.c.stream_id, _SUBJECTS.c.subject)
    if after is not None:
        found = found.where(
            tuple_(_SUBJECTS.c.stream_id, _SUBJECTS.c.subject) > tuple_(literal(after[0]), literal(after[1]))
        )
    found = found.order_by(_SUBJECTS.c.stream_id, _SUBJECTS.c.subject).limit(limit)
    return [(stream_id, subject) for stream_id, subject in conn.execute(found)]


@dataclass(frozen=True, slots=True)
class Item:
    what: Erase
    now: float


def erase_many(conn: Connection, items: Sequence[Item]) -> list[Erased]:
    return [_erase(conn, item) for item in items]


def _erase(conn: Connection, item: Item) -> Erased:
    what = item.what
    sets = sorted(rows_of(conn, _SETS, what.subjects))
    hindrances = tuple(_hindrances(conn, item, sets))
    if hindrances:
        return Erased(hindrances)
    _for_good(conn)
    erased = Erased(
        devices=_removed(conn, _NO_DEVICE, what.devices),
        looks=_removed(conn, _NO_LOOK, what.devices),
        ledger=_removed(conn, _NO_LEDGER, what.subjects),
        deliveries=len(sets),
        choices=_removed(conn, FORGET_CHOICE, what.choices),
    )
    if erased.choices:
        put_mark(conn, CHOICES_ERASED, str(int(mark(conn, CHOICES_ERASED) or 0) + 1))
    if sets:
        conn.execute(_NO_SET, [{"k_id": row[0]} for row in sets])
        promote(conn, [(row[1], row[2]) for row in sets])
    return erased


def _for_good(conn: Connection) -> None:
    """What is erased must not stand on in the pages that become free; many builds of SQLite do so by themselves."""
    conn.exec_driver_sql("PRAGMA secure_delete=ON")


def _hindrances(conn: Connection, item: Item, sets: Sequence[tuple[object, ...]]) -> Iterator[Hindrance]:
    what = item.what
    for connector, device_id, leased_until in sorted(rows_of(conn, _LOOKS, what.devices)):
        if leased_until is not None and leased_until > item.now:
            yield Hindrance("looking", device=(connector, device_id))
    for found in devices_of(conn, what.devices):
        if is_anothers(found, what):
            yield Hindrance("another", device=found.key)
    for id_, stream_id, _, state, leased_until in sets:
        if state != "pending":
            continue
        if leased_until is not None:
            yield Hindrance("sending", str(stream_id), int(str(id_)))
        elif not what.abandon:
            yield Hindrance("pending", str(stream_id), int(str(id_)))
    for stream_id, _, told in sorted(rows_of(conn, _TOLD, what.subjects), key=itemgetter(0, 1)):
        if told == "not-compliant" and not what.abandon and stream_id not in what.undone:
            yield Hindrance("told", stream_id)


def _removed(conn: Connection, statement: object, pairs: Sequence[Pair]) -> int:
    counts = [conn.execute(statement, {"k_first": first, "k_second": second}).rowcount for first, second in pairs]  # type: ignore[call-overload]  # a delete
    return sum(counts)


def empty_many(conn: Connection, items: Sequence[Sequence[str]]) -> list[int]:
    return [_empty(conn, ids) for ids in items]


def _empty(conn: Connection, ids: Sequence[str]) -> int:
    _for_good(conn)
    done = 0
    for id_ in ids:
        done += conn.execute(_NO_BODY, {"k_id": id_}).rowcount + conn.execute(_NO_MISFIT, {"k_id": id_}).rowcount
    return done
