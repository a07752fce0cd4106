"""Why a decision came out as it did: the values that `Device.reason` holds. docs/reasons.md explains each.

Three more come composed: `no_verdict: <the judgement's words>`, and `look_<kind of failure>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bridge.model import HoldKind

CHANGED: Final = "changed"
PROVISIONAL: Final = "provisional"

FIRST_SIGHT: Final = "first_sight"
STILL_COMPLIANT: Final = "still_compliant"
STILL_NOT_COMPLIANT: Final = "still_not_compliant"
IN_GRACE: Final = "in_grace"
EXEMPT: Final = "exempt"

NO_VERDICT: Final = "no_verdict"
STALE: Final = "stale"
GONE: Final = "gone"
UNREGISTERED: Final = "unregistered"
NEVER_SEEN_CLEAN: Final = "never_seen_clean"
LOOK: Final = "look_"

NO_OWNER: Final = "no_owner"
OWNER_WITHOUT_EMAIL: Final = "owner_without_email"
FOREIGN_OWNER: Final = "foreign_owner"
OWNER_GONE: Final = "owner_gone"
OWNER_UNCONFIRMED: Final = "owner_unconfirmed"

RETIRED: Final = "retired"
OVERRIDDEN: Final = "overridden"
BASELINE: Final = "baseline"
BASELINE_RELEASED: Final = "baseline_released"
BASELINE_DISCARDED: Final = "baseline_discarded"
SETTLING: Final = "settling"
EXEMPT_BY_POLICY: Final = "exempt_by_policy"
HELD: Final[Mapping[HoldKind, str]] = {
    "baseline": BASELINE,
    "released": BASELINE_RELEASED,
    "discarded": BASELINE_DISCARDED,
    "settling": SETTLING,
    "exempt": EXEMPT_BY_POLICY,
}
"""Belief stands, and is not told: by the kind of the hold."""

DEADLINE: Final = "deadline"
CONTRADICTS_DOORBELL: Final = "contradicts_doorbell"
HOLD_ENDS: Final = "hold_ends"
"""These only say why a device is looked at again."""

LONGEST: Final = 200


def no_verdict(words: str) -> str:
    return f"{NO_VERDICT}: {words}"[:LONGEST]


def look_failed(kind: str) -> str:
    return f"{LOOK}{kind}"


def unanswered(kind: str, words: str) -> str:
    """Why a device is looked at again: the failure, with the words of it."""
    return f"{look_failed(kind)}: {words}"[:LONGEST]
