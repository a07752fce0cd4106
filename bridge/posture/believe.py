"""believe: one answer, or none, becomes belief and what may be told of it: the door of this wing. Pure."""

from __future__ import annotations

from bridge.model import Device, LookFailed, Snapshot
from bridge.posture.decide import decide
from bridge.posture.decision import Context, Decision
from bridge.posture.fold import fold
from bridge.posture.holds import withheld
from bridge.posture.undecided import undecided
from bridge.value import replace


def believe(
    before: Device | None, device_id: str, answer: Snapshot | LookFailed | None, context: Context, *, recoveries: bool
) -> Decision:
    """`answer` None: nobody can be asked, what was stated is folded, `recoveries` as the connector allows."""
    if context.policy.exempt:
        login = before.login if before is not None else None
        judge = context.policy.judging(context.judge, context.connector, device_id, login)
        context = replace(context, judge=judge)
    if answer is None:
        decision = fold(before, device_id, context, recoveries=recoveries)
    elif isinstance(answer, LookFailed):
        decision = undecided(before, device_id, answer, context)
    else:
        decision = decide(before, answer, context)
    return withheld(before, decision, context, seen=answer is None or _saw(answer))


def _saw(answer: Snapshot | LookFailed) -> bool:
    return isinstance(answer, Snapshot) and answer.present and answer.managed
