"""`[oauth]`: the clients of our API, and whose tokens they bring."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from bridge.config.kinds import Domains, Name, Names, Seconds, Text, Texts, Url
from bridge.config.receiver import Events
from bridge.config.secret import Secret
from bridge.config.section import Section
from bridge.config.streams import StreamTerms

IssuerProfile = Literal["rfc9068", "okta", "entra"]
LIFETIME: Final = 3600.0
"""Seconds that a token is good for, at most (CAEP Interoperability Profile §2.7.1)."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")


def _several(value: object) -> object:
    """One secret, or a list of them while one is being replaced."""
    return value if isinstance(value, list | tuple) else [value]


def _secrets(values: tuple[Secret, ...]) -> tuple[Secret, ...]:
    for value in values:
        value.require(_printable)
    return values


def _tokens(values: tuple[Secret, ...]) -> tuple[Secret, ...]:
    for value in values:
        value.require(_token_check)
    return values


def _printable(text: str) -> None:
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be one line of printable text that neither begins nor ends with a space")


def _token_check(text: str) -> None:
    if not _TOKEN.match(text):
        raise ValueError("must be letters, digits and . _ ~ + / - alone, as a Bearer header carries it (RFC 6750 §2.1)")


Several = Annotated[tuple[Secret, ...], BeforeValidator(_several), Field(min_length=1)]


class Client(StreamTerms):
    """`[oauth.clients.<name>]`: a receiver that uses our API, and makes its own streams there.

    With `secret`, `public_key` or `jwks_uri` it asks our token endpoint for a token, with `token` it brings that one;
    without any of them it brings a token of `[oauth.issuer]`.
    """

    secret_keys: ClassVar[frozenset[str]] = frozenset({"secret", "token", "public_key"})

    secret: Annotated[Several, AfterValidator(_secrets)] | None = None
    token: Annotated[Several, AfterValidator(_tokens)] | None = None
    """Static, for receivers that can do no better."""
    public_key: Secret | None = None
    """PEM, JWK or JWK set (`private_key_jwt`); public, and a `Secret` so that its file is followed."""
    jwks_uri: Url | None = None
    client_id: Text | None = None
    """None: the table's name (`OAuth.client_id`)."""
    scopes: Annotated[Texts, Field(min_length=1)] = ("ssf.read", "ssf.manage")
    audience: Text
    connectors: Names | None = None
    domains: Domains | None = None
    events: Events | None = None

    @property
    def asks_for_tokens(self) -> bool:
        """Whether our token endpoint knows it."""
        return bool(self.secret) or self.signs

    @property
    def signs(self) -> bool:
        """Whether it proves itself by `private_key_jwt`."""
        return self.public_key is not None or self.jwks_uri is not None

    @property
    def is_external(self) -> bool:
        """Whether it brings tokens of `[oauth.issuer]`: it has nothing of its own to prove itself with."""
        return not self.asks_for_tokens and not self.token


class Issuer(Section):
    """`[oauth.issuer]`: an authorization server of somebody else, whose tokens are good here."""

    profile: IssuerProfile = "rfc9068"
    """How its tokens look."""
    issuer: Url
    audience: Text
    """`aud` of its tokens for us."""
    jwks_uri: Url | None = None
    """None: as its metadata says (RFC 8414, OpenID Connect Discovery)."""


class OAuth(Section):
    token_lifetime: Annotated[Seconds, Field(ge=60, le=LIFETIME)] = LIFETIME
    """Of our own tokens."""
    issuer: Issuer | None = None
    clients: dict[Name, Client] = Field(default_factory=dict)

    def client_id(self, name: str) -> str:
        """How the client calls itself."""
        return self.clients[name].client_id or name
