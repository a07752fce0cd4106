"""decide: what a look means for our belief. Pure; every answer carries its reason (design §2.1, §2.2, §2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bridge.model import Change, Device, Finding, Snapshot, Statement, Verdict
from bridge.posture import reasons
from bridge.posture.decision import Context as Context
from bridge.posture.decision import Decision as Decision
from bridge.posture.decision import concluded, earliest
from bridge.posture.moment import decided_at
from bridge.posture.owner import OWNERLESS_AGAIN, moved, owned, unsettled
from bridge.value import replace

REPEATS = (5.0, 30.0, 300.0)
"""Seconds until a look that contradicts its doorbell is repeated."""


def decide(before: Device | None, snapshot: Snapshot, context: Context) -> Decision:
    """Belief after a good look. Recovery needs evidence: without it the last verdict stays, and the reason says so."""
    base = replace(
        before or Device(context.connector, snapshot.device_id, first_seen=context.now),
        looked_at=snapshot.taken_at,
        name=snapshot.name or (before.name if before else ""),
    )
    decision = (
        _absent(base, snapshot, context)
        or unsettled(base, snapshot.owner, snapshot.taken_at, context)
        or _judged(base, snapshot, context)
    )
    return _contradicted(before, decision, snapshot, context)


def _absent(base: Device, snapshot: Snapshot, context: Context) -> Decision | None:
    """No verdict. A deadline that was seen before stays one: the device may be back by then, without a webhook."""
    if snapshot.present and snapshot.managed:
        return None
    why = reasons.UNREGISTERED if snapshot.present else reasons.GONE
    if _released(base, snapshot, context):
        return _retired(base, context)
    later = [one.blocks_at for one in base.findings if one.blocks_at is not None and one.blocks_at > context.now]
    waiting = context.now + OWNERLESS_AGAIN if snapshot.present and base.status == "not-compliant" else None
    again = earliest(*later, waiting)
    return Decision(
        replace(base, gone=not snapshot.present, reason=why), again_at=again, again_why=why if again else ""
    )


def _released(base: Device, snapshot: Snapshot, context: Context) -> bool:
    """Whether the vendor stated that it deleted the device, and two answers in a row do not know it any more."""
    wanted = context.policy.on_gone == "release" and not snapshot.present and not base.retired
    return wanted and context.contradictions > 0 and any(statement.deleted for statement in context.statements)


def _retired(base: Device, context: Context) -> Decision:
    device = replace(base, gone=True, retired="deleted_at_the_vendor", reason=reasons.RETIRED)
    return Decision(device, Change(base, device, "retired", context.now, context.txn))


def _judged(base: Device, snapshot: Snapshot, context: Context) -> Decision:
    after = owned(base, snapshot.owner, context)
    stale = context.policy.is_stale(snapshot.seen_at, context.now)
    if snapshot.keep or (stale and context.policy.on_stale == "keep"):
        return held(base, after, reasons.STALE, snapshot.recheck_at, context)
    found = tuple(finding for finding in snapshot.findings if finding.state == "failing")
    verdict = context.judge(found, snapshot.status, held=base.status, now=context.now)
    if stale:
        verdict = Verdict("not-compliant", _unseen(snapshot, context.now), verdict.failing, verdict.recheck_at)
    recheck = earliest(verdict.recheck_at, snapshot.recheck_at)
    if verdict.status is None:
        after = after if base.status else replace(after, findings=found)
        return held(base, after, reasons.no_verdict(verdict.reason), recheck, context)
    if verdict.status == "compliant" and snapshot.owner is None and after.login is None:
        after = after if base.status == "not-compliant" else replace(after, findings=found)
        return held(base, after, reasons.NO_OWNER, recheck, context)
    at = decided_at(
        base, verdict, context, status=snapshot.status, status_at=snapshot.status_at, seen_at=snapshot.taken_at
    )
    clean = base.seen_clean or verdict.status == "compliant"
    after = believed(after, verdict, found, at, context.now, basis="look", seen_clean=clean)
    return settled(base, after, verdict, recheck, context)


def _unseen(snapshot: Snapshot, now: float) -> str:
    days = (now - (snapshot.seen_at or now)) / 86400
    return f"the device has not reported for {days:.0f} days"


def held(base: Device, after: Device, why: str, recheck: float | None, context: Context) -> Decision:
    """No verdict: the last one stays with the findings that it stood on."""
    again, again_why = again_for(after, recheck, context.now)
    return concluded(after, why, moved(base, after, context), again, again_why)


def settled(base: Device, after: Device, verdict: Verdict, recheck: float | None, context: Context) -> Decision:
    """A verdict is there: what changed by it, and why nothing follows if nothing does."""
    change = _changed(base, after, context)
    tellable = after.login is not None or base.login is not None
    reason = reasons.CHANGED if change and tellable else _unchanged(base, after, verdict)
    again, again_why = again_for(after, recheck, context.now)
    return concluded(after, reason, change, again, again_why)


def again_for(device: Device, recheck: float | None, now: float) -> tuple[float | None, str]:
    """When to look again, and why: at the deadline, or for a failing device whose person we cannot tell yet."""
    if device.status == "not-compliant" and device.login is None:
        return earliest(recheck, now + OWNERLESS_AGAIN), device.login_reason
    return recheck, reasons.DEADLINE if recheck is not None else ""


def believed(
    base: Device, verdict: Verdict, findings: tuple[Finding, ...], at: float, now: float, **also: Any
) -> Device:
    """`also` are further members of the Device that change with it."""
    same = verdict.status == base.status
    failing = verdict.failing if verdict.status == "not-compliant" else ()
    return replace(
        base,
        status=verdict.status,
        since=base.since if same else now,
        status_at=base.status_at if same else at,
        findings=findings,
        failing=tuple(finding.key for finding in failing),
        why=verdict.reason if verdict.status == "not-compliant" or not same else base.why,
        **also,
    )


def _changed(base: Device, after: Device, context: Context) -> Change | None:
    if after.status != base.status and not (base.status is None and after.status == "compliant"):
        why = "failed" if after.status == "not-compliant" else "recovered"
        at = context.now if after.status_at is None else after.status_at
        return Change(base, after, why, at, context.txn)
    return moved(base, after, context)


def _unchanged(base: Device, after: Device, verdict: Verdict) -> str:
    if after.login is None:
        return after.login_reason
    if after.status == "not-compliant":
        return reasons.STILL_NOT_COMPLIANT
    if verdict.recheck_at is not None:
        return reasons.IN_GRACE
    if base.status is None:
        return reasons.FIRST_SIGHT
    return reasons.EXEMPT if _exempt(after.findings) else reasons.STILL_COMPLIANT


def _exempt(findings: Sequence[Finding]) -> bool:
    failing = [finding for finding in findings if finding.state == "failing"]
    return bool(failing) and all(finding.exempt for finding in failing)


def _contradicted(before: Device | None, decision: Decision, snapshot: Snapshot, context: Context) -> Decision:
    """A vendor's API may lag behind its own webhook, or lose sight of a device for a moment: look again, and act on
    what was seen meanwhile."""
    vanished = _vanished(before, snapshot, context)
    doubtful = vanished or contradicts(context.statements, snapshot)
    if not doubtful or context.contradictions >= len(REPEATS):
        count = context.contradictions if decision.keep_stated else 0
        return decision if decision.contradictions == count else replace(decision, contradictions=count)
    again = context.now + REPEATS[context.contradictions]
    if decision.again_at is not None and decision.again_at < again:
        return replace(decision, keep_stated=True, contradictions=context.contradictions)
    return replace(
        decision,
        again_at=again,
        again_why=decision.reason if vanished else reasons.CONTRADICTS_DOORBELL,
        keep_stated=True,
        contradictions=context.contradictions + 1,
    )


def _vanished(before: Device | None, snapshot: Snapshot, context: Context) -> bool:
    """Whether a device that the last good look saw in someone's hands is gone or unregistered now."""
    if before is None or before.looked_at is None or (snapshot.present and snapshot.managed):
        return False
    return context.contradictions > 0 or not (before.gone or before.reason == reasons.UNREGISTERED)


def contradicts(statements: Iterable[Statement], snapshot: Snapshot) -> bool:
    """Whether the answer shows the opposite of what a webhook stated about a finding."""
    seen = {finding.key for finding in snapshot.findings if finding.state == "failing"}
    return any(
        (statement.finding.state == "failing") != (statement.finding.key in seen)
        for statement in statements
        if statement.finding is not None
    )
