"""When a vendor's devices are listed: at the first start, every so often, after a failure, and in a storm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.pipeline.fleet.timetable import AFTER_FAILURE, STORM_APART, Timetable
from bridge.store.errands import ConnectorRow
from bridge.store.memory import MemoryStore
from bridge.store.records import Ring
from tests.histories.ports import START, Clock, Dice, Ids


@dataclass
class Lister:
    name: str = "vendor"
    has_list: bool = True
    list_every: float = 3600.0
    looks_a_minute: int | None = 2


class Table:
    def __init__(self, row: ConnectorRow | None = None, **source: Any) -> None:
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.woken = 0
        source_: Any = Lister(**source)
        self.table = Timetable([source_], self.store, self.clock, Dice(), Ids(), lambda what: None, self._wake)
        if row is not None:
            self.store._connectors[row.name] = row

    def _wake(self) -> None:
        self.woken += 1

    async def asks(self, after: float = 0.0) -> bool:
        """Whether one more reconciliation is asked for so many seconds later; it is then done at once."""
        self.clock.time += after
        before = self.woken
        await self.table.turn()
        for errand in await self.store.errands():
            if errand.ended_at is None:
                assert (errand.kind, errand.target, errand.asked_by) == ("reconcile", "vendor", "timetable")
                await self.store.end_errand(errand.id, "done", {}, self.clock.now())
        return self.woken > before

    async def ring(self, devices: int) -> None:
        now = self.clock.now()
        await self.store.ring([Ring("vendor", str(n), "t", now, now) for n in range(devices)])


async def test_at_the_first_start_and_then_every_so_often() -> None:
    table = Table()
    assert await table.asks()
    assert not await table.asks(3239)  # the dice fell low: nine tenths of an hour
    assert await table.asks(2)


async def test_a_restart_waits_for_the_rest_of_the_time() -> None:
    table = Table(ConnectorRow("vendor", baseline_at=START - 5000, listed_at=START - 1000))
    assert not await table.asks()
    assert await table.asks(2241)


async def test_a_list_that_lies_ahead_is_not_waited_for() -> None:
    """The clock was set back, before the start or while it runs."""
    assert await Table(ConnectorRow("vendor", listed_at=START + 86400)).asks()
    table = Table()
    assert await table.asks()
    table.clock.set_back(86400)
    assert not await table.asks()
    assert await table.asks(3600)


async def test_what_came_to_nothing_is_tried_again_before_long() -> None:
    table = Table()
    assert await table.asks()
    table.table.failed("vendor")
    assert not await table.asks(AFTER_FAILURE - 1)
    assert await table.asks(2)


async def test_a_storm_is_listed_at_once_and_not_again_and_again() -> None:
    table = Table()
    assert await table.asks()
    await table.ring(2)
    assert not await table.asks(STORM_APART + 1), "as many as a minute serves"
    await table.ring(3)
    assert await table.asks(1)
    assert not await table.asks(STORM_APART - 2)
    assert await table.asks(2)


async def test_without_a_limit_there_is_no_storm_and_without_a_list_nothing() -> None:
    table = Table(looks_a_minute=None)
    assert await table.asks()
    await table.ring(100)
    assert not await table.asks(STORM_APART + 1)
    assert not await Table(has_list=False).asks()
