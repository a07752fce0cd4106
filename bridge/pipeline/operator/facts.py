"""facts: what the store knows of one device and of what each stream was told about it, read for an explanation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bridge.model import Device, LedgerRow, WireSubject
from bridge.pipeline.streams.roster import Entry
from bridge.ssf.subject import wire_subject
from bridge.store.protocol import Store
from bridge.store.records import Delivery, Look

PAGE = 500
MOST_COMPARED = 20_000
"""Devices among which near ids are sought, at most."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one stream was told about the device's wire subject."""

    entry: Entry
    subject: WireSubject | None = None
    """None: the stream does not run, or the device has nobody to be told about."""
    row: LedgerRow | None = None
    tail: Delivery | None = None
    """The delivery that the ledger row names."""
    delivered: Delivery | None = None
    """The newest that the receiver acknowledged."""


@dataclass(frozen=True, slots=True)
class Facts:
    device: Device | None
    """None: somebody rang for it, and no look has ended yet."""
    look: Look | None
    people: tuple[Device, ...] = ()
    """All devices of the device's login."""
    heard: tuple[Heard, ...] = ()


async def facts(store: Store, connector: str, device_id: str, entries: Sequence[Entry]) -> Facts | None:
    """None: the store knows neither the device nor a look for it."""
    device = await store.device(connector, device_id)
    look = await store.look(connector, device_id)
    if device is None and look is None:
        return None
    subjects = {entry.stream.id: _subject(entry, device) for entry in entries if entry.stream and entry.stream.id}
    keys = {(stream_id, subject.key) for stream_id, subject in subjects.items() if subject is not None}
    logins = {device.login} if device is not None and device.login else set()
    scene = await store.scene(logins, keys) if keys else None
    heard: list[Heard] = []
    for entry in entries:
        subject = subjects.get(entry.stream.id) if entry.stream else None
        if subject is None or scene is None or entry.stream is None:
            heard.append(Heard(entry))
            continue
        row = scene.ledger.get((entry.stream.id, subject.key))
        heard.append(await _heard(store, entry, subject, row))
    people = scene.people.get(device.login or "", ()) if scene is not None and device is not None else ()
    return Facts(device, look, tuple(people), tuple(heard))


def _subject(entry: Entry, device: Device | None) -> WireSubject | None:
    if entry.stream is None or device is None or device.login is None:
        return None
    return wire_subject(entry.stream, device.login, device.connector, device.device_id)


async def _heard(store: Store, entry: Entry, subject: WireSubject, row: LedgerRow | None) -> Heard:
    if row is None or entry.stream is None:
        return Heard(entry, subject, row)
    tail = await store.delivery(row.tail.id) if row.tail is not None else None
    if tail is not None and tail.state == "delivered":
        return Heard(entry, subject, row, tail, tail)
    found = await store.deliveries(stream_id=entry.stream.id, subject=subject.key, state="delivered", limit=1)
    return Heard(entry, subject, row, tail, found[0] if found else None)


async def connectors_with(store: Store, device_id: str, configured: Collection[str]) -> list[str]:
    """The connectors that know the device id, or that somebody rang for it at; those no longer configured too."""
    alike = await store.devices(search=device_id, limit=PAGE)
    found = {device.connector for device in alike if device.device_id == device_id}
    for connector in configured:
        if connector not in found and await _known(store, connector, device_id):
            found.add(connector)
    return sorted(found)


async def _known(store: Store, connector: str, device_id: str) -> bool:
    if await store.device(connector, device_id) is not None:
        return True
    return await store.look(connector, device_id) is not None


async def nearest(store: Store, device_id: str, connector: str | None = None, most: int = 5) -> list[Device]:
    """Devices whose id, name or login is like the text: those that hold it as a part, else the most similar ids."""
    parts = await store.devices(connector=connector, search=device_id, limit=most)
    if parts:
        return parts
    known: dict[str, Device] = {}
    after: tuple[str, str] | None = None
    while len(known) < MOST_COMPARED and (page := await store.devices(connector=connector, after=after, limit=PAGE)):
        known.update({device.device_id: device for device in page})
        after = page[-1].key
    return [known[near] for near in get_close_matches(device_id, known, n=most, cutoff=0.5)]
