"""A thousand streams at once: made, told of one event, deleted; and the memory of the service stays flat.

1,000 unless STREAMS says how many: `STREAMS=5000 ./run test tests/mirror/test_many_streams.py -s`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.e2e.times import wait_until
from tests.independent.endpoint import Inbox
from tests.independent.management import Management
from tests.independent.stream import Stream
from tests.mirror.clients import LIMITS, client
from tests.mirror.house import EVENTS, House, is_failing

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")

STREAMS = int(os.environ.get("STREAMS", "1000"))
AT_ONCE = 16
Item = TypeVar("Item")
Made = TypeVar("Made")
ROUNDS = ((STREAMS, 60.0), (STREAMS // 10, 10.0))
"""How many streams, and how many MiB more than before the service may hold once they are gone."""


@pytest.mark.timeout(400)
async def test_a_thousand_streams(tmp_path: Path) -> None:
    """specs §11 (bounds): half of them push, half are polled. What a second, smaller round needs is there already."""
    async with House(tmp_path, client("alpha") | LIMITS) as house:
        api = await house.client("alpha")
        for device, (count, most) in enumerate(ROUNDS, 1):
            before, began = memory(house), time.monotonic()
            await _round(house, api, count, device)
            grown = memory(house) - before
            print(f"{count} streams: {time.monotonic() - began:.1f} s, {before:.0f} MiB and {grown:.1f} more")
            assert grown < most


async def _round(house: House, api: Management, count: int, device: int) -> None:
    made = await each(range(count), lambda n: _opened(house, api, n))
    assert len({stream.id for stream in made}) == count
    assert len((await api.list()).json()) == count
    await house.fails(device)
    await each(made, lambda stream: _hears(stream, device))
    answers = await each(made, lambda stream: api.delete(stream.id))
    assert {answer.status_code for answer in answers} == {204}
    assert (await api.list()).json() == []
    store = await house.store()

    async def gone() -> bool:
        return not (await store.counts())["pending"]

    await wait_until(gone, 20)


async def _opened(house: House, api: Management, number: int) -> Stream:
    opening = house.receiver.open_push if number % 2 else house.receiver.open_poll
    return await opening(api, EVENTS)


async def _hears(stream: Stream, device: int) -> None:
    (event,) = await stream.until(is_failing(device), 40)
    assert isinstance(stream.inbox, Inbox) or event in stream.received


async def each(items: Iterable[Item], make: Callable[[Item], Awaitable[Made]]) -> list[Made]:
    """For every item, so many at once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(item: Item) -> Made:
        async with gate:
            return await make(item)

    return await asyncio.gather(*(one(item) for item in items))


def memory(house: House) -> float:
    """MiB that the service holds."""
    assert house.service.process is not None
    status = Path(f"/proc/{house.service.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
