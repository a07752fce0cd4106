"""What commands ask of the running service is done once, whatever the clock does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bridge.pipeline.errands.errandry import LEASE, Errandry, Note
from bridge.store.errands import Errand
from bridge.store.memory import MemoryStore
from tests.histories.ports import Clock


async def test_one_whose_lease_ran_out_while_it_is_under_way_is_not_begun_again() -> None:
    """As after the machine slept: the clock went on, and nothing was noted."""
    clock = Clock()
    store, begun, go_on = MemoryStore(clock), list[str](), asyncio.Event()

    async def work(errand: Errand, note: Note) -> Mapping[str, Any]:
        begun.append(errand.id)
        await go_on.wait()
        return {}

    async def nobody_beats(errand: Errand, known: Mapping[str, Any]) -> None: ...

    errandry = Errandry(store, {"test": work}, clock, lambda what: None)
    errandry._beat = nobody_beats  # type: ignore[method-assign]
    await store.ask(Errand("1", "test", "okta", 1.0, "ann"))
    assert await errandry._take()
    await asyncio.sleep(0)
    clock.time += 2 * LEASE
    await store.ask(Errand("2", "test", "siem", 2.0, "ann"))
    while await errandry._take():
        await asyncio.sleep(0)
    assert begun == ["1", "2"]
    go_on.set()
    await asyncio.gather(*errandry._tasks)
    assert [one.state for one in await store.errands()] == ["done", "done"]
