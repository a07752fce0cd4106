"""handout: SETs that are handed out to a poll, hidden from others for a while, or given back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.clock import Clock
from bridge.pipeline.keys.remint import withheld
from bridge.pipeline.streams.running import Running
from bridge.store.protocol import Outbox
from bridge.store.records import Delivery, Settlement
from bridge.value import value


@value
class Handed:
    """`more`: others of the stream could be had at once."""

    rows: tuple[Delivery, ...] = ()
    more: bool = False


class Handout:
    """`visibility`: seconds for which a SET that was handed out is not handed out again. `verifiable`: whether
    receivers can verify what names this key; what they cannot stays here until it was minted anew."""

    def __init__(self, store: Outbox, clock: Clock, visibility: float, verifiable: Callable[[str], bool]) -> None:
        self._store = store
        self._clock = clock
        self._visibility = visibility
        self._verifiable = verifiable

    async def take(self, one: Running, most: int) -> Handed:
        """At most so many, of each order key the oldest that is not settled. With nothing there it is only read: polls
        must not stand in the line of those who write."""
        stream_id, reach = one.stream.id, {one.stream.id: one.reach}
        if most and stream_id not in await self._store.has_due(reach, self._clock.now()):
            return Handed()
        rows: list[Delivery] = []
        leased = most
        while leased == most and most and not rows:
            now = self._clock.now()
            found = await self._store.lease_deliveries({stream_id: most}, now, now + self._visibility, reach=reach)
            rows, leased = await self._verified(found), len(found)
        more = leased == most and stream_id in await self._store.has_due(reach, self._clock.now())
        return Handed(tuple(rows), more)

    async def give_back(self, rows: Sequence[Delivery]) -> None:
        """As if nobody had asked: they went nowhere."""
        now = self._clock.now()
        await self._store.settle([untouched(row, now) for row in rows])

    async def _verified(self, rows: Sequence[Delivery]) -> list[Delivery]:
        good: list[Delivery] = []
        bad: list[Settlement] = []
        for row in rows:
            if self._verifiable(row.kid):
                good.append(row)
            else:
                bad.append(withheld(row, self._clock.now()))
        await self._store.settle(bad)
        return good


def untouched(row: Delivery, now: float) -> Settlement:
    """It went nowhere, and is due as it was."""
    return Settlement(
        id=row.id, state="pending", at=now, code=row.last_code, words=row.last_words, next_at=row.next_at,
        attempts=row.attempts, faults=row.faults, faulted_at=row.faulted_at, maybe_received=row.maybe_received,
    )  # fmt: skip
