"""lane: one target's messages on their way, one at a time. The target's own trouble stays in its lane."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import structlog

from bridge.clock import Clock, Dice, Ids
from bridge.notify.message import Message, body_of
from bridge.notify.occasion import occasion_of
from bridge.notify.retry import Sent, pause
from bridge.notify.send import Target
from bridge.pipeline.notices import rules as rules
from bridge.store.notices import Notice

_log = structlog.get_logger("bridge.notices")

POLL: Final = 5.0
"""Seconds after which a lane looks again without being woken."""
SPACING: Final = 1.0
"""Seconds between two messages to one target: more often Slack does not take them."""

Send = Callable[[Target, str, str], Awaitable[Sent]]
"""Sends a body once under a message id; trouble is a value, never an exception."""


class Meter(Protocol):
    def notice(self, target: str, outcome: str) -> None: ...


class Book(Protocol):
    """Where the rows are (`bridge.pipeline.notices.notices.Notices`)."""

    def rows_of(self, target: str) -> Sequence[Notice]: ...
    def row(self, target: str, key: str) -> Notice: ...
    def put(self, row: Notice) -> None: ...
    async def save(self) -> bool: ...


class Lane:
    def __init__(
        self, target: Target, book: Book, send: Send, *,
        bridge: str, clock: Clock, ids: Ids, dice: Dice, meter: Meter,
    ) -> None:  # fmt: skip
        self._target = target
        self._book = book
        self._send = send
        self._bridge = bridge
        self._clock = clock
        self._ids = ids
        self._dice = dice
        self._meter = meter
        self._gone = False
        """The target answered 410: nothing more is sent to it until the next start."""
        self._not_before = 0.0
        self._woken = asyncio.Event()
        self._resting = asyncio.Event()
        self._resting.set()
        self._stopping = False

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                wait = SPACING if await self.turn() else 0.0
            except Exception:
                _log.error("notices.stuck", target=self._target.name, exc_info=True)
                wait = POLL
            if wait:
                await self._clock.sleep(wait)
            else:
                await self._pause()

    async def stop(self, within: float) -> None:
        """Begin no more, and wait at most so long for the one under way."""
        self._stopping = True
        self._woken.set()
        try:
            async with asyncio.timeout(within):
                await self._resting.wait()
        except TimeoutError:
            pass

    async def turn(self) -> bool:
        """Send the one message that has been due for longest; False if none is due."""
        due = self._due()
        if due is None or due[0] > self._clock.now() or self._stopping:
            return False
        self._resting.clear()
        try:
            row = due[1]
            if not row.message_id:
                row = self._begin(row)
                await self._book.save()  # before the first try: after a crash the same bytes go out under the same id
            answer = await self._send(self._target, row.message_id, row.body)
            self._end(self._book.row(row.target, row.key), answer)
        finally:
            self._resting.set()
        return True

    async def _pause(self) -> None:
        due = self._due()
        wait = POLL if due is None else min(POLL, max(due[0] - self._clock.now(), 0.01))
        try:
            async with asyncio.timeout(wait):
                await self._woken.wait()
        except TimeoutError:
            pass

    def _due(self) -> tuple[float, Notice] | None:
        """The next message, and when it may go."""
        waiting = [
            (row.due_at, row.key, row) for row in self._book.rows_of(self._target.name) if row.due_at is not None
        ]
        if not waiting or self._gone:
            return None
        due_at, _, row = min(waiting, key=lambda one: one[:2])
        return max(due_at, self._not_before), row

    def _begin(self, row: Notice) -> Notice:
        message = Message(
            occasion_of(row.occasion),
            raised_at=row.raised_at,
            bridge=self._bridge,
            left_out=max(0, row.fresh - 1),
            still=row.told and not row.fresh,
            with_device=self._target.allow_device_names,
        )
        row = rules.begun(row, self._ids.new(), body_of(message, self._target.shape), self._clock.now())
        self._book.put(row)
        return row

    def _end(self, row: Notice, answer: Sent) -> None:
        now, interval = self._clock.now(), self._target.min_interval
        outcome: str = answer.kind
        if answer.kind == "sent":
            after = rules.sent(row, answer.code, now, interval)
        elif answer.kind == "gone":
            self._gone = True
            after = rules.gone(row, answer.code)
        else:
            self._not_before = now + (answer.retry_after or 0.0)
            wait = pause(row.attempts + 1, answer.retry_after, self._dice)
            after, given_up = rules.failed(row, answer.code, now, wait, interval)
            outcome = "given_up" if given_up else "failed"
        self._book.put(after)
        self._meter.notice(self._target.name, outcome)
        self._report(row, answer, outcome)

    def _report(self, row: Notice, answer: Sent, outcome: str) -> None:
        log = _log.info if outcome == "sent" else _log.warning if outcome == "failed" else _log.error
        log(
            f"notice.{outcome}",
            target=self._target.name,
            occasion=row.key,
            notice_id=row.message_id,
            code=answer.code,
            attempt=row.attempts + 1,
        )
