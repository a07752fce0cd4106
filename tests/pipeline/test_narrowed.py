"""A stream may hear of less than before: what waits is taken back, and nobody who was told is left locked out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import Unavailable
from bridge.model import Stream
from bridge.pipeline.streams.narrowed import narrow
from bridge.pipeline.streams.resume import resume
from bridge.value import replace
from tests.histories.world import Laptop, World
from tests.pipeline.test_regroup import ADA, BAD, BOB, GOOD, Dying, told
from tests.pipeline.test_regroup import ring as ring_all

NARROWED: dict[str, dict[str, Any]] = {
    "domains": {"domains": frozenset({"other.example"})},
    "connectors": {"connectors": frozenset({"another"})},
}
BOTH = pytest.mark.parametrize("bounds", NARROWED.values(), ids=NARROWED)
EACH = pytest.mark.parametrize("name", ["risk", "pairs"])


@pytest.fixture(params=["memory", "sqlite"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(tmp_path if request.param == "sqlite" else None)
    world.vendor.emails |= {"ada": ADA, "bob": BOB}
    world.vendor.laptops = {"l1": Laptop("ada", issues={"disk": False}), "l2": Laptop("bob", issues={"disk": False})}
    start(world)
    yield world
    world.close()


def start(world: World) -> dict[str, int]:
    """As `serve` does: narrow, then compare what is owed."""
    owed: list[Stream] = []

    async def owe(streams: Any) -> None:
        owed.extend(streams)

    async def begin() -> dict[str, int]:
        found = await narrow(world.store, world.streams(), owe, world.clock.now())
        await resume(world.store, world.teller, owed, world.ids.token())
        return found

    found = world.loop.run_until_complete(begin())
    world.work()
    return found


def change(world: World, name: str, **more: Any) -> dict[str, int]:
    world.receivers[name].stream = replace(world.receivers[name].stream, **more)
    world.carry()
    return start(world)


def ring(world: World, *laptops: str) -> None:
    """One after the other: the guard of this world lets one person a minute through."""
    for laptop in laptops:
        ring_all(world, laptop)
        world.pass_time(70)


def words(world: World, name: str) -> list[tuple[str, str]]:
    rows = world.loop.run_until_complete(world.store.deliveries(stream_id=world.receivers[name].stream.id))
    return [(row.state, row.last_words) for row in reversed(rows)]


def repair(world: World, laptop: str) -> None:
    world.vendor.laptops[laptop].issues.clear()
    ring(world, laptop)


@EACH
@BOTH
def test_who_was_told_is_told_of_the_recovery_once_and_of_nothing_else(
    world: World, name: str, bounds: dict[str, Any]
) -> None:
    ring(world, "l1")
    assert change(world, name, **bounds) == {}
    assert told(world, name) == [("l1", BAD)], "what still fails is not said to be well"
    ring(world, "l1", "l2")
    assert told(world, name) == [("l1", BAD)]
    repair(world, "l1")
    repair(world, "l2")
    assert told(world, name) == [("l1", BAD), ("l1", GOOD)]
    world.vendor.laptops["l1"].issues["disk"] = False
    ring(world, "l1")
    repair(world, "l1")
    assert told(world, name) == [("l1", BAD), ("l1", GOOD)]


@EACH
@BOTH
def test_what_waits_is_taken_back(world: World, name: str, bounds: dict[str, Any]) -> None:
    world.receivers[name].up = False
    ring(world, "l1", "l2")
    assert change(world, name, **bounds) == {name: 2}
    assert words(world, name) == [("superseded", "not_entitled")] * 2
    repair(world, "l1")
    world.receivers[name].up = True
    world.pass_time(600)
    assert told(world, name) == []
    assert change(world, name, domains=None, connectors=None) == {}
    ring(world, "l2")
    assert told(world, name) == [("l2", BAD)]


@EACH
@BOTH
def test_what_died_is_not_sent_again(world: World, name: str, bounds: dict[str, Any]) -> None:
    world.receivers[name].up = False
    ring(world, "l1")
    run, store, stream = world.loop.run_until_complete, world.store, world.receivers[name].stream
    (dead,) = run(store.deliveries(stream_id=stream.id))
    assert run(store.drop(dead.id, world.clock.now(), "an operator")) == ""
    assert change(world, name, **bounds) == {}
    assert run(store.revive(dead.id, world.clock.now())) == "overtaken"
    world.receivers[name].up = True
    world.pass_time(600)
    assert told(world, name) == []
    change(world, name, domains=None, connectors=None)
    ring(world, "l1")
    assert told(world, name) == [("l1", BAD)]


@BOTH
def test_who_recovered_meanwhile_is_told_at_the_start(world: World, bounds: dict[str, Any]) -> None:
    ring(world, "l1")
    stream = world.receivers["risk"].stream
    world.receivers["risk"].stream = replace(stream, enabled=False)
    world.carry()
    repair(world, "l1")
    assert change(world, "risk", enabled=True, **bounds) == {}
    assert told(world, "risk") == [("l1", BAD), ("l1", GOOD)]


def test_only_those_that_are_lost(world: World) -> None:
    world.vendor.emails |= {"bob": "bob@other.example"}
    world.receivers["risk"].up = False
    ring(world, "l1", "l2")
    assert change(world, "risk", domains=frozenset({"other.example"})) == {"risk": 1}
    assert words(world, "risk") == [("superseded", "not_entitled"), ("pending", "")]


def test_a_stream_that_carries_no_such_events_any_more_is_told_nothing(world: World) -> None:
    ring(world, "l1")
    world.receivers["risk"].up = False
    ring(world, "l2")
    assert change(world, "risk", events=frozenset()) == {"risk": 1}
    assert words(world, "risk")[1:] == [("superseded", "not_requested")]
    repair(world, "l1")
    assert told(world, "risk") == [("l1", BAD)]


def test_a_start_that_dies_in_the_middle_is_made_good_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.receivers["risk"].up = False
    ring(world, "l1", "l2")
    for lives in range(2):
        with monkeypatch.context() as patch:
            Dying(world, patch, lives)
            with pytest.raises(Unavailable):
                change(world, "risk", domains=frozenset())
    assert start(world) == {} == start(world)
    assert words(world, "risk") == [("superseded", "not_entitled")] * 2
