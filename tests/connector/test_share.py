"""Half of the vendor's rate for sweeps, and looks before them."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Any

import pytest

from bridge.connector.asking.limiter import Limiter
from bridge.connector.asking.share import PATIENCE, Share
from bridge.model import LookFailed
from tests.connector.scene import Hand

RATE = (600, 60.0)


class Turning:
    """A clock whose time passes when everybody sleeps."""

    def __init__(self) -> None:
        self.at = 0.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.at + seconds, len(self._waiting), future))
        await future

    async def until(self, end: float) -> None:
        while True:
            for _ in range(10):
                await asyncio.sleep(0)
            if not self._waiting or self._waiting[0][0] > end:
                break
            self.at, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)
        self.at = end


async def counted(take: Any, clock: Turning, times: list[float]) -> None:
    while True:
        await take()
        times.append(clock.monotonic())


async def test_alone_a_sweep_takes_half_and_leaves_what_may_go_at_once() -> None:
    clock, times = Turning(), list[float]()
    limiter = Limiter(RATE, clock)
    sweep = asyncio.create_task(counted(Share(limiter, clock).take, clock, times))
    await clock.until(120.0)
    assert 520 <= len(times) <= 600, "half of 600 a minute, for two minutes"
    gaps = [late - early for early, late in itertools.pairwise(times)]
    assert min(gaps) > 0.2 and max(gaps) < 0.25, "evenly"
    assert limiter._wait(30) == 0, "thirty turns may still go at once"
    sweep.cancel()


async def test_looks_go_first_and_a_sweep_takes_what_they_leave() -> None:
    clock, looks, pages = Turning(), list[float](), list[float]()
    limiter = Limiter(RATE, clock)

    async def look() -> None:
        await limiter.take(3)
        await clock.sleep(0.75)  # three turns in 0.75 s: four a second of the nine that there are

    tasks = [
        asyncio.create_task(counted(Share(limiter, clock).take, clock, pages)),
        asyncio.create_task(counted(look, clock, looks)),
    ]
    await clock.until(120.0)
    assert len(looks) >= 158, "as fast as without a sweep"
    assert 500 <= len(pages) <= 600 and len(pages) + 3 * len(looks) <= 600 * 2 * 0.9 + 60
    for task in tasks:
        task.cancel()


async def test_a_sweep_waits_while_looks_take_every_turn() -> None:
    clock, pages = Turning(), list[float]()
    limiter = Limiter(RATE, clock)

    async def look() -> None:
        await limiter.take(80)

    tasks = [asyncio.create_task(counted(look, clock, [])) for _ in range(2)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(counted(Share(limiter, clock).take, clock, pages)))
    await clock.until(300.0)
    assert pages == []
    for task in tasks:
        task.cancel()


async def test_a_sweep_that_gets_no_turn_gives_up() -> None:
    clock = Hand()
    limiter = Limiter(RATE, clock)
    share = Share(limiter, clock)
    limiter.close_for(PATIENCE + 1)
    with pytest.raises(LookFailed) as caught:
        await share.take()
    assert caught.value.kind == "limited" and caught.value.retry_after == PATIENCE + 1


async def test_a_sweep_waits_until_the_vendor_opens_again() -> None:
    clock = Hand()
    limiter = Limiter(RATE, clock)
    limiter.close_for(30.0)
    await Share(limiter, clock).take()
    assert sum(clock.slept) == 30.0


async def test_without_a_limit_there_is_nothing_to_wait_for() -> None:
    clock = Hand()
    share = Share(Limiter(None, clock), clock)
    for _ in range(100):
        await share.take()
    assert clock.slept == []


async def test_a_tiny_rate_is_halved_too() -> None:
    clock = Hand()
    share = Share(Limiter((1, 60.0), clock), clock)
    for _ in range(3):
        await share.take()
    assert 200 <= sum(clock.slept) <= 500
