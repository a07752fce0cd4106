"""A reconciliation that died with its service goes on behind the page that it had noted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from bridge.connector.lists.sweep import SweepPage
from bridge.model import Finding
from bridge.pipeline.fleet.reconcile import Reconciler
from bridge.store.errands import Errand
from tests.histories.ports import Nothing
from tests.histories.world import Laptop, World

LAPTOPS = ("l1", "l2", "l3", "l4", "l5")


def listing(world: World) -> Reconciler:
    return Reconciler(
        world.vendor, world.store, world.teller, world.clock, Nothing(), hold_baseline=True, rang=lambda name: None
    )


def test_it_goes_on_where_it_was_and_ends_the_baseline() -> None:
    world = World()
    try:
        for name in LAPTOPS:
            world.vendor.laptops[name] = Laptop("ada", issues={"disk": False} if name in ("l1", "l5") else {})
        world.vendor.emails["ada"] = "ada@acme.example"
        asked: list[str | None] = []
        sweep = world.vendor.sweep

        async def dies_after_a_page(resume: str | None = None) -> AsyncIterator[SweepPage]:
            asked.append(resume)
            async for page in sweep(resume):
                yield page
                raise ConnectionAbortedError  # kill -9, as far as anybody can tell

        async def noted(resume: str | None = None) -> AsyncIterator[SweepPage]:
            asked.append(resume)
            async for page in sweep(resume):
                yield page

        errand = Errand("e1", "reconcile", "vendor", world.clock.now(), "timetable")
        known: dict[str, Any] = {}

        async def note(doc: Mapping[str, Any]) -> None:
            known.update(doc)

        world.vendor.sweep = dies_after_a_page  # type: ignore[method-assign]  # the vendor of this test
        try:
            world.loop.run_until_complete(listing(world)(errand, note))
        except ConnectionAbortedError:
            pass
        else:
            raise AssertionError("it should have died")
        assert known["cursor"] == "2" and known["counts"]["listed"] == 2
        world.end()
        world.begin()
        world.vendor.sweep = noted  # type: ignore[method-assign]  # the vendor of this test
        again = Errand("e1", "reconcile", "vendor", world.clock.now(), "timetable", doc=dict(known))
        report = world.loop.run_until_complete(listing(world)(again, note))
        assert asked == [None, "2"]
        assert (report["listed"], report["first_seen"], report["baseline"], report["told"]) == (5, 5, 2, 0)
        (row,) = world.loop.run_until_complete(world.store.connectors())
        assert row.baseline_at is not None and row.listed == 5
        held = world.loop.run_until_complete(world.store.devices(hold="baseline"))
        assert [one.device_id for one in held] == ["l1", "l5"]
        assert held[0].findings[0].key == "disk" and isinstance(held[0].findings[0], Finding)
    finally:
        world.close()
