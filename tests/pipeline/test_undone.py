"""Blocks that are taken back within ten minutes are counted, once for each stream, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.pipeline.sending.outbox import Outbox
from bridge.pipeline.sending.undone import Undone
from tests.histories.ports import Dice, Nothing
from tests.histories.world import Laptop, World


class Counting(Nothing):
    def __init__(self) -> None:
        self.undone: list[str] = []

    def block_undone(self, connector: str) -> None:
        self.undone.append(connector)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.vendor.emails["ada"] = "ada@acme.example"
    world.vendor.laptops["l1"] = Laptop("ada", issues={"disk": False})
    yield world
    world.close()


@pytest.mark.parametrize(("lasted", "counted"), [(300.0, ["vendor", "vendor"]), (900.0, [])])
def test_a_block_that_was_delivered_and_taken_back(world: World, lasted: float, counted: list[str]) -> None:
    meter = Counting()
    world.outbox = Outbox(world.store, world.push, world.clock, Dice(), meter, world.trouble)
    world.carry()
    world.deliver(world.ring("l1"))
    world.work()
    world.pass_time(lasted)
    world.vendor.laptops["l1"].issues.clear()
    world.deliver(world.ring("l1"))
    world.work()
    assert [one.current for one in world.receivers["risk"].heard] == ["not-compliant", "compliant"]
    assert meter.undone == counted


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ([("s", "not-compliant", 0), ("s", "compliant", 600)], [False, True]),
        ([("s", "not-compliant", 0), ("s", "compliant", 601)], [False, False]),
        ([("s", "not-compliant", 0), ("other", "compliant", 1)], [False, False]),
        ([("s", "compliant", 0), ("s", "compliant", 1)], [False, False]),
        ([("s", "not-compliant", 0), ("s", "compliant", 1), ("s", "compliant", 2)], [False, True, False]),
        ([("s", "not-compliant", 0), ("s", "not-compliant", 500), ("s", "compliant", 1000)], [False, False, True]),
        ([("s", "not-compliant", 100), ("s", "compliant", 50)], [False, False]),
    ],
)
def test_which_pairs_count(told: list[tuple[str, str, float]], counted: list[bool]) -> None:
    undone = Undone()
    assert [undone.delivered("stream", s, status, now) for s, status, now in told] == counted


def test_what_is_remembered_is_bounded() -> None:
    undone = Undone(most=100)
    for number in range(1000):
        undone.delivered("stream", f"s{number}", "not-compliant", 0.0)
    assert len(undone._blocks) == 100
    for number in range(100):
        undone.delivered("stream", f"t{number}", "not-compliant", 5000.0)
    assert all(key[1].startswith("t") for key in undone._blocks)
