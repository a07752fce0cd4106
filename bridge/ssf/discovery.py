"""What receivers find out about us: the transmitter's metadata and where it stands (SSF 1.0 §7)."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import unquote, urlsplit

Document = Literal["ssf-configuration", "sse-configuration", "jwks.json"]

PUSH = "urn:ietf:rfc:8935"


def metadata(issuer: str) -> dict[str, Any]:
    """The transmitter configuration metadata (SSF 1.0 §7.1); `issuer` is kept to the letter.

    It names only what works. There is no stream management yet, so its endpoints, `authorization_schemes` and
    `default_subjects` are left out: the last tells which subjects a stream *that a receiver makes* starts with,
    and what it may then remove; absent means unspecified. A list without members must be left out (§7.2.3).
    """
    return {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": jwks_uri(issuer),
        "delivery_methods_supported": [PUSH],
    }


def jwks_uri(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/.well-known/jwks.json"


def paths(issuer: str, document: Document) -> tuple[str, ...]:
    """Every path, decoded, at which `document` is served.

    The bare path, and for an issuer with a path also the well-known name inserted before it (SSF 1.0 §7.2.1) and
    appended to it: a proxy in front may or may not strip the issuer's path.
    """
    bare = f"/.well-known/{document}"
    prefix = unquote(urlsplit(issuer).path).rstrip("/")
    return (bare, f"{bare}{prefix}", f"{prefix}{bare}") if prefix else (bare,)
