"""Who calls, what they may, and how a call is refused (RFC 6750 §3). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from bridge.errors import Refused

READ: Final = "ssf.read"
MANAGE: Final = "ssf.manage"
SCOPES: Final = (READ, MANAGE)
"""CAEP Interoperability Profile §2.7: the two that there are."""

READS: Final = (READ, MANAGE)
"""What lets read a stream's configuration and status, and poll: either of them."""
MANAGES: Final = (MANAGE,)
"""What all other operations need."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")
LONGEST: Final = 16_384
"""Characters of a token, at most."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A proved client: its name in `[oauth.clients]`, and the scopes that its token and its table both grant."""

    client: str
    scopes: frozenset[str]


class BearerRefused(Refused):
    """A call without a token that is good for it.

    `code` is that of RFC 6750 §3.1, and "" where no credentials came; `scope` names what would do, for 403 only.
    """

    def __init__(self, status: int, code: str = "", description: str = "", scope: str = "") -> None:
        super().__init__(description or "no access token came with the request")
        self.status = status
        self.code = code
        self.description = description
        self.scope = scope

    def challenge(self, resource_metadata: str) -> str:
        """`WWW-Authenticate` (RFC 6750 §3), with where the resource describes itself (RFC 9728 §5.1)."""
        named = {
            "realm": "ssf",
            "error": self.code,
            "error_description": self.description,
            "scope": self.scope,
            "resource_metadata": resource_metadata,
        }
        return "Bearer " + ", ".join(f'{name}="{text}"' for name, text in named.items() if text)


def invalid_token(description: str) -> BearerRefused:
    """401: malformed, expired, foreign, revoked, or not an access token at all. ASCII without quotes."""
    return BearerRefused(401, "invalid_token", description)


def presented(authorization: Sequence[str], query: str) -> str:
    """The token of a request, by the values of its Authorization headers and its query string. Raises BearerRefused.

    Only the header carries one (RFC 6750 §2.1; CAEP Interoperability Profile §2.7.3 forbids the query).
    """
    if any(name == "access_token" for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise BearerRefused(
            400, "invalid_request", "a token in the query is not accepted: use the Authorization header"
        )
    if len(authorization) > 1:
        raise BearerRefused(400, "invalid_request", "there is more than one Authorization header")
    scheme, _, token = (authorization[0] if authorization else "").strip().partition(" ")
    if scheme.lower() != "bearer":
        raise BearerRefused(401)
    token = token.strip()
    if len(token) > LONGEST or not _TOKEN.match(token):
        raise invalid_token("the token is malformed")
    return token


def require(caller: Caller, accepted: Iterable[str]) -> None:
    """403 unless the caller has one of the scopes, such as `READS` or `MANAGES`."""
    wanted = tuple(accepted)
    if caller.scopes.isdisjoint(wanted):
        raise BearerRefused(403, "insufficient_scope", "the token does not grant this", wanted[0])
