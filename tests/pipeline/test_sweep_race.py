"""A page of the vendor's list against a look that was made and written while the page was on its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bridge.errors import Conflict
from bridge.model import Device, Snapshot
from bridge.pipeline.turn import Answered
from tests.histories.world import Laptop, World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.vendor.emails["ada"] = "ada@acme.example"
    world.vendor.laptops["l1"] = Laptop("ada")
    yield world
    world.close()


def looked_at(world: World) -> tuple[Device, Snapshot]:
    """What is believed after a look now, and what a list shows at the same time."""
    world.deliver(world.ring("l1"))
    world.pass_time(1.0)
    device = world.loop.run_until_complete(world.store.device("vendor", "l1"))
    assert device is not None
    return device, replace(world.vendor._answer("l1", world.clock.now()), name="another name")


@pytest.mark.parametrize("fails_in_the_list", [True, False])
def test_the_newer_look_stands(world: World, fails_in_the_list: bool) -> None:
    issues = world.vendor.laptops["l1"].issues
    if fails_in_the_list:
        issues["disk"] = False
    before, listed = looked_at(world)
    issues.clear() if fails_in_the_list else issues.update(disk=False)
    world.clock.time += 1.0
    after, _ = looked_at(world)
    assert after.status != before.status
    answered = Answered(None, before, listed, txn="sweep", connector="vendor")
    with pytest.raises(Conflict):
        world.loop.run_until_complete(world.teller.tell(answered))
    device = world.loop.run_until_complete(world.store.device("vendor", "l1"))
    assert device == after


def test_a_look_before_the_clock_was_set_back_hides_nothing(world: World) -> None:
    looked_at(world)
    world.clock.set_back(3600.0)
    world.vendor.laptops["l1"].issues["disk"] = False
    world.reconcile()
    world.work()
    assert [one.current for one in world.receivers["risk"].heard] == ["not-compliant"]
