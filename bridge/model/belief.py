"""What we believe of a device, what holds it back, and how it changed."""

from __future__ import annotations

from typing import Literal

from bridge.model.vendor import Finding, Owner, Status
from bridge.value import value

Basis = Literal["look", "folded", "provisional"]
"""How we came to believe: a vendor's whole answer, webhooks folded together, or a webhook while the API was down."""

HoldKind = Literal["baseline", "released", "discarded", "settling", "exempt"]
"""baseline: it failed when its connector first listed its devices · released: an operator let that go, and a good look
must confirm it · discarded: an operator decided that it is not told until the device changes · settling: it must still
be so at `until` · exempt: `[policy] exempt`."""


@value
class Hold:
    """Belief stands, and is not told: while it lasts, `status` counts for receivers instead of the device's own."""

    kind: HoldKind
    status: Status
    at: float
    until: float | None = None
    keys: tuple[str, ...] = ()
    """The findings that failed when it began; another one ends a baseline."""
    why: str = ""


@value
class Override:
    """An operator's word: until `until`, `status` counts instead of what is believed."""

    status: Status
    until: float
    at: float
    who: str
    why: str


@value
class Device:
    """Our belief about (connector, vendor device id). `status` None: seen, but never with a verdict.

    `login` is the owner as receivers know them (`[identity]` applied), None with `login_reason` saying why.
    `reason` says what the last decision came to; `failing` are the findings that make it not compliant.
    """

    connector: str
    device_id: str
    name: str = ""
    owner: Owner | None = None
    login: str | None = None
    login_reason: str = "no_owner"
    status: Status | None = None
    since: float | None = None
    basis: Basis = "look"
    findings: tuple[Finding, ...] = ()
    failing: tuple[str, ...] = ()
    seen_clean: bool = False
    looked_at: float | None = None
    """When the last good look began."""
    gone: bool = False
    pending_owner: Owner | None = None
    """Another owner that one look saw; a second look, at least 5 s after `pending_since`, confirms it."""
    pending_since: float | None = None
    why: str = ""
    """Admin-readable words for the present status."""
    reason: str = ""
    status_at: float | None = None
    """When the deciding finding was detected or resolved: the event's time."""
    first_seen: float = 0.0
    updated_at: float = 0.0
    version: int = 0
    hold: Hold | None = None
    override: Override | None = None
    retired: str = ""
    """Why it counts for nobody any more; a look that sees it again ends that."""

    @property
    def key(self) -> tuple[str, str]:
        return (self.connector, self.device_id)

    @property
    def counted(self) -> Status | None:
        """The status that counts for receivers."""
        if self.retired:
            return None
        if self.override is not None:
            return self.override.status
        return self.status if self.hold is None else self.hold.status


@value
class Change:
    """Belief before and after one decision, why, and the cause."""

    before: Device | None
    after: Device
    why: str
    at: float
    """Seconds; the event's own time (design §4)."""
    txn: str
