"""The `aggregate` of a stream changes: nobody who was told not compliant is left so, and nobody is told twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import Unavailable
from bridge.model import Aggregate, Held, LedgerRow, Stream
from bridge.pipeline.streams.regroup import regroup
from bridge.pipeline.streams.resume import resume
from bridge.store.records import LedgerWrite, Unit
from bridge.value import replace
from tests.histories.world import Laptop, World

ADA, BOB = "ada@acme.example", "bob@acme.example"
BAD, GOOD = "not-compliant", "compliant"
OTHER: dict[Aggregate, Aggregate] = {"user": "device", "device": "user"}


@pytest.fixture(params=["memory", "sqlite"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(tmp_path if request.param == "sqlite" else None)
    world.vendor.emails |= {"ada": ADA, "bob": BOB}
    world.vendor.laptops = {name: Laptop("ada", issues={"disk": False}) for name in ("l1", "l2")}
    yield world
    world.close()


def ring(world: World, *laptops: str) -> None:
    for laptop in laptops:
        world.deliver(world.ring(laptop))
    world.work()


def start(world: World) -> dict[str, int]:
    """As `serve` does: regroup, then compare what is owed."""
    owed: list[Stream] = []

    async def owe(streams: Any) -> None:
        owed.extend(streams)

    async def begin() -> dict[str, int]:
        found = await regroup(world.store, world.streams(), owe, world.clock.now())
        await resume(world.store, world.teller, owed, world.ids.token())
        return found

    found = world.loop.run_until_complete(begin())
    world.work()
    return found


def change(world: World, name: str) -> dict[str, int]:
    receiver = world.receivers[name]
    receiver.stream = replace(receiver.stream, aggregate=OTHER[receiver.stream.aggregate])
    world.carry()
    return start(world)


def told(world: World, name: str) -> list[tuple[str, str]]:
    return [(one.device, one.current) for one in world.receivers[name].heard]


def ledger(world: World, name: str) -> dict[str, str | None]:
    stream_id = world.receivers[name].stream.id
    rows = world.loop.run_until_complete(world.store.ledger_of(ADA, None))
    return {row.subject.removeprefix(f"user={ADA}"): row.told for row in rows if row.stream_id == stream_id}


def test_from_the_person_to_the_device(world: World) -> None:
    ring(world, "l1", "l2")
    assert told(world, "risk") == [("l1", BAD)]
    assert start(world) == {}
    assert change(world, "risk") == {"risk": 1}
    world.pass_time(120)
    assert told(world, "risk") == [("l1", BAD), ("l2", BAD)], "the first is not told twice, the other is told as well"
    assert set(ledger(world, "risk")) == {";device=vendor:l1", ";device=vendor:l2"}
    world.vendor.laptops["l1"].issues.clear()
    ring(world, "l1")
    assert told(world, "risk")[2:] == [("l1", GOOD)]


def test_from_the_device_to_the_person(world: World) -> None:
    ring(world, "l1", "l2")
    assert told(world, "pairs") == [("l1", BAD), ("l2", BAD)]
    assert change(world, "pairs") == {"pairs": 2}
    assert told(world, "pairs")[2:] == [] and ledger(world, "pairs") == {"": BAD}
    world.vendor.laptops["l1"].issues.clear()
    ring(world, "l1")
    assert told(world, "pairs")[2:] == []
    world.vendor.laptops["l2"].issues.clear()
    ring(world, "l2")
    assert told(world, "pairs")[2:] == [("l2", GOOD)]


@pytest.mark.parametrize("name", ["risk", "pairs"])
def test_who_recovered_meanwhile_is_told_at_the_start(world: World, name: str) -> None:
    ring(world, "l1")
    world.receivers[name].stream = replace(world.receivers[name].stream, enabled=False)
    world.carry()
    world.vendor.laptops["l1"].issues.clear()
    ring(world, "l1")
    world.receivers[name].stream = replace(world.receivers[name].stream, enabled=True)
    assert change(world, name) == {name: 1}
    assert told(world, name) == [("l1", BAD), ("l1", GOOD)]


@pytest.mark.parametrize("name", ["risk", "pairs"])
def test_there_and_back(world: World, name: str) -> None:
    ring(world, "l1")
    before = ledger(world, name)
    change(world, name)
    assert change(world, name) == {name: 1} and start(world) == {}
    assert ledger(world, name) == before and told(world, name) == [("l1", BAD)]


def test_what_waits_under_the_old_subject_goes_out_under_the_new_one(world: World) -> None:
    world.receivers["risk"].up = False
    ring(world, "l1")
    waiting = world.loop.run_until_complete(world.store.deliveries(stream_id="s1"))
    assert [one.state for one in waiting] == ["pending"]
    assert change(world, "risk") == {"risk": 0}
    rows = world.loop.run_until_complete(world.store.deliveries(stream_id="s1"))
    assert [(one.subject, one.state, one.last_words) for one in rows[::-1]] == [
        (f"user={ADA}", "superseded", "aggregate_changed"),
        (f"user={ADA};device=vendor:l1", "pending", ""),
    ]
    world.receivers["risk"].up = True
    world.pass_time(600)
    assert told(world, "risk") == [("l1", BAD)]


def test_what_the_guard_held_is_held_anew_and_not_twice(world: World) -> None:
    row = LedgerRow("s1", f"user={BOB}", BOB, held=Held(BAD, "guard", "vendor", 1.0))
    other = replace(row, stream_id="s2", subject=f"user={BOB};device=vendor:l9", connector="vendor", device_id="l9")
    run = world.loop.run_until_complete
    assert run(world.store.commit([Unit(ledger=(LedgerWrite(one),)) for one in (row, other)])) == []
    assert change(world, "risk") == {"risk": 0}
    assert [one.stream_id for one in run(world.store.held())] == ["s2"]


class Dying:
    """Lets so many writes through, and fails each one after."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, lives: int) -> None:
        self.left = lives
        for name in ("cancel_stream", "commit", "put_mark"):
            monkeypatch.setattr(world.store, name, self.dying(getattr(world.store, name)))

    def dying(self, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*given: Any, **more: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Unavailable("killed")
            return await real(*given, **more)

        return call


def test_a_start_that_dies_in_the_middle_is_made_good_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring(world, "l1", "l2")
    for lives in range(3):
        with monkeypatch.context() as patch:
            Dying(world, patch, lives)
            with pytest.raises(Unavailable):
                change(world, "pairs") if lives == 0 else start(world)
    start(world)
    assert start(world) == {}
    assert ledger(world, "pairs") == {"": BAD} and told(world, "pairs") == [("l1", BAD), ("l2", BAD)]
    world.vendor.laptops["l1"].issues.clear()
    world.vendor.laptops["l2"].issues.clear()
    ring(world, "l1", "l2")
    assert told(world, "pairs")[2:] == [("l2", GOOD)]
