"""A thousand occasions at once, over a real file and real HTTP: few messages, nothing uncounted, memory flat."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

from bridge.clock import SystemClock, SystemDice, SystemIds
from bridge.config.notify import Alarms
from bridge.notify.retry import Sent
from bridge.notify.send import Target, send
from bridge.observe.metrics import Metrics
from bridge.outbound import Outbound
from bridge.pipeline.notices.notices import Notices
from bridge.store import open_store
from tests.notify.conftest import KEY, Open, genuine
from tests.store.given import url


async def test_a_thousand_occasions(tmp_path: Path, channel: Open) -> None:
    ops, clock = await channel(), SystemClock()
    outbound = Outbound(insecure=True, user_agent="caep-bridge/test", limit_per_host=4)
    store = await open_store(url(tmp_path), clock, exclusive=True, create=True)
    target = Target("ops", "webhook", "http://x", ops.url, (KEY,), frozenset({"guard"}), 1.5, False)

    async def wire(to: Target, message_id: str, body: str) -> Sent:
        return await send(outbound, to, message_id, body, clock)

    metrics = Metrics("1", ["kolide"], [], ["ops"])
    notices = Notices(
        store, [target], Alarms(), wire, bridge="https://x.example",
        clock=clock, ids=SystemIds(), dice=SystemDice(), meter=metrics,
    )  # fmt: skip
    await notices.start({"kolide"})
    tasks = [asyncio.create_task(work) for _, work in notices.work()]
    for count in range(1, 1001):
        notices.held("kolide", count)
        if count % 100 == 0:
            await asyncio.sleep(0.01)
    async with asyncio.timeout(20):
        while ops.got == [] or ops.bodies()[-1]["data"]["count"] < 1000:
            await asyncio.sleep(0.05)
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    for count in range(1001, 5001):
        notices.held("kolide", count)
    after = tracemalloc.take_snapshot()
    tracemalloc.stop()
    assert sum(stat.size_diff for stat in after.compare_to(before, "filename") if "pipeline" in str(stat)) < 50_000
    await notices.stop(5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.close()
    await outbound.close()
    told = [body["data"] for body in ops.bodies() if body["data"]["count"] <= 1000]
    assert len(told) <= 4 and len(told) + sum(one["left_out"] for one in told) == 1000
    assert all(genuine(headers, body) for headers, body in ops.got)
    assert len(set(ops.ids())) == len(ops.got)
