"""What goes into a decision and what comes out, the same for looks, failed looks and folding."""

from __future__ import annotations

from dataclasses import field

from bridge.model import Change, Device, Judge, Statement
from bridge.posture.identity import Identity
from bridge.posture.policy import Policy
from bridge.value import replace, value


@value
class Context:
    """What every decision needs beside the answer itself."""

    connector: str
    judge: Judge
    identity: Identity
    now: float
    txn: str
    statements: tuple[Statement, ...] = ()
    received: tuple[float, ...] = ()
    """When each of `statements` was received; one without a time counts as received at `rung_at`."""
    rung_at: float | None = None
    attempts: int = 0
    contradictions: int = 0
    jitter: float = 1.0
    """A factor between 0.8 and 1.2, thrown by the caller."""
    policy: Policy = field(default_factory=Policy)
    first_list: bool = False
    """The answer is of the connector's first complete list: what already fails is the baseline."""

    def received_at(self, index: int) -> float | None:
        return self.received[index] if index < len(self.received) else self.rung_at


@value
class Decision:
    """`change` None: belief stands, `device.reason` says why. `again_at`: look again then, because of `again_why`."""

    device: Device
    change: Change | None = None
    again_at: float | None = None
    again_why: str = ""
    keep_stated: bool = False
    attempts: int = 0
    contradictions: int = 0

    @property
    def reason(self) -> str:
        return self.device.reason


def concluded(after: Device, reason: str, change: Change | None, again_at: float | None, again_why: str) -> Decision:
    """The decision to believe `after`, for this reason."""
    device = replace(after, reason=reason)
    return Decision(device, replace(change, after=device) if change is not None else None, again_at, again_why)


def earliest(*times: float | None) -> float | None:
    return min((time for time in times if time is not None), default=None)
