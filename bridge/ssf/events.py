"""A comparison that found a difference becomes an event, with words that an admin understands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from bridge.model import ComplianceChange, Device, Status

Occasion = Literal["verdict", "owner_change"]
"""verdict: the device's own state decides · owner_change: the device came to, or left, this person."""

LONGEST = 300
"""Characters of `reason_admin`, at most."""

_NAMED = 3
_ENDED = 160
"""Characters for what was resolved: the rest of the line must stand whole."""
_EMAIL = re.compile(r"(?<![^\s@<>()\[\],;:\"'])[^\s@<>()\[\],;:\"']+@[^\s@<>()\[\],;:\"']+")
_NOT_TEXT = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def compliance_event(
    device: Device,
    *,
    login: str,
    namespace: str,
    source: str,
    previous: Status,
    current: Status,
    at: float,
    iat: int,
    txn: str,
    not_before: int = 0,
    occasion: Occasion = "verdict",
    whole_person: bool = False,
    resolved: Sequence[str] = (),
) -> ComplianceChange:
    """The device-compliance-change that tells `login` (CAEP 1.0 §3.5).

    `device` is the one that decides. `source` is how people call the vendor. `at` is the event's own time in
    seconds; the event carries it in whole seconds, not after `iat` and never below `not_before` (what this wire
    subject was last told), which wins where the clock was set back. `whole_person` says that the status is
    the worst over all of the person's devices. `resolved` are the titles of the findings that stopped failing.
    `previous == current` is a ValueError: nothing changed.
    """
    if previous == current:
        raise ValueError(f"no change: previous and current status are both {current}")
    return ComplianceChange(
        login=login,
        namespace=namespace,
        device_id=device.device_id,
        previous=previous,
        current=current,
        at=max(min(int(at), iat), not_before),
        reason_admin=reason_admin(
            device,
            source=source,
            current=current,
            occasion=occasion,
            whole_person=whole_person,
            resolved=resolved,
        ),
        txn=txn,
        initiating_entity="admin" if occasion == "verdict" and by_word(device, current) else "policy",
    )


def by_word(device: Device, current: Status) -> bool:
    """Whether not the device's own state decides, but somebody's word about it."""
    return bool(_by_word(device, current))


def word_at(device: Device, current: Status, before: Device | None, now: float) -> float:
    """The event's time where the device itself did not change: when an operator's word began or ended that decides it,
    else when the device came to be as it is. `before` is the device before this decision, if there was one."""
    if by_word(device, current):
        return now if device.retired or device.override is None else device.override.at
    if device.override is None and before is not None and before.override is not None and before.key == device.key:
        return min(before.override.until, now)
    return now if device.status_at is None else device.status_at


def reason_admin(
    device: Device,
    *,
    source: str,
    current: Status,
    occasion: Occasion = "verdict",
    whole_person: bool = False,
    resolved: Sequence[str] = (),
) -> str:
    """One line for the receiver's admin, at most 300 characters, that names findings and neither person nor host."""
    by_word = _by_word(device, current) if occasion == "verdict" else ""
    if by_word:
        return _cut(f"{_plain(source, device)}: {by_word}", LONGEST)
    if current == "compliant":
        words = _recovered(occasion, whole_person, _titles(resolved, device))
    else:
        words = _failing(device, occasion)
    if occasion == "verdict":
        words += _basis(device)
    return _cut(f"{_plain(source, device)}: {words}", LONGEST)


def _by_word(device: Device, current: Status) -> str:
    """Where not the device's own state decides, but somebody's word about it; never the words themselves."""
    if device.retired:
        return "this device was retired and counts no more" if current == "compliant" else ""
    if device.override is not None and device.override.status == current:
        return f"an operator lets this device count as {current} for a time"
    return ""


def _recovered(occasion: Occasion, whole_person: bool, resolved: Sequence[str]) -> str:
    if occasion == "owner_change":
        return "the device that fails is no longer assigned to this person"
    whose = "this person's devices" if whole_person else "this device"
    return f"{_ended(resolved)}nothing that counts is failing any more on {whose}"


def _ended(resolved: Sequence[str]) -> str:
    if not resolved:
        return ""
    return f"{_cut(_listed(resolved), _ENDED)} {'is' if len(resolved) == 1 else 'are'} resolved; "


def _failing(device: Device, occasion: Occasion) -> str:
    named = _findings(device)
    if occasion == "owner_change":
        return "a device that fails is now assigned to this person" + (f": {named}" if named else "")
    return named or "the device is reported as not compliant"


def _findings(device: Device) -> str:
    """The findings that make the device fail, by title; the same title is named once."""
    titles = {finding.key: finding.title or finding.check for finding in device.findings}
    return _listed(_titles((titles.get(key, "") for key in device.failing), device))


def _titles(texts: Iterable[str], device: Device) -> list[str]:
    return _unique(_cut(_plain(text, device), 80) for text in texts)


def _listed(titles: Sequence[str]) -> str:
    """At most three, then how many more."""
    unnamed = len(titles) - _NAMED
    return ", ".join(titles[:_NAMED]) + (f" and {unnamed} more" if unnamed > 0 else "")


def _basis(device: Device) -> str:
    if device.basis == "provisional":
        return " (as its webhook stated; the vendor's API could not be reached)"
    if device.basis == "folded":
        return " (from webhooks alone)"
    return ""


def _plain(text: str, device: Device) -> str:
    """Vendor text on one line, without e-mail addresses and without the name of the device."""
    line = _NOT_TEXT.sub(" ", text)
    name = _NOT_TEXT.sub(" ", device.name)
    if len(device.name) > 2 and _may_hold(line, name):
        line = re.sub(re.escape(name), "this device", line, flags=re.IGNORECASE)
    return _EMAIL.sub("(address)", line).strip()


def _may_hold(line: str, name: str) -> bool:
    """Whether the name may stand in the line in any case: to build a pattern for each device costs more than a SET."""
    return name.lower() in line.lower() or not (line.isascii() and name.isascii())


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3].rstrip() + "..."
