"""looks: ask each vendor about the devices that are due, each look its own task in its connector's own lane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from bridge.clock import Clock
from bridge.errors import Conflict
from bridge.model import LookFailed
from bridge.pipeline.patience import patiently
from bridge.pipeline.ports import Meter, Source
from bridge.pipeline.tell import Teller
from bridge.pipeline.turn import Answer, Answered
from bridge.store.protocol import Looks
from bridge.store.records import LeasedLook

_log = structlog.get_logger("bridge.looks")

LOOK_TIMEOUT = 60.0
"""Seconds for all the questions of one look."""
LEASE = 180.0
"""Seconds that a look is held; longer than a look and its commit may take."""
PATIENCE = 60.0
"""Seconds that an answer is kept for a store that cannot take it now; after that the look is asked anew."""
POLL = 1.0
"""Seconds after which due looks are sought without anybody ringing: other processes write to the store too."""
REFILL = 0.01
"""Seconds that a place in a full lane may stay empty, so that one lease fills several."""
FOLDING_LANE = 256
"""Looks at once where nothing is asked over the network."""


class Lane:
    """One connector's looks. A hung vendor holds up nothing but its own lane."""

    def __init__(
        self, source: Source, store: Looks, teller: Teller, clock: Clock, meter: Meter, trouble: Callable[[str], None]
    ) -> None:
        self._source = source
        self._store = store
        self._teller = teller
        self._clock = clock
        self._meter = meter
        self._trouble = trouble
        self._room = source.concurrency if source.has_api else FOLDING_LANE
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self.denied: bool | None = None
        """Whether the vendor refused our credentials when it was asked last; None: nobody has asked yet."""

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Until `stop`. Trouble with the store is reported, waited out and tried again."""
        while not self._stopping:
            self._wake.clear()
            try:
                await self.turn()
                await self._pause()  # the lane is full, or nothing more was due
            except Exception as trouble:
                self._trouble(f"looks of {self._source.name}: {type(trouble).__name__}")
                _log.error("looks.stuck", connector=self._source.name, exc_info=True)
                await self._clock.sleep(POLL)

    async def _pause(self) -> None:
        wait = POLL
        if len(self._tasks) < self._room and not self._wake.is_set():
            due = await self._store.next_look_at(self._source.name)
            if due is not None:
                wait = min(POLL, max(due - self._clock.now(), 0.01))
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def turn(self) -> int:
        """Lease what is due and there is room for; returns how many."""
        room = self._room - len(self._tasks)
        if room <= 0:
            return 0
        now = self._clock.now()
        leased = await self._store.lease_looks(self._source.name, room, now, now + LEASE)
        for one in leased:
            task = asyncio.create_task(self._one(one))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return len(leased)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if len(self._tasks) <= self._room * 3 // 4:
            self._wake.set()
        else:  # a full lane is filled up by several at once, not one by one
            task.get_loop().call_later(REFILL, self._wake.set)
        if not task.cancelled() and task.exception() is not None:
            self._trouble(f"looks of {self._source.name}: {type(task.exception()).__name__}")
            _log.error("look.stuck", connector=self._source.name, exc_info=task.exception())

    async def idle(self) -> None:
        """Until no look is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def abandon(self) -> None:
        """Give up the looks under way: they are held in the store and free again at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _one(self, leased: LeasedLook) -> None:
        answer = await self._ask(leased) if self._source.has_api else None
        answered = Answered(leased.look, leased.device, answer)
        try:
            await patiently(
                lambda: self._teller.tell(answered),
                clock=self._clock,
                seconds=PATIENCE,
                stopping=lambda: self._stopping,
                trouble=lambda problem: self._trouble(f"looks of {self._source.name}: {problem}"),
            )
        except Conflict as problem:  # nothing is wrong: if it is due still, its lease runs out
            device = leased.look.device_id
            _log.warning("look.overtaken", connector=self._source.name, device=device, why=str(problem))

    async def _ask(self, leased: LeasedLook) -> Answer:
        try:
            async with asyncio.timeout(LOOK_TIMEOUT):
                snapshot = await self._source.snapshot(
                    leased.look.device_id, self._clock.now(), fresh=_about_owner(leased)
                )
        except LookFailed as failure:
            self._meter.look(self._source.name, failure.kind)
            self.denied = failure.kind == "denied" or self.denied
            return failure
        except TimeoutError:
            self._meter.look(self._source.name, "down")
            return LookFailed("down", f"no whole answer within {LOOK_TIMEOUT:.0f} s")
        self._meter.look(self._source.name, "good" if snapshot.present else "gone")
        self.denied = False
        return snapshot


def _about_owner(leased: LeasedLook) -> bool:
    """Whether whose device it is may have changed just now: who rang names an owner, or another one is unconfirmed.
    What is remembered about people may be hours old."""
    changing = leased.device is not None and leased.device.pending_since is not None
    return changing or any(stated.statement.owner is not None for stated in leased.look.stated)
