"""fold: belief from webhooks alone, where no API can be asked (design §2.1, "no API credentials")."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.model import Device, Finding, Owner, Statement, Verdict
from bridge.posture import reasons
from bridge.posture.decide import believed, held, settled
from bridge.posture.decision import Context, Decision
from bridge.posture.moment import decided_at
from bridge.posture.owner import owned, unsettled
from bridge.value import replace

AHEAD = 300.0
"""A vendor's time more than this many seconds ahead of ours is taken as now."""
REMEMBERED = 200
"""Closed findings kept for one device: a closed one must not be opened again by a late webhook."""


def fold(before: Device | None, device_id: str, context: Context, *, recoveries: bool) -> Decision:
    """Belief after folding what was stated into the open set.

    A device that no look ever saw clean does not recover by folding unless `recoveries` (`fold_recoveries = true`):
    it may have failing findings that we never heard of. Another owner is confirmed by a second folding, 5 s later.
    """
    base = before or Device(context.connector, device_id, first_seen=context.now)
    base = replace(base, name=_name(base, context))
    owner = _owner(base, context)
    decision = unsettled(base, owner, context.now, context)
    if decision is not None:
        return decision
    findings = merge(base.findings, _heard(base, context), context.now)
    after = replace(owned(base, owner, context), findings=findings, basis="folded")
    open_findings = tuple(finding for finding in findings if finding.state == "failing")
    verdict = context.judge(open_findings, None, held=base.status, now=context.now)
    lacking = _lacking(base, verdict, context, recoveries)
    if lacking:
        return held(base, after, lacking, verdict.recheck_at, context)
    at = decided_at(base, verdict, context, status=None, status_at=_last_stated(context), seen_at=context.now)
    after = believed(after, verdict, findings, at, context.now)
    return settled(base, after, verdict, verdict.recheck_at, context)


def _lacking(base: Device, verdict: Verdict, context: Context, recoveries: bool) -> str:
    """Why the verdict cannot be taken, or nothing."""
    if verdict.status is None:
        return reasons.no_verdict(verdict.reason)
    if verdict.status != "compliant" or base.status == "compliant":
        return ""
    if not (recoveries or base.seen_clean):
        return reasons.NEVER_SEEN_CLEAN
    if base.status is None and not any(statement.finding for statement in context.statements):
        return reasons.no_verdict("no webhook has stated a finding yet")
    return ""


def merge(known: Iterable[Finding], statements: Iterable[Statement], now: float) -> tuple[Finding, ...]:
    """The newest statement per finding wins; on equal seconds failing wins. Of the closed the newest 200 are kept."""
    merged = {finding.key: finding for finding in known}
    for statement in statements:
        finding = statement.finding
        if finding is None:
            continue
        if finding.at > now + AHEAD:
            finding = replace(finding, at=now)
        held = merged.get(finding.key)
        if held is None or _rank(finding) > _rank(held):
            merged[finding.key] = finding
    ordered = sorted(merged.values(), key=lambda one: (one.at, one.key))
    closed = [finding for finding in ordered if finding.state != "failing"][-REMEMBERED:]
    return (*closed, *(finding for finding in ordered if finding.state == "failing"))


def _rank(finding: Finding) -> tuple[int, bool, float]:
    return (int(finding.at), finding.state == "failing", finding.at)


def _heard(base: Device, context: Context) -> list[Statement]:
    """What was stated since the last whole answer, if the device ever had one: that knew all that was stated before."""
    known_until = int(base.looked_at) if base.looked_at is not None else None
    return [
        statement
        for statement in context.statements
        if statement.finding is not None and (known_until is None or statement.finding.at >= known_until)
    ]


def _newest_first(context: Context) -> list[Statement]:
    """By the vendor's time where there is one; what states no finding has none, and counts in the order it came."""
    last = context.statements[::-1]
    return sorted(last, key=lambda one: one.finding.at if one.finding else context.now, reverse=True)


def _owner(base: Device, context: Context) -> Owner | None:
    return next((one.owner for one in _newest_first(context) if one.owner is not None), base.owner)


def _name(base: Device, context: Context) -> str:
    return next((one.name for one in _newest_first(context) if one.name), base.name)


def _last_stated(context: Context) -> float | None:
    return max((one.finding.at for one in context.statements if one.finding is not None), default=None)
