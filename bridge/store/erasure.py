"""A person taken out of the store: found by what is said of them, and removed in one step, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bridge.model import Device

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Erase:
    """`devices` are (connector, device id), `subjects` (stream id, subject).

    `undone` are the streams that nobody can be told anything through any more; `abandon`: go on whatever receivers were
    told, and take back the SETs that nobody is sending.
    """

    devices: tuple[Pair, ...]
    subjects: tuple[Pair, ...]
    undone: frozenset[str] = frozenset()
    abandon: bool = False
    choices: tuple[Pair, ...] = ()
    """Keys of what receivers said about subjects (`bridge.store.subjects`)."""
    addresses: frozenset[str] = frozenset()
    """All of the person's, case folded. A device that is under none of them by now is somebody else's; empty: whoever's
    they are."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a person cannot be removed now.

    told     the receiver was told not compliant, and not the opposite
    pending  a SET about them is to be sent
    sending  one is being sent, or was when its sender died
    looking  the vendor is being asked about one of their devices
    another  one of the devices is somebody else's by now
    """

    kind: Literal["told", "pending", "sending", "looking", "another"]
    stream_id: str = ""
    delivery_id: int | None = None
    device: Pair | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """If there are `hindrances`, nothing was changed."""

    hindrances: tuple[Hindrance, ...] = ()
    devices: int = 0
    looks: int = 0
    ledger: int = 0
    deliveries: int = 0
    choices: int = 0


def addresses_of(device: Device) -> set[str]:
    """Of its owner, case folded."""
    email = device.owner.email if device.owner is not None else None
    return {one.casefold() for one in (device.login, email) if one}


def is_anothers(device: Device, what: Erase) -> bool:
    theirs = addresses_of(device)
    return bool(what.addresses and theirs) and not theirs & what.addresses


class Erasure(Protocol):
    async def subjects(self, *, after: Pair | None = None, limit: int = 20_000) -> list[Pair]:
        """(stream id, subject) of ledger rows and SETs, each once, in order, beginning after `after`."""

    async def erase(self, what: Erase, now: float) -> Erased:
        """Devices with their looks, ledger rows and SETs, and what receivers said about the person, in one commit. A
        decision about one of them that is under way finds its rows changed when it commits, and is made anew. If a
        choice went, the mark `CHOICES_ERASED` changes."""

    async def empty(self, webhook_ids: Sequence[str]) -> int:
        """The payloads of these webhooks go, misfits altogether. Returns how many there were."""
