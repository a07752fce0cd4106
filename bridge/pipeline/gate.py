"""gate: who loses access now, counted per connector and person, and what is kept back (`[guard]`).

The counters live in memory and are read back from what was told, so a restart forgets nothing. Every source counts: a
webhook, a list, a resync, an operator's word. What an operator released passes, and counts. The streams of each client
of the API are counted apart: a receiver that has itself told what already is must not use up what others may be told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

import structlog

from bridge.pipeline.draft import Draft
from bridge.pipeline.owing import Owed, Owing
from bridge.posture.guard import COUNTS_FROM, Direction, Limits, Tally
from bridge.ssf.subject import login_of
from bridge.store.protocol import Told
from bridge.store.records import Delivery
from bridge.store.streams import Streams
from bridge.value import replace

_log = structlog.get_logger("bridge.gate")

FLEET_FRESH = 30.0
"""Seconds that the size of a fleet is remembered at most."""
FRESH_EACH = 0.001
"""Seconds for each device of it: to count them costs next to nothing at any size."""
PAGE = 500


class Counted(Told, Streams, Protocol):
    """What is read here."""


class Gate:
    """`alarm` is called with (connector, direction, people) when a limit begins to be exceeded."""

    def __init__(
        self, store: Counted, limits: Limits, alarm: Callable[[str, Direction, int], None] = lambda *_: None
    ) -> None:
        self._store = store
        self._limits = limits
        self._alarm = alarm
        self._tally = Tally(limits.window)
        self._fleets: dict[str, tuple[int, float]] = {}
        self._alarmed: dict[tuple[str, Direction, str], float] = {}

    async def recall(self, now: float) -> None:
        """Count again what was told within the window: after a start."""
        self._tally = await recalled(self._store, self._limits.window, now)

    async def refresh(self, connectors: Collection[str], now: float) -> None:
        """Know how many devices these connectors have. A small fleet may be one whose list is just coming in, and is
        counted soon again: the percentage must neither set in late nor be of half of them."""
        for connector in connectors:
            size, at = self._fleets.get(connector, (0, float("-inf")))
            if size < COUNTS_FROM or abs(now - at) > min(FLEET_FRESH, size * FRESH_EACH):
                self._fleets[connector] = (await self._store.fleet(connector), now)

    def let_through(self, owed: Owed, draft: Draft, now: float) -> Owed:
        """What is owed, without what would take access from more people than the limits allow. It counts for the
        connector of the device that is why, whichever device of the person it was that was just compared.

        Recoveries are counted alike and raise the alarm; they are kept back only where no look stands behind them.
        """
        if not any(owing.event is not None for owing in owed.owings):
            return owed
        folded = draft.device.basis == "folded"
        return replace(owed, owings=tuple(self._passed(owing, folded, now) for owing in owed.owings))

    def _passed(self, owing: Owing, folded: bool, now: float) -> Owing:
        if not owing.costs and not owing.restores:
            return owing
        direction: Direction = "loses" if owing.costs else "regains"
        connector, login = owing.device.connector, owing.subject.login
        client = owing.stream.client if owing.stream.by_api else ""
        holds = (owing.costs or folded) and not owing.released
        if self._too_many(connector, direction, login, now, client) and holds:
            return owing.kept_back(connector, now)
        self._tally.add(connector, direction, login, now, client)
        return owing

    def _too_many(self, connector: str, direction: Direction, login: str, now: float, client: str) -> bool:
        """Whether this person would be one too many; whoever was counted already is not."""
        people = self._tally.count(connector, direction, now, client)
        if self._tally.has(connector, direction, [login], client):
            return False
        fleet = self._fleets.get(connector, (0, 0.0))[0]
        if not self._limits.exceeded(people + 1, fleet):
            return False
        self._sound(connector, direction, people, fleet, now, client)
        return True

    def _sound(self, connector: str, direction: Direction, people: int, fleet: int, now: float, client: str) -> None:
        """Once a window."""
        if now - self._alarmed.get((connector, direction, client), float("-inf")) < self._limits.window:
            return
        self._alarmed[connector, direction, client] = now
        _log.error(
            "guard.exceeded",
            connector=connector,
            direction=direction,
            people=people,
            allowed=self._limits.allowed(fleet),
            fleet=fleet,
            window_s=self._limits.window,
            client=client or None,
        )
        self._alarm(connector, direction, people)


async def recalled(store: Counted, window: float, now: float) -> Tally:
    """Who lost or regained access within the window, as what was told shows it. What a stream was told that is gone by
    now counts for nobody."""
    owners = {row.id: row.client if row.subscription is not None else "" for row in await store.streams()}
    told: list[Delivery] = []
    before: int | None = None
    while rows := await store.deliveries(before=before, limit=PAGE):
        told += [row for row in rows if row.created_at > now - window]
        before = rows[-1].id
        if rows[-1].created_at <= now - window:
            break
    tally = Tally(window)
    for row in reversed(told):
        direction: Direction = "loses" if row.status == "not-compliant" else "regains"
        if row.stream_id in owners and (login := login_of(row.subject)):
            tally.add(row.connector, direction, login, row.created_at, owners[row.stream_id])
    return tally
