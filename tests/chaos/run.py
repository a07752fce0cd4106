"""One run of chaos: a world that changes at random, a line that breaks at random; then peace, and what must be true.

Every change at the vendor is told by a webhook, which is sent again until it is answered 202, and never after that.
So the truth can only arrive if nothing that was answered 202 is ever lost.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from bridge.receiver.book import Scripted
from tests.e2e.kolide import Laptop, Trouble
from tests.e2e.rig import Rig
from tests.e2e.webhooks import Hook, changed, opened, resolved

RECEIVERS: dict[str, dict[str, Any]] = {
    "okta": {"profile": "okta"},
    "ssf": {"profile": "ssf"},
    "sse": {"profile": "sse", "aggregate": "user"},
}
TROUBLES = (
    Trouble(status=500),
    Trouble(status=503, at="issues"),
    Trouble("cut"),
    Trouble("html"),
    Trouble("half", at="issues"),
    Trouble("second_page"),
    Trouble("hang", delay=1.0),
)
PEACE = 75.0
"""Seconds until the last backoffs have passed and everything is told."""


class Chaos:
    """`seed` chooses what happens; how it falls together with the line's own timing is chance all the same."""

    def __init__(self, rig: Rig, seed: int, devices: int = 14, people: int = 8) -> None:
        self.rig = rig
        self.dice = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self._people = list(range(1, people + 1))
        self._open: set[asyncio.Task[None]] = set()
        for device in range(1, devices + 1):
            rig.api.add(device, owner=self.dice.choice(self._people))
        for person in self._people:
            rig.api.people[person] = f"p{person}@acme.example"

    async def rage(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        troublers = [self._kills, self._vendor_fails, self._receivers_fail]
        tasks = [asyncio.create_task(self._until(end, one)) for one in (*troublers, *[self._changes] * 3)]
        await asyncio.gather(*tasks)

    async def _until(self, end: float, happen: Callable[[], Awaitable[None]]) -> None:
        while time.monotonic() < end:
            await happen()

    async def peace(self) -> None:
        """Nothing breaks any more; every webhook is answered, everything is told, and what must hold holds."""
        self.rig.api.trouble = None
        self.rig.api.troubles.clear()
        for receiver in self.rig.receivers.values():
            receiver.book.when = None
        if not self.rig.service.alive:
            await self.rig.start()
        for laptop in self.rig.api.laptops.values():
            if not laptop.exists:  # nobody can say what is true of it
                laptop.exists = True
                await self._deliver(changed(laptop.id))
        await asyncio.gather(*self._open)
        await self.rig.settled(PEACE)
        for name, receiver in self.rig.receivers.items():
            self.counts[f"SETs to {name}"] = len(receiver.book.taken)
            self.counts["repeats"] += sum(receipt.repeat for receipt in receiver.book.receipts)

    # -- the world ------------------------------------------------------------------------------

    async def _changes(self) -> None:
        await asyncio.sleep(self.dice.expovariate(8))
        if len(self._open) > 60:
            return
        laptop = self.dice.choice(list(self.rig.api.laptops.values()))
        hook = self._change(laptop)
        self.counts["changes"] += 1
        task = asyncio.create_task(self._deliver(hook))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def _change(self, laptop: Laptop) -> Hook:
        what = self.dice.random()
        if what < 0.04:
            laptop.owner = self.dice.choice(self._people)
            return changed(laptop.id)
        if what < 0.08:
            laptop.exists = not laptop.exists
            return changed(laptop.id)
        issue = self.dice.choice([*laptop.issues] or [1, 2, 3])
        if issue in laptop.issues and self.dice.random() < 0.75:
            if what < 0.2:
                laptop.issues[issue] = not laptop.issues[issue]
                return changed(laptop.id)
            del laptop.issues[issue]
            return resolved(laptop.id, issue)
        issue = next(one for one in range(issue, 100) if one not in laptop.issues)
        laptop.issues[issue] = False
        return opened(laptop.id, issue)

    async def _deliver(self, hook: Hook) -> None:
        """As a vendor that sends again what nobody took; now and then also what somebody took."""
        await asyncio.sleep(self.dice.choice((0, 0, 0, 0.3, 1.0)))
        while not await self._sent(hook):
            await asyncio.sleep(self.dice.uniform(0.1, 0.6))
        if self.dice.random() < 0.2:
            await self._sent(hook)

    async def _sent(self, hook: Hook) -> bool:
        try:
            answer = await self.rig.send(hook)
        except (aiohttp.ClientError, OSError):
            self.counts["webhooks without an answer"] += 1
            return False
        assert answer.status in (202, 503), answer
        self.counts["webhooks taken" if answer.status == 202 else "webhooks put off"] += 1
        return answer.status == 202

    # -- what breaks ----------------------------------------------------------------------------

    async def _kills(self) -> None:
        await asyncio.sleep(self.dice.uniform(0.3, 3.0))
        if not self.counts["kills"] or self.dice.random() < 0.85:
            await self.rig.service.kill()
            self.counts["kills"] += 1
        else:
            code, took = await self.rig.service.stop()
            assert code == 0 and took < 10, (code, took)
            self.counts["stops"] += 1
        await self.rig.service.start(40)

    async def _vendor_fails(self) -> None:
        await asyncio.sleep(self.dice.uniform(0.5, 4))
        trouble = self.dice.choice(TROUBLES)
        if self.dice.random() < 0.4:
            self.rig.api.trouble = trouble
        else:
            self.rig.api.troubles = {device: trouble for device in self.rig.api.laptops if self.dice.random() < 0.3}
        self.counts["vendor outages"] += 1
        await asyncio.sleep(self.dice.uniform(0.2, 2))
        self.rig.api.trouble = None
        self.rig.api.troubles = {}

    async def _receivers_fail(self) -> None:
        await asyncio.sleep(self.dice.uniform(0.5, 3))
        receiver = self.rig.receivers[self.dice.choice(sorted(self.rig.receivers))]
        self.counts["receiver outages"] += 1
        if self.dice.random() < 0.3:
            await receiver.stop()
            await asyncio.sleep(self.dice.uniform(0.2, 2))
            await receiver.start()
            return
        answer = self.dice.choice(
            (
                Scripted(503),
                Scripted(500, take=True),
                Scripted(429, {"Retry-After": "1"}),
                Scripted(401),
                Scripted(delay=1.0),
                Scripted(502, take=True, delay=0.3),
            )
        )
        share = self.dice.choice((0.3, 1.0))
        receiver.book.when = lambda claims: answer if self.dice.random() < share else None
        await asyncio.sleep(self.dice.uniform(0.2, 2))
        receiver.book.when = None


async def chaos(folder: Path, seconds: float, seed: int) -> Counter[str]:
    """What happened, counted. AssertionError if anything that must hold does not."""
    async with Rig(folder, RECEIVERS) as rig:
        await rig.start()
        run = Chaos(rig, seed)
        await run.rage(seconds)
        await run.peace()
        return run.counts
