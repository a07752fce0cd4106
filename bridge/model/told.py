"""Who is told, of what, and in which shape it is signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar, Literal, Protocol

from bridge.model.subscription import Way
from bridge.model.vendor import Status
from bridge.value import value

_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
DEVICE_COMPLIANCE_CHANGE = f"{_CAEP}device-compliance-change"
SESSION_REVOKED = f"{_CAEP}session-revoked"
CREDENTIAL_CHANGE = f"{_CAEP}credential-change"

ProfileName = Literal["ssf", "okta", "sse"]
SubjectForm = Literal["device", "user"]
SubjectFormat = Literal["email", "iss_sub"]
Aggregate = Literal["user", "device"]
Entity = Literal["admin", "user", "policy", "system"]
ChangeType = Literal["create", "revoke", "update", "delete"]


class Reveals(Protocol):
    """A secret of the configuration: read it when it is used."""

    def reveal(self) -> str: ...


class Selects(Protocol):
    """The subjects that a stream is about, of those that it may hear of (`bridge.ssf.selection.Selection`)."""

    @property
    def everything(self) -> bool: ...

    def why_not(self, sub_id: Mapping[str, Any]) -> Literal["", "subject_removed", "subject_not_added"]:
        """Empty for a `sub_id` that it is about."""


@value
class Shape:
    """What a receiver of `ssf` or `sse` wants otherwise than the profile has it; `okta` has a shape of its own."""

    subject_format: SubjectFormat = "email"
    """How a person is named: RFC 9493 §3.2.2 or §3.2.3."""
    subject_issuer: str = ""
    """With `iss_sub`: the namespace of the logins."""
    legacy_subject: bool = False
    """`ssf`: `sub_id` stands in the event as well, as `subject` (SSF 1.0 §3.1.1)."""
    bare_subject: bool = False
    """`sse`: the subject in the event is `{user, device}` without a `format`, as the draft of 2021 has it."""
    legacy_events: bool = False
    """`sse`: verification and stream-updated go by the URIs of the draft of 2021."""
    tenant: str = ""
    """`ssf`: the opaque `tenant` member of every complex subject (SSF 1.0 §3.3); "" for none."""


PLAIN = Shape()


@value
class Stream:
    """One receiver's subscription, as it runs. Made by the admin (`[receivers.<name>]`), or by the receiver itself."""

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
    way: Way = "push"
    client: str = ""
    """The client of the API whose stream it is; "": the admin's alone."""
    by_api: bool = False
    """Whether its receiver made it: then where it is pushed to is a receiver's word, which the address guard doubts."""
    verified: bool = True
    """Whether events may be pushed there (`Subscription.verified`)."""
    shape: Shape = PLAIN
    selection: Selects | None = field(default=None, repr=False)
    """What its receiver added and removed; None: every subject."""


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
    """What streams are told, unsigned, the same for all: about whom, when and why (CAEP 1.0 §2). What happened is said
    by its kinds below; of this class itself there is none."""

    type: ClassVar[str]
    login: str
    namespace: str
    device_id: str
    """Of the vendor; "" where it is about no device."""
    at: int
    """Integer seconds: `event_timestamp`."""
    reason_admin: str
    """Never empty (CAEP interoperability profile §3)."""
    txn: str
    initiating_entity: Entity


@value
class ComplianceChange(Event):
    """A device came to be compliant, or is no longer (CAEP 1.0 §3.5)."""

    type: ClassVar[str] = DEVICE_COMPLIANCE_CHANGE
    previous: Status
    current: Status


@value
class SessionRevoked(Event):
    """The person's sessions ended; with a device, those on that device alone (CAEP 1.0 §3.1)."""

    type: ClassVar[str] = SESSION_REVOKED


@value
class CredentialChange(Event):
    """A credential of the person was made, changed or taken away (CAEP 1.0 §3.3). What is "" is not told."""

    type: ClassVar[str] = CREDENTIAL_CHANGE
    credential_type: str
    """`password`, `fido2-platform` …, or what both sides agreed on."""
    change_type: ChangeType
    friendly_name: str = ""
    x509_issuer: str = ""
    x509_serial: str = ""
    fido2_aaguid: str = ""


@value
class SignedSET:
    """An Event minted for one Stream: the compact JWS, never to be signed again."""

    jti: str
    iat: int
    kid: str
    text: str = field(repr=False)
