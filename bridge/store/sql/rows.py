"""Between rows and the values of `bridge.model`: what a column holds, and how documents are written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Row

from bridge.model import Device, Finding, Held, Hold, LedgerRow, Override, Owner, Statement, Tail
from bridge.store.hold_rules import hold_kind
from bridge.store.ledger_rules import unsent
from bridge.store.records import Delivery, Look, NewDelivery, Rank, Stated, Urgency
from bridge.store.sql import tables

AnyRow = Row[Any] | Sequence[Any]
Values = dict[str, Any]

LOOK = tuple(tables.looks.c)
GENERATION = [c.name for c in LOOK].index("generation")
DELIVERY = tuple(c for c in tables.deliveries.c if c.name != "head")
_MAYBE = [c.name for c in DELIVERY].index("maybe_received")
_RANK = [c.name for c in DELIVERY].index("rank")
_RANKS = tuple(Rank)
TAIL = tuple(tables.deliveries.c[n] for n in ("id", "state", "status", "previous", "leased_until", "maybe_received"))
LEDGER = (*tables.ledger.c, *(c.label(f"tail_{c.name}_") for c in TAIL))
"""The columns that `look`, `delivery` and `ledger_row` read, in this order."""


def dumped(value: object) -> str:
    return orjson.dumps(value).decode()


def _finding(doc: dict[str, Any] | None) -> Finding | None:
    if doc is None:
        return None
    doc["tags"] = tuple(doc["tags"])
    return Finding(**doc)


def _owner(doc: dict[str, Any] | None) -> Owner | None:
    return None if doc is None else Owner(doc["id"], doc["email"])


def _stated(doc: dict[str, Any]) -> Stated:
    said = doc["statement"]
    statement = Statement(
        said["device_id"], _finding(said["finding"]), _owner(said["owner"]), said["name"], said["deleted"]
    )
    return Stated(statement, doc["received_at"], doc["generation"])


# -- looks ----------------------------------------------------------------------------------------


def look(row: AnyRow, *, leased_until: float | None = None) -> Look:
    """`leased_until`: the lease that is about to be written, if there is one."""
    stated = () if row[9] == "[]" else tuple(_stated(doc) for doc in orjson.loads(row[9]))
    return Look(
        connector=row[0], device_id=row[1], due_at=row[2], urgency=Urgency(row[3]), txn=row[4], generation=row[5],
        attempts=row[6], contradictions=row[7], rung_at=row[8], stated=stated, last_error=row[10],
        leased_until=row[11] if leased_until is None else leased_until,
    )  # fmt: skip


def look_values(value: Look) -> Values:
    return {
        "connector": value.connector,
        "device_id": value.device_id,
        "due_at": value.due_at,
        "urgency": int(value.urgency),
        "txn": value.txn,
        "generation": value.generation,
        "attempts": value.attempts,
        "contradictions": value.contradictions,
        "rung_at": value.rung_at,
        "stated": dumped(value.stated) if value.stated else "[]",
        "last_error": value.last_error,
        "leased_until": value.leased_until,
    }


# -- devices --------------------------------------------------------------------------------------


def device(doc: str, version: int) -> Device:
    said = orjson.loads(doc)
    said["version"] = version
    said["owner"] = _owner(said["owner"])
    said["pending_owner"] = _owner(said["pending_owner"])
    said["findings"] = tuple(_finding(f) for f in said["findings"])
    said["failing"] = tuple(said["failing"])
    if said["hold"] is not None:
        said["hold"] = _hold(said["hold"])
    if said["override"] is not None:
        said["override"] = Override(**said["override"])
    return Device(**said)


def _hold(doc: dict[str, Any]) -> Hold:
    doc["keys"] = tuple(doc["keys"])
    return Hold(**doc)


def haystack(value: Device) -> str:
    return "\n".join((value.device_id, value.name, value.login or "")).casefold()


def device_values(value: Device, version: int) -> Values:
    """`version` is the one to be written; that in the document does not count."""
    return {
        "connector": value.connector,
        "device_id": value.device_id,
        "version": version,
        "login": value.login,
        "owner_id": value.owner.id if value.owner else None,
        "status": value.status,
        "updated_at": value.updated_at,
        "haystack": haystack(value),
        "hold": hold_kind(value),
        "doc": dumped(value),
    }


# -- ledger and deliveries ------------------------------------------------------------------------


def ledger_row(row: AnyRow) -> LedgerRow:
    tail_id, state, status, previous, leased_until, maybe = row[17:]
    tail = None if tail_id is None else Tail(tail_id, state, status, previous, unsent(state, leased_until, maybe))
    return LedgerRow(
        stream_id=row[0], subject=row[1], login=row[2], connector=row[3], device_id=row[4], told=row[5],
        event_at=row[6], given_up=row[7], tail=tail, reason=row[9], compared_at=row[10], version=row[11],
        held=None if row[12] is None else Held(row[12], row[13], row[14], row[15]), named=row[16],
    )  # fmt: skip


def ledger_values(row: LedgerRow, version: int, tail_id: int | None) -> Values:
    """`version` is the one to be written, whatever `row` says."""
    return {
        "stream_id": row.stream_id,
        "subject": row.subject,
        "login": row.login,
        "connector": row.connector,
        "device_id": row.device_id,
        "told": row.told,
        "event_at": row.event_at,
        "given_up": row.given_up,
        "tail_id": tail_id,
        "reason": row.reason,
        "compared_at": row.compared_at,
        "version": version,
        "held_status": row.held.status if row.held else None,
        "held_why": row.held.why if row.held else None,
        "held_by": row.held.connector if row.held else None,
        "held_at": row.held.at if row.held else None,
        "named": row.named,
    }


def delivery(row: AnyRow) -> Delivery:
    members: list[Any] = list(row)
    members[_MAYBE] = bool(members[_MAYBE])
    members[_RANK] = _RANKS[members[_RANK]]
    return Delivery(*members)


def new_delivery_values(mint: NewDelivery, delivery_id: int) -> Values:
    return {
        "id": delivery_id,
        "stream_id": mint.stream_id,
        "subject": mint.subject,
        "order_key": mint.order,
        "jti": mint.jti,
        "txn": mint.txn,
        "kid": mint.kid,
        "text": mint.text,
        "status": mint.status,
        "previous": mint.previous,
        "connector": mint.connector,
        "device_id": mint.device_id,
        "state": mint.state,
        "created_at": mint.created_at,
        "rung_at": mint.rung_at,
        "rank": int(mint.rank),
        "k_stream": mint.stream_id,
        "k_order": mint.order,
        "k_state": mint.state,
    }
