"""What a start says of those who were told under another `aggregate`."""

from __future__ import annotations

from dataclasses import replace

from bridge.pipeline.beginning import reshaped
from tests.histories.world import Laptop, World


def test_who_was_told_under_the_other_aggregate_is_counted() -> None:
    world = World()
    run = world.loop.run_until_complete
    world.vendor.emails["ada"] = "ada@acme.example"
    world.vendor.laptops = {name: Laptop("ada", issues={"disk": False}) for name in ("l1", "l2")}
    for name in world.vendor.laptops:
        world.deliver(world.ring(name))
    world.work()
    streams = world.streams()
    assert run(reshaped(world.store, streams)) == {}
    other = {"user": "device", "device": "user"}
    changed = [replace(one, aggregate=other[one.aggregate]) for one in streams]
    assert run(reshaped(world.store, changed)) == {"risk": 1, "pairs": 2}
    world.close()
