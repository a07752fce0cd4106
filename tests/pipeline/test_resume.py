"""A stream that goes on is told what differs, also of people who own nothing any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.pipeline.streams.resume import resume
from bridge.pipeline.turn import Answered
from bridge.store.erasure import Erase
from bridge.value import replace
from tests.histories.world import Laptop, World

OLD, NEW, BOB = "ada@old.example", "ada@acme.example", "bob@acme.example"


@pytest.fixture(params=["memory", "sqlite"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(tmp_path if request.param == "sqlite" else None)
    world.vendor.emails |= {"ada": OLD, "bob": BOB}
    world.vendor.laptops["l1"] = Laptop("ada", issues={"disk": False})
    yield world
    world.close()


def ring(world: World, laptop: str = "l1") -> None:
    world.deliver(world.ring(laptop))
    world.work()


def told(world: World, receiver: str) -> list[tuple[str, str, str]]:
    return [(one.login, one.device, one.current) for one in world.receivers[receiver].heard]


@pytest.mark.parametrize("receiver", ["risk", "pairs"])
def test_a_renamed_person_whose_only_laptop_went_to_somebody_else_meanwhile(world: World, receiver: str) -> None:
    ring(world)
    assert told(world, receiver) == [(OLD, "l1", "not-compliant")]
    world.vendor.emails["ada"] = NEW
    ring(world)
    world.set_enabled(receiver, False)
    world.vendor.laptops["l1"].owner = "bob"
    for _ in range(3):
        ring(world)
        world.pass_time(10)
    world.set_enabled(receiver, True)
    world.work()
    assert (NEW, "l1", "compliant") in told(world, receiver)


def test_somebody_who_was_told_and_whose_laptop_is_known_no_more(world: World) -> None:
    """As after `people forget --abandon` of somebody else who shared it: the SET still names it."""
    ring(world)
    world.vendor.emails["ada"] = NEW
    ring(world)
    run = world.loop.run_until_complete
    run(world.store.erase(Erase(frozenset({("vendor", "l1")}), frozenset(), frozenset(), True), world.clock.now()))
    world.set_enabled("risk", False)
    world.set_enabled("risk", True)
    world.work()
    assert told(world, "risk")[-1] == (NEW, "l1", "compliant")


@pytest.mark.parametrize("meanwhile", ["paused", "gone"])
def test_a_stream_that_was_held_or_deleted_while_it_was_compared_is_told_nothing(world: World, meanwhile: str) -> None:
    """Who compares has the stream as it was when it went on."""
    world.set_enabled("pairs", False)
    ring(world)
    receiver = world.receivers["pairs"]
    went_on = replace(receiver.stream, enabled=True)
    receiver.stream = replace(went_on, paused=True)
    if meanwhile == "gone":
        del world.receivers["pairs"]
    world.loop.run_until_complete(resume(world.store, world.teller, [went_on], "txn"))
    assert world.loop.run_until_complete(world.store.deliveries(stream_id=went_on.id)) == []


@pytest.mark.parametrize("began", ["failing", "well"])
def test_a_look_that_ends_while_a_comparison_waits_is_what_is_told(world: World, began: str) -> None:
    """Who compares has read the device before; it must not be told as it was then."""
    run = world.loop.run_until_complete
    issues = world.vendor.laptops["l1"].issues
    if began == "well":
        issues.clear()
    ring(world)
    read = run(world.store.device("vendor", "l1"))
    issues.clear() if began == "failing" else issues.update(disk=False)
    ring(world)
    so_far = told(world, "risk")
    run(world.teller.tell(Answered(None, read, txn="compare")))
    world.work()
    assert told(world, "risk") == so_far and so_far[-1][-1] == ("compliant" if began == "failing" else "not-compliant")
