"""undecided: a look failed. The last verdict stays and the look stays due (design §2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.model import Change, Device, FailureKind, Finding, LookFailed, Owner, Statement
from bridge.posture import reasons
from bridge.posture.decide import believed
from bridge.posture.decision import Context, Decision, earliest
from bridge.posture.owner import same_person
from bridge.value import replace

API_DOWN_AFTER = 120.0
"""Seconds after receipt when a failing finding is acted on without the API."""
BACKOFF: Final[Mapping[FailureKind, tuple[float, float]]] = {
    "down": (1.0, 60.0),
    "limited": (10.0, 300.0),
    "malformed": (5.0, 300.0),
    "missing": (30.0, 900.0),
    "denied": (30.0, 300.0),
    "refused": (30.0, 300.0),
}
"""First and longest wait by kind of failure, seconds."""
ASKED_MOST = 3600.0
"""Seconds of a vendor's own Retry-After that are honoured at most."""


def undecided(before: Device | None, device_id: str, failure: LookFailed, context: Context) -> Decision:
    """Belief after a look that failed.

    The one exception (design §2.1, API down): two minutes after receipt, a failing finding is acted on as stated.
    """
    base = before or Device(context.connector, device_id, first_seen=context.now)
    why = reasons.look_failed(failure.kind)
    waiting = _fresh(base, context) if failure.kind == "down" and context.judge.without_api else ()
    due = [one for one in waiting if one.act_at <= context.now]
    device, change = _provisional(base, due, context) or (replace(base, reason=why), None)
    again = context.now + _wait(failure, context)
    act_at = earliest(*(one.act_at for one in waiting if one.act_at > context.now))
    if act_at is not None and device.status != "not-compliant":
        again = min(again, act_at)
    again_why = reasons.unanswered(failure.kind, failure.detail)
    return Decision(device, change, again, again_why, True, context.attempts + 1, context.contradictions)


def _wait(failure: LookFailed, context: Context) -> float:
    first, longest = BACKOFF[failure.kind]
    wait = min(first * 2.0 ** min(context.attempts, 20), longest) * context.jitter
    return max(wait, min(failure.retry_after or 0.0, ASKED_MOST))


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A failing finding newer than the last good look, and when it may be acted on without one."""

    finding: Finding
    owner: Owner | None
    act_at: float


def _fresh(base: Device, context: Context) -> tuple[_Waiting, ...]:
    found = (_waiting(base, statement, context.received_at(i)) for i, statement in enumerate(context.statements))
    return tuple(one for one in found if one is not None)


def _waiting(base: Device, statement: Statement, received_at: float | None) -> _Waiting | None:
    finding = statement.finding
    if finding is None or finding.state != "failing" or received_at is None:
        return None
    if base.looked_at is not None and min(finding.at, received_at) <= base.looked_at:
        return None
    return _Waiting(finding, statement.owner, received_at + API_DOWN_AFTER)


def _provisional(base: Device, due: list[_Waiting], context: Context) -> tuple[Device, Change] | None:
    """The failing findings as the webhooks stated them, if the owner is known; None: nothing to act on."""
    if not due or base.status == "not-compliant" or _disputed(base, due):
        return None
    known = _with_owner(base, due, context)
    stated = tuple(one.finding for one in due)
    verdict = context.judge(stated, None, held=base.status, now=context.now)
    if known.login is None or verdict.status != "not-compliant":
        return None
    at = min(min(finding.at for finding in verdict.failing or stated), context.now)
    keys = {finding.key for finding in stated}
    findings = (*(finding for finding in base.findings if finding.key not in keys), *stated)
    after = believed(known, verdict, findings, at, context.now, basis="provisional", reason=reasons.PROVISIONAL)
    return after, Change(base, after, "provisional", at, context.txn)


def _disputed(base: Device, due: list[_Waiting]) -> bool:
    """Whether the owner is in doubt: another one awaits a second look, or a webhook names another one."""
    named = [one.owner for one in due if one.owner is not None]
    return base.pending_owner is not None or (
        base.owner is not None and not all(same_person(base.owner, owner) for owner in named)
    )


def _with_owner(base: Device, due: list[_Waiting], context: Context) -> Device:
    """The owner that we know, else the one that a webhook names."""
    if base.login is not None:
        return base
    owner = base.owner or next((one.owner for one in reversed(due) if one.owner is not None), None)
    login, why = context.identity.login(context.connector, base.device_id, owner)
    return replace(base, owner=owner, login=login, login_reason=why)
