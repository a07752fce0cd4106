"""resume: a stream that was disabled is told what differs from its ledger; the same comparison as after a look."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from bridge.errors import Conflict
from bridge.model import LedgerRow, Stream
from bridge.pipeline.tell import Teller
from bridge.pipeline.turn import Answered
from bridge.store.protocol import Beliefs, Outbox

_log = structlog.get_logger("bridge.resume")

PAGE = 200


class Compared(Beliefs, Outbox, Protocol):
    """What a comparison reads."""


async def resume(store: Compared, teller: Teller, streams: Sequence[Stream], txn: str) -> int:
    """Compare belief with what these streams were told, both ways: from every device, and from everybody who was told
    not compliant, who may own nothing any more. Bounded memory; may be repeated at any time.

    Returns how many comparisons were made; `txn` is the cause of what follows from them.
    """
    compared = 0
    after: tuple[str, str] | None = None
    while devices := await store.devices(after=after, limit=PAGE):
        answers = [Answered(None, one, streams=tuple(streams), txn=txn) for one in devices if one.login]
        compared += await _compare(teller, answers)
        after = devices[-1].key
    for stream in streams:
        subject = ""
        while rows := await store.told(stream.id, "not-compliant", after=subject, limit=PAGE):
            asked = [await _about(store, row, stream, txn) for row in rows]
            compared += await _compare(teller, [one for one in asked if one is not None])
            subject = rows[-1].subject
    _log.info("stream.resumed", streams=[stream.name for stream in streams], comparisons=compared)
    return compared


async def _about(store: Compared, row: LedgerRow, stream: Stream, txn: str) -> Answered | None:
    """Whoever the row is about, by the device that it names or that its last SET named."""
    key = (row.connector, row.device_id)
    if not row.device_id and row.tail is not None:
        last = await store.delivery(row.tail.id)
        key = (last.connector, last.device_id) if last is not None else key
    device = await store.device(*key)
    return Answered(None, device, streams=(stream,), txn=txn, told_as=row.login) if device else None


async def _compare(teller: Teller, answers: Sequence[Answered]) -> int:
    results = await asyncio.gather(*(teller.tell(one) for one in answers), return_exceptions=True)
    for one, result in zip(answers, results, strict=True):
        if isinstance(result, Conflict) and one.device is not None:
            _log.warning("stream.resume_skipped", connector=one.device.connector, device=one.device.device_id)
        elif isinstance(result, BaseException):
            raise result
    return len(answers)
