"""`[oauth.clients.<name>]`: receivers that make their own streams through the SSF API."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bridge.config.kinds import Domains, Name, Names, Text, Texts
from bridge.config.receiver import Events
from bridge.config.secret import Secret
from bridge.config.section import Section
from bridge.config.shape import Shaped


class Client(Shaped):
    """A receiver that makes its own streams through the SSF API."""

    secret_keys: ClassVar[frozenset[str]] = frozenset({"secret"})

    secret: Secret
    scopes: Annotated[Texts, Field(min_length=1)] = ("ssf.read", "ssf.manage")
    audience: Text
    profile: Literal["ssf", "sse"] = "ssf"
    connectors: Names | None = None
    domains: Domains | None = None
    events: Events | None = None


class OAuth(Section):
    clients: dict[Name, Client] = Field(default_factory=dict)
