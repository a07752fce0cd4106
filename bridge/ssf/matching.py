"""Which events a subject of a stream is about (SSF 1.0 §8.1.3.1, docs/decisions/013-subjects.md). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from bridge.ssf.identifier import WHOLE, Identifier, canonical

Parts = Mapping[str, str]
"""The subject of an event: by name, the canonical form of each member; a simple one is under `WHOLE`."""

Demand = Literal["person", "device", "else"]
"""What an event must name for a subject to be about it."""

OF_PEOPLE: Final = frozenset({"account", "email", "phone_number"})
"""Formats that never name a device."""


def parts(sub_id: Mapping[str, Any]) -> Parts:
    """Of the `sub_id` that an event carries."""
    if sub_id.get("format") != "complex":
        return {WHOLE: canonical(sub_id)}
    return {name: canonical(member) for name, member in sub_id.items() if name != "format"}


def meets(subject: Identifier, event: Parts, *, removes: bool = False) -> bool:
    """Whether a stream's subject is about this event. What §8.1.3.1 leaves open is lifted:

    A simple subject is about a complex event whose `user` or `device` it is. An event that names a person alone is
    taken as a complex one with that `user`; but it is not taken off by a subject that also names something else, for
    whoever takes off one device of somebody does not mean all of that person.
    """
    if WHOLE in event:
        return event[WHOLE] in dict(subject.members).get(_person(subject), ()) and not (
            removes and len(subject.members) > 1
        )
    if subject.simple:
        ((_, may_be),) = subject.members
        return any(event.get(role) in may_be for role in roles(subject))
    shared = [(event[name], may_be) for name, may_be in subject.members if name in event]
    return bool(shared) and all(said in may_be for said, may_be in shared)


def roles(simple: Identifier) -> tuple[str, ...]:
    """What a simple subject may be in a complex event."""
    return ("user",) if simple.formats <= OF_PEOPLE else ("user", "device")


def demand_of(subject: Identifier) -> Demand:
    """person: only events about certain people, or about a device of theirs, are meant. device: only those that name a
    certain device, whoever's it is. Surely no event of ours, which always names a person, is one that two of one
    demand are both about if they have no such person, or device, in common; of all others nothing is sure."""
    if subject.simple:
        return "person" if roles(subject) == ("user",) else "else"
    names = {name for name, _ in subject.members}
    return "person" if "user" in names else "device" if names == {"device"} else "else"


def _person(subject: Identifier) -> str:
    return WHOLE if subject.simple else "user"
