"""Random programs run on memory and on SQLite: every answer and everything that can be seen must be the same."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.model import FindingState, LedgerRow, Status
from bridge.store import open_store
from bridge.store.archive import Wanted
from bridge.store.erasure import Erase
from bridge.store.expiry import KINDS
from bridge.store.protocol import Store
from bridge.store.records import LedgerMove, LedgerWrite, LookDone, Settlement, Unit, Urgency
from tests.store.given import FakeClock, arrival, device, mint, ring, says, url

SUBJECTS = ["u1", "u2", "u3"]
STREAMS = ["s", "t"]
DEVICES = ["d1", "d2", "d3"]
STATES: list[FindingState] = ["failing", "passing"]
STATUSES: list[Status] = ["compliant", "not-compliant"]


class Program:
    """Makes one call after the other; what it knows it read from the first store."""

    def __init__(self, seed: int, stores: list[Store], clock: FakeClock) -> None:
        self.dice = random.Random(seed)
        self.stores = stores
        self.clock = clock
        self.count = 0

    async def both(self, call: Callable[[Store], Awaitable[Any]]) -> Any:
        first, second = [await call(store) for store in self.stores]
        assert first == second
        return first

    async def step(self) -> None:
        self.clock.at += self.dice.choice([0, 1, 5])
        self.count += 1
        kinds = [self.accept, self.look, self.commit, self.commit, self.lease, self.settle, self.settle, self.by_hand]
        kinds += [self.keep_house] * (self.dice.random() < 0.3)
        await self.dice.choice(kinds)()

    def ring(self) -> Any:
        key = self.dice.choice(["a", "b", None])
        state = self.dice.choice(STATES)
        return ring(
            self.dice.choice(DEVICES), says(key, self.dice.randint(1, 3), state), txn=f"t{self.count}",
            due=self.clock.at + self.dice.randint(-5, 5), got=self.clock.at, urgency=self.dice.choice(list(Urgency)),
        )  # fmt: skip

    async def accept(self) -> None:
        hash_ = self.dice.choice([None, "h1", f"h{self.count}"])
        new = arrival(f"w{self.count}", hash_, *(self.ring() for _ in range(self.dice.randint(0, 2))))
        await self.both(lambda store: store.accept(new))

    async def look(self) -> None:
        now, limit = self.clock.at, self.dice.randint(0, 3)
        await self.both(lambda store: store.lease_looks("k", limit, now, now + 7))
        await self.both(lambda store: store.next_look_at("k"))

    async def commit(self) -> None:
        units = [await self.unit() for _ in range(self.dice.randint(1, 3))]

        async def indexes(store: Store) -> list[int]:
            return [clash.index for clash in await store.commit(units)]

        await self.both(indexes)

    async def unit(self) -> Unit:
        devices, writes, moves, look = [], [], [], None
        if self.dice.random() < 0.5:
            id_ = self.dice.choice(DEVICES)
            known = await self.stores[0].device("k", id_)
            version = known.version if known else 0
            login = self.dice.choice([None, *SUBJECTS])
            devices.append(device(id_, version - (self.dice.random() < 0.1), name=str(self.count), login=login))
        if self.dice.random() < 0.8:
            writes.append(await self.write())
        if self.dice.random() < 0.1:
            stream_id, subject = self.dice.choice(STREAMS), self.dice.choice(SUBJECTS)
            found = (await self.stores[0].scene([], [(stream_id, subject)])).ledger.get((stream_id, subject))
            moves.append(LedgerMove(stream_id, subject, found.version if found else 0))
        if self.dice.random() < 0.5:
            id_ = self.dice.choice(DEVICES)
            due = await self.stores[0].look("k", id_)
            generation = (due.generation if due else 1) - (self.dice.random() < 0.3)
            again = self.dice.choice([None, self.clock.at + 3])
            look = LookDone("k", id_, generation, again, keep_stated=self.dice.random() < 0.5, attempts=1)
        rings = (self.ring(),) if self.dice.random() < 0.3 else ()
        return Unit(tuple(devices), tuple(writes), tuple(moves), look, rings)

    async def write(self) -> LedgerWrite:
        stream_id, subject = self.dice.choice(STREAMS), self.dice.choice(SUBJECTS)
        found = (await self.stores[0].scene([], [(stream_id, subject)])).ledger.get((stream_id, subject))
        row = found or LedgerRow(stream_id, subject, login=subject)
        status = self.dice.choice(STATUSES)
        new = None
        if self.dice.random() < 0.7:
            new = mint(subject, self.dice.choice(["o1", "o2"]), stream=stream_id, status=status,
                       previous=row.told or "compliant")  # fmt: skip
        doomed = row.tail.id if row.tail and self.dice.random() < 0.4 else None
        version = row.version - (self.dice.random() < 0.1)
        return LedgerWrite(replace(row, told=status, version=version, compared_at=self.clock.at), new, doomed, "newer")

    async def lease(self) -> None:
        now, most = self.clock.at, self.dice.randint(0, 3)
        probes = tuple(s for s in STREAMS if self.dice.random() < 0.2)
        await self.both(lambda store: store.lease_deliveries(dict.fromkeys(STREAMS, most), now, now + 6, probes))

    async def settle(self) -> None:
        known = await self.stores[0].deliveries(limit=20)
        chosen = [self.settlement(self.dice.choice(known).id) for _ in range(self.dice.randint(1, 4)) if known]
        await self.both(lambda store: store.settle(chosen))

    def settlement(self, id_: int) -> Settlement:
        return Settlement(
            id_, self.dice.choice(["pending", "delivered", "delivered", "dead"]), self.clock.at, "code", "words",
            next_at=self.clock.at + self.dice.randint(0, 9), attempts=self.dice.randint(0, 4),
            maybe_received=self.dice.random() < 0.2,
        )  # fmt: skip

    async def by_hand(self) -> None:
        now, id_, stream_id = self.clock.at, self.dice.randint(1, self.count), self.dice.choice(STREAMS)
        calls: list[Callable[[Store], Awaitable[Any]]] = [
            lambda store: store.revive(id_, now), lambda store: store.revive(id_, now),
            lambda store: store.drop(id_, now, "why"), lambda store: store.release_leases(),
        ]  # fmt: skip
        if self.dice.random() < 0.2:
            calls.append(lambda store: store.cancel_stream(stream_id, now, "off"))
        await self.both(self.dice.choice(calls))

    async def keep_house(self) -> None:
        kind, before, limit = (
            self.dice.choice(KINDS),
            self.clock.at - self.dice.randint(0, 60),
            self.dice.randint(1, 20),
        )
        await self.both(lambda store: store.expire(kind, before, limit=limit))
        subject, device_id = self.dice.choice(SUBJECTS), self.dice.choice(DEVICES)
        undone = frozenset(s for s in STREAMS if self.dice.random() < 0.5)
        subjects = tuple((stream_id, subject) for stream_id in STREAMS)
        what = Erase((("k", device_id),), subjects, undone, abandon=self.dice.random() < 0.3)
        if self.dice.random() < 0.2:
            await self.both(lambda store: store.erase(what, self.clock.at))

    async def compare(self) -> None:
        await self.both(lambda store: store.webhooks(Wanted(bodies=True)))
        await self.both(lambda store: store.subjects())
        keys = [(stream_id, subject) for stream_id in STREAMS for subject in SUBJECTS]
        await self.both(lambda store: store.scene(SUBJECTS, keys))
        await self.both(lambda store: store.deliveries(limit=1000))
        await self.both(lambda store: store.backlog(self.clock.at))
        await self.both(lambda store: store.counts())
        for id_ in DEVICES:
            await self.both(lambda store, id_=id_: store.look("k", id_))  # type: ignore[misc]  # a default binds it
            await self.both(lambda store, id_=id_: store.ledger_of(None, ("k", id_)))  # type: ignore[misc]  # likewise


@pytest.mark.parametrize("seed", range(8))
async def test_the_stores_cannot_be_told_apart(tmp_path: Path, seed: int) -> None:
    clock = FakeClock()
    stores = [await open_store(where, clock, exclusive=False, create=True) for where in ("memory:", url(tmp_path))]
    program = Program(seed, stores, clock)
    for step in range(150):
        await program.step()
        if step % 5 == 0:
            await program.compare()
    await program.compare()
    states = {row.state for row in await stores[0].deliveries(limit=1000)}
    assert states >= {"delivered", "dead"}  # the program did something
    for store in stores:
        await store.close()
