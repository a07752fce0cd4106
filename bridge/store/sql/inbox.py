"""Webhooks made durable together with the looks that they ring for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select

from bridge.store.records import Accepted, Arrival, Quarantined, Ring
from bridge.store.sql.dialect import Swift, among
from bridge.store.sql.looks import ring_all
from bridge.store.sql.rows import Values, dumped
from bridge.store.sql.tables import quarantine, webhook_ids, webhooks

_SEEN = Swift(select(webhook_ids.c.hash, webhook_ids.c.webhook_id).where(among(webhook_ids.c.hash, "hashes")))
_PUT = Swift(insert(webhooks))
_REMEMBER = Swift(insert(webhook_ids))
_PUT_MISFIT = insert(quarantine)
_NEWEST_TOO_OLD = (
    select(quarantine.c.seq).order_by(quarantine.c.seq.desc()).limit(1).offset(bindparam("keep")).scalar_subquery()
)
_TRIM = delete(quarantine).where(quarantine.c.seq <= _NEWEST_TOO_OLD)


def accept_many(conn: Connection, arrivals: Sequence[Arrival]) -> list[Accepted]:
    """Each arrival is new, or repeats one that is stored or stands earlier in `arrivals`."""
    hashes = [arrival.delivery_hash for arrival in arrivals if arrival.delivery_hash is not None]
    first: dict[str, str] = {}
    if hashes:
        first = {hash_: webhook_id for hash_, webhook_id in _SEEN.all(conn, {"hashes": hashes})}
    new: list[Arrival] = []
    ids: list[Values] = []
    results: list[Accepted] = []
    for arrival in arrivals:
        hash_ = arrival.delivery_hash
        if hash_ is not None and hash_ in first:
            results.append(Accepted(first[hash_], duplicate=True))
            continue
        if hash_ is not None:
            first[hash_] = arrival.id
            ids.append({"hash": hash_, "webhook_id": arrival.id, "seen_at": arrival.received_at})
        new.append(arrival)
        results.append(Accepted(arrival.id, duplicate=False))
    if new:
        _PUT.many(conn, [_values(arrival) for arrival in new])
    if ids:
        _REMEMBER.many(conn, ids)
    ring_all(conn, [ring for arrival in new for ring in arrival.rings])
    return results


def _values(arrival: Arrival) -> Values:
    return {
        "id": arrival.id,
        "connector": arrival.connector,
        "received_at": arrival.received_at,
        "type": arrival.type,
        "ignored": arrival.ignored,
        **rung_for(arrival.rings),
        "hash": arrival.delivery_hash,
        "headers": dumped(dict(arrival.headers)),
        "body": arrival.body,
    }


def rung_for(rings: Sequence[Ring]) -> Values:
    """The cause, and the devices that it rang for."""
    if not rings:
        return {"txn": "", "devices": "[]"}
    return {"txn": rings[0].txn, "devices": dumped([ring.device_id for ring in rings])}


@dataclass(frozen=True, slots=True)
class Misfit:
    misfit: Quarantined
    rings: tuple[Ring, ...]
    keep: int


def quarantine_many(conn: Connection, items: Sequence[Misfit]) -> list[None]:
    for item in items:
        kept = item.misfit
        conn.execute(
            _PUT_MISFIT,
            {
                "id": kept.id,
                "connector": kept.connector,
                "received_at": kept.received_at,
                **rung_for(item.rings),
                "headers": dumped(dict(kept.headers)),
                "body": kept.body,
                "problem": kept.problem,
            },
        )
        conn.execute(_TRIM, {"keep": item.keep})
    ring_all(conn, [ring for item in items for ring in item.rings])
    return [None] * len(items)
