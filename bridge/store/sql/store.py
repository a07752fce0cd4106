"""The store on SQL: each call of the protocol becomes an item of the writer's or the reader's queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Engine

from bridge.clock import Clock
from bridge.key import KeyRow
from bridge.model import DeliveryState, Device, HeldWhy, LedgerRow, Status
from bridge.store import records as r
from bridge.store.errands import ConnectorRow, Errand
from bridge.store.notices import Notice
from bridge.store.sql import (
    beliefs,
    commit,
    errands,
    framework,
    holds,
    inbox,
    keys,
    looks,
    notices,
    outbox,
    registers,
    settle,
    undelivered,
)
from bridge.store.sql.commit_queue import PACE, CommitQueue
from bridge.store.sql.oauth import ClientRegister
from bridge.store.sql.records import Records
from bridge.store.sql.stream_register import StreamRegister
from bridge.store.sql.subjects import SubjectRegister
from bridge.store.undelivered import Renewal


class SqlStore(Records, StreamRegister, SubjectRegister, ClientRegister):
    """`on_close` is called once, after the last connection is closed."""

    def __init__(
        self, writer: Engine, reader: Engine, clock: Clock, *,
        patience: float = 2.0, admit: Callable[[], None] | None = None, on_close: Callable[[], None] | None = None,
        spoiled: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._writer = CommitQueue(writer, "store-writer", patience=patience, admit=admit, pace=PACE, spoiled=spoiled)
        self._reader = CommitQueue(reader, "store-reader", patience=patience, spoiled=spoiled)
        self._clock = clock
        self._on_close = on_close

    # -- inbox and looks --------------------------------------------------------------------------

    async def accept(self, arrival: r.Arrival) -> r.Accepted:
        return await self._writer.submit(inbox.accept_many, arrival)

    async def quarantine(self, misfit: r.Quarantined, rings: Sequence[r.Ring], keep: int = 1000) -> None:
        await self._writer.submit(inbox.quarantine_many, inbox.Misfit(misfit, tuple(rings), keep))

    async def ring(self, rings: Sequence[r.Ring]) -> None:
        if rings:
            await self._writer.submit(looks.ring_many, tuple(rings), rows=len(rings))

    async def lease_looks(self, connector: str, limit: int, now: float, until: float) -> list[r.LeasedLook]:
        return await self._writer.submit(looks.lease_many, looks.LeaseLooks(connector, limit, now, until))

    async def due_looks(self, connector: str, now: float) -> Mapping[str, int]:
        return await self._read(lambda conn: looks.due_looks(conn, connector, now))

    async def looks_by(self, txn: str, now: float) -> list[r.Look]:
        return await self._read(lambda conn: looks.looks_by(conn, txn, now))

    async def next_look_at(self, connector: str) -> float | None:
        now = self._clock.now()
        return await self._read(lambda conn: looks.next_look_at(conn, connector, now))

    async def look(self, connector: str, device_id: str) -> r.Look | None:
        return await self._read(lambda conn: looks.look(conn, connector, device_id))

    # -- belief and ledger ------------------------------------------------------------------------

    async def scene(self, logins: Collection[str], subjects: Collection[tuple[str, str]]) -> r.Scene:
        return await self._reader.submit(beliefs.scene_many, beliefs.Asked(frozenset(logins), frozenset(subjects)))

    async def commit(self, units: Sequence[r.Unit]) -> list[r.Clash]:
        if not units:
            return []
        return await self._writer.submit(commit.commit_many, tuple(units), rows=len(units))

    async def known(self, connector: str, ids: Collection[str]) -> dict[str, r.Known]:
        return await self._read(lambda conn: holds.known(conn, connector, ids))

    async def fleet(self, connector: str) -> int:
        return await self._read(lambda conn: holds.fleet(conn, connector))

    async def held(
        self, connector: str | None = None, *, why: HeldWhy | None = None,
        after: tuple[str, str] | None = None, limit: int = 100,
    ) -> list[LedgerRow]:  # fmt: skip
        want = holds.Filter(connector, why, after, limit)
        return await self._read(lambda conn: holds.held(conn, want))

    async def holds(self) -> list[r.HoldCount]:
        return await self._read(holds.holds)

    async def device(self, connector: str, device_id: str) -> Device | None:
        return await self._read(lambda conn: beliefs.device(conn, connector, device_id))

    async def devices(
        self, *, connector: str | None = None, status: Status | None = None, search: str = "",
        hold: str | None = None, after: tuple[str, str] | None = None, limit: int = 100,
    ) -> list[Device]:  # fmt: skip
        want = beliefs.Filter(connector, status, search, hold, after, limit)
        return await self._read(lambda conn: beliefs.list_devices(conn, want))

    async def devices_of_people(self, people: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[Device]]:
        return await self._read(lambda conn: beliefs.of_people(conn, people))

    async def told(self, stream_id: str, status: Status, *, after: str = "", limit: int = 100) -> list[LedgerRow]:
        return await self._read(lambda conn: beliefs.told(conn, stream_id, status, after, limit))

    async def ledger_of(self, login: str | None, device: tuple[str, str] | None) -> list[LedgerRow]:
        return await self._read(lambda conn: beliefs.ledger_of(conn, login, device))

    # -- outbox -----------------------------------------------------------------------------------

    async def lease_deliveries(
        self, streams: Mapping[str, int], now: float, until: float, probes: Collection[str] = (),
        reach: Mapping[str, r.Rank] = {},
    ) -> list[r.Delivery]:  # fmt: skip
        if not streams and not probes:
            return []
        item = outbox.LeaseDeliveries(dict(streams), now, until, tuple(probes), dict(reach))
        return await self._writer.submit(outbox.lease_many, item)

    async def by_jti(self, stream_id: str, jtis: Collection[str]) -> list[r.Delivery]:
        return await self._read(lambda conn: outbox.by_jti(conn, stream_id, jtis)) if jtis else []

    async def has_due(self, reach: Mapping[str, r.Rank], now: float) -> set[str]:
        return await self._read(lambda conn: outbox.has_due(conn, reach, now)) if reach else set()

    async def settle(self, settlements: Sequence[r.Settlement]) -> None:
        if settlements:
            await self._writer.submit(settle.settle_many, tuple(settlements), rows=len(settlements))

    async def delivery(self, delivery_id: int) -> r.Delivery | None:
        return await self._read(lambda conn: outbox.delivery(conn, delivery_id))

    async def deliveries(
        self, *, stream_id: str | None = None, state: DeliveryState | None = None, subject: str | None = None,
        device: tuple[str, str] | None = None, jti: str | None = None, before: int | None = None, limit: int = 100,
    ) -> list[r.Delivery]:  # fmt: skip
        want = outbox.Filter(stream_id, state, subject, device, jti, before, limit)
        return await self._read(lambda conn: outbox.list_deliveries(conn, want))

    async def revive(self, delivery_id: int, now: float) -> str:
        return await self._writer.submit(settle.revive_many, settle.ById(delivery_id, now))

    async def drop(self, delivery_id: int, now: float, why: str) -> str:
        return await self._writer.submit(settle.drop_many, settle.ById(delivery_id, now, why))

    async def cancel_stream(self, stream_id: str, now: float, why: str, subjects: Collection[str] | None = None) -> int:
        only = None if subjects is None else frozenset(subjects)
        return await self._writer.submit(settle.cancel_many, settle.Cancel(stream_id, now, why, only))

    async def expire_framework(self, before: float, now: float) -> int:
        return await self._writer.submit(framework.expire_many, framework.Expire(before, now))

    async def bound_verifications(self, stream_id: str, most: int, now: float) -> int:
        return await self._writer.submit(framework.bound_many, framework.Bound(stream_id, most, now))

    async def backlog(self, now: float) -> list[r.Backlog]:
        return await self._read(outbox.backlog)

    async def release_leases(self) -> int:
        return await self._writer.submit(outbox.release_many, None)

    async def undelivered_kids(self) -> set[str]:
        return await self._read(undelivered.kids)

    async def stranded(self, kids: Collection[str]) -> list[int]:
        return await self._read(lambda conn: undelivered.stranded(conn, kids))

    async def renew(self, renewals: Sequence[Renewal]) -> list[str]:
        if not renewals:
            return []
        return await self._writer.submit(undelivered.renew_many, tuple(renewals), rows=len(renewals))

    # -- keys --------------------------------------------------------------------

    async def keys(self) -> list[KeyRow]:
        return await self._read(keys.keys)

    async def swap_keys(self, expected: Collection[KeyRow], rows: Collection[KeyRow]) -> bool:
        return await self._writer.submit(keys.swap_many, keys.Swap(frozenset(expected), tuple(rows)))

    # -- errands and connectors -------------------------------------------------------------------

    async def ask(self, errand: Errand) -> Errand:
        return await self._writer.submit(errands.ask_many, errand)

    async def lease_errand(self, now: float, until: float) -> Errand | None:
        return await self._writer.submit(errands.lease_many, errands.Lease(now, until))

    async def note_errand(self, errand_id: str, doc: Mapping[str, Any], until: float) -> None:
        await self._writer.submit(errands.change_many, errands.Change(errand_id, "running", dict(doc), until))

    async def end_errand(
        self, errand_id: str, state: Literal["done", "failed"], doc: Mapping[str, Any], now: float
    ) -> None:
        await self._writer.submit(errands.change_many, errands.Change(errand_id, state, dict(doc), None, now))

    async def withdraw_errand(self, errand_id: str, now: float) -> bool:
        change = errands.Change(errand_id, "failed", None, None, now, if_waiting=True)
        return await self._writer.submit(errands.change_many, change)

    async def errand(self, errand_id: str) -> Errand | None:
        return await self._read(lambda conn: errands.one(conn, errand_id))

    async def errands(self, *, limit: int = 100) -> list[Errand]:
        return await self._read(lambda conn: errands.newest(conn, limit))

    async def connectors(self) -> list[ConnectorRow]:
        return await self._read(errands.connectors)

    async def put_connector(self, row: ConnectorRow) -> None:
        await self._writer.submit(errands.put_connector_many, row)

    # -- the rest ---------------------------------------------------------------------------------

    async def notices(self) -> list[Notice]:
        return await self._read(notices.notices)

    async def put_notices(self, rows: Sequence[Notice], gone: Collection[tuple[str, str]] = ()) -> None:
        await self._writer.submit(notices.put_many, notices.Put(tuple(rows), tuple(gone)))

    async def ping(self) -> None:
        await self._writer.submit(registers.ping_many, None)

    async def counts(self) -> Mapping[str, int]:
        return await self._read(registers.counts)

    async def close(self) -> None:
        """Ends what is under way. A second call does nothing."""
        await asyncio.gather(self._writer.close(), self._reader.close())
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()
