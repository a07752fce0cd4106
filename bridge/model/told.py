"""Who is told, of what, and in which shape it is signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal, Protocol

from bridge.model.subscription import Way
from bridge.model.vendor import Status
from bridge.value import value

DEVICE_COMPLIANCE_CHANGE = "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change"

ProfileName = Literal["ssf", "okta", "sse"]
SubjectForm = Literal["device", "user"]
Aggregate = Literal["user", "device"]


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
