"""One decision with all that it touches, and what must be read before it can be said what is owed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from bridge.model import Change, Device, Stream
from bridge.posture.decision import Decision
from bridge.posture.owner import renamed
from bridge.ssf.subject import wire_subject
from bridge.value import replace, value


class Standing(Enum):
    DECIDED = "decided"
    """A look decided it: belief is written."""
    COMPARED = "compared"
    """Belief stands; only what streams were told is compared with it."""


@dataclass(frozen=True)
class Draft:
    before: Device | None
    decision: Decision
    standing: Standing
    streams: tuple[Stream, ...]
    connector: str
    txn: str
    rung_at: float | None = None
    confirmed: bool = False
    """A good look, or a statement where nobody can be asked, stands behind it."""
    family: tuple[Device, ...] = ()
    """The other devices of the same vendor person that are still under a login of an address that the person had."""

    @property
    def device(self) -> Device:
        return self.decision.device

    @property
    def changed(self) -> bool:
        """Whether the device changed: an operator's word of before counts no more."""
        return self.standing is Standing.DECIDED and self.decision.change is not None

    @property
    def person(self) -> tuple[str, str] | None:
        """The vendor's person (connector, id there) if their other devices matter: a rename, or the first device that
        shows a new login."""
        device = self.device
        if self.decision.change is None or device.login is None or device.owner is None or not device.owner.id:
            return None
        matter = device.status == "not-compliant" or bool(self.renamed_from)
        return (device.connector, device.owner.id) if matter else None

    def with_family(self, devices: Iterable[Device]) -> Draft:
        """`devices` are all of the vendor person whose login is, by the rules of today, that of this device."""
        family = tuple(one for one in devices if self._renames(one))
        return replace(self, family=family) if family else self

    def _renames(self, one: Device) -> bool:
        return one.key != self.device.key and renamed(one, self.device)

    @cached_property
    def renamed_from(self) -> tuple[str, ...]:
        """The logins that this decision renames to that of the device."""
        before = (self.before,) if self.before is not None and renamed(self.before, self.device) else ()
        return tuple(dict.fromkeys(one.login for one in (*before, *self.family) if one.login))

    @cached_property
    def logins(self) -> tuple[str, ...]:
        """Old before new, so that somebody is released before somebody else is held."""
        names = (self.before.login if self.before else None, *self.renamed_from, self.device.login)
        return tuple(dict.fromkeys(name for name in names if name))

    @cached_property
    def touches(self) -> set[object]:
        return {*self.logins, self.device.key, *(one.key for one in self.family)}

    @cached_property
    def earlier(self) -> tuple[Device, ...]:
        """The devices as they were before."""
        return (*((self.before,) if self.before else ()), *self.family)

    @cached_property
    def later(self) -> tuple[Device, ...]:
        """The devices as they are once this decision is written: a rename takes the family along."""
        owner, login = self.device.owner, self.device.login
        return (self.device, *(replace(one, login=login, owner=owner) for one in self.family))

    def people_after(self, people: Mapping[str, tuple[Device, ...]]) -> dict[str, tuple[Device, ...]]:
        """login → devices, once this decision is written. A comparison writes none, so the store knows best: the device
        that it was asked for may have changed since."""
        if self.standing is Standing.COMPARED:
            return {login: people.get(login, ()) for login in self.logins}
        changed = {one.key for one in self.later}
        return {
            login: (
                *(one for one in people.get(login, ()) if one.key not in changed),
                *(one for one in self.later if one.login == login),
            )
            for login in self.logins
        }


def draft_of(
    before: Device | None,
    decision: Decision,
    standing: Standing,
    streams: Sequence[Stream],
    connector: str,
    txn: str,
    rung_at: float | None = None,
    *,
    confirmed: bool = False,
) -> Draft:
    return Draft(before, decision, standing, tuple(streams), connector, txn, rung_at, confirmed)


@value
class Reach:
    logins: frozenset[str]
    subjects: frozenset[tuple[str, str]]


def reach_of(draft: Draft) -> Reach:
    """Everything that must be read before it can be said what is owed."""
    subjects = {(stream.id, key) for stream in draft.streams for key in keys_of(draft, stream)}
    return Reach(frozenset(draft.logins), frozenset(subjects))


def keys_of(draft: Draft, stream: Stream) -> set[str]:
    """What one stream may have been told before of those that a decision touches, by the key of the ledger."""
    return {
        wire_subject(stream, login, one.connector, one.device_id).key
        for login in draft.logins
        for one in (draft.device, *draft.family)
    }


def resolved(change: Change | None) -> tuple[str, ...]:
    """Titles of the findings that stopped failing."""
    if change is None or change.why != "recovered" or change.before is None:
        return ()
    ended = set(change.before.failing) - set(change.after.failing)
    return tuple(finding.title or finding.check for finding in change.before.findings if finding.key in ended)
