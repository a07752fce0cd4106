"""What clients find out about us: the authorization server and the protected resource (RFC 8414, RFC 9728). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from bridge.oauth.caller import SCOPES
from bridge.oauth.keyset import ALGORITHMS

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105  a path
KEYS_PATH: Final = "/oauth/jwks.json"
SERVER: Final = "oauth-authorization-server"
RESOURCE: Final = "oauth-protected-resource"
METHODS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt")


def token_endpoint(issuer: str) -> str:
    return issuer.rstrip("/") + TOKEN_PATH


def authorization_server(issuer: str) -> dict[str, Any]:
    """RFC 8414 §2. `response_types_supported` must be there and has nothing to hold: nobody logs in here."""
    return {
        "issuer": issuer,
        "token_endpoint": token_endpoint(issuer),
        "jwks_uri": issuer.rstrip("/") + KEYS_PATH,
        "scopes_supported": list(SCOPES),
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": list(METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
    }


def protected_resource(issuer: str, servers: Sequence[str]) -> dict[str, Any]:
    """RFC 9728 §2. `servers`: the authorization servers whose tokens are good here; none if all are static."""
    document: dict[str, Any] = {
        "resource": issuer,
        "scopes_supported": list(SCOPES),
        "bearer_methods_supported": ["header"],
    }
    return document | ({"authorization_servers": list(servers)} if servers else {})


def resource_metadata(issuer: str) -> str:
    """The URL of the protected resource's document: its name inserted before the issuer's path, of which only a / that
    is all of it goes (RFC 9728 §3.1)."""
    parts = urlsplit(issuer)
    path = "" if parts.path == "/" else parts.path
    return f"{parts.scheme}://{parts.netloc}/.well-known/{RESOURCE}{path}"
