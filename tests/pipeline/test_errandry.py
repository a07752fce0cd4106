"""What commands ask of the running service is done once, whatever the clock does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

from bridge.errors import Conflict, StoreProblem, Unavailable
from bridge.model import Device
from bridge.pipeline.errands.chores import Chores
from bridge.pipeline.errands.errandry import LEASE, Errandry, Note
from bridge.pipeline.tell import Teller
from bridge.pipeline.turn import Answered
from bridge.store.errands import Errand
from bridge.store.memory import MemoryStore
from bridge.store.records import Unit
from tests.histories.ports import Clock, Ids


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
    errandry._beat = nobody_beats  # type: ignore[method-assign]  # as while the machine sleeps
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


async def test_a_comparison_that_cannot_be_made_now_stays_due() -> None:
    """What an operator's word about a device changed may be told by nothing else."""
    clock = Clock()
    store, told = MemoryStore(clock), list[Answered]()
    troubles = [Unavailable("the store is busy"), Conflict("the device changed"), StoreProblem("the disk is full")]

    class Clashing:
        async def tell(self, answered: Answered) -> None:
            if troubles:
                raise troubles.pop()
            told.append(answered)

    def nobody(*_: object) -> Any:
        raise AssertionError

    chores = Chores(store, cast(Teller, Clashing()), nobody, nobody, nobody, clock, Ids(), nobody)
    errandry = Errandry(store, {"compare": chores.compare}, clock, lambda what: None)
    await store.commit(
        [Unit(devices=(Device("fleet", "l1"),), errands=(Errand("1", "compare", "fleet/l1", 1.0, "ann"),))]
    )
    assert await errandry._take()
    await asyncio.gather(*errandry._tasks)
    assert [one.device for one in told] == [await store.device("fleet", "l1")] and not troubles
    assert [one.state for one in await store.errands()] == ["done"]
