"""`[oauth.clients.<name>]`: receivers that make their own streams through the SSF API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from bridge.config.kinds import Domains, Name, Names, Seconds, Text, Texts, Whole
from bridge.config.receiver import Events
from bridge.config.secret import Secret
from bridge.config.section import Section
from bridge.model import Aggregate, SubjectForm


class Client(Section):
    """A receiver that makes its own streams through the SSF API."""

    secret_keys: ClassVar[frozenset[str]] = frozenset({"secret"})

    secret: Secret
    scopes: Annotated[Texts, Field(min_length=1)] = ("ssf.read", "ssf.manage")
    audience: Text
    connectors: Names | None = None
    domains: Domains | None = None
    events: Events | None = None
    profile: Literal["ssf", "sse"] = "ssf"
    subject: SubjectForm = "device"
    aggregate: Aggregate = "device"
    """Filled in: `user` where the subject is a user."""
    default_subjects: Literal["ALL", "NONE"] = "ALL"
    """Whom a new stream is about before its receiver adds or removes anybody (SSF 1.0 §7.1)."""
    max_streams: Annotated[Whole, Field(ge=1, le=10_000)] = 100
    verify: bool = True
    """Whether a push stream gets events only after a verification was accepted there."""
    min_verification_interval: Annotated[Seconds, Field(ge=0, le=3600)] = 10.0
    inactivity_timeout: Annotated[Seconds, Field(ge=60)] | None = None
    """A stream that its receiver has not used for so long is paused (SSF 1.0 §8.1.1)."""

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("subject") == "user":
            return {"aggregate": "user", **given}
        return given


class OAuth(Section):
    clients: dict[Name, Client] = Field(default_factory=dict)
