"""Access tokens of somebody else's authorization server, as `[oauth.issuer] profile` says that they look. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.oauth.jwt import BadJwt, in_force, is_for, opened
from bridge.oauth.keyset import KeySet

LEEWAY: Final = 60.0
"""Seconds that the other clock may be off."""


@dataclass(frozen=True, slots=True)
class Profile:
    """`types`: accepted `typ`, "" for none. `clients`, `scopes`: the claims that name them, the first that is there
    counts. `discovery`: where the metadata stands below the issuer, best first."""

    types: tuple[str, ...]
    algorithms: tuple[str, ...]
    clients: tuple[str, ...]
    scopes: tuple[str, ...]
    discovery: tuple[str, ...]


RFC8414: Final = "oauth-authorization-server"
OIDC: Final = "openid-configuration"

PROFILES: Final[Mapping[str, Profile]] = {
    "rfc9068": Profile(("at+jwt",), ("RS256", "PS256", "ES256"), ("client_id",), ("scope",), (RFC8414, OIDC)),
    "okta": Profile(("", "jwt", "at+jwt"), ("RS256",), ("cid",), ("scp",), (OIDC, RFC8414)),
    "entra": Profile(("jwt", "at+jwt"), ("RS256",), ("azp", "appid"), ("roles", "scp"), (OIDC,)),
}
"""Okta's custom authorization servers and Microsoft Entra follow RFC 9068 in neither `typ` nor the names of claims."""


@dataclass(frozen=True, slots=True)
class Expected:
    issuer: str
    audience: str
    profile: Profile


@dataclass(frozen=True, slots=True)
class Foreign:
    client_id: str
    scopes: frozenset[str]


def read(text: str, keys: KeySet, expected: Expected, now: float) -> Foreign:
    """What the token grants. Raises BadJwt: no token of this issuer, not for us, expired, or names no client."""
    profile = expected.profile
    claims = opened(text, keys, profile.algorithms, profile.types)
    in_force(claims, now, LEEWAY)
    if claims.get("iss") != expected.issuer:
        raise BadJwt("the token is of another issuer")
    if not is_for(claims, (expected.audience,)):
        raise BadJwt("the token is for somebody else")
    client_id = _first(claims, profile.clients)
    if not isinstance(client_id, str) or not client_id:
        raise BadJwt("the token names no client")
    return Foreign(client_id, _scopes(_first(claims, profile.scopes)))


def _first(claims: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((claims[name] for name in names if claims.get(name)), None)


def _scopes(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list):
        return frozenset(one for one in value if isinstance(one, str))
    return frozenset()


def metadata_urls(issuer: str, profile: Profile) -> list[str]:
    """Where the issuer's metadata may stand: inserted before its path (RFC 8414 §3.1), appended to it (OpenID Connect
    Discovery §4, and as many place the other document too)."""
    scheme, _, rest = issuer.rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    urls = []
    for document in profile.discovery:
        inserted = f"{scheme}://{host}/.well-known/{document}{slash}{path}"
        appended = f"{issuer.rstrip('/')}/.well-known/{document}"
        urls += [inserted, appended] if document == RFC8414 else [appended]
    return list(dict.fromkeys(urls))
