"""Small values for the tests of the store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from bridge.model import Device, Finding, FindingState, LedgerRow, Owner, Statement, Status
from bridge.store.protocol import Store
from bridge.store.records import Arrival, LedgerWrite, NewDelivery, Ring, Unit, Urgency


class FakeClock:
    def __init__(self, at: float = 1000.0) -> None:
        self.at = at

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)


def url(path: Path) -> str:
    return f"sqlite:///{path / 'bridge.db'}"


def says(key: str | None = None, at: float = 1.0, state: FindingState = "failing", device: str = "d1") -> Statement:
    return Statement(device, Finding(key, state, at, tags=("a", "b")) if key else None, Owner("7", "ann@x.example"))


def ring(device: str = "d1", *statements: Statement, txn: str = "t1", due: float = 10.0, got: float = 10.0,
         urgency: Urgency = Urgency.DOORBELL, connector: str = "k") -> Ring:  # fmt: skip
    return Ring(connector, device, txn, due, got, statements, urgency)


def arrival(id_: str, hash_: str | None = None, *rings: Ring) -> Arrival:
    return Arrival(id_, "k", 10.0, "issues.new", hash_, b'{"a":\x001}', {"x-a": "é"}, rings=rings)


def device(id_: str = "d1", version: int = 0, **more: Any) -> Device:
    return Device("k", id_, version=version, **more)


_count = iter(range(1, 10**9))


def mint(subject: str = "ann|d1", order: str = "d1", *, stream: str = "s", status: Status = "not-compliant",
         previous: Status = "compliant", jti: str = "") -> NewDelivery:  # fmt: skip
    return NewDelivery(
        stream, subject, order, jti or f"jti-{next(_count)}", "txn", "kid", "e30.e30.", status, previous, "k", "d1", 5.0
    )


def told(status: Status | None = "not-compliant", version: int = 0, *, subject: str = "ann|d1", stream: str = "s",
         **more: Any) -> LedgerRow:  # fmt: skip
    return LedgerRow(stream, subject, "ann", "k", "d1", status, version=version, **more)


def write(new: NewDelivery, version: int = 0, **more: Any) -> LedgerWrite:
    return LedgerWrite(told(new.status, version, subject=new.subject, stream=new.stream_id), new, **more)


async def minted(store: Store, *news: NewDelivery) -> list[int]:
    """Commits these, one after the other; their ids."""
    ids = []
    for new in news:
        key = (new.stream_id, new.subject)
        row = (await store.scene([], [key])).ledger.get(key)
        assert await store.commit([Unit(ledger=(write(new, row.version if row else 0),))]) == []
        ids.append((await store.deliveries(jti=new.jti))[0].id)
    return ids


async def ledger(store: Store, subject: str = "ann|d1", stream: str = "s") -> LedgerRow:
    return (await store.scene([], [(stream, subject)])).ledger[stream, subject]


async def states(store: Store) -> dict[int, str]:
    return {row.id: row.state for row in await store.deliveries(limit=1000)}
