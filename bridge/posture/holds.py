"""holds: what is believed, and may not be told yet, or not at all (design §2.2). Pure.

A hold stands on the device, so that it counts for all streams alike, whichever are there. It ends by itself: when the
device recovers, when it fails anew, when its time is over.
"""

from __future__ import annotations

from bridge.model import Device, Hold, Override
from bridge.posture import reasons
from bridge.posture.decision import Context, Decision, earliest
from bridge.value import replace


def withheld(before: Device | None, decision: Decision, context: Context, *, seen: bool) -> Decision:
    """The decision with what may be told of it. `seen`: a good answer, not only a failed look, stands behind it."""
    device = decision.device
    plain = device.hold is None and device.override is None and not device.retired
    if plain and not context.first_list and context.policy.is_silent:
        return decision
    override = _override(device, context.now)
    hold = _hold(before, device, context, seen)
    retired = "" if seen and not device.gone else device.retired
    after = replace(device, hold=hold, override=override, retired=retired)
    if hold is None and device.hold is not None and after.status == "not-compliant":
        after = replace(after, status_at=_news_at(device.hold, device, context))
    after = replace(after, reason=_reason(after))
    ends = hold.until if hold is not None and hold.until is not None and hold.until > context.now else None
    again = earliest(decision.again_at, override.until if override else None, ends)
    why = decision.again_why if again == decision.again_at else reasons.HOLD_ENDS
    change = replace(decision.change, after=after) if decision.change is not None else None
    return replace(decision, device=after, change=change, again_at=again, again_why=why)


def _override(device: Device, now: float) -> Override | None:
    return device.override if device.override is not None and now < device.override.until else None


def _hold(before: Device | None, device: Device, context: Context, seen: bool) -> Hold | None:
    if device.status != "not-compliant":
        return None
    held = device.hold
    exemption = context.policy.exemption_of(device, context.now)
    if exemption is not None:
        at = held.at if held is not None and held.kind == "exempt" else context.now
        return Hold("exempt", "compliant", at, exemption.until, why=exemption.why)
    if held is not None and held.kind != "exempt" and _lasts(held, device, context, seen):
        return held
    if context.first_list and (before is None or (before.status is None and before.looked_at is None)):
        return Hold("baseline", "compliant", _asked_at(device, context), keys=device.failing)
    if context.policy.settle and _began(before, held):
        return Hold("settling", "compliant", context.now, context.now + context.policy.settle, device.failing)
    return None


def _asked_at(device: Device, context: Context) -> float:
    """When the list began: a failure that a webhook states while it is read is news."""
    return context.now if device.looked_at is None else min(device.looked_at, context.now)


def _lasts(held: Hold, device: Device, context: Context, seen: bool) -> bool:
    """Whether it goes on while the device fails."""
    if held.kind == "released":
        return not seen
    if held.kind == "settling":
        over = held.until is not None and context.now >= held.until
        return not (over and (seen or device.basis == "provisional"))
    return not _news(held, device, context)


def _began(before: Device | None, held: Hold | None) -> bool:
    """Whether the failure is new: of the device, or beyond what was held."""
    fresh = before is None or before.status != "not-compliant"
    return fresh or (held is not None and held.kind in ("baseline", "discarded"))


def _news(held: Hold, device: Device, context: Context) -> tuple[str, ...]:
    """Findings that failed after the hold began: unknown then, or stated by a webhook since. A baseline is made only
    where no look is due, so whatever is stated later came after it, although it may have been received before."""
    unknown = [key for key in device.failing if key not in held.keys]
    stated = [
        statement.finding.key
        for index, statement in enumerate(context.statements)
        if statement.finding is not None
        and statement.finding.state == "failing"
        and statement.finding.key in device.failing
        and (held.kind == "baseline" or (context.received_at(index) or 0.0) > held.at)
    ]
    return tuple(dict.fromkeys([*unknown, *stated]))


def _news_at(held: Hold, device: Device, context: Context) -> float | None:
    """The event's own time once the hold is over."""
    news = _news(held, device, context)
    times = [finding.at for finding in device.findings if finding.key in news]
    return min(*times, context.now) if times else device.status_at


def _reason(device: Device) -> str:
    if device.retired:
        return reasons.RETIRED
    if device.override is not None:
        return reasons.OVERRIDDEN
    if device.hold is not None:
        return reasons.HELD[device.hold.kind]
    return device.reason
