"""regroup: a stream whose `aggregate` changed. What it was told of a person holds for their device, or the other way.

At a start, before anything runs: what waits under the old subjects is taken back, who was told not compliant under one
counts as told so under the new one, and the comparison that follows tells what differs, recoveries too. The mark that
it is done is written last, so that a start that died is made good by the next.

A SET that is on its way, and may have arrived, stays under its old subject.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog

from bridge.errors import Conflict
from bridge.model import LedgerRow, Status, Stream, WireSubject
from bridge.ssf.subject import wire_subject
from bridge.store.marks import stream_mark
from bridge.store.protocol import Store
from bridge.store.records import LedgerMove, LedgerWrite, Unit
from bridge.value import replace

_log = structlog.get_logger("bridge.regroup")

AGGREGATE_CHANGED: Final = "aggregate_changed"
"""Why an unsent SET under an old subject is taken back."""
PAGE: Final = 500
_STATUSES: Final[tuple[Status, Status]] = ("not-compliant", "compliant")


async def regroup(
    store: Store, streams: Sequence[Stream], owe: Callable[[Sequence[Stream]], Awaitable[None]], now: float
) -> dict[str, int]:
    """By the name of each stream that changed, how many subjects were told not compliant. `owe` is told what is to be
    compared with belief."""
    found: dict[str, int] = {}
    for stream in streams:
        was = await store.mark(_mark(stream))
        if was == stream.aggregate:
            continue
        if await _any(_others(store, stream)):
            if not stream.rehearsal:
                await owe([stream])
            await store.cancel_stream(stream.id, now, AGGREGATE_CHANGED)
            found[stream.name] = await _moved(store, stream, now)
            _log.warning("stream.regrouped", stream=stream.name, aggregate=stream.aggregate, told=found[stream.name])
        await store.put_mark(_mark(stream), stream.aggregate, was=was)
    return found


def _mark(stream: Stream) -> str:
    return stream_mark("aggregate", stream.id)


async def _any(pages: AsyncIterator[list[LedgerRow]]) -> bool:
    async for _ in pages:
        return True
    return False


async def _others(store: Store, stream: Stream) -> AsyncIterator[list[LedgerRow]]:
    """The ledger rows of the other aggregate: what was told, and what the guard holds."""
    for status in _STATUSES:
        after = ""
        while rows := await store.told(stream.id, status, after=after, limit=PAGE):
            after = rows[-1].subject
            if others := [row for row in rows if _is_other(stream, row)]:
                yield others
    key = (stream.id, "")
    while rows := await store.held(after=key, limit=PAGE):
        if others := [row for row in rows if row.stream_id == stream.id and _is_other(stream, row)]:
            yield others
        if rows[-1].stream_id != stream.id:
            return
        key = (stream.id, rows[-1].subject)


def _is_other(stream: Stream, row: LedgerRow) -> bool:
    return bool(row.device_id) == (stream.aggregate == "user")


async def _moved(store: Store, stream: Stream, now: float) -> int:
    count = 0
    async for page in _others(store, stream):
        failing = [row for row in page if row.told == "not-compliant" and row.named]
        count += len(failing)
        units = [Unit(moves=(_gone(row),)) for row in page if row.told != "not-compliant"]
        if await store.commit([*units, *await _told_anew(store, stream, failing, now)]):
            raise Conflict(f"the ledger of {stream.name} was changed while its aggregate was: start again")
    return count


async def _told_anew(store: Store, stream: Stream, rows: Iterable[LedgerRow], now: float) -> list[Unit]:
    new: dict[str, WireSubject] = {}
    by_key: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in rows:
        subject = wire_subject(stream, row.login, *row.named_device)
        new[subject.key] = subject
        by_key[subject.key].append(row)
    known = (await store.scene([], [(stream.id, key) for key in new])).ledger
    return [_unit(stream, new[key], theirs, known, now) for key, theirs in by_key.items()]


def _unit(
    stream: Stream,
    subject: WireSubject,
    rows: Sequence[LedgerRow],
    known: Mapping[tuple[str, str], LedgerRow],
    now: float,
) -> Unit:
    key = (stream.id, subject.key)
    row = replace(
        known.get(key) or LedgerRow(*key),
        login=subject.login,
        connector=subject.connector or "",
        device_id=subject.device_id or "",
        told="not-compliant",
        event_at=max(one.event_at for one in (*rows, *((known[key],) if key in known else ()))),
        given_up=None,
        held=None,
        tail=None,
        reason=rows[-1].reason,
        compared_at=now,
        named=rows[-1].named,
    )
    return Unit(ledger=(LedgerWrite(row),), moves=tuple(_gone(one) for one in rows))


def _gone(row: LedgerRow) -> LedgerMove:
    return LedgerMove(row.stream_id, row.subject, row.version)
