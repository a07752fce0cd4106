"""upkeep: streams that nobody uses or that reach nobody are paused by us (SSF 1.0 §8.1.1, §8.1.2).

Only streams that receivers made: those of the configuration are the admin's, and are tried on for ever. A stream that
was paused here may be enabled again by its receiver, and by the operator. Beside that goes what waited too long to tell
receivers about their streams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import structlog

from bridge.clock import Clock
from bridge.config import Client
from bridge.errors import BridgeError
from bridge.pipeline.journal import Journal
from bridge.pipeline.streams.activity import Activity
from bridge.pipeline.streams.framework import LIFE
from bridge.pipeline.streams.keeper import Keeper
from bridge.pipeline.streams.running import Running, status_of
from bridge.store.protocol import Outbox
from bridge.store.streams import Streams
from bridge.value import replace

_log = structlog.get_logger("bridge.upkeep")

EVERY: Final = 5.0
"""Seconds between two turns."""
EXPIRE_EVERY: Final = 60.0
"""Seconds between two searches for what waited too long."""


class Kept(Streams, Outbox, Protocol):
    """What is read and written here."""


class Upkeep:
    """`unwell` says of each stream whose receiver takes nothing since when; `dead_after` are the seconds of that."""

    def __init__(
        self,
        store: Kept,
        keeper: Keeper,
        activity: Activity,
        clients: Mapping[str, Client],
        dead_after: float,
        unwell: Callable[[], Mapping[str, float]],
        clock: Clock,
        journal: Journal,
        trouble: Callable[[str], None],
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._activity = activity
        self._clients = clients
        self._dead_after = dead_after
        self._unwell = unwell
        self._clock = clock
        self._journal = journal
        self._trouble = trouble
        self._expired_at: float | None = None

    async def run(self) -> None:
        while True:
            try:
                await self.turn()
            except BridgeError as problem:
                self._trouble(f"upkeep: {type(problem).__name__}")
            await self._clock.sleep(EVERY)

    async def turn(self) -> None:
        await self._activity.note()
        unwell = self._unwell()
        for one in list(self._keeper.running().values()):
            if why := self._why_paused(one, unwell.get(one.stream.id)):
                await self._pause(one, why)
        await self._expire()

    def _why_paused(self, one: Running, unwell_since: float | None) -> str:
        """The reason as its receiver reads it; "" for a stream that may go on."""
        made, stream = one.row.subscription, one.stream
        if made is None or status_of(stream) != "enabled":
            return ""
        now, idle = self._clock.now(), self._clients[stream.client].inactivity_timeout
        if idle is not None and now - max(self._activity.last(one.row), made.since) >= idle:
            return f"the receiver has not used this stream for {_shown(idle)}"
        if stream.way == "push" and not stream.verified and now - made.since >= self._dead_after:
            return f"no verification event was accepted at the endpoint for {_shown(self._dead_after)}"
        if unwell_since is not None and now - max(unwell_since, made.since) >= self._dead_after:
            return f"nothing could be delivered to the endpoint for {_shown(self._dead_after)}"
        return ""

    async def _pause(self, one: Running, why: str) -> None:
        stream_id = one.stream.id
        async with self._keeper.changing:
            row = await self._store.stream(stream_id)
            made = row.subscription if row is not None else None
            if made is None or made.deleted_at is not None or made.status != "enabled":
                return
            paused = replace(made, status="paused", by="service", reason=why, since=self._clock.now())
            await self._keeper.owe([one.stream])
            told = await self._journal.entry("streams.pause", stream_id, why=why, before="enabled", after="paused")
            if not await self._store.change_subscription(stream_id, made.version, paused, entries=[told]):
                return
            if (row := await self._store.stream(stream_id)) is not None:
                await self._keeper.take(row)
        _log.warning("stream.paused_by_us", stream=one.stream.name, why=why)

    async def _expire(self) -> None:
        now = self._clock.monotonic()
        if self._expired_at is None or now - self._expired_at >= EXPIRE_EVERY:
            self._expired_at = now
            await self._store.expire_framework(self._clock.now() - LIFE, self._clock.now())


def _shown(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit and seconds % unit == 0:
            return f"{seconds // unit:g} {name}"
    return f"{seconds:g} seconds"
