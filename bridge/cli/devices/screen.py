"""One device on one screen: belief, the decision behind it, what is due, and each receiver's side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bridge.cli.console.output import pairs, when, write

if TYPE_CHECKING:
    from bridge.model import Device, Finding
    from bridge.pipeline.operator.explain import Due, Explanation, Told
    from bridge.pipeline.operator.wording import Said

NAMED = 8
"""Findings of a kind that are named; the rest are counted."""
BASES = {
    "look": "the vendor's whole answer",
    "folded": "webhooks folded together, no API was asked",
    "provisional": "a webhook, while the vendor's API could not be reached",
}


def show_explanation(explanation: Explanation, connector: str, device_id: str, now: float) -> None:
    device = explanation.device
    write(f"{connector} {device_id}" + (f" ({device.name})" if device is not None and device.name else ""))
    if device is None:
        pairs([("  status", "unknown: a webhook named it, and no look has ended yet")])
    else:
        _belief(explanation, device)
    _finding_lines("decides", explanation.deciding)
    _finding_lines("exempt", explanation.exempt)
    _finding_lines("open, does not decide", explanation.others)
    _look(explanation.look, now)
    for stream in explanation.streams:
        _stream(stream, now)
    if not explanation.streams:
        write("\nno receiver is configured: nobody is told anything")


def _belief(explanation: Explanation, device: Device) -> None:
    since = f" since {when(device.since)}" if device.since is not None else ""
    why = f": {device.why}" if device.why else ""
    lines: list[tuple[str, object]] = [
        ("  status", f"{device.status or 'unknown'}{since}{why if device.status else ''}"),
        *_standing_over(device),
        ("  basis", BASES[device.basis]),
        ("  owner", device.login if explanation.owner is None else f"nobody: {explanation.owner.words}"),
        ("  last decision", f"{explanation.decision.words} [{explanation.decision.reason or 'none yet'}]"),
        ("  decided", when(device.updated_at)),
        ("  last good look", when(device.looked_at) or "never"),
    ]
    change = _remedies(explanation.decision, explanation.owner)
    pairs([*lines, ("  would change it", change)] if change else lines)


def _standing_over(device: Device) -> list[tuple[str, object]]:
    """What counts instead of what is believed, or keeps it from being told: who, until when, why."""
    lines: list[tuple[str, object]] = []
    if device.retired:
        lines.append(("  retired", f"it counts for nobody: {device.retired}"))
    if device.override is not None:
        said = device.override
        lines.append(
            ("  overridden", f"{said.status} until {when(said.until)}, by {said.who} {when(said.at)}: {said.why}")
        )
    if device.hold is not None:
        until = f" until {when(device.hold.until)}" if device.hold.until is not None else ""
        why = f": {device.hold.why}" if device.hold.why else ""
        words = f"{device.hold.kind} since {when(device.hold.at)}{until}, counts as {device.hold.status}{why}"
        lines.append(("  held", words))
    return lines


def _remedies(*said: Said | None) -> str:
    return "; ".join(dict.fromkeys(one.remedy for one in said if one is not None and one.remedy))


def _finding_lines(kind: str, findings: Sequence[Finding]) -> None:
    for finding in findings[:NAMED]:
        deadline = f", blocks from {when(finding.blocks_at)}" if finding.blocks_at is not None else ""
        title = finding.title or finding.check or "(no title)"
        write(f"  {kind}: {title} [{finding.key}] since {when(finding.at)}{deadline}")
    if len(findings) > NAMED:
        write(f"  {kind}: {len(findings) - NAMED} more")


def _look(due: Due | None, now: float) -> None:
    if due is None:
        write("  next look: none is due; the device's next webhook asks for one")
        return
    moment = "running now" if due.running else "due now" if due.due_at <= now else f"due {when(due.due_at)}"
    tried = f", tried {due.attempts} times without a good answer" if due.attempts else ""
    rung = f", rung for {when(due.rung_at)}" if due.rung_at is not None else ""
    write(f"  next look: {moment}: {due.why.words}{tried}{rung}")
    if due.why.remedy:
        write(f"  would change it: {due.why.remedy}")


def _stream(told: Told, now: float) -> None:
    write(f"\nreceiver {told.stream}: {_state(told)}")
    lines: list[tuple[str, object]] = [("  why", f"{told.why.words} [{told.why.reason or 'none'}]")]
    if told.because_of:
        lines.append(("  also failing", f"{', '.join(told.because_of)} (the person's devices count together)"))
    if told.held is not None:
        kept = {"guard": "held back", "released": "released", "discarded": "discarded"}[told.held.why]
        lines.append(
            ("  held", f"{told.held.status}, {kept} {when(told.held.at)} by the guard of {told.held.connector}")
        )
    if told.truth is not None and told.truth != told.told:
        lines.append(("  so now", told.truth))
    if told.acknowledged is not None:
        lines.append(("  acknowledged", f"{told.acknowledged} at {when(told.acknowledged_at)}"))
    if told.delivery is not None:
        lines.append(("  delivery", f"{told.delivery}, jti {told.jti}, made {when(told.sent_at)}{_tries(told, now)}"))
    if told.words or told.code:
        lines.append(("  its answer", ": ".join(part for part in (told.code, told.words) if part)))
    if told.unwell:
        lines.append(("  its health", told.unwell))
    if told.why.remedy:
        lines.append(("  would change it", _named_remedy(told)))
    pairs(lines)


def _named_remedy(told: Told) -> str:
    remedy = told.why.remedy
    for command in ("streams enable", "streams verify"):
        remedy = remedy.replace(f"{command} NAME", f"{command} {told.stream}")
    return remedy.replace("deliveries retry ID", f"deliveries retry {told.delivery}") if told.delivery else remedy


def _state(told: Told) -> str:
    if told.state == "delivered":
        return f"was told {told.told}, delivered"
    if told.state == "pending":
        return f"is being told {told.told}, pending"
    if told.state == "dead":
        return f"was not told {told.truth}: the SET is dead"
    return f"was told {told.told} before; nothing follows now" if told.told else "was told nothing"


def _tries(told: Told, now: float) -> str:
    tries = f", {told.attempts} attempts" if told.attempts != 1 else ", 1 attempt"
    if told.next_at is None:
        return tries
    return tries + (", next one now" if told.next_at <= now else f", next one {when(told.next_at)}")
