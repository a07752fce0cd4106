"""Belief against ledger: what, if anything, a stream is to be told about a wire subject now (design §2.2). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from bridge.model import Device, Held, HeldWhy, LedgerRow, Status, Stream, WireSubject
from bridge.value import value

TOLD: Final = "told"
ALREADY_TOLD: Final = "already_told"
CANCELLED_OUT: Final = "cancelled_out"
DEAD: Final = "dead"
DRY_RUN: Final = "dry_run"
UNKNOWN_AT_RECEIVER: Final = "unknown_at_receiver"
HELD_BY_GUARD: Final = "held_by_guard"
GUARD_RELEASED: Final = "guard_released"
GUARD_DISCARDED: Final = "guard_discarded"
HELD: Final[Mapping[HeldWhy, str]] = {
    "guard": HELD_BY_GUARD,
    "released": GUARD_RELEASED,
    "discarded": GUARD_DISCARDED,
}


@value
class Comparison:
    """mint: a SET from `previous` to the truth · cancel: the unsent SET says what is no longer so, take it back ·
    none: nothing follows, `reason` says why. `reason` is always set."""

    action: Literal["mint", "cancel", "none"]
    reason: str
    previous: Status = "compliant"
    told: Status | None = None
    """What the stream counts as told after this."""
    given_up: Status | None = None
    held: Held | None = None
    """What is kept back of the difference."""


def holding(stream: Stream, subject: WireSubject, people: Iterable[Device]) -> list[Device]:
    """The devices that make the subject not compliant, of those that the stream may hear of.

    `people` are all devices of the subject's login. A device without a verdict counts for nothing.
    """
    return [
        device
        for device in people
        if device.counted == "not-compliant"
        and (subject.device_id is None or device.key == (subject.connector, subject.device_id))
        and (stream.connectors is None or device.connector in stream.connectors)
    ]


def truth(stream: Stream, subject: WireSubject, people: Iterable[Device]) -> Status:
    """The status of a wire subject: the worst over the person's devices, or that of the one device while it is theirs.

    A subject without devices is compliant: nothing holds it any more.
    """
    return "not-compliant" if holding(stream, subject, people) else "compliant"


def compare(row: LedgerRow | None, current: Status, *, confirmed: bool = False, changed: bool = False) -> Comparison:
    """What follows from what a stream was told (compliant if nothing) and what is so.

    `confirmed`: a good look has just shown it, so what an operator released goes out. `changed`: a device of the
    subject has just changed, so what an operator discarded counts again.

    Statuses alternate by construction: a SET is minted only from what was told to its opposite. An unsent SET whose
    opposite became true is taken back: the pair vanishes, nobody is locked out and in again for yesterday's news.
    """
    recorded = row.told if row else None
    told: Status = recorded or "compliant"
    given_up = row.given_up if row else None
    if current == told:
        return Comparison("none", ALREADY_TOLD, told, recorded, None)
    if current == given_up:
        return Comparison("none", DEAD, told, recorded, given_up)
    held = row.held if row else None
    if held is not None and held.status == current and not _lifted(held, confirmed, changed):
        return Comparison("none", HELD[held.why], told, recorded, None, held)
    tail = row.tail if row else None
    if tail is not None and tail.unsent and tail.state == "pending" and tail.previous == current:
        return Comparison("cancel", CANCELLED_OUT, tail.previous, tail.previous, None)
    return Comparison("mint", TOLD, told, current, None)


def _lifted(held: Held, confirmed: bool, changed: bool) -> bool:
    return (held.why == "released" and confirmed) or (held.why == "discarded" and changed)
