"""rehearse: what would follow from one webhook and the vendor's answer, with no store and nothing sent. Pure.

The rules are those of a real run: a decision from the posture wing, what each stream is owed, claims by its profile.
What a real run would read from the store is assumed, and the assumptions are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.clock import Ids
from bridge.model import Device, Finding, LedgerRow, LookFailed, Owner, Snapshot, Statement, Status, Stream
from bridge.pipeline.draft import Standing, draft_of
from bridge.pipeline.operator import wording
from bridge.pipeline.operator.explain import said, unwanted_by
from bridge.pipeline.operator.wording import Said
from bridge.pipeline.owed import owed_by
from bridge.pipeline.ports import Source
from bridge.pipeline.streams.roster import Entry
from bridge.posture.believe import believe
from bridge.posture.decision import Context, Decision
from bridge.posture.identity import Identity
from bridge.posture.undecided import API_DOWN_AFTER
from bridge.ssf.profile import claims
from bridge.ssf.subject import wire_subject
from bridge.store.records import Scene
from bridge.value import replace

NOBODY = "owner-not-known@example.invalid"
"""Stands where the owner would: only the vendor's API knows who that is."""
NOT_ASKED = Said("not_asked", "the vendor's API decides, and it was not asked", "a file with its answers: --api")


@dataclass(frozen=True, slots=True)
class Occasion:
    """One device in one webhook. `answer` None: the vendor's API was not asked, or there is none."""

    device_id: str
    statements: tuple[Statement, ...]
    answer: Snapshot | LookFailed | None
    txn: str
    now: float


@dataclass(frozen=True, slots=True)
class Sketch:
    """What one receiver would get: the claims, unsigned, or why nothing."""

    receiver: str
    claims: dict[str, Any] | None
    why: Said


@dataclass(frozen=True, slots=True)
class Rehearsal:
    device: Device
    decision: Said
    owner: Said | None
    """Why nobody could be told; None where the owner is known, or a placeholder stands for one."""
    assumed: tuple[str, ...]
    """What was taken for granted, in words."""
    sketches: tuple[Sketch, ...]


def rehearse(
    source: Source, occasion: Occasion, identity: Identity, entries: Sequence[Entry], issuer: str, ids: Ids
) -> Rehearsal:
    """First for a device that nobody knew; if nothing would follow, for one whose failure every receiver was told."""
    known = _known(source, occasion, identity)
    context = _context(source, occasion, identity if known is None else Identity())
    assumed = [] if known is None else [f"the request does not say whose device it is; {NOBODY} stands for the owner"]
    decision, before = _decided(source, occasion, known, context), known
    told: Status = "compliant"
    failed = _failed_before(source, occasion, decision.device)
    if decision.change is None and failed is not None:
        again = _decided(source, occasion, failed, context)
        if again.change is not None and again.device.status == "compliant":
            decision, told, before = again, "not-compliant", failed
            assumed.append("the device was not compliant before, and each receiver was told so")
    if decision.device.basis == "provisional":
        assumed.append("the vendor's API gives no answer for two minutes; then what the webhook stated is acted on")
    case = _Case(source, occasion, decision, before, told, issuer, ids)
    device = decision.device
    owner = wording.decision(device.login_reason) if device.login is None and not case.unasked else None
    said = NOT_ASKED if case.unasked else wording.decision(decision.reason)
    return Rehearsal(device, said, owner, tuple(assumed), tuple(case.sketch(entry) for entry in entries))


def _context(source: Source, occasion: Occasion, identity: Identity) -> Context:
    return Context(
        connector=source.name,
        judge=source.judge,
        identity=identity,
        now=occasion.now,
        txn=occasion.txn,
        statements=occasion.statements,
        rung_at=occasion.now - API_DOWN_AFTER,
    )


def _known(source: Source, occasion: Occasion, identity: Identity) -> Device | None:
    """A placeholder for the owner where only the API could tell who it is, and it was not asked."""
    if isinstance(occasion.answer, Snapshot) or any(one.owner is not None for one in occasion.statements):
        return None
    if identity.login(source.name, occasion.device_id, None)[0] is not None:
        return None
    return Device(
        source.name, occasion.device_id, owner=Owner(None, NOBODY), login=NOBODY, login_reason="",
        first_seen=occasion.now,
    )  # fmt: skip


def _decided(source: Source, occasion: Occasion, before: Device | None, context: Context) -> Decision:
    answer = occasion.answer
    if source.has_api and answer is None:
        answer = LookFailed("down", "the API was not asked")
    return believe(before, occasion.device_id, answer, context, recoveries=source.fold_recoveries)


def _failed_before(source: Source, occasion: Occasion, device: Device) -> Device | None:
    """The device as it failed before the webhook; None where the webhook is no word of a failure's end."""
    stated = [one.finding for one in occasion.statements if one.finding is not None]
    ended = [finding for finding in stated if finding.state != "failing"]
    rung = not stated and isinstance(occasion.answer, Snapshot)
    if not ended and not rung:
        return None
    findings = tuple(_failing(finding) for finding in ended)
    return Device(
        source.name, occasion.device_id, device.name, device.owner, device.login, device.login_reason,
        "not-compliant", occasion.now, findings=findings, failing=tuple(one.key for one in findings), seen_clean=True,
    )  # fmt: skip


def _failing(finding: Finding) -> Finding:
    return replace(finding, state="failing", at=finding.at - 1)


@dataclass(frozen=True, slots=True)
class _Case:
    """A decision, and what is assumed of what receivers were told before."""

    source: Source
    occasion: Occasion
    decision: Decision
    before: Device | None
    told: Status
    issuer: str
    ids: Ids

    @property
    def unasked(self) -> bool:
        """Nothing can follow without the API's answer."""
        return self.source.has_api and self.occasion.answer is None and self.decision.change is None

    def sketch(self, entry: Entry) -> Sketch:
        device = self.decision.device
        stream = _stream(entry, device)
        standing = "" if entry.standing == "not_started" else entry.standing
        unwanted = unwanted_by(standing, stream, device, {self.source.name: self.source.namespace})
        if self.unasked and (not unwanted or device.login is None):
            return Sketch(entry.name, None, NOT_ASKED)
        if stream is None or unwanted or device.login is None:
            return Sketch(entry.name, None, said(entry, unwanted or "not_started"))
        if self.decision.change is None:
            return Sketch(entry.name, None, self._nothing())
        return self._told(stream, device, device.login)

    def _told(self, stream: Stream, device: Device, login: str) -> Sketch:
        subject = wire_subject(stream, login, device.connector, device.device_id)
        row = LedgerRow(stream.id, subject.key, told="not-compliant")
        scene = Scene({}, {(stream.id, subject.key): row} if self.told == "not-compliant" else {})
        draft = draft_of(self.before, self.decision, Standing.DECIDED, (stream,), device.connector, self.occasion.txn)
        owed = owed_by(draft, scene, (stream,), {self.source.name: self.source}, self.occasion.now)
        event = next((owing.event for owing in owed.owings if owing.event is not None), None)
        if event is None:
            return Sketch(stream.name, None, wording.telling("nothing_to_tell"))
        unsigned = claims(event, stream, issuer=self.issuer, jti=self.ids.jti(), iat=int(self.occasion.now))
        return Sketch(stream.name, unsigned, wording.Said("told", f"it would be told {event.current}"))

    def _nothing(self) -> Said:
        first = self.decision.device.status == "compliant"
        return wording.telling("nothing_to_tell") if first else wording.decision(self.decision.reason)


def _stream(entry: Entry, device: Device) -> Stream | None:
    """The stream with an id to tell it by; one that may hear of certain domains only is shown for a placeholder too."""
    if entry.stream is None:
        return None
    stream = replace(entry.stream, id=entry.name)
    return replace(stream, domains=None) if device.login == NOBODY else stream
