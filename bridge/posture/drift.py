"""drift: what a vendor's list shows of a device against what we believed. Pure.

A list is read long after some of it was true, and may be half of the truth: a failure that it shows is acted on,
anything that would let somebody back in, or name another owner, is looked at singly first (design §2.1).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from bridge.model import Device
from bridge.posture.decision import Decision

Drift = Literal["same", "detail", "first", "failed", "doubtful"]
"""same: nothing is new · detail: only what surrounds the verdict · first: nobody knew it · failed: it fails, and
no webhook said so · doubtful: it recovered, or is another's; to be looked at."""


def drift(before: Device | None, decision: Decision) -> Drift:
    after = decision.device
    if before is None or (before.status is None and before.looked_at is None):
        return "first"
    if after.login != before.login or after.pending_owner != before.pending_owner:
        return "doubtful"
    if after.status != before.status:
        return "failed" if after.status == "not-compliant" else "doubtful"
    if after.counted == "not-compliant" and before.counted != "not-compliant":
        return "failed"
    return "same" if _bare(after) == _bare(before) else "detail"


def _bare(device: Device) -> Device:
    """Without what changes at each look."""
    return replace(device, looked_at=None, updated_at=0.0, version=0)
