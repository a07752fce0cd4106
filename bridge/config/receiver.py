"""`[receivers.<name>]`: who is told, by the admin's word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from bridge.config.kinds import Domains, Name, Names, Text, Texts, Url, url_fault
from bridge.config.secret import Secret
from bridge.config.shape import Shaped
from bridge.model import ProfileName

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SHORT_NAMES = (
    "session-revoked",
    "token-claims-change",
    "credential-change",
    "assurance-level-change",
    "device-compliance-change",
    "session-established",
    "session-presented",
    "risk-level-change",
)
OKTA_PATH = "/security/api/v1/security-events"


def _events(values: tuple[str, ...]) -> tuple[str, ...]:
    """Short names become URIs (CAEP 1.0 §3)."""
    return tuple(_event(value) for value in values)


def _event(value: str) -> str:
    if value in SHORT_NAMES:
        return CAEP + value
    if urlsplit(value).scheme in {"https", "http", "urn"}:
        return value
    raise ValueError(f"must hold URIs or short names: {', '.join(SHORT_NAMES)}")


def _header(value: Secret) -> Secret:
    value.require(_header_check)
    return value


def _header_check(text: str) -> None:
    if any(ord(letter) < 32 or ord(letter) > 126 for letter in text):
        raise ValueError("must be one line of printable ASCII, as it is sent")


Events = Annotated[Texts, AfterValidator(_events)]


class Receiver(Shaped):
    """A stream that the admin makes."""

    secret_keys: ClassVar[frozenset[str]] = frozenset({"authorization_header", "api_token", "api_private_key"})

    profile: ProfileName
    audience: Text
    endpoint_url: Url | None = None
    """Where SETs are pushed; filled in for okta. None only where the receiver polls."""
    delivery: Literal["push", "poll"] = "push"
    client: Name | None = None
    authorization_header: Annotated[Secret, AfterValidator(_header)] | None = None
    events: Events | None = Field(default=None, min_length=1)
    """Event type URIs; None is all that the profile accepts."""
    connectors: Names | None = None
    domains: Domains | None = None
    enabled: bool = True
    dry_run: bool = False
    send_sub_id: bool | None = None
    """Whether the top-level `sub_id` travels along; None: as the profile has it."""
    api_url: Url | None = None
    """Where the receiver's management API is asked; None: the origin of the audience."""
    api_token: Annotated[Secret, AfterValidator(_header)] | None = None
    """A read-only token for it; or a service app's `api_client_id` and `api_private_key` (PEM)."""
    api_client_id: Text | None = None
    api_private_key: Secret | None = None
    api_key_id: Text | None = None

    @property
    def has_api(self) -> bool:
        """Whether the receiver can be asked whom it knows, and what it saw."""
        return self.api_token is not None or self.api_client_id is not None

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        filled = dict(given)
        okta = str(filled.get("profile")) == "okta"
        audience = filled.get("audience")
        if okta and filled.get("delivery", "push") == "push" and isinstance(audience, str | Secret):
            base = audience.reveal() if isinstance(audience, Secret) else audience
            if not url_fault(base):
                filled.setdefault("endpoint_url", base.rstrip("/") + OKTA_PATH)
        return filled
