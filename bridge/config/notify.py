"""`[[notify]]` and `[alarms]`: where the operator's own channels are, and from when on something is worth a word."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bridge.config.kinds import Name, Percent, Seconds, Texts, url_fault
from bridge.config.secret import Secret
from bridge.config.section import Section

OccasionKind = Literal["guard", "recovery", "dead", "unwell", "well", "denied", "expiring", "drift", "stuck"]
OCCASIONS: Final[tuple[OccasionKind, ...]] = get_args(OccasionKind)
PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a signing secret (Standard Webhooks 1.0, "Signature scheme")."""


def signing_key(text: str) -> bytes:
    """The bytes of a `whsec_…` secret. Raises ValueError, which does not repeat it."""
    if not text.startswith(PREFIX):
        raise ValueError(f"must begin with {PREFIX} (Standard Webhooks)")
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"must be base64 after {PREFIX}") from None
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f"must hold {SHORTEST} to {LONGEST} bytes, base64 after {PREFIX}; this one holds {len(key)}")
    return key


def _secrets(value: object) -> object:
    """One secret, or a list of them while one is being replaced."""
    return value if isinstance(value, list | tuple) else [value]


def _signing(values: tuple[Secret, ...]) -> tuple[Secret, ...]:
    for number, value in enumerate(values, 1):
        try:
            signing_key(value.reveal())
        except ValueError as problem:
            raise ValueError(str(problem) if len(values) == 1 else f"number {number} {problem}") from None
    return values


def _target(value: Secret) -> Secret:
    fault = url_fault(value.reveal())
    if fault:
        raise ValueError(fault)
    return value


def _kinds(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if value not in OCCASIONS:
            raise ValueError(f"must hold occasions: {', '.join(OCCASIONS)}")
    return values


class Notify(Section):
    """A channel of the operator's own. Its URL may be a secret as a whole, as Slack's are: it is never shown."""

    secret_keys: ClassVar[frozenset[str]] = frozenset({"url", "secret"})

    kind: Literal["webhook", "slack"]
    name: Name
    """Filled in: the kind."""
    url: Annotated[Secret, AfterValidator(_target)]
    secret: Annotated[tuple[Secret, ...], BeforeValidator(_secrets), AfterValidator(_signing)] = ()
    """Each signs (`webhook` only)."""
    on: Annotated[Texts, AfterValidator(_kinds), Field(min_length=1)] = OCCASIONS
    min_interval: Annotated[Seconds, Field(ge=0)] = 900.0
    """Between two messages about the same occasion."""
    allow_device_names: bool = False

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        kind = given.get("kind")
        kind = kind.reveal() if isinstance(kind, Secret) else kind
        return {"name": kind if kind in ("webhook", "slack") else "unnamed", **given}

    @property
    def place(self) -> str:
        """Scheme, host and port of the URL: what may be shown of it."""
        parts = urlsplit(self.url.reveal())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class Alarms(Section):
    """From when on something is worth a word."""

    unwell_after: Annotated[Seconds, Field(ge=0)] = 600.0
    """A receiver that takes nothing for so long."""
    stuck_after: Annotated[Seconds, Field(ge=0)] = 60.0
    """A part of the bridge that fails for so long."""
    drift_percent: Percent = 2.0
    """Of a connector's devices, found changed without a webhook; fewer than three are never worth a word."""
    expires_within: Annotated[Seconds, Field(ge=0)] = 14 * 86400.0
    """A key, certificate or secret that ends so soon."""
