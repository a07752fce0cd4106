"""outbox: send what is due, each stream in its own lane, each (stream, order key) strictly in order.

The database says what is pending and who holds it; the lane says how well its receiver is. While a receiver is
unwell one probe at a time goes out; when a probe succeeds, the backlog goes at once and in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

import structlog

from bridge.clock import Clock, Dice
from bridge.delivery.retry import ROW_LIFE, RowNext, health_after, row_after
from bridge.model import Outcome, Stream
from bridge.pipeline.keys.remint import withheld
from bridge.pipeline.patience import patiently
from bridge.pipeline.ports import Meter, Push
from bridge.pipeline.sending.handout import untouched
from bridge.pipeline.sending.lane import AT_ONCE, LEASE, Lane, health_of, with_health
from bridge.pipeline.sending.receipts import Receipts
from bridge.pipeline.streams.framework import ended
from bridge.pipeline.streams.running import Running
from bridge.store.protocol import Store
from bridge.store.records import Delivery, Rank, Settlement
from bridge.value import replace

_log = structlog.get_logger("bridge.outbox")

REFILL = 0.01
"""Seconds that a place in a full lane may stay empty, so that one lease fills several."""
PATIENCE = 40.0
"""Seconds that an answer is kept for a store that cannot take it now; with the push it stays within the lease."""
NOTED = 30.0
"""Seconds between notes in the store of when a well stream was last delivered to."""
POLL = 0.5
"""Seconds after which due deliveries are sought without anybody waking us: other processes write to the store too."""


Accepted = Callable[[Stream], Awaitable[None]]


async def nothing(stream: Stream) -> None: ...


class Outbox:
    def __init__(
        self, store: Store, push: Push, clock: Clock, dice: Dice, meter: Meter, trouble: Callable[[str], None],
        verifiable: Callable[[str], bool] = lambda kid: True, life: float = ROW_LIFE, accepted: Accepted = nothing,
    ) -> None:  # fmt: skip
        """`verifiable`: whether receivers can verify what names this key; what they cannot is never sent. `life`:
        seconds until a SET dies that its receiver refuses. `accepted` hears of each verification event that was: of the
        stream as it was when that was pushed."""
        self._store = store
        self._push = push
        self._clock = clock
        self._dice = dice
        self._trouble = trouble
        self._verifiable = verifiable
        self._life = life
        self._accepted = accepted
        self._receipts = Receipts(meter)
        self._lanes: dict[str, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False

    def carry(self, changed: Mapping[str, Running | None]) -> None:
        """These streams run otherwise from now on; lanes of streams that stay keep what they know."""
        for stream_id, one in changed.items():
            held = self._lanes.get(stream_id)
            if one is None or one.stream.way != "push":
                self._lanes.pop(stream_id, None)
            elif held is not None:
                held.goes_on(one.stream, one.reach)
            else:
                self._lanes[stream_id] = Lane(one.stream, one.row, health_of(one.row), one.reach)
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    def unwell(self) -> list[tuple[str, float, str]]:
        """Each stream whose receiver is unwell: its name, since when, and the last answer's code."""
        found = [(lane.stream.name, lane.health) for lane in self._lanes.values() if lane.health.failures]
        return [(name, health.unwell_since, health.last_code) for name, health in found if health.unwell_since]

    def unwell_since(self) -> Mapping[str, float]:
        """stream id → since when its receiver takes nothing, of those that do not."""
        found = {stream_id: lane.health.unwell_since for stream_id, lane in self._lanes.items()}
        return {stream_id: since for stream_id, since in found.items() if since is not None}

    async def note_enabled(self, stream_ids: Collection[str]) -> None:
        """Note in the store that these streams were told what differs: a later start need not compare again. Nor need
        it know how they failed before they went on."""
        for lane in [lane for stream_id, lane in self._lanes.items() if stream_id in stream_ids]:
            lane.row = replace(with_health(lane.row, lane.health), enabled=True)
            await self._store.update_stream(lane.row)
        for stream_id in set(stream_ids) - self._lanes.keys():  # those that are polled have no lane
            row = await self._store.stream(stream_id)
            if row is not None:
                await self._store.update_stream(replace(row, enabled=True))

    async def run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                await self.turn()
            except Exception as trouble:
                self._trouble(f"outbox: {type(trouble).__name__}")
                _log.error("outbox.stuck", exc_info=True)
                await self._clock.sleep(POLL)
            await self._pause()  # each lane is full, or nothing more was due for it

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._until_next()):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _until_next(self) -> float:
        now = self._clock.now()
        probes = [lane.health.retry_at - now for lane in self._lanes.values() if lane.health.retry_at is not None]
        return max(0.01, min([POLL, *(wait for wait in probes if wait > 0)]))

    async def turn(self) -> int:
        """Lease what is due, begin to send it; returns how many."""
        now = self._clock.now()
        rooms = {lane.stream.id: lane.room(now) for lane in self._lanes.values()}
        rooms = {stream_id: room for stream_id, room in rooms.items() if room > 0}
        if not rooms or self._stopping:
            return 0
        probes = [stream_id for stream_id in rooms if self._lanes[stream_id].unwell]
        reach = {stream_id: self._lanes[stream_id].reach for stream_id in rooms}
        leased = await self._store.lease_deliveries(rooms, now, now + LEASE, probes, reach)
        lanes = dict(self._lanes)
        for delivery in leased:
            if delivery.stream_id in lanes:
                self._begin(lanes[delivery.stream_id], delivery)
        gone = [one for one in leased if one.stream_id not in lanes]  # the stream went meanwhile
        if gone:
            await self._store.settle([untouched(one, self._clock.now()) for one in gone])
        return len(leased)

    def _begin(self, lane: Lane, delivery: Delivery) -> None:
        lane.under_way += 1
        task = asyncio.create_task(self._one(lane, delivery))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _may_go(self, lane: Lane, delivery: Delivery) -> bool:
        """The stream may have been held, changed or deleted while the store handed this out."""
        return self._lanes.get(delivery.stream_id) is lane and delivery.rank <= lane.reach

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._trouble(f"outbox: {type(task.exception()).__name__}")
            _log.error("delivery.stuck", exc_info=task.exception())

    async def idle(self) -> None:
        """Until no push is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self, within: float) -> None:
        """Begin no more; wait at most `within` seconds for what is under way, then give it up: the SET goes out again
        later, the same bytes with the same `jti`."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _one(self, lane: Lane, delivery: Delivery) -> None:
        try:
            if not self._may_go(lane, delivery):
                return await self._settle(untouched(delivery, self._clock.now()))
            if not self._verifiable(delivery.kid):
                return await self._settle(withheld(delivery, self._clock.now()))
            stream = lane.stream
            outcome = await self._push(stream, delivery.text)
            now = self._clock.now()
            after = self._after(lane, delivery, outcome, now)
            # Before the row is free: whoever leases it next must know how the receiver is.
            self._judge_health(lane, outcome, after, now)
            settlement = _settlement(delivery, outcome, after, now)
            await self._settle(settlement)
            if after.state == "delivered" and delivery.rank == Rank.VERIFICATION:
                await self._accepted(stream)
            await self._note_health(lane, outcome, now)
            self._receipts.note(lane.stream, delivery, outcome, settlement)
        finally:
            lane.under_way -= 1
            if lane.under_way <= AT_ONCE * 3 // 4:
                self._wake.set()
            else:  # a full lane is filled up by several at once, not one by one
                asyncio.get_running_loop().call_later(REFILL, self._wake.set)

    async def _settle(self, settlement: Settlement) -> None:
        """What a receiver answered is kept for a store that cannot take it now; else the SET would go out again."""
        await patiently(
            lambda: self._store.settle([settlement]),
            clock=self._clock,
            seconds=PATIENCE,
            stopping=lambda: self._stopping,
            trouble=lambda problem: self._trouble(f"outbox: {problem}"),
        )

    def _after(self, lane: Lane, delivery: Delivery, outcome: Outcome, now: float) -> RowNext:
        if (last := ended(delivery, outcome, now)) is not None:
            return last
        others = lane.successes > lane.failed_at.get(delivery.id, lane.successes)
        after = row_after(
            delivery.attempts,
            delivery.faults,
            delivery.faulted_at,
            others,
            outcome,
            now,
            self._dice,
            delivered_since_fault=lane.delivered_since(delivery.faulted_at, now),
            life=self._life,
        )
        if after.state == "pending":
            lane.failed_at[delivery.id] = lane.successes
        else:
            lane.failed_at.pop(delivery.id, None)
        return after

    def _judge_health(self, lane: Lane, outcome: Outcome, after: RowNext, now: float) -> None:
        lane.successes += outcome.kind == "delivered"
        if not (after.row_fault and outcome.kind == "stream"):
            lane.health = health_after(lane.health, outcome, now, self._dice)

    async def _note_health(self, lane: Lane, outcome: Outcome, now: float) -> None:
        """In the store where it changed, and in the log where it changed sides."""
        was_well, delivered = lane.row.failures == 0, outcome.kind == "delivered"
        stale = delivered and now - (lane.row.last_delivered_at or 0.0) > NOTED
        if health_of(lane.row) == lane.health and not stale:
            return
        at = now if delivered else lane.row.last_delivered_at
        lane.row = replace(with_health(lane.row, lane.health), last_delivered_at=at)
        await self._store.update_stream(lane.row)
        if was_well != (lane.health.failures == 0):
            _log.warning(
                "stream.health",
                stream=lane.stream.name,
                well=lane.health.failures == 0,
                code=lane.health.last_code,
                words=lane.health.last_words,
            )


def _settlement(delivery: Delivery, outcome: Outcome, after: RowNext, now: float) -> Settlement:
    return Settlement(
        id=delivery.id,
        state=after.state,
        at=now,
        code=outcome.code,
        words=outcome.words,
        next_at=after.next_at,
        attempts=after.attempts,
        faults=after.faults,
        faulted_at=after.faulted_at,
        # Who reads a SET and refuses it has not taken an earlier copy of it: that would have been a repeat.
        maybe_received=after.maybe_received or (delivery.maybe_received and outcome.kind != "row"),
    )
