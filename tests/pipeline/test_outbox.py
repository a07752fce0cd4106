"""Who refuses everything kills nothing; who refuses one SET and takes others kills that one after 72 hours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.delivery.retry import Health
from bridge.model import Stream
from bridge.pipeline.sending.lane import Lane
from bridge.pipeline.sending.outbox import Outbox
from bridge.store.records import StreamRow
from tests.histories.ports import Dice, Nothing
from tests.histories.world import Laptop, World

HOUR = 3600.0
ADA, BOB = "ada@acme.example", "bob@acme.example"


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.set_enabled("pairs", False)
    for laptop, person, login in (("l1", "ada", ADA), ("l2", "bob", BOB)):
        world.vendor.emails[person] = login
        world.vendor.laptops[laptop] = Laptop(person, issues={"disk": False})
    yield world
    world.close()


def _ring(world: World, laptop: str) -> None:
    world.deliver(world.ring(laptop))
    world.work()


def _hours(world: World, hours: int) -> None:
    for _ in range(hours):
        world.pass_time(HOUR)


def _states(world: World) -> dict[str, str]:
    risk = world.receivers["risk"].stream.id
    rows = world.loop.run_until_complete(world.store.deliveries(stream_id=risk))
    return {world.minted[row.jti].login: row.state for row in rows}


def test_a_wall_before_the_receiver_kills_nothing(world: World) -> None:
    world.receivers["risk"].walled |= {ADA, BOB}
    _ring(world, "l1")
    _hours(world, 90)
    _ring(world, "l2")
    _hours(world, 90)
    assert _states(world) == {ADA: "pending", BOB: "pending"}
    world.receivers["risk"].walled.clear()
    _hours(world, 1)
    assert _states(world) == {ADA: "delivered", BOB: "delivered"}


@pytest.mark.parametrize("restart", [False, True])
def test_one_set_that_is_refused_while_others_are_taken_dies_after_72_hours(world: World, restart: bool) -> None:
    world.receivers["risk"].walled.add(ADA)
    _ring(world, "l1")
    _hours(world, 1)
    _ring(world, "l2")
    if restart:
        world.rows = {row.id: row for row in world.loop.run_until_complete(world.store.streams())}
        world.end()
        world.begin()
    _hours(world, 70)
    assert _states(world) == {ADA: "pending", BOB: "delivered"}
    _hours(world, 2)
    assert _states(world) == {ADA: "dead", BOB: "delivered"}


def test_the_life_of_a_refused_set_is_a_setting(world: World) -> None:
    world.outbox = Outbox(world.store, world.push, world.clock, Dice(), Nothing(), world.trouble, life=5 * HOUR)
    world.carry()
    world.receivers["risk"].walled.add(ADA)
    _ring(world, "l1")
    _hours(world, 1)
    _ring(world, "l2")
    _hours(world, 3)
    assert _states(world) == {ADA: "pending", BOB: "delivered"}
    _hours(world, 1)
    assert _states(world) == {ADA: "dead", BOB: "delivered"}


@pytest.mark.parametrize(
    ("last", "since"),
    [(None, False), (400, False), (500, False), (530, False), (560, False), (561, True), (1000, True), (1001, False)],
)
def test_what_was_delivered_since_a_fault(last: float | None, since: bool) -> None:
    """Not what was under way at the fault (a push is held for 60 s at most), nor what a clock ahead of ours noted."""
    row = StreamRow("s", "risk", "a", 0.0, last_delivered_at=last)
    lane = Lane(Stream("s", "risk", "https://a.example", "okta", "https://a.example"), row, Health())
    assert lane.delivered_since(500.0, 1000.0) is since
    assert lane.delivered_since(None, 1000.0) is False
