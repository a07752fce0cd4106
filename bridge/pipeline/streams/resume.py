"""resume: a stream that was disabled is told what differs from its ledger; the same comparison as after a look.

`catch_up` does so for some subjects alone: those that its receiver has just added.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from bridge.model import Device, LedgerRow, Stream
from bridge.pipeline.streams.reach import Reach, reach
from bridge.pipeline.tell import Teller
from bridge.pipeline.turn import Answered
from bridge.ssf.identifier import Identifier
from bridge.ssf.matching import meets, parts
from bridge.ssf.stream import Namespaces
from bridge.ssf.subject import about
from bridge.store.protocol import Beliefs

_log = structlog.get_logger("bridge.resume")

PAGE = 200


class Compared(Beliefs, Protocol):
    """What a comparison reads."""

    async def ledger_of(self, login: str | None, device: tuple[str, str] | None) -> list[LedgerRow]: ...


def any_of_them(device: Device) -> bool:
    return True


async def resume(
    store: Compared, teller: Teller, streams: Sequence[Stream], txn: str, meant: Callable[[Device], bool] = any_of_them
) -> int:
    """Compare belief with what these streams were told, both ways: from every device that is `meant`, and from
    everybody who was told not compliant, who may own nothing any more. Bounded memory; may be repeated at any time.

    Returns how many comparisons were made; `txn` is the cause of what follows from them. Raises Conflict for one that
    somebody else's changes prevented each time, and what the store raises.
    """
    compared = 0
    after: tuple[str, str] | None = None
    while devices := await store.devices(after=after, limit=PAGE):
        answers = [Answered(None, one, streams=tuple(streams), txn=txn) for one in devices if one.login and meant(one)]
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


async def catch_up(
    store: Compared, teller: Teller, stream: Stream, subjects: Sequence[Identifier], namespaces: Namespaces, txn: str
) -> int:
    """Compare belief with what the stream was told, as far as these subjects are about it: by the people or the devices
    that they name; if one names neither, by a walk through the fleet for all of them. Bounded memory.

    Returns how many comparisons were made.
    """
    reached = [reach(subject, namespaces) for subject in subjects]
    if None not in reached:
        return sum([await _compare(teller, await _reached(store, stream, one, txn)) for one in reached if one])

    def meant(device: Device) -> bool:
        namespace = namespaces.get(device.connector, device.connector)
        event = parts(about(stream, device.login or "", namespace, device.device_id))
        return any(meets(subject, event) for subject in subjects)

    return await resume(store, teller, [stream], txn, meant)


async def _reached(store: Compared, stream: Stream, found: Reach, txn: str) -> list[Answered]:
    devices = [device for login in found.logins for device in (await store.scene([login], [])).people.get(login, ())]
    named = [await store.device(*key) for key in found.devices]
    devices += [device for device in named if device is not None and device.login]
    rows = [row for login in found.logins for row in await store.ledger_of(login, None)]
    rows += [row for key in found.devices for row in await store.ledger_of(None, key)]
    told = [row for row in rows if row.stream_id == stream.id and row.told == "not-compliant"]
    asked = [await _about(store, row, stream, txn) for row in told]
    answers = [Answered(None, device, streams=(stream,), txn=txn) for device in devices]
    return [*answers, *asked]


async def _about(store: Compared, row: LedgerRow, stream: Stream, txn: str) -> Answered:
    """Whoever the row is about, by the device that their last SET named. It may be somebody else's by now, and even be
    forgotten: whoever has no device that fails is compliant."""
    connector, device_id = row.named_device
    device = await store.device(connector, device_id) or Device(connector, device_id)
    return Answered(None, device, streams=(stream,), txn=txn, told_as=row.login)


async def _compare(teller: Teller, answers: Sequence[Answered]) -> int:
    """Each has been tried, whatever is raised."""
    results = await asyncio.gather(*(teller.tell(one) for one in answers), return_exceptions=True)
    trouble = [result for result in results if isinstance(result, BaseException)]
    if trouble:
        _log.warning("stream.resume_failed", comparisons=len(answers), failed=len(trouble))
        raise trouble[0]
    return len(answers)
