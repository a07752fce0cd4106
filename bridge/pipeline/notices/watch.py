"""watch: what the operator should hear of and what shows in the bridge's own state, looked at every few seconds.

What stands in the store or in a worker is compared with what was said of it. After a restart nothing is told twice, and
what was told and has ended meanwhile is taken back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from bridge.clock import Clock
from bridge.config.notify import Alarms, OccasionKind
from bridge.errors import BridgeError
from bridge.notify.occasion import Occasion
from bridge.pipeline.notices.notices import Notices
from bridge.store.protocol import Store

_log = structlog.get_logger("bridge.watch")

EVERY: Final = 10.0
"""Seconds between two looks."""


@dataclass(frozen=True, slots=True)
class Sights:
    """Where to look. Streams and connectors are named as in the configuration."""

    streams: Callable[[], Mapping[str, str]]
    """stream id → name"""
    unwell: Callable[[], Sequence[tuple[str, float, str]]]
    """stream, since when, and its last code"""
    denied: Callable[[], Mapping[str, bool | None]]
    """connector → whether its vendor refuses our credentials; None: nobody asked since the start"""
    failing: Callable[[], Awaitable[Sequence[str]]]
    """the parts of the bridge that fail now"""
    expiring: Callable[[], Mapping[str, float]]
    """key of the configuration → when what it names runs out"""


class Watch:
    def __init__(self, notices: Notices, store: Store, sights: Sights, alarms: Alarms, clock: Clock) -> None:
        self._notices = notices
        self._store = store
        self._sights = sights
        self._alarms = alarms
        self._clock = clock
        self._unwell: dict[str, float] = {}
        self._failing: dict[str, float] = {}

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                _log.error("watch.stuck", exc_info=True)
            await self._clock.sleep(EVERY)

    async def look(self) -> None:
        """One look at everything. A store that cannot be read hides only what stands in it."""
        now = self._clock.now()
        await self._stuck(now)
        self._look_at_receivers(now)
        for name, denied in self._sights.denied().items():
            if denied is not None:
                self._say(denied, Occasion("denied", name))
        for what, at in self._sights.expiring().items():
            self._notices.expiring(what, at - now)
        try:
            await self._dead(now)
            await self._held()
            await self._drifted()
        except BridgeError as problem:
            _log.warning("watch.store", problem=str(problem))

    def _look_at_receivers(self, now: float) -> None:
        unwell = {name: (since, code) for name, since, code in self._sights.unwell()}
        for name, (since, code) in unwell.items():
            self._unwell.setdefault(name, since)
            if now - since >= self._alarms.unwell_after:
                self._notices.raise_(Occasion("unwell", name, seconds=now - since, code=code))
        for name in {*self._unwell, *self._notices.standing("unwell")} - set(unwell):
            since = self._unwell.pop(name, now)
            there = name in self._sights.streams().values()  # one that was deleted is not well again, but gone
            self._notices.clear("unwell", name, then=Occasion("well", name, seconds=now - since) if there else None)

    async def _stuck(self, now: float) -> None:
        failing = set(await self._sights.failing())
        for part in failing:
            since = self._failing.setdefault(part, now)
            if now - since >= self._alarms.stuck_after:
                self._notices.raise_(Occasion("stuck", part, seconds=now - since))
        for part in {*self._failing, *self._notices.standing("stuck")} - failing:
            self._failing.pop(part, None)
            self._notices.clear("stuck", part)

    async def _dead(self, now: float) -> None:
        names = self._sights.streams()
        dead = {line.stream_id: line.dead for line in await self._store.backlog(now) if line.dead}
        for stream_id, name in names.items():
            count = dead.get(stream_id, 0)
            device = await self._example(stream_id) if count else ""
            self._say(count > 0, Occasion("dead", name, count=count, device=device))
        for name in self._notices.standing("dead") - set(names.values()):
            self._notices.clear("dead", name)

    async def _held(self) -> None:
        held = {one.connector: one.count for one in await self._store.holds() if one.kind == "guard"}
        for name in self._sights.denied():
            self._notices.held(name, held.get(name, 0))

    async def _drifted(self) -> None:
        """By the last complete list of each connector."""
        names = self._sights.denied()
        for row in await self._store.connectors():
            if row.name in names and row.listed_at is not None:
                self._notices.drifted(row.name, row.drifted, row.listed)

    async def _example(self, stream_id: str) -> str:
        """The name of the device whose SET died last."""
        rows = await self._store.deliveries(stream_id=stream_id, state="dead", limit=1)
        device = await self._store.device(rows[0].connector, rows[0].device_id) if rows else None
        return device.name if device is not None else ""

    def _say(self, so: bool, occasion: Occasion) -> None:
        kind: OccasionKind = occasion.kind  # type: ignore[assignment]  # no test is ever seen here
        if so:
            self._notices.raise_(occasion)
        else:
            self._notices.clear(kind, occasion.about)
