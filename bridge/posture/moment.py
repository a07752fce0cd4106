"""The event's own time (design §4): when the deciding finding was detected or resolved, the deadline for a grace
crossing, the vendor's status time, else the look; never in the future."""

from __future__ import annotations

from bridge.model import Device, Finding, Verdict
from bridge.posture.decision import Context


def decided_at(
    base: Device, verdict: Verdict, context: Context, *, status: str | None, status_at: float | None, seen_at: float
) -> float:
    """Seconds. `status` and `status_at` are the vendor's own; `seen_at` is when the look began."""
    if verdict.status == "not-compliant":
        fresh = [finding for finding in verdict.failing if finding.key not in base.failing]
        at = min((_failed_at(finding, status, context) for finding in fresh), default=None)
    else:
        at = _resolved_at(base, context)
    if at is None:
        at = seen_at if status_at is None else status_at
    return min(at, context.now)


def _failed_at(finding: Finding, status: str | None, context: Context) -> float:
    """When the finding was detected, or its deadline if that is what made it count."""
    deadline = finding.blocks_at
    if deadline is None or deadline <= finding.at or deadline > context.now:
        return finding.at
    early = context.judge((finding,), status, held=None, now=deadline - 1)
    return finding.at if early.status == "not-compliant" else deadline


def _resolved_at(base: Device, context: Context) -> float | None:
    """When the last of the findings that made the device fail was resolved; None: not all of them were stated to be."""
    resolved: dict[str, float] = {}
    for statement in context.statements:
        finding = statement.finding
        if finding is not None and finding.state != "failing" and finding.key in base.failing:
            resolved[finding.key] = max(finding.at, resolved.get(finding.key, finding.at))
    return max(resolved.values()) if resolved and resolved.keys() == set(base.failing) else None
