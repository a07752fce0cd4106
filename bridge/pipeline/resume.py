"""resume: a stream that was disabled is told what differs from its ledger; the same comparison as after a look."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from bridge.errors import Conflict
from bridge.model import Device, LedgerRow, Stream
from bridge.pipeline.tell import Teller
from bridge.pipeline.turn import Answered
from bridge.store.protocol import Beliefs

_log = structlog.get_logger("bridge.resume")

PAGE = 200


async def resume(store: Beliefs, teller: Teller, streams: Sequence[Stream], txn: str) -> int:
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
            compared += await _compare(teller, asked)
            subject = rows[-1].subject
    _log.info("stream.resumed", streams=[stream.name for stream in streams], comparisons=compared)
    return compared


async def _about(store: Beliefs, row: LedgerRow, stream: Stream, txn: str) -> Answered:
    """Whoever the row is about, by the device that their last SET named. It may be somebody else's by now, and even be
    forgotten: whoever has no device that fails is compliant."""
    connector, device_id = row.named_device
    device = await store.device(connector, device_id) or Device(connector, device_id)
    return Answered(None, device, streams=(stream,), txn=txn, told_as=row.login)


async def _compare(teller: Teller, answers: Sequence[Answered]) -> int:
    results = await asyncio.gather(*(teller.tell(one) for one in answers), return_exceptions=True)
    for one, result in zip(answers, results, strict=True):
        if isinstance(result, Conflict) and one.device is not None:
            _log.warning("stream.resume_skipped", connector=one.device.connector, device=one.device.device_id)
        elif isinstance(result, BaseException):
            raise result
    return len(answers)
