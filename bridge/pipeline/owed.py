"""owed: what each stream is owed after one decision. Pure: draft → reach (what must be read) → owed (what to write)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from bridge.model import (
    DEVICE_COMPLIANCE_CHANGE,
    Change,
    ComplianceChange,
    Device,
    LedgerRow,
    Status,
    Stream,
    WireSubject,
)
from bridge.pipeline.draft import Draft, Standing, resolved
from bridge.pipeline.owing import Owed, Owing
from bridge.pipeline.ports import Source
from bridge.pipeline.rename import RENAMED, Found, found_rows
from bridge.ssf.events import compliance_event, word_at
from bridge.ssf.ledger import (
    CANCELLED_OUT,
    DRY_RUN,
    UNKNOWN_AT_RECEIVER,
    Comparison,
    compare,
    holding,
    truth,
)
from bridge.ssf.stream import heard_of, unbounded, wants
from bridge.ssf.subject import wire_subject
from bridge.store.records import LedgerMove, Scene
from bridge.value import replace, value

Unknown = Callable[[Stream, str], bool]
"""Whether the receiver of a stream surely does not know a login."""


def nobody(stream: Stream, login: str) -> bool:
    return False


def owed_by(
    draft: Draft,
    scene: Scene,
    streams: Sequence[Stream],
    sources: Mapping[str, Source],
    now: float,
    unknown: Unknown = nobody,
) -> Owed:
    """What follows from one decision, for every stream. Streams that are owed nothing write nothing, unless the
    device's part in a person's status changed: then the row is written so that a decision beside it must see it.

    A failure of somebody whom the receiver does not know (`unknown`) is kept back; a recovery never is."""
    people = draft.people_after(scene.people)
    namespaces = {name: source.namespace for name, source in sources.items()}
    owings: list[Owing] = []
    moves: list[LedgerMove] = []
    for stream in streams:
        rows, moved = found_rows(draft, scene, stream, people)
        moves.extend(moved)
        for subject, device in _subjects(draft, stream, {move.old for move in moved}):
            held, theirs = rows.get(subject.key), heard_of(stream, subject.login, people[subject.login], namespaces)
            owing = _Case(draft, stream, subject, device, held, theirs, sources, namespaces, now, unknown).owing()
            if owing is not None:
                owings.append(owing)
    devices = () if draft.standing is Standing.COMPARED else draft.later
    seen = _seen(draft, scene, devices) if owings or moves else ()
    return Owed(tuple(replace(one, updated_at=now) for one in devices), tuple(owings), tuple(moves), seen)


def _seen(draft: Draft, scene: Scene, written: Sequence[Device]) -> tuple[Device, ...]:
    keys = {one.key for one in written}
    return tuple(one for login in draft.logins for one in scene.people.get(login, ()) if one.key not in keys)


def _subjects(draft: Draft, stream: Stream, left: set[str]) -> Iterator[tuple[WireSubject, Device]]:
    """Each wire subject once, with the device that brings it up; those in `left` were moved away."""
    seen = set(left)
    for login in draft.logins:
        for device in draft.later:
            subject = wire_subject(stream, login, device.connector, device.device_id)
            if subject.key not in seen:
                seen.add(subject.key)
                yield subject, device


@value
class _Case:
    """One stream and one wire subject that a decision touches."""

    draft: Draft
    stream: Stream
    subject: WireSubject
    device: Device
    held: Found | None
    people: Sequence[Device]
    """The devices of the subject's login that its receiver wants to hear of."""
    sources: Mapping[str, Source]
    namespaces: Mapping[str, str]
    now: float
    unknown: Unknown

    def owing(self) -> Owing | None:
        row = self.held.row if self.held else LedgerRow(self.stream.id, self.subject.key)
        unwanted = self._unwanted()
        if unwanted == "not_entitled" and self._lets_go(row):
            return replace(self, stream=unbounded(self.stream)).owing()
        moved = self.held is not None and self.held.moved
        if unwanted:
            kept = Comparison("none", unwanted, told=row.told, given_up=row.given_up, held=row.held)
            return self._owing(row, kept, self.device, None) if moved else None
        current = truth(self.stream, self.subject, self.people)
        comparison = compare(row, current, confirmed=self._confirmed(current), changed=self.draft.changed)
        comparison = self._without_strangers(row, comparison, current)
        same = (comparison.given_up, comparison.held) == (row.given_up, row.held)
        silent = comparison.action == "none" and same and comparison.reason != UNKNOWN_AT_RECEIVER
        if silent and not moved and not self._part_changed():
            return None
        named = self._named(current)
        event = self._event(named, row, comparison, current) if comparison.action == "mint" else None
        return self._owing(row, comparison, named, event)

    def _without_strangers(self, row: LedgerRow, comparison: Comparison, current: Status) -> Comparison:
        if comparison.action != "mint" or current == "compliant" or not self.unknown(self.stream, self.subject.login):
            return comparison
        return Comparison("none", UNKNOWN_AT_RECEIVER, comparison.previous, row.told, row.given_up, row.held)

    def _confirmed(self, current: Status) -> bool:
        """Whether the device that was just looked at is why the subject is as it is; no look can show that a person
        has no device."""
        unit = (self.subject.connector, self.subject.device_id)
        if not any(unit in ((None, None), one.key) for one in self.people):
            return True
        if not self.draft.confirmed or current == "compliant":
            return self.draft.confirmed
        failing = holding(self.stream, self.subject, self.people)
        return self.device.key in {one.key for one in failing}

    def _lets_go(self, row: LedgerRow) -> bool:
        """Whether who was told not compliant, and of whom the receiver may not hear any more, is so no longer."""
        return row.told == "not-compliant" and truth(unbounded(self.stream), self.subject, self.people) == "compliant"

    def _unwanted(self) -> str:
        unit = (self.draft.connector, self.subject.login, self.device.device_id)
        return wants(self.stream, DEVICE_COMPLIANCE_CHANGE, *unit, self.namespaces) or self._rehearsed()

    def _rehearsed(self) -> str:
        """`dry_run` if only a connector in dry run would change what the stream is told: its devices neither hold a
        person nor, where one was told before, let them go."""
        tried = {name for name, source in self.sources.items() if source.dry_run}
        if self.stream.rehearsal or not tried:
            return ""
        if self.draft.connector in tried:
            return DRY_RUN
        live = [one for one in self.people if one.connector not in tried]
        same = truth(self.stream, self.subject, live) == truth(self.stream, self.subject, self.people)
        return "" if same else DRY_RUN

    def _owing(self, row: LedgerRow, comparison: Comparison, named: Device, event: ComplianceChange | None) -> Owing:
        supersede, why = (self.held.supersede, RENAMED) if self.held and self.held.supersede else (None, "")
        if comparison.action == "cancel" and row.tail is not None:
            supersede, why = row.tail.id, CANCELLED_OUT
        return Owing(
            self.stream, self.subject, row, comparison, named, event, supersede, why,
            self.draft.txn, self.draft.rung_at, self.now,
        )  # fmt: skip

    def _part_changed(self) -> bool:
        """Whether this device holds its person down now and did not before, or the other way round."""
        if self.draft.standing is Standing.COMPARED:
            return False
        return self._holds(self.draft.earlier) != self._holds(self.draft.later)

    def _holds(self, devices: Sequence[Device]) -> set[tuple[str, str]]:
        theirs = [one for one in devices if one.login == self.subject.login]
        heard = heard_of(self.stream, self.subject.login, theirs, self.namespaces)
        return {one.key for one in holding(self.stream, self.subject, heard)}

    def _named(self, current: Status) -> Device:
        """The device that a SET names: the one decided on if it is why, else the person's longest-failing one."""
        failing = holding(self.stream, self.subject, self.people)
        mine = next((one for one in self.people if one.key == self.device.key), self.device)
        if current == "compliant" or mine in failing:
            return mine
        return min(failing, key=lambda one: (one.since or 0.0, one.key))

    def _event(self, named: Device, row: LedgerRow, comparison: Comparison, current: Status) -> ComplianceChange:
        source = self.sources.get(named.connector)
        change = self._change(named)
        at = change.at if change else word_at(named, current, self.draft.before, self.now)
        return compliance_event(
            named,
            login=self.subject.login,
            namespace=source.namespace if source else named.connector,
            source=source.title if source else named.connector,
            previous=comparison.previous,
            current=current,
            at=at,
            iat=int(self.now),
            txn=self.draft.txn,
            not_before=row.event_at,
            occasion="owner_change" if change and change.why in _OTHER_PERSON else "verdict",
            whole_person=self.subject.device_id is None,
            resolved=resolved(change),
        )

    def _change(self, named: Device) -> Change | None:
        """What was decided, if the SET is about the device that it was decided on."""
        return self.draft.decision.change if named.key == self.draft.device.key else None


_OTHER_PERSON = ("owner_changed", "remapped")
