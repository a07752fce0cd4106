"""person: everything that the store holds of one human being, found by their addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import orjson

from bridge.model import Device, LedgerRow
from bridge.ssf.identifier import stored
from bridge.ssf.subject import login_of
from bridge.store.archive import Kept, Wanted
from bridge.store.erasure import Pair, addresses_of
from bridge.store.protocol import Store
from bridge.store.records import Delivery, Look
from bridge.store.subjects import Choice

PAGE = 500
BODIES = 50
"""Webhooks read at once with their payload."""
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|%([0-9a-fA-F]{2})")


@dataclass(frozen=True, slots=True)
class Person:
    """`addresses` are all under which they were found, case folded: those asked for, and the others of the same person
    at the vendor."""

    addresses: frozenset[str]
    devices: tuple[Device, ...] = ()
    looks: tuple[Look, ...] = ()
    """Due for a device that is not known yet, and stating them as its owner."""
    subjects: tuple[Pair, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    deliveries: tuple[Delivery, ...] = field(default=(), repr=False)
    webhooks: tuple[Kept, ...] = ()
    """Without payloads: those that name them, or rang for one of their devices, and whose payload is still kept."""
    choices: tuple[Choice, ...] = ()
    """What receivers said about them, or about their devices, as subjects of their streams."""
    others: tuple[str, ...] = ()
    """Other logins under which SETs about their devices were sent: former addresses, or former owners."""

    @property
    def found(self) -> bool:
        return bool(self.devices or self.looks or self.subjects or self.webhooks or self.choices)

    @property
    def device_keys(self) -> tuple[Pair, ...]:
        return (*(one.key for one in self.devices), *((one.connector, one.device_id) for one in self.looks))


async def person(
    store: Store, asked: Iterable[str], namespaces: Mapping[str, str], step: Callable[[int], None] = lambda done: None
) -> Person:
    """`step` hears of each number of webhooks gone through. Bounded memory but for what is theirs."""
    addresses, devices = await _devices(store, {one.strip().casefold() for one in asked})
    subjects = await _subjects(store, addresses)
    ledger = [row for key in subjects for row in [(await store.scene([], [key])).ledger.get(key)] if row is not None]
    deliveries = [one for key in subjects for one in await _sets(store, stream_id=key[0], subject=key[1])]
    webhooks = await _webhooks(store, addresses, {one.key for one in devices}, step)
    looks = await _looks(store, addresses, webhooks)
    units = {f"{namespaces.get(one.connector, one.connector)}:{one.device_id}" for one in devices}
    choices = await _choices(store, addresses, units)
    others = await _others(store, addresses, devices)
    return Person(
        frozenset(addresses), tuple(devices), tuple(looks), tuple(subjects), tuple(ledger), tuple(deliveries),
        tuple(webhooks), tuple(choices), tuple(sorted(others)),
    )  # fmt: skip


async def _devices(store: Store, addresses: set[str]) -> tuple[set[str], list[Device]]:
    """With the other devices and addresses of the same vendor person, until nothing new comes up."""
    known = addresses
    while True:
        found: dict[Pair, Device] = {}
        after: Pair | None = None
        while page := await store.devices(after=after, limit=PAGE):
            found.update({one.key: one for one in page if addresses_of(one) & known})
            after = page[-1].key
        people = {(one.connector, one.owner.id) for one in found.values() if one.owner is not None and one.owner.id}
        for theirs in (await store.devices_of_people(people)).values() if people else ():
            found.update({one.key: one for one in theirs})
        grown = known.union(*(addresses_of(one) for one in found.values()))
        if grown == known:
            return known, [found[key] for key in sorted(found)]
        known = grown


async def _subjects(store: Store, addresses: Collection[str]) -> list[Pair]:
    found: list[Pair] = []
    after: Pair | None = None
    while page := await store.subjects(after=after):
        found += [pair for pair in page if login_of(pair[1]).casefold() in addresses]
        after = page[-1]
    return found


async def _sets(
    store: Store, *, stream_id: str | None = None, subject: str | None = None, device: Pair | None = None
) -> list[Delivery]:
    found: list[Delivery] = []
    before: int | None = None
    while page := await store.deliveries(
        stream_id=stream_id, subject=subject, device=device, before=before, limit=PAGE
    ):
        found += page
        before = page[-1].id
    return found


async def _webhooks(
    store: Store, addresses: Collection[str], devices: Collection[Pair], step: Callable[[int], None]
) -> list[Kept]:
    found: list[Kept] = []
    after = ""
    while page := await store.webhooks(Wanted(after=after, oldest_first=True, bodies=True, limit=BODIES)):
        for one in page:
            theirs = any((one.connector, device_id) in devices for device_id in one.devices)
            if one.body is not None and (theirs or names(one.body, addresses)):
                found.append(replace(one, body=None))
        after = page[-1].id
        step(len(page))
    return found


async def _looks(store: Store, addresses: Collection[str], webhooks: Iterable[Kept]) -> list[Look]:
    """Of devices that nobody looked at yet."""
    found: dict[Pair, Look] = {}
    for connector, device_id in sorted({(one.connector, device_id) for one in webhooks for device_id in one.devices}):
        look = await store.look(connector, device_id)
        if look is None or await store.device(connector, device_id) is not None:
            continue
        owners = [stated.statement.owner for stated in look.stated]
        if any(owner is not None and owner.email and owner.email.casefold() in addresses for owner in owners):
            found[connector, device_id] = look
    return list(found.values())


async def _choices(store: Store, addresses: Collection[str], units: Collection[str]) -> list[Choice]:
    """`units` are their devices as subjects name them."""
    found: list[Choice] = []
    after: Pair | None = None
    while page := await store.every_choice(after=after):
        found += [choice for choice in page if _is_about(choice, addresses, units)]
        after = page[-1].key
    return found


def _is_about(choice: Choice, addresses: Collection[str], units: Collection[str]) -> bool:
    docs = [orjson.loads(text) for _, may_be in stored(choice.subject).members for text in may_be]
    texts = [text for doc in docs for text in doc.values() if isinstance(text, str)]
    plain = [text.casefold().removeprefix("acct:").removeprefix("mailto:") for text in texts]
    return any(text in addresses for text in plain) or any(text in units for text in texts)


async def _others(store: Store, addresses: Collection[str], devices: Iterable[Device]) -> set[str]:
    sent = [one for device in devices for one in await _sets(store, device=device.key)]
    return {login for one in sent if (login := login_of(one.subject)) and login.casefold() not in addresses}


def names(body: bytes, addresses: Collection[str]) -> bool:
    """Whether a payload holds one of the addresses, in any case, written out or escaped as JSON or URLs do it."""
    text = body.decode("utf-8", "replace").casefold()
    if any(one in text for one in addresses):
        return True
    if "\\u" not in text and "%" not in text:
        return False
    plain = _ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), text).casefold()
    return any(one in plain for one in addresses)
