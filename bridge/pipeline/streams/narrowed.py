"""narrowed: streams that may hear of less than before (`connectors`, `domains`, `events` of a receiver or a client).

At a start, before anything runs: failures that wait unsent and that the receiver may not hear of any more are taken
back, and those that died are not sent again. Who was told not compliant stays so until it is no longer true, and is
told that once (docs/decisions/014); of who recovered meanwhile it is told by the comparison that is owed then. The
mark that it is done is written last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

import orjson
import structlog

from bridge.errors import Conflict
from bridge.model import DEVICE_COMPLIANCE_CHANGE, LedgerRow, Status, Stream
from bridge.ssf.stream import may_hear, unbounded
from bridge.store.marks import stream_mark
from bridge.store.protocol import Store
from bridge.store.records import LedgerWrite, Unit
from bridge.value import replace

_log = structlog.get_logger("bridge.narrowed")

NOT_ENTITLED: Final = "not_entitled"
NOT_REQUESTED: Final = "not_requested"
"""Why an unsent SET is taken back; the second where the stream carries no such events any more."""
PAGE: Final = 500


async def narrow(
    store: Store, streams: Sequence[Stream], owe: Callable[[Sequence[Stream]], Awaitable[None]], now: float
) -> dict[str, int]:
    """By the name of each stream that has some, how many SETs were taken back. `owe` is told what is to be compared."""
    found: dict[str, int] = {}
    for stream in streams:
        was, now_is = await store.mark(_mark(stream)), _entitled(stream)
        why = NOT_ENTITLED if DEVICE_COMPLIANCE_CHANGE in stream.events else NOT_REQUESTED
        if was == now_is or stream.rehearsal:
            continue
        async for page in _lost(store, stream):
            await owe([stream])
            waiting = [row.subject for row in page if _waits(row)]
            if waiting:
                taken = await store.cancel_stream(stream.id, now, why, waiting)
                found[stream.name] = found.get(stream.name, 0) + taken
        await _bury(store, stream, now)
        await store.put_mark(_mark(stream), now_is, was=was)
    for name, count in found.items():
        _log.warning("stream.narrowed", stream=name, taken_back=count)
    return found


async def _bury(store: Store, stream: Stream, now: float) -> None:
    """Of failures that died and that the receiver may not hear of any more, `deliveries retry` sends none: they count
    as overtaken. Raises Conflict if a command changed one of them meanwhile."""
    async for page in _lost(store, stream, "compliant"):
        given_up = [replace(row, given_up=None, compared_at=now) for row in page if row.given_up == "not-compliant"]
        if given_up and await store.commit([Unit(ledger=(LedgerWrite(row),)) for row in given_up]):
            raise Conflict(f"the ledger of {stream.name} was changed while what it may hear of was: start again")


def _mark(stream: Stream) -> str:
    return stream_mark("entitled", stream.id)


def _entitled(stream: Stream) -> str:
    bounds = (stream.connectors, stream.domains, stream.events)
    return orjson.dumps([None if one is None else sorted(one) for one in bounds]).decode()


async def _lost(store: Store, stream: Stream, status: Status = "not-compliant") -> AsyncIterator[list[LedgerRow]]:
    """The ledger rows of those who count as told this, and whom the receiver may not hear of."""
    if DEVICE_COMPLIANCE_CHANGE in stream.events and stream == unbounded(stream):
        return
    after = ""
    while rows := await store.told(stream.id, status, after=after, limit=PAGE):
        after = rows[-1].subject
        if lost := [row for row in rows if not _may_hear(stream, row)]:
            yield lost


def _may_hear(stream: Stream, row: LedgerRow) -> bool:
    connector, _ = row.named_device
    return DEVICE_COMPLIANCE_CHANGE in stream.events and may_hear(stream, connector, row.login)


def _waits(row: LedgerRow) -> bool:
    return row.tail is not None and row.tail.unsent and row.tail.state == "pending"
