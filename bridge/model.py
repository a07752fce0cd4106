"""The values that travel through the bridge: frozen, plain, shared by every wing.

Times are `float` seconds since 1970-01-01T00:00:00Z unless a name says otherwise.
Nothing here does I/O, reads a clock or makes an id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal, NewType, Protocol

from bridge.value import value

Status = Literal["compliant", "not-compliant"]
"""CAEP 1.0 §3.5: there are these two and no third; "unknown" is the absence of a status."""

FindingState = Literal["failing", "passing", "gone"]
Basis = Literal["look", "folded", "provisional"]
"""How we came to believe: a vendor's whole answer, webhooks folded together, or a webhook while the API was down."""

DEVICE_COMPLIANCE_CHANGE = "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change"


# -- what a vendor says -------------------------------------------------------------------------


@value
class Webhook:
    """One request as received. Header names are lower case; a repeated header is joined by ", "."""

    connector: str
    method: str
    headers: Mapping[str, str]
    body: bytes
    received_at: float
    query: str = ""


VerifiedWebhook = NewType("VerifiedWebhook", Webhook)
"""A webhook whose origin is proved. Only `bridge.connector` verification makes one."""


@value
class Finding:
    """A vendor's statement about one check on one device."""

    key: str
    state: FindingState
    at: float
    check: str = ""
    title: str = ""
    exempt: bool = False
    blocks_at: float | None = None
    tags: tuple[str, ...] = ()
    severity: str = ""


@value
class Owner:
    """A vendor's person: their id there (None if the vendor has none) and e-mail (None if missing)."""

    id: str | None
    email: str | None


@value
class Statement:
    """What one webhook says about one device. Without `finding` it only rings the bell."""

    device_id: str
    finding: Finding | None = None
    owner: Owner | None = None
    name: str = ""
    deleted: bool = False
    """The vendor states that it deleted the device."""


@value
class Parsed:
    """A verified webhook, understood. `ignored` says why there is nothing to do ("" when there is)."""

    type: str
    delivery_id: str | None
    at: float | None
    statements: tuple[Statement, ...] = ()
    ignored: str = ""


@value
class Snapshot:
    """The vendor's whole, complete answer about one device.

    `present` is false when the vendor says that the device does not exist; `managed` is false when it
    exists but is not under the vendor's rule (unregistered). `keep` asks to keep the last verdict.
    """

    device_id: str
    taken_at: float
    present: bool = True
    managed: bool = True
    owner: Owner | None = None
    name: str = ""
    status: str | None = None
    status_at: float | None = None
    findings: tuple[Finding, ...] = ()
    seen_at: float | None = None
    keep: bool = False
    recheck_at: float | None = None


FailureKind = Literal["down", "denied", "missing", "limited", "malformed", "refused"]
"""down: connect error, timeout, 5xx · denied: 401/403 · missing: an unexpected 404 · limited: 429 or our own
limiter · malformed: an answer that is not what was asked for (HTML, half a page) · refused: any other status."""


class LookFailed(Exception):
    """A look that gave no complete answer. `detail` is for the operator and holds no secret."""

    def __init__(self, kind: FailureKind, detail: str, retry_after: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: FailureKind = kind
        self.detail = detail
        self.retry_after = retry_after
        """Seconds that the vendor asked us to wait."""


@value
class Verdict:
    """What a judgement makes of findings and status. `status` None: no verdict, `reason` says why.

    `failing` are the findings that qualify; `recheck_at` is when time alone may change the verdict.
    """

    status: Status | None
    reason: str
    failing: tuple[Finding, ...] = ()
    recheck_at: float | None = None


class Judge(Protocol):
    """The chosen judgement of a connector: pure."""

    @property
    def without_api(self) -> bool: ...

    def __call__(
        self, findings: Sequence[Finding], status: str | None, *, held: Status | None, now: float
    ) -> Verdict: ...


# -- what we believe ----------------------------------------------------------------------------

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


# -- who is told --------------------------------------------------------------------------------


ProfileName = Literal["ssf", "okta", "sse"]
SubjectForm = Literal["device", "user"]
Aggregate = Literal["user", "device"]


class Reveals(Protocol):
    """A secret of the configuration: read it when it is used."""

    def reveal(self) -> str: ...


@value
class Stream:
    """One receiver's subscription, as it runs. Made by the admin from `[receivers.<name>]`."""

    id: str
    name: str
    audience: str
    profile: ProfileName
    endpoint_url: str
    authorization_header: Reveals | None = field(default=None, repr=False)
    """Sent verbatim; it may change while the bridge runs."""
    subject: SubjectForm = "device"
    aggregate: Aggregate = "device"
    events: frozenset[str] = frozenset({DEVICE_COMPLIANCE_CHANGE})
    connectors: frozenset[str] | None = None
    """Entitlement: only what these connectors say; None is all."""
    domains: frozenset[str] | None = None
    """Entitlement: only people of these e-mail domains; None is all."""
    enabled: bool = True
    orphaned: bool = False
    paused: bool = False
    """By an operator: nothing is made or sent, and what is pending waits."""
    rehearsal: bool = False
    """A dry run: it has a ledger of its own, and what it is told is kept and never sent."""
    send_sub_id: bool | None = None
    """Whether the top-level `sub_id` travels along; None: as the profile has it. Only `okta` can do without."""
    send_txn: bool | None = None
    """Whether `txn` travels along; None: yes, but for `okta`."""


@value
class WireSubject:
    """Whom a stream is told about. `key` names its ledger row; `order` keeps its SETs in line."""

    key: str
    order: str
    login: str
    connector: str | None
    device_id: str | None


@value
class Event:
    """A device-compliance-change, unsigned, the same for all streams (CAEP 1.0 §3.5)."""

    type: str
    login: str
    namespace: str
    device_id: str
    previous: Status
    current: Status
    at: int
    """Integer seconds: `event_timestamp`."""
    reason_admin: str
    txn: str
    initiating_entity: Literal["admin", "user", "policy", "system"] = "policy"


@value
class SignedSET:
    """An Event minted for one Stream: the compact JWS, never to be signed again."""

    jti: str
    iat: int
    kid: str
    text: str = field(repr=False)


# -- what a stream was told ---------------------------------------------------------------------

DeliveryState = Literal["pending", "delivered", "dead", "superseded", "dry_run"]
"""dry_run: what would have been sent; `text` are its claims, unsigned. It is never sent."""


@value
class Tail:
    """The newest delivery that its ledger row names.

    `unsent` is true while the receiver certainly has not got it and nobody is sending it: it may be superseded.
    """

    id: int
    state: DeliveryState
    status: Status
    previous: Status
    unsent: bool


HeldWhy = Literal["guard", "released", "discarded"]


@value
class Held:
    """A difference that is not told: `status` is so, and `connector`'s guard kept it back at `at`.

    released: an operator let it go, and a good look must confirm it · discarded: not told until the device changes.
    """

    status: Status
    why: HeldWhy
    connector: str
    at: float


@value
class LedgerRow:
    """What one stream was last told about one wire subject.

    `told` is the status of the newest SET that was neither superseded nor died; None: it was told nothing yet.
    `event_at` is the greatest `event_timestamp` (integer seconds) it was told. `given_up` is a status whose
    SET died or was dropped: it is not minted again until the status changes or an operator asks.
    """

    stream_id: str
    subject: str
    login: str = ""
    connector: str = ""
    device_id: str = ""
    """The parts of the subject; connector and device id are "" where the subject is the person alone."""
    told: Status | None = None
    event_at: int = 0
    given_up: Status | None = None
    tail: Tail | None = None
    reason: str = ""
    """Why nothing followed the last comparison, or "told"."""
    compared_at: float = 0.0
    version: int = 0
    held: Held | None = None


# -- how it gets there --------------------------------------------------------------------------

OutcomeKind = Literal["delivered", "stream", "row"]
"""stream: the receiver as a whole is unwell or refuses us · row: it refuses this one SET."""


@value
class Outcome:
    """What one push came to. `words` are the receiver's own, cut to 500 characters.

    `received` is False only when the receiver certainly did not take the SET (no connection, or an HTTP refusal).
    `retry_after` is in seconds from now.
    """

    kind: OutcomeKind
    code: str
    """`202`, `409`, `timeout`, `tls`, `dns`, `connect`, `reset`, `503`, `invalid_request` …"""
    words: str = ""
    retry_after: float | None = None
    received: bool = False
    took: float = 0.0
