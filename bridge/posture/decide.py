"""decide: what a look means for our belief. Pure; every answer carries its reason (design §2.1, §2.2, §2.6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bridge.model import Change, Device, Finding, Snapshot, Statement, Verdict
from bridge.posture import reasons
from bridge.posture.decision import Context as Context
from bridge.posture.decision import Decision as Decision
from bridge.posture.decision import concluded, earliest
from bridge.posture.moment import decided_at
from bridge.posture.owner import OWNERLESS_AGAIN, moved, owned, unsettled

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
        _absent(base, snapshot)
        or unsettled(base, snapshot.owner, snapshot.taken_at, context)
        or _judged(base, snapshot, context)
    )
    return _contradicted(decision, snapshot, context)


def _absent(base: Device, snapshot: Snapshot) -> Decision | None:
    if not snapshot.present:
        return Decision(replace(base, gone=True, reason=reasons.GONE))
    if not snapshot.managed:
        return Decision(replace(base, gone=False, reason=reasons.UNREGISTERED))
    return None


def _judged(base: Device, snapshot: Snapshot, context: Context) -> Decision:
    after = owned(base, snapshot.owner, context)
    if snapshot.keep:
        return held(base, after, reasons.STALE, snapshot.recheck_at, context)
    found = tuple(finding for finding in snapshot.findings if finding.state == "failing")
    verdict = context.judge(found, snapshot.status, held=base.status, now=context.now)
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
    after = replace(believed(after, verdict, found, at, context.now), basis="look")
    after = replace(after, seen_clean=base.seen_clean or verdict.status == "compliant")
    return settled(base, after, verdict, recheck, context)


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


def believed(base: Device, verdict: Verdict, findings: tuple[Finding, ...], at: float, now: float) -> Device:
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


def _contradicted(decision: Decision, snapshot: Snapshot, context: Context) -> Decision:
    """A vendor's API may lag behind its own webhook: look again, and act on what was seen meanwhile."""
    if not contradicts(context.statements, snapshot) or context.contradictions >= len(REPEATS):
        return replace(decision, contradictions=context.contradictions if decision.keep_stated else 0)
    again = context.now + REPEATS[context.contradictions]
    if decision.again_at is not None and decision.again_at < again:
        return replace(decision, keep_stated=True, contradictions=context.contradictions)
    return replace(
        decision,
        again_at=again,
        again_why=reasons.CONTRADICTS_DOORBELL,
        keep_stated=True,
        contradictions=context.contradictions + 1,
    )


def contradicts(statements: Iterable[Statement], snapshot: Snapshot) -> bool:
    """Whether the answer shows the opposite of what a webhook stated about a finding."""
    seen = {finding.key for finding in snapshot.findings if finding.state == "failing"}
    return any(
        (statement.finding.state == "failing") != (statement.finding.key in seen)
        for statement in statements
        if statement.finding is not None
    )
