"""What the guard held and an operator lets go: whose devices are looked at, and what is put away stays so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.model import Device, Held, LedgerRow, Status
from bridge.pipeline.fleet.heldback import discard, release
from bridge.pipeline.streams.resume import resume
from bridge.store.memory import MemoryStore
from bridge.store.records import Clash, LedgerWrite, Unit
from bridge.value import replace
from tests.histories.ports import START, Clock
from tests.histories.world import Laptop, World

ADA = "ada@acme.example"
ROW = LedgerRow("s1", f"user={ADA}", ADA, held=Held("not-compliant", "guard", "kolide", START))


def device(device_id: str, status: Status, **others: Any) -> Device:
    return Device("kolide", device_id, login=ADA, status=status, **others)


class Busy(MemoryStore):
    """Somebody else writes the row just before the first commit of a ledger row."""

    disturbed = False

    async def commit(self, units: Any) -> list[Clash]:
        if self.disturbed and any(unit.ledger for unit in units):
            self.disturbed = False
            row = (await self.held())[0]
            await super().commit([Unit(ledger=(LedgerWrite(replace(row, event_at=7)),))])
        return await super().commit(units)


async def stored(row: LedgerRow) -> Busy:
    store = Busy(Clock())
    devices = (device("1", "not-compliant"), device("2", "compliant"), device("3", "not-compliant"))
    assert await store.commit([Unit(devices=devices, ledger=(LedgerWrite(row),))]) == []
    return store


@pytest.mark.parametrize(
    ("row", "looked_at"),
    [
        (ROW, {"1", "3"}),
        (replace(ROW, connector="kolide", device_id="3"), {"3"}),
        (replace(ROW, told="not-compliant", held=Held("compliant", "guard", "kolide", START)), {"1", "2", "3"}),
    ],
    ids=["a person", "a device", "a recovery"],
)
def test_who_can_confirm_it_is_looked_at(row: LedgerRow, looked_at: set[str]) -> None:
    async def work() -> None:
        store = await stored(row)
        people = await release(store, "kolide", "txn", Clock(), lambda done: None)
        assert {key[1] for key in people[ADA].devices} == looked_at
        assert set(await store.due_looks("kolide", START)) == looked_at
        assert [one.held.why for one in await store.held() if one.held] == ["released"]
        again = await release(store, None, "txn", Clock(), lambda done: None)
        assert again.keys() == {ADA}, "what is not confirmed yet is rung for again"
        assert await release(store, "other", "txn", Clock(), lambda done: None) == {}

    asyncio.run(work())


@pytest.mark.parametrize("what", ["release", "discard"])
def test_a_row_that_changes_meanwhile_is_read_again(what: str) -> None:
    async def work() -> None:
        store = await stored(ROW)
        store.disturbed = True
        if what == "release":
            assert (await release(store, None, "txn", Clock(), lambda done: None)).keys() == {ADA}
        else:
            assert await discard(store, None, Clock(), lambda done: None) == 1
        (row,) = await store.held()
        assert row.held is not None and (row.held.why, row.event_at) == (f"{what.rstrip('e')}ed", 7)

    asyncio.run(work())


def test_what_was_released_can_still_be_put_away_and_no_more_than_once() -> None:
    async def work() -> None:
        store = await stored(ROW)
        await release(store, None, "txn", Clock(), lambda done: None)
        assert [await discard(store, None, Clock(), lambda done: None) for _ in range(2)] == [1, 0]
        assert await release(store, None, "txn", Clock(), lambda done: None) == {}

    asyncio.run(work())


@pytest.mark.parametrize("receiver", ["risk", "pairs"])
def test_a_recovery_of_somebody_who_owns_nothing_any_more_is_told_by_a_comparison(world: World, receiver: str) -> None:
    """A recovery by webhooks alone was held, and then the laptop went to somebody else: no look of it is about her."""
    run = world.loop.run_until_complete
    world.deliver(world.ring("l1"))
    world.work()
    device = run(world.store.device("vendor", "l1"))
    assert device is not None
    units = [Unit(devices=(replace(device, login="bob@acme.example", status="compliant", basis="folded"),))]
    for row in run(world.store.ledger_of(ADA, device.key)):
        held = Held("compliant", "guard", "vendor", world.clock.now())
        units.append(Unit(ledger=(LedgerWrite(replace(row, held=held)),)))
    assert len(units) == 3 and run(world.store.commit(units)) == []
    people = run(release(world.store, None, "txn", world.clock, lambda done: None))
    assert {stream_id for stream_id, _ in people[ADA].alone} == {"s1", "s2"}
    run(resume(world.store, world.teller, [world.receivers[receiver].stream], "txn"))
    world.work()
    assert [one.current for one in world.receivers[receiver].heard] == ["not-compliant", "compliant"]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.vendor.emails["ada"] = ADA
    world.vendor.laptops["l1"] = Laptop("ada", issues={"disk": False})
    yield world
    world.close()
