"""A stream that was paused is compared when it goes on, whatever dies before that is done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bridge.model import Stream
from bridge.pipeline.streams.keeper import Changed, Keeper
from bridge.store.memory import MemoryStore
from bridge.store.records import Rank, StreamRow
from tests.histories.ports import START, Clock

STREAM = Stream("s1", "okta", "https://a.example", "okta", "https://a.example")


class Dies(Exception):
    """kill -9, as far as a test goes."""


class House:
    def __init__(self) -> None:
        self.store = MemoryStore(Clock())
        self.resumed: list[str] = []
        self.dies = False

    async def start(self) -> list[Stream]:
        """What is to be compared, as `serve` begins it."""
        rows = {row.id: row for row in await self.store.streams()}
        if not rows:
            rows = {STREAM.id: StreamRow(STREAM.id, STREAM.name, STREAM.audience, START)}
            await self.store.put_stream(rows[STREAM.id])
        row = rows[STREAM.id]
        self.keeper = Keeper(self.store, Clock(), self._carry, self._resume, lambda trouble: None)
        self.keeper.begin(((replace(STREAM, paused=bool(row.paused)), row),), ())
        return await self.keeper.due()

    def _carry(self, changed: Changed) -> None:
        running = self.keeper.running().values()
        self.sends = [one.stream.name for one in running if one.reach is Rank.EVENT]
        assert all(self.keeper.running().get(stream_id) is one for stream_id, one in changed.items())

    async def _resume(self, streams: Sequence[Stream]) -> None:
        assert self.sends == [], "what waits may be no longer so"
        if self.dies:
            raise Dies
        self.resumed += [stream.name for stream in streams]
        await self.keeper.compared(streams)

    async def pause(self, why: str) -> None:
        await self.store.pause(STREAM.id, why)


async def test_a_stream_that_was_never_paused_is_not_compared() -> None:
    house = House()
    assert await house.start() == await house.start() == []


async def test_a_death_while_it_is_compared() -> None:
    house = House()
    await house.start()
    await house.pause("freeze")
    await house.keeper.turn()
    await house.pause("")
    house.dies = True
    with pytest.raises(Dies):
        await house.keeper.turn()
    house.dies = False
    owed = await house.start()
    assert (owed, house.sends) == ([STREAM], [])
    await house._resume(owed)
    assert house.sends == ["okta"]
    assert await house.start() == []


@pytest.mark.parametrize("noticed", [True, False])
async def test_one_that_was_let_go_on_while_nothing_ran(noticed: bool) -> None:
    house = House()
    await house.start()
    await house.pause("freeze")
    if noticed:
        await house.keeper.turn()
    else:
        assert await house.start() == [], "still paused"
    await house.pause("")
    assert await house.start() == [STREAM]


async def test_one_that_was_paused_again_meanwhile() -> None:
    house = House()
    await house.start()
    await house.pause("freeze")
    await house.keeper.turn()
    await house.keeper.compared([STREAM])
    await house.pause("")
    assert await house.start() == [STREAM]


async def test_one_that_is_owed_a_comparison_because_a_dry_run_is_over() -> None:
    house = House()
    await house.start()
    await house.keeper.owe([STREAM])
    assert await house.start() == await house.start() == [STREAM]


async def test_what_waits_is_not_sent_before_it_was_compared() -> None:
    house = House()
    await house.start()
    assert house.sends == ["okta"]
    await house.pause("freeze")
    await house.keeper.turn()
    assert house.sends == []
    await house.pause("")
    await house.keeper.turn()
    assert (house.sends, house.resumed) == (["okta"], ["okta"])


class Slow(House):
    """Its comparisons end when they are let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[asyncio.Future[None]] = []

    async def _resume(self, streams: Sequence[Stream]) -> None:
        done = asyncio.get_running_loop().create_future()
        self.begun.append(done)
        await done
        await self.keeper.compared(streams)

    async def goes_on(self) -> asyncio.Task[None]:
        """It was paused, goes on, and is being compared by now."""
        for why in ("freeze", ""):
            await self.pause(why)
            await self.keeper.notice()
        task = asyncio.create_task(self.keeper.compare())
        before = len(self.begun)
        while len(self.begun) == before:
            await asyncio.sleep(0)
        return task


async def test_one_that_went_on_again_while_it_was_compared_is_owed_another_one() -> None:
    """What changed while it was paused for the second time, the first comparison may have passed by already."""
    house = Slow()
    await house.start()
    first, second = await house.goes_on(), await house.goes_on()
    house.begun[0].set_result(None)
    await first
    assert house.sends == [], "the second comparison is not done"
    assert await house.store.mark(f"compare:{STREAM.id}") == "due", "nor would it be after a death"
    house.begun[1].set_result(None)
    await second
    assert house.sends == ["okta"]
    assert await house.start() == []


async def test_a_comparison_that_takes_long_hides_no_pause() -> None:
    house = Slow()
    await house.start()
    compared = await house.goes_on()
    await house.pause("stop it")
    await asyncio.wait_for(house.keeper.notice(), 5.0)
    assert house.keeper.streams()[0].paused
    house.begun[0].set_result(None)
    await compared
    assert house.sends == [] and await house.store.mark(f"compare:{STREAM.id}") == "due"
