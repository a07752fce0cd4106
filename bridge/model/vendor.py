"""What a vendor says: webhooks, findings, whole answers, and what a judgement makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NewType, Protocol

from bridge.value import value

Status = Literal["compliant", "not-compliant"]
"""CAEP 1.0 §3.5: there are these two and no third; "unknown" is the absence of a status."""

FindingState = Literal["failing", "passing", "gone"]


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
