"""acks: what a receiver says of SETs that it polled: taken, or refused for good (RFC 8936 §2.4, §2.6)."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol
from weakref import WeakValueDictionary

from bridge.clock import Clock
from bridge.delivery.answer import clean
from bridge.model import Outcome, Stream
from bridge.pipeline.sending.receipts import Receipts
from bridge.ssf.poll import REGISTERED, PollRequest, SetError
from bridge.store.protocol import Outbox
from bridge.store.records import Delivery, Settlement
from bridge.store.streams import Streams
from bridge.value import replace

TAKEN: Final = Outcome("delivered", "ack", received=True)
OTHER: Final = "set_error"
"""The code of a SET that was refused by a word that no RFC registers; it stands before the receiver's own words."""
NOTED: Final = 30.0
"""Seconds between notes in the store of when a stream's receiver last took something."""


class Kept(Outbox, Streams, Protocol):
    """What is read and written here."""


class Acks:
    """Only SETs of the stream that wait count: whatever else is named changes nothing, so all may be said again."""

    def __init__(self, store: Kept, receipts: Receipts, clock: Clock) -> None:
        self._store = store
        self._receipts = receipts
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """stream id → whose turn it is: what two polls say of one SET is settled, and counted, once."""
        self._noted: dict[str, float] = {}

    async def settle(self, stream: Stream, request: PollRequest) -> int:
        """In one commit, acks first. How many SETs ended."""
        jtis = [*request.acks, *request.errors]
        if not jtis:
            return 0
        turn = self._turns.get(stream.id) or self._turns.setdefault(stream.id, asyncio.Lock())
        async with turn:
            found = await self._store.by_jti(stream.id, jtis)
            now = self._clock.now()
            ended = [(row, _outcome(request.errors.get(row.jti))) for row in found]
            ended.sort(key=lambda one: (one[1].kind != "delivered", one[0].id))
            settled = [(row, outcome, _settlement(row, outcome, now)) for row, outcome in ended]
            await self._store.settle([settlement for _, _, settlement in settled])
        for row, outcome, settlement in settled:
            self._receipts.note(stream, row, outcome, settlement)
        if any(outcome is TAKEN for _, outcome in ended):
            await self._note(stream.id, now)
        return len(settled)

    async def _note(self, stream_id: str, now: float) -> None:
        """The receiver is well, whatever was known of it while SETs were pushed."""
        if 0 <= now - self._noted.get(stream_id, float("-inf")) <= NOTED:
            return
        self._noted[stream_id] = now
        row = await self._store.stream(stream_id)
        if row is not None:
            row = replace(row, failures=0, retry_at=None, unwell_since=None, last_code="", last_words="")
            await self._store.update_stream(replace(row, last_delivered_at=now))


def _outcome(error: SetError | None) -> Outcome:
    if error is None:
        return TAKEN
    if error.err in REGISTERED:
        return Outcome("row", error.err, clean(error.description))
    return Outcome("row", OTHER, clean(": ".join(part for part in (error.err, error.description) if part)))


def _settlement(row: Delivery, outcome: Outcome, now: float) -> Settlement:
    """A refusal is final: the receiver has read the SET, and does not believe what it says."""
    taken = outcome.kind == "delivered"
    return Settlement(
        id=row.id,
        state="delivered" if taken else "dead",
        at=now,
        code=outcome.code,
        words=outcome.words,
        attempts=row.attempts + 1,
        faults=row.faults if taken else row.faults + 1,
        faulted_at=row.faulted_at if taken or row.faulted_at is not None else now,
        maybe_received=taken,
    )
