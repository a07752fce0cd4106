"""differences: what a stream would be told now, without telling it: belief against its ledger, row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from bridge.model import DEVICE_COMPLIANCE_CHANGE, Device, LedgerRow, Status, Stream, WireSubject
from bridge.ssf.ledger import compare, holding, truth
from bridge.ssf.stream import Namespaces, heard_of, wants
from bridge.ssf.subject import wire_subject
from bridge.store.protocol import Told

PAGE = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """`told` is what the stream counts as told, `so` what is so; `because` are `connector/device` of what fails.

    `reason` is "told" where it would be told now, else why it would not.
    """

    subject: str
    login: str
    told: Status
    so: Status
    because: tuple[str, ...]
    reason: str


async def differences(store: Told, stream: Stream, namespaces: Namespaces) -> AsyncIterator[Difference]:
    """Each wire subject once, from every device and from everybody who was told not compliant. Writes nothing."""
    seen: set[str] = set()
    after: tuple[str, str] | None = None
    while devices := await store.devices(after=after, limit=PAGE):
        subjects = [_subject(stream, one) for one in devices if _meant(stream, one, namespaces)]
        async for found in _compared(store, stream, subjects, seen, namespaces):
            yield found
        after = devices[-1].key
    subject = ""
    while rows := await store.told(stream.id, "not-compliant", after=subject, limit=PAGE):
        async for found in _compared(store, stream, [_named(row) for row in rows], seen, namespaces):
            yield found
        subject = rows[-1].subject


def _meant(stream: Stream, device: Device, namespaces: Namespaces) -> bool:
    if device.login is None:
        return False
    unit = (device.connector, device.login, device.device_id)
    return not wants(stream, DEVICE_COMPLIANCE_CHANGE, *unit, namespaces)


def _subject(stream: Stream, device: Device) -> WireSubject:
    return wire_subject(stream, device.login or "", device.connector, device.device_id)


def _named(row: LedgerRow) -> WireSubject:
    return WireSubject(row.subject, row.subject, row.login, row.connector or None, row.device_id or None)


async def _compared(
    store: Told, stream: Stream, subjects: Sequence[WireSubject], seen: set[str], namespaces: Namespaces
) -> AsyncIterator[Difference]:
    new = {subject.key: subject for subject in subjects if subject.key not in seen}
    seen.update(new)
    if not new:
        return
    scene = await store.scene({one.login for one in new.values()}, {(stream.id, key) for key in new})
    for subject in new.values():
        theirs = heard_of(stream, subject.login, scene.people.get(subject.login, ()), namespaces)
        found = _difference(stream, subject, theirs, scene.ledger.get((stream.id, subject.key)))
        if found is not None:
            yield found


def _difference(
    stream: Stream, subject: WireSubject, theirs: Sequence[Device], row: LedgerRow | None
) -> Difference | None:
    so = truth(stream, subject, theirs)
    told: Status = (row.told if row else None) or "compliant"
    if so == told:
        return None
    because = tuple(f"{one.connector}/{one.device_id}" for one in holding(stream, subject, theirs))
    return Difference(subject.key, subject.login, told, so, because, compare(row, so).reason)
