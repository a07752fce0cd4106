"""Whose device it is now: the owner that an answer names against the one that we believed (design §2.2)."""

from __future__ import annotations

from bridge.model import Change, Device, Owner
from bridge.posture import reasons
from bridge.posture.decision import Context, Decision
from bridge.value import replace

CONFIRM_AFTER = 5.0
"""Seconds until a second look confirms another owner."""
OWNERLESS_AGAIN = 3600.0
"""Seconds until a failing device without an owner that we can tell is looked at again."""


def unsettled(base: Device, seen: Owner | None, seen_at: float, context: Context) -> Decision | None:
    """No verdict while it is not clear whose the device is: its owner went missing, its person may no longer be told,
    or it is another person's for the first time. None: `owned` may take `seen` over.

    `seen_at` is when the look began; a second one, 5 s later, confirms another owner.
    """
    login, why = context.identity.login(context.connector, base.device_id, seen)
    if base.owner is not None and seen is None and login is None:
        return _kept(base, reasons.OWNER_GONE, context)
    if same_person(base.owner, seen):
        lost = base.login is not None and login is None and why != reasons.OWNER_WITHOUT_EMAIL
        return _kept(base, why, context) if lost else None
    if (base.owner is None and base.login is None) or (login is not None and login == base.login):
        return None
    return _unconfirmed(base, seen, seen_at, context.now)


def _kept(base: Device, why: str, context: Context) -> Decision:
    again = context.now + OWNERLESS_AGAIN if base.status == "not-compliant" else None
    return Decision(replace(base, gone=False, reason=why), again_at=again, again_why=why)


def _unconfirmed(base: Device, seen: Owner | None, seen_at: float, now: float) -> Decision | None:
    since = seen_at
    if base.pending_since is not None and same_person(base.pending_owner, seen):
        since = base.pending_since
        if seen_at >= since + CONFIRM_AFTER:
            return None
    why = reasons.OWNER_UNCONFIRMED
    waiting = replace(base, gone=False, pending_owner=seen, pending_since=since, reason=why)
    return Decision(waiting, again_at=max(now, since + CONFIRM_AFTER), again_why=why, keep_stated=True)


def same_person(one: Owner | None, other: Owner | None) -> bool:
    """By the vendor's person id where both have one, else by e-mail."""
    if one is None or other is None:
        return one is other
    if one.id and other.id:
        return one.id == other.id
    return bool(one.email) and _address(one) == _address(other)


def _address(owner: Owner | None) -> str:
    return (owner.email or "").strip().lower() if owner is not None else ""


def owned(base: Device, seen: Owner | None, context: Context) -> Device:
    """The owner as of this answer. A person whose e-mail is missing now keeps the login that we knew."""
    login, why = context.identity.login(context.connector, base.device_id, seen)
    if why == reasons.OWNER_WITHOUT_EMAIL and base.login and same_person(base.owner, seen):
        seen, login, why = base.owner, base.login, ""
    return replace(base, gone=False, owner=seen, login=login, login_reason=why, pending_owner=None, pending_since=None)


def moved(base: Device, after: Device, context: Context) -> Change | None:
    """The device came to somebody else, its person goes by another login, or it fails and somebody can be told now."""
    if after.login == base.login:
        return None
    if base.login is None:
        if after.status != "not-compliant" or base.status != "not-compliant":
            return None
        at = context.now if after.status_at is None else min(after.status_at, context.now)
        return Change(base, after, "owner_found", at, context.txn)
    return Change(base, after, _why_moved(base, after), context.now, context.txn)


def _why_moved(base: Device, after: Device) -> str:
    """If only our own mapping changed, the login that we told before was another one's: it is released."""
    if renamed(base, after):
        return "renamed"
    return "remapped" if same_person(base.owner, after.owner) else "owner_changed"


def renamed(before: Device, after: Device) -> bool:
    """Whether the vendor's person goes by another address now, and so by another login."""
    moved = before.login is not None and after.login is not None and before.login != after.login
    known = before.owner is not None and after.owner is not None and same_person(before.owner, after.owner)
    return moved and known and _address(before.owner) != _address(after.owner)
