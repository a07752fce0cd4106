"""explain: why a device has its status, and why each stream was, or was not, told. Pure: facts → explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.model import DEVICE_COMPLIANCE_CHANGE, Device, Finding, Held, Status, Stream
from bridge.pipeline.operator import wording
from bridge.pipeline.operator.facts import Facts, Heard
from bridge.pipeline.operator.wording import Said
from bridge.pipeline.streams.roster import Entry
from bridge.posture.reasons import HOLD_ENDS
from bridge.ssf.ledger import HELD, UNKNOWN_AT_RECEIVER, compare, holding, truth
from bridge.ssf.stream import Namespaces, heard_of, wants
from bridge.store.records import Delivery, Look, Rank, StreamRow
from bridge.value import replace

Telling = Literal["delivered", "pending", "dead", "nothing"]


@dataclass(frozen=True, slots=True)
class Due:
    """The look that is due. `running` is true while somebody asks the vendor."""

    due_at: float
    why: Said
    attempts: int
    last_error: str
    rung_at: float | None
    stated: int
    """Webhook statements that wait for it."""
    running: bool
    txn: str


@dataclass(frozen=True, slots=True)
class Told:
    """One stream's side. `told` is what its ledger says, `acknowledged` what the receiver surely has."""

    stream: str
    state: Telling
    why: Said
    truth: Status | None = None
    """What is so about the wire subject; None where nobody can be told."""
    because_of: tuple[str, ...] = ()
    """`connector/device` of the failing devices that make it so, where others count too."""
    told: Status | None = None
    acknowledged: Status | None = None
    acknowledged_at: float | None = None
    delivery: int | None = None
    jti: str = ""
    sent_at: float | None = None
    """When that delivery was made."""
    attempts: int = 0
    next_at: float | None = None
    code: str = ""
    words: str = ""
    """The receiver's own, of this delivery."""
    unwell: str = ""
    """The receiver's health, where it keeps a SET waiting."""
    held: Held | None = None
    """What the guard keeps back of the difference."""


@dataclass(frozen=True, slots=True)
class Explanation:
    device: Device | None
    decision: Said
    owner: Said | None
    """Why nobody can be told about it; None where there is a login."""
    deciding: tuple[Finding, ...]
    exempt: tuple[Finding, ...]
    others: tuple[Finding, ...]
    """Open, and not deciding."""
    look: Due | None
    streams: tuple[Told, ...]


def explain(known: Facts, now: float, namespaces: Namespaces) -> Explanation:
    device = known.device
    findings = device.findings if device is not None else ()
    opened = [one for one in findings if one.state == "failing"]
    failing = device.failing if device is not None else ()
    return Explanation(
        device=device,
        decision=wording.decision(device.reason if device is not None else ""),
        owner=wording.decision(device.login_reason) if device is not None and device.login is None else None,
        deciding=tuple(one for one in opened if one.key in failing),
        exempt=tuple(one for one in opened if one.exempt and one.key not in failing),
        others=tuple(one for one in opened if not one.exempt and one.key not in failing),
        look=_due(known.look, device, now) if known.look is not None else None,
        streams=tuple(told(heard, device, known.people, namespaces) for heard in known.heard),
    )


def _due(look: Look, device: Device | None, now: float) -> Due:
    return Due(
        due_at=look.due_at,
        why=wording.again(look.last_error) if look.last_error else _rung(look, device),
        attempts=look.attempts,
        last_error=look.last_error,
        rung_at=look.rung_at,
        stated=len(look.stated),
        running=look.leased_until is not None and look.leased_until > now,
        txn=look.txn,
    )


def _rung(look: Look, device: Device | None) -> Said:
    """Of a look that was not tried yet."""
    if look.rung_at is not None:
        return wording.again("")
    if device is not None and device.override is not None and device.override.until == look.due_at:
        return wording.again(HOLD_ENDS)
    return Said("", "a list or an operator asked for it")


def told(heard: Heard, device: Device | None, people: Sequence[Device], namespaces: Namespaces) -> Told:
    """What one stream was told about the device, and why no more."""
    entry = heard.entry
    if device is None:
        return Told(entry.name, "nothing", said(entry, entry.standing))
    unwanted = unwanted_by(entry.standing, entry.stream, device, namespaces)
    if entry.stream is None or heard.subject is None or unwanted:
        return _with_delivery(Told(entry.name, "nothing", said(entry, unwanted)), heard)
    people = heard_of(entry.stream, heard.subject.login, people, namespaces)
    current = truth(entry.stream, heard.subject, people)
    comparison = compare(heard.row, current)
    tail = heard.tail
    pending = tail is not None and tail.state == "pending"
    state: Telling = "pending" if pending else "nothing"
    reason = comparison.reason
    if comparison.action == "mint" and heard.row is not None and heard.row.reason == UNKNOWN_AT_RECEIVER:
        reason = UNKNOWN_AT_RECEIVER
    elif comparison.action != "none":
        reason = "due"
    elif comparison.reason == "dead":
        state = "dead"
    elif pending:
        reason = "unverified" if entry.unverified else "pending"
    elif comparison.held is None and (heard.row is None or heard.row.told is None):
        reason = "nothing_to_tell"
    elif tail is not None and tail.state == "delivered":
        state = "delivered"
    because = _because(entry.stream, heard, device, people)
    return _with_delivery(Told(entry.name, state, said(entry, reason), current, because), heard)


def said(entry: Entry, reason: str) -> Said:
    """The reason in the words that fit the stream: who made it, and how its SETs get there."""
    made = entry.row.subscription if entry.row is not None else None
    if reason == "pending" and _polled(entry):
        return wording.to_be_fetched()
    if made is None or entry.row is None:
        return wording.telling(reason)
    return wording.of_made(reason, "operator" if entry.row.paused else made.by)


def _polled(entry: Entry) -> bool:
    return entry.stream is not None and entry.stream.way == "poll"


def unwanted_by(standing: str, stream: Stream | None, device: Device, namespaces: Namespaces) -> str:
    """Why the stream is told nothing about the device at all; "" if it may be."""
    if standing and standing != "not_started":
        return standing
    if stream is not None:
        unit = (device.connector, device.login or "", device.device_id)
        checked = stream if device.login else _whoever(stream)
        unwanted = wants(checked, DEVICE_COMPLIANCE_CHANGE, *unit, namespaces)
        if unwanted:
            return unwanted
    return standing or (device.login_reason if device.login is None else "")


def _whoever(stream: Stream) -> Stream:
    """The stream as if it minded no person."""
    return replace(stream, domains=None, selection=None)


def _because(stream: Stream, heard: Heard, device: Device, people: Sequence[Device]) -> tuple[str, ...]:
    """Other failing devices that count for this wire subject."""
    if heard.subject is None or heard.subject.device_id is not None:
        return ()
    failing = holding(stream, heard.subject, people)
    return tuple(f"{one.connector}/{one.device_id}" for one in failing if one.key != device.key)


def _with_delivery(line: Told, heard: Heard) -> Told:
    tail, last = heard.tail, heard.delivered
    line = replace(
        line,
        told=heard.row.told if heard.row is not None else None,
        held=heard.row.held if heard.row is not None and line.why.reason in HELD.values() else None,
        acknowledged=last.status if last is not None else None,
        acknowledged_at=last.settled_at if last is not None else None,
    )
    if tail is None:
        return line
    return replace(
        line,
        delivery=tail.id,
        jti=tail.jti,
        sent_at=tail.created_at,
        attempts=tail.attempts,
        next_at=tail.next_at if tail.state == "pending" and not _polled(heard.entry) else None,
        code=tail.last_code,
        words=tail.last_words,
        unwell=health(heard.entry.row) if tail.state == "pending" else "",
    )


def health(row: StreamRow | None) -> str:
    """Empty for a receiver that is well, else its last answer in one line."""
    if row is None or not row.failures:
        return ""
    answer = ": ".join(part for part in (row.last_code, row.last_words) if part)
    return f"{row.failures} failures in a row, last {answer or 'without a word'}"


def waiting(delivery: Delivery, now: float, unverified: bool = False, polled: bool = False) -> str:
    """What a pending delivery waits for, in a word. `unverified`: its stream must accept a verification event first;
    `polled`: its receiver fetches it."""
    if delivery.leased_until is not None and delivery.leased_until > now:
        return "handed out" if polled else "being sent"
    if unverified and delivery.rank == Rank.EVENT:
        return "unverified"
    if delivery.next_at > now:
        return "in backoff"
    return "to be fetched" if polled else "due"
