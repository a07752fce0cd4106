"""A small world for random histories: a vendor, two receivers, and the real pipeline between them on a store.

The model is plain on purpose: what the vendor knows, and what each receiver heard. Time is a number.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bridge.connector.lists.sweep import SweepPage
from bridge.model import (
    ComplianceChange,
    DeliveryState,
    Event,
    Finding,
    LookFailed,
    Outcome,
    Override,
    Owner,
    Parsed,
    SignedSET,
    Snapshot,
    Statement,
    Status,
    Stream,
    Verdict,
    VerifiedWebhook,
    Webhook,
)
from bridge.pipeline.fleet.reconcile import Reconciler
from bridge.pipeline.gate import Gate
from bridge.pipeline.intake import digest
from bridge.pipeline.looks import Lane
from bridge.pipeline.sending.outbox import Outbox
from bridge.pipeline.streams.resume import resume
from bridge.pipeline.streams.running import Running
from bridge.pipeline.tell import Teller
from bridge.posture.guard import Limits
from bridge.posture.identity import Identity
from bridge.store import open_store
from bridge.store.errands import Errand
from bridge.store.records import Arrival, Delivery, LedgerWrite, Ring, StreamRow, Unit
from tests.histories.ports import START, Clock, Dice, Ids, Nothing


@dataclass
class Laptop:
    owner: str
    exists: bool = True
    seen: bool = True
    """False: the API has lost sight of it for a while."""
    issues: dict[str, bool] = field(default_factory=dict)
    """issue → exempt"""

    @property
    def truth(self) -> Status:
        return "not-compliant" if any(not exempt for exempt in self.issues.values()) else "compliant"


class OpenIssues:
    without_api = True

    def __call__(self, findings: Sequence[Finding], status: str | None, *, held: Status | None, now: float) -> Verdict:
        failing = tuple(one for one in findings if not one.exempt)
        return Verdict("not-compliant" if failing else "compliant", "open issues", failing)


class Vendor:
    """The one source: its API tells the truth while it is up, its webhooks may be lost, late and repeated."""

    name = title = namespace = "vendor"
    has_api = True
    concurrency = 8
    fold_recoveries = False
    dry_run = False
    judge = OpenIssues()
    has_list = lists_whole_fleet = True
    list_every = 3600.0
    looks_a_minute = None

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.laptops: dict[str, Laptop] = {}
        self.emails: dict[str, str] = {}
        self.up = True
        self.fresh: list[bool] = []
        """Of each look, whether it was to be asked without what is remembered."""

    reads_headers: frozenset[str] = frozenset()

    def verify(self, webhook: Webhook) -> VerifiedWebhook:
        return VerifiedWebhook(webhook)

    def parse(self, webhook: VerifiedWebhook) -> Parsed:
        raise AssertionError("the world rings by itself")

    async def snapshot(self, device_id: str, now: float, *, fresh: bool = False) -> Snapshot:
        self.fresh.append(fresh)
        await asyncio.sleep(0)
        if not self.up:
            raise LookFailed("down", "no connection")
        return self._answer(device_id, now)

    def _answer(self, device_id: str, now: float) -> Snapshot:
        laptop = self.laptops[device_id]
        if not (laptop.exists and laptop.seen):
            return Snapshot(device_id, now, present=False)
        findings = tuple(Finding(key, "failing", now, title=key, exempt=bad) for key, bad in laptop.issues.items())
        return Snapshot(
            device_id, now, owner=Owner(laptop.owner, self.emails[laptop.owner]), name=device_id, findings=findings
        )

    async def sweep(self, resume: str | None = None) -> AsyncIterator[SweepPage]:
        if not self.up:
            raise LookFailed("down", "no connection")
        answers = [self._answer(name, self.clock.now()) for name in sorted(self.laptops)]
        listed = tuple(one for one in answers if one.present)
        for index in range(int(resume or 0), len(listed), 2):
            await asyncio.sleep(0)
            last = index + 2 >= len(listed)
            yield SweepPage(listed[index : index + 2], (), None if last else str(index + 2), len(listed))


@dataclass(frozen=True)
class Heard:
    login: str
    device: str
    previous: Status
    current: Status
    jti: str


@dataclass
class Receiver:
    stream: Stream
    up: bool = True
    answers_lost: bool = False
    walled: set[str] = field(default_factory=set)
    """Logins whose SETs get a 400 that says nothing: somebody before the receiver refuses them."""
    refuses: set[str] = field(default_factory=set)
    """Logins whose SETs it reads and refuses, unless it has taken them already."""
    heard: list[Heard] = field(default_factory=list)
    jtis: set[str] = field(default_factory=set)


class World:
    def __init__(self, folder: Path | None = None) -> None:
        """On a store in memory, or on SQLite in this folder."""
        self.clock, self.ids = Clock(), Ids()
        self.vendor = Vendor(self.clock)
        self.minted: dict[str, ComplianceChange] = {}
        self.receivers = {
            "risk": Receiver(Stream("s1", "risk", "https://a.example", "okta", "https://a.example", aggregate="user")),
            "pairs": Receiver(Stream("s2", "pairs", "https://b.example", "ssf", "https://b.example")),
        }
        self.webhooks: list[Arrival] = []
        self.loop = asyncio.new_event_loop()
        url = f"sqlite:///{folder / 'bridge.db'}" if folder else "memory:"
        self.store = self.loop.run_until_complete(open_store(url, self.clock, exclusive=False, create=True))
        self.rows = {
            one.stream.id: StreamRow(one.stream.id, one.stream.name, one.stream.audience, START)
            for one in self.receivers.values()
        }
        for row in self.rows.values():
            self.loop.run_until_complete(self.store.put_stream(row))
        self.begin()

    def close(self) -> None:
        self.end()
        self.loop.run_until_complete(self.store.close())
        self.loop.close()

    # -- the process: begins, dies, begins again over the same store -----------------------------

    def begin(self) -> None:
        self.loop.run_until_complete(self.store.release_leases())
        sources = {"vendor": self.vendor}
        self.outbox = Outbox(self.store, self.push, self.clock, Dice(), Nothing(), self.trouble)
        self.gate = Gate(self.store, Limits(max_users=1, max_percent=100.0, window=60.0))
        self.loop.run_until_complete(self.gate.recall(self.clock.now()))
        self.teller = Teller(
            self.store, sources, self.streams, Identity(), self.mint, self.clock, Dice(), Nothing(), lambda ids: None,
            gate=self.gate,
        )  # fmt: skip
        self.reconciler = Reconciler(
            self.vendor, self.store, self.teller, self.clock, Nothing(), hold_baseline=False, rang=lambda name: None
        )
        self.lane = Lane(self.vendor, self.store, self.teller, self.clock, Nothing(), self.trouble)
        self.task = self.loop.create_task(self.teller.run())
        self.carry()

    def end(self) -> None:
        """kill -9: whatever is under way is gone."""
        self.task.cancel()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self.loop), return_exceptions=True))

    def carry(self) -> None:
        self._run(one.stream for one in self.receivers.values() if one.stream.enabled)

    def _run(self, streams: Iterable[Stream]) -> None:
        """These and no others."""
        running = {one.id: Running(one, self.rows[one.id]) for one in streams}
        self.outbox.carry({stream_id: running.get(stream_id) for stream_id in self.rows})

    def streams(self) -> list[Stream]:
        return [one.stream for one in self.receivers.values()]

    def trouble(self, what: str) -> None:
        raise AssertionError(what)

    async def mint(self, pairs: Sequence[tuple[Event, Stream]]) -> list[SignedSET]:
        signed = []
        for event, _ in pairs:
            jti = self.ids.jti()
            assert isinstance(event, ComplianceChange)
            self.minted[jti] = event
            signed.append(SignedSET(jti, int(self.clock.now()), "kid", jti))
        return signed

    async def push(self, stream: Stream, text: str) -> Outcome:
        await asyncio.sleep(0)
        receiver = self.receivers[stream.name]
        if not receiver.up:
            return Outcome("stream", "connect")
        event = self.minted[text]
        if event.login in receiver.walled:
            return Outcome("row", "400")
        if event.login in receiver.refuses and text not in receiver.jtis:
            return Outcome("row", "invalid_request")
        if text not in receiver.jtis:
            receiver.jtis.add(text)
            receiver.heard.append(Heard(event.login, event.device_id, event.previous, event.current, text))
        if receiver.answers_lost:
            return Outcome("stream", "timeout", received=True)
        return Outcome("delivered", "202", received=True)

    # -- what happens ---------------------------------------------------------------------------

    def ring(self, device: str, finding: Finding | None = None) -> Arrival:
        webhook_id = self.ids.new()
        now = self.clock.now()
        txn = digest("vendor", webhook_id)[:32]
        statement = Statement(device, finding)
        return Arrival(
            webhook_id,
            "vendor",
            now,
            "x",
            digest("vendor", webhook_id),
            b"{}",
            {},
            rings=(Ring("vendor", device, txn, now, now, (statement,)),),
        )

    def deliver(self, arrival: Arrival) -> None:
        now = self.clock.now()
        rings = tuple(replace(ring, due_at=now, received_at=now) for ring in arrival.rings)
        self.loop.run_until_complete(self.store.accept(replace(arrival, received_at=now, rings=rings)))

    def set_enabled(self, name: str, enabled: bool) -> None:
        receiver = self.receivers[name]
        was = receiver.stream.enabled
        receiver.stream = replace(receiver.stream, enabled=enabled)
        self.carry()
        if was and not enabled:
            self.loop.run_until_complete(self.outbox.idle())
            self.loop.run_until_complete(
                self.store.cancel_stream(receiver.stream.id, self.clock.now(), "stream_disabled")
            )
        if enabled and not was:
            self.loop.run_until_complete(resume(self.store, self.teller, [receiver.stream], self.ids.token()))

    def drop_all(self, name: str) -> None:
        """An operator gives up what waits. What the receiver may have counts as heard: nobody can know better."""
        receiver = self.receivers[name]
        for row in self._rows(receiver, "pending"):
            if self.loop.run_until_complete(self.store.drop(row.id, self.clock.now(), "by hand")):
                continue
            if (row.maybe_received or row.leased_until is not None) and row.jti not in receiver.jtis:
                event = self.minted[row.jti]
                receiver.jtis.add(row.jti)
                receiver.heard.append(Heard(event.login, event.device_id, event.previous, event.current, row.jti))

    def retry_all(self, name: str) -> None:
        """An operator sends again what died."""
        for row in self._rows(self.receivers[name], "dead"):
            self.loop.run_until_complete(self.store.revive(row.id, self.clock.now()))

    def _rows(self, receiver: Receiver, state: DeliveryState) -> list[Delivery]:
        """Oldest first."""
        found = self.store.deliveries(stream_id=receiver.stream.id, state=state, limit=1000)
        return self.loop.run_until_complete(found)[::-1]

    def reconcile(self) -> None:
        """As far as the list goes; the looks that it rings for are done when the world works."""
        errand = Errand(self.ids.new(), "reconcile", "vendor", self.clock.now(), "test")
        work = self.loop.create_task(self.reconciler(errand, self._noted))
        self.loop.run_until_complete(asyncio.wait([work, self.loop.create_task(self._swept())]))
        problem = work.exception()
        assert problem is None or not self.vendor.up, problem

    async def _noted(self, doc: Mapping[str, Any]) -> None:
        self.noted = doc

    async def _swept(self) -> None:
        """The reconciler waits for looks, and nobody but the world makes them."""
        for _ in range(50):
            await asyncio.sleep(0)
            await self._work(10)

    def release(self) -> None:
        """An operator lets through whatever the guard holds; what it is about is looked at again."""
        for row in self.loop.run_until_complete(self.store.held(limit=1000)):
            assert row.held is not None
            freed = replace(row, held=replace(row.held, why="released"))
            self.loop.run_until_complete(self.store.commit([Unit(ledger=(LedgerWrite(freed),))]))
        self.ring_all()

    def ring_all(self) -> None:
        now = self.clock.now()
        rings = [Ring("vendor", name, self.ids.token(), now, None) for name in self.vendor.laptops]
        self.loop.run_until_complete(self.store.ring(rings))

    def override(self, name: str, status: Status, seconds: float) -> None:
        device = self.loop.run_until_complete(self.store.device("vendor", name))
        if device is not None:
            now = self.clock.now()
            changed = replace(device, override=Override(status, now + seconds, now, "root", "test"))
            ring = Ring("vendor", name, self.ids.token(), now, None)
            self.loop.run_until_complete(self.store.commit([Unit(devices=(changed,), rings=(ring,))]))

    def work(self, rounds: int = 50) -> None:
        """Until there is nothing to do at this time."""
        self.loop.run_until_complete(self._work(rounds))

    async def _work(self, rounds: int) -> None:
        for _ in range(rounds):
            looked = await self.lane.turn()
            await self.lane.idle()
            sent = await self.outbox.turn()
            await self.outbox.idle()
            if not looked and not sent:
                return

    def pass_time(self, seconds: float) -> None:
        self.clock.time += seconds
        self.work()
