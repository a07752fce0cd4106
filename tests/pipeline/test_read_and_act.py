"""What was read, and has changed by the time that somebody acts on it: another process writes, or an answer is late."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from bridge.errors import Conflict
from bridge.model import Device, Finding, Owner, Snapshot
from bridge.pipeline.operator.word import Word, comparison, override, speak
from bridge.pipeline.streams.resume import resume
from bridge.pipeline.turn import Answered
from bridge.store.erasure import Erase
from bridge.store.records import LedgerWrite, Look, Settlement, Unit, Urgency
from tests.histories.world import Laptop, World

ADA = "ada@acme.example"
BAD: Final = "not-compliant"
GOOD: Final = "compliant"
Act = Callable[[], Awaitable[Any]]


@pytest.fixture(params=["memory", "sqlite"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(tmp_path if request.param == "sqlite" else None)
    world.vendor.emails["ada"] = ADA
    for name in ("l1", "l2"):
        world.vendor.laptops[name] = Laptop("ada")
        ring(world, name)
    yield world
    world.close()


def ring(world: World, laptop: str) -> None:
    world.deliver(world.ring(laptop))
    world.work()


def told(world: World, receiver: str = "risk") -> list[str]:
    return [one.current for one in world.receivers[receiver].heard]


def once_after(world: World, name: str, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else acts when this call of the store has read, before its caller hears of it."""
    call = getattr(world.store, name)

    async def called(*args: Any, **more: Any) -> Any:
        result = await call(*args, **more)
        monkeypatch.undo()
        await act()
        return result

    monkeypatch.setattr(world.store, name, called)


def failing(world: World, device: Device) -> Word:
    """An operator's word: it counts as failing for a while."""
    now = world.clock.now()
    return override(BAD, now + 900, now, "root", "test", "txn", comparison(device, world.ids.new(), now, "root"))


def test_a_person_who_is_forgotten_while_they_are_compared(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would ever take back what was told of them then."""
    run = world.loop.run_until_complete
    device = run(world.store.device("vendor", "l1"))
    assert device is not None
    run(speak(world.store, device, failing(world, device)))
    forget = Erase((("vendor", "l1"), ("vendor", "l2")), ())
    once_after(world, "scene", lambda: world.store.erase(forget, world.clock.now()), monkeypatch)
    run(world.teller.tell(Answered(None, device, txn="compare")))
    world.work()
    assert told(world) == [] and run(world.store.ledger_of(ADA, None)) == []


def test_a_word_about_another_device_of_the_person_while_a_look_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.loop.run_until_complete
    world.vendor.laptops["l1"].issues["disk"] = False
    ring(world, "l1")
    assert told(world) == [BAD]
    other = run(world.store.device("vendor", "l2"))
    assert other is not None
    word = failing(world, other)
    once_after(world, "scene", lambda: speak(world.store, other, word), monkeypatch)
    world.vendor.laptops["l1"].issues.clear()
    ring(world, "l1")
    assert told(world) == [BAD]


@pytest.mark.parametrize("times", [1, 20])
def test_somebody_with_no_device_whose_ledger_changes_while_they_are_compared(
    world: World, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison is made anew; and where it cannot be, whoever asked for it hears so and comes again."""
    run, pairs = world.loop.run_until_complete, world.receivers["pairs"]
    world.vendor.laptops["l1"].issues["disk"] = False
    ring(world, "l1")
    assert told(world, "pairs") == [BAD]
    run(world.store.erase(Erase((("vendor", "l1"), ("vendor", "l2")), ()), world.clock.now()))
    call, left = world.store.scene, [times]

    async def scene(logins: Any, subjects: Any) -> Any:
        found = await call(logins, subjects)
        if logins and left[0]:
            left[0] -= 1
            key = next(key for key in found.ledger if key[0] == pairs.stream.id)
            await touched(world, key)
        return found

    monkeypatch.setattr(world.store, "scene", scene)
    if times == 20:
        with pytest.raises(Conflict):
            run(resume(world.store, world.teller, [pairs.stream], "txn"))
    else:
        run(resume(world.store, world.teller, [pairs.stream], "txn"))
        world.work()
        assert told(world, "pairs") == [BAD, GOOD]


async def touched(world: World, key: tuple[str, str]) -> None:
    """The ledger row is written by somebody else."""
    row = (await world.store.scene((), [key])).ledger[key]
    assert await world.store.commit([Unit(ledger=(LedgerWrite(row),))]) == []


def test_an_answer_that_is_older_than_what_is_believed(world: World) -> None:
    """A look that was given up for dead comes to its end after all."""
    run = world.loop.run_until_complete
    device, began = run(world.store.device("vendor", "l1")), world.clock.now()
    late = Snapshot("l1", began, owner=Owner("ada", ADA), findings=(Finding("disk", "failing", began),))
    world.clock.time += 300
    ring(world, "l1")
    look = Look("vendor", "l1", began, Urgency.DOORBELL, "txn", 1)
    with pytest.raises(Conflict):
        run(world.teller.tell(Answered(look, device, late)))
    world.work()
    assert told(world) == []


def test_what_was_given_up_while_its_opposite_waited_is_told_the_next_time(world: World) -> None:
    """And is not sent again by hand while it is not so."""
    run, laptop = world.loop.run_until_complete, world.vendor.laptops["l1"]
    world.receivers["risk"].answers_lost = False
    world.receivers["risk"].up = False
    laptop.issues["disk"] = False
    ring(world, "l1")
    (first,) = run(world.store.deliveries(stream_id="s1"))
    run(world.store.lease_deliveries({"s1": 1}, world.clock.now() + 99, world.clock.now() + 199))
    laptop.issues.clear()
    ring(world, "l1")
    run(world.store.settle([Settlement(first.id, "dead", world.clock.now(), "invalid_request", faults=1)]))
    assert {one.id: one.state for one in run(world.store.deliveries(stream_id="s1"))}[first.id] == "dead"
    assert run(world.store.revive(first.id, world.clock.now())) == "overtaken"
    world.receivers["risk"].up = True
    laptop.issues["disk"] = False
    ring(world, "l1")
    world.pass_time(400)
    assert told(world) == [BAD]


def test_what_died_is_not_sent_again_once_it_is_no_longer_so(world: World) -> None:
    run, laptop = world.loop.run_until_complete, world.vendor.laptops["l1"]
    world.receivers["risk"].refuses.add(ADA)
    laptop.issues["disk"] = False
    ring(world, "l1")
    world.pass_time(73 * 3600.0)
    world.pass_time(400)
    (dead,) = run(world.store.deliveries(stream_id="s1", state="dead"))
    laptop.issues.clear()
    ring(world, "l1")
    world.receivers["risk"].refuses.clear()
    world.retry_all("risk")
    world.work()
    assert told(world) == []
    laptop.issues["disk"] = False
    ring(world, "l1")
    assert told(world) == [BAD] and run(world.store.revive(dead.id, world.clock.now())) == "overtaken"
