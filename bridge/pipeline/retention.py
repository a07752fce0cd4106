"""retention: what is older than `[retention]` says goes, in small steps that leave the writer to others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError
from bridge.store.expiry import KINDS, Expiry, Kind, Step

_log = structlog.get_logger("bridge.retention")

EVERY: Final = 3600.0
"""Seconds between two rounds."""
ANEW: Final = 24
"""Every so many rounds all is gone through from its beginning, for what was kept then may go now."""
STEP: Final = 200
"""Rows looked at in one step, at most; what is removed of them goes in one commit."""
PAUSE: Final = 0.05
"""Seconds between two steps that removed something, at least."""
SHARE: Final = 9
"""So many times as long as a step took nothing is removed after it: a tenth of the writer's time at most,"""
LONGEST: Final = 5.0
"""unless that were longer than so many seconds: the store is very slow then, and must not fill up for it."""
RECENT: Final = 3600.0
"""Seconds for which a SET that ended stays, however many there are of its subject: the guard counts by them."""


class Ages(Protocol):
    """`[retention]`, in seconds."""

    @property
    def delivered(self) -> float: ...
    @property
    def per_subject(self) -> int: ...
    @property
    def webhooks(self) -> float: ...
    @property
    def delivery_ids(self) -> float: ...
    @property
    def quarantine(self) -> float: ...
    @property
    def audit(self) -> float: ...
    @property
    def errands(self) -> float: ...


class Housekeeper(Protocol):
    """What is counted (`bridge.observe.metrics.Metrics`)."""

    def stored(self, rows: Mapping[str, int], used: int, free: int) -> None: ...
    def expired(self, kind: str, count: int) -> None: ...


class Retention:
    def __init__(
        self, store: Expiry, ages: Ages, clock: Clock, meter: Housekeeper, trouble: Callable[[str], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._meter = meter
        self._trouble = trouble
        self._ages: Mapping[Kind, float] = {
            "payloads": ages.webhooks,
            "webhooks": ages.delivery_ids,
            "quarantine": ages.quarantine,
            "deliveries": ages.delivered,
            "audit": ages.audit,
            "errands": ages.errands,
        }
        self._per_subject = ages.per_subject
        self._rounds = 0
        self._after: dict[Kind, str] = {}
        """Where the round before ended. Only in memory: a start goes through all once more."""

    async def run(self) -> None:
        """For ever. A store that cannot do it now is asked again at the next round; nothing is lost by that."""
        while True:
            try:
                await self.round()
            except BridgeError as problem:
                self._trouble(f"retention: {type(problem).__name__}")
                _log.warning("retention.interrupted", problem=str(problem))
            await self._clock.sleep(EVERY)

    async def round(self) -> dict[str, int]:
        """Once through everything; how many rows went, by kind; `surplus` are SETs beyond `per_subject`."""
        if self._rounds % ANEW == 0:
            self._after.clear()
        self._rounds += 1
        now = self._clock.now()
        removed: dict[str, int] = {kind: await self._expire(kind, now - self._ages[kind]) for kind in KINDS}
        removed["surplus"] = await self._thin(now - RECENT)
        sizes = await self._store.sizes()
        self._meter.stored({one.name: one.rows for one in sizes.tables}, sizes.bytes - sizes.free, sizes.free)
        if any(removed.values()):
            _log.info("retention.round", **removed, bytes=sizes.bytes, free=sizes.free)
        return removed

    async def _expire(self, kind: Kind, before: float) -> int:
        async def next_step() -> Step:
            step = await self._store.expire(kind, before, after=self._after.get(kind, ""), limit=STEP)
            self._after[kind] = step.after
            return step

        return await self._in_steps(kind, next_step)

    async def _thin(self, before: float) -> int:
        after = ""

        async def next_step() -> Step:
            nonlocal after
            step = await self._store.thin(self._per_subject, before, after=after, limit=STEP)
            after = step.after
            return step

        return await self._in_steps("surplus", next_step)

    async def _in_steps(self, kind: str, next_step: Callable[[], Awaitable[Step]]) -> int:
        removed = 0
        while True:
            begun = self._clock.monotonic()
            step = await next_step()
            removed += step.removed
            self._meter.expired(kind, step.removed)
            if step.done:
                return removed
            took = self._clock.monotonic() - begun
            await self._clock.sleep(min(max(PAUSE, took * SHARE), LONGEST) if step.removed else 0.0)
