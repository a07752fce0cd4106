"""gate: who loses access now, counted per connector and person, and what is kept back (`[guard]`).

The counters live in memory and are read back from what was told, so a restart forgets nothing. Every source counts: a
webhook, a list, a resync, an operator's word. What an operator released passes, and counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import structlog

from bridge.pipeline.draft import Draft
from bridge.pipeline.owed import Owed, Owing
from bridge.posture.guard import COUNTS_FROM, Direction, Limits, Tally
from bridge.ssf.subject import login_of
from bridge.store.protocol import Told
from bridge.store.records import Delivery
from bridge.value import replace

_log = structlog.get_logger("bridge.gate")

FLEET_FRESH = 30.0
"""Seconds that the size of a fleet is remembered at most."""
FRESH_EACH = 0.001
"""Seconds for each device of it: to count them costs next to nothing at any size."""
PAGE = 500


class Gate:
    """`alarm` is called with (connector, direction, people) when a limit begins to be exceeded."""

    def __init__(
        self, store: Told, limits: Limits, alarm: Callable[[str, Direction, int], None] = lambda *_: None
    ) -> None:
        self._store = store
        self._limits = limits
        self._alarm = alarm
        self._tally = Tally(limits.window)
        self._fleets: dict[str, tuple[int, float]] = {}
        self._alarmed: dict[tuple[str, Direction], float] = {}

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
        holds = (owing.costs or folded) and not owing.released
        if self._too_many(connector, direction, login, now) and holds:
            return owing.kept_back(connector, now)
        self._tally.add(connector, direction, login, now)
        return owing

    def _too_many(self, connector: str, direction: Direction, login: str, now: float) -> bool:
        """Whether this person would be one too many; whoever was counted already is not."""
        people = self._tally.count(connector, direction, now)
        if self._tally.has(connector, direction, [login]):
            return False
        fleet = self._fleets.get(connector, (0, 0.0))[0]
        if not self._limits.exceeded(people + 1, fleet):
            return False
        self._sound(connector, direction, people, fleet, now)
        return True

    def _sound(self, connector: str, direction: Direction, people: int, fleet: int, now: float) -> None:
        """Once a window."""
        if now - self._alarmed.get((connector, direction), float("-inf")) < self._limits.window:
            return
        self._alarmed[connector, direction] = now
        _log.error(
            "guard.exceeded",
            connector=connector,
            direction=direction,
            people=people,
            allowed=self._limits.allowed(fleet),
            fleet=fleet,
            window_s=self._limits.window,
        )
        self._alarm(connector, direction, people)


async def recalled(store: Told, window: float, now: float) -> Tally:
    """Who lost or regained access within the window, as what was told shows it."""
    told: list[Delivery] = []
    before: int | None = None
    while rows := await store.deliveries(before=before, limit=PAGE):
        told += [row for row in rows if row.created_at > now - window]
        before = rows[-1].id
        if rows[-1].created_at <= now - window:
            break
    tally = Tally(window)
    for row in reversed(told):
        if login := login_of(row.subject):
            tally.add(row.connector, "loses" if row.status == "not-compliant" else "regains", login, row.created_at)
    return tally
