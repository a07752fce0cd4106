"""A lane outlives every trouble of its store, wherever it strikes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bridge.errors import Conflict, StoreProblem, Unavailable
from bridge.model import Owner, Statement
from bridge.pipeline.looks import Lane
from tests.histories.ports import Clock, Nothing
from tests.histories.world import Laptop, World


class Yielding(Clock):
    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.vendor.emails["ada"] = "ada@acme.example"
    world.vendor.laptops["l1"] = Laptop("ada", issues={"disk": False})
    yield world
    world.close()


@pytest.mark.parametrize("call", ["lease_looks", "next_look_at"])
@pytest.mark.parametrize("problem", [Unavailable("busy"), StoreProblem("corrupt")], ids=["busy", "corrupt"])
def test_a_store_that_fails_for_a_moment_stops_no_looks(
    world: World, monkeypatch: pytest.MonkeyPatch, call: str, problem: Exception
) -> None:
    troubles: list[str] = []
    lane = Lane(world.vendor, world.store, world.teller, Yielding(), Nothing(), troubles.append)

    async def fails(*_: object) -> None:
        raise problem

    async def scene() -> None:
        running = asyncio.create_task(lane.run())
        with monkeypatch.context() as broken:
            broken.setattr(world.store, call, fails)
            while not troubles:
                await asyncio.sleep(0)
        world.webhooks.append(world.ring("l1"))
        await world.store.accept(world.webhooks.pop())
        lane.wake()
        async with asyncio.timeout(5):
            while (await world.store.device("vendor", "l1")) is None:
                await asyncio.sleep(0)
        await lane.stop()
        await running

    world.loop.run_until_complete(scene())
    assert troubles[0] == f"looks of vendor: {type(problem).__name__}"


def _ring(world: World, *statements: Statement) -> None:
    arrival = world.ring("l1")
    world.deliver(replace(arrival, rings=(replace(arrival.rings[0], statements=statements),)))
    world.work()


BARE = Statement("l1")
STATES_OWNER = Statement("l1", owner=Owner("ada", None))


@pytest.mark.parametrize(
    ("statements", "fresh"), [((), False), ((BARE,), False), ((STATES_OWNER,), True), ((BARE, STATES_OWNER), True)]
)
def test_who_rings_and_names_an_owner_is_not_answered_from_memory(
    world: World, statements: tuple[Statement, ...], fresh: bool
) -> None:
    _ring(world, *statements)
    assert world.vendor.fresh == [fresh]


def test_the_look_that_confirms_another_owner_is_not_answered_from_memory(world: World) -> None:
    world.vendor.emails["bob"] = "bob@acme.example"
    _ring(world)
    world.vendor.laptops["l1"].owner = "bob"
    _ring(world)
    assert world.vendor.fresh == [False, False]
    world.pass_time(5)
    assert world.vendor.fresh == [False, False, True]
    _ring(world)
    assert world.vendor.fresh[3:] == [False]


def test_an_answer_that_came_too_late_is_no_trouble(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks whether the service is ready hears nothing of it, and the device is looked at again."""
    troubles: list[str] = []
    lane = Lane(world.vendor, world.store, world.teller, Yielding(), Nothing(), troubles.append)

    async def scene() -> None:
        await world.store.accept(world.ring("l1"))
        with monkeypatch.context() as patch:

            async def too_late(answered: object) -> None:
                raise Conflict("a later answer about the device was believed meanwhile")

            patch.setattr(world.teller, "tell", too_late)
            assert await lane.turn() == 1
            await lane.idle()
            await asyncio.sleep(0)
        assert not troubles and await world.store.look("vendor", "l1") is not None

    world.loop.run_until_complete(scene())
