"""What receivers find out about us: the transmitter's metadata and where it stands (SSF 1.0 §7)."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from bridge.value import value

Document = Literal["ssf-configuration", "sse-configuration", "jwks.json"]

DefaultSubjects = Literal["ALL", "NONE"]

PUSH = "urn:ietf:rfc:8935"
POLL = "urn:ietf:rfc:8936"
OAUTH = "urn:ietf:rfc:6749"
BEARER = "urn:ietf:rfc:6750"
ENDPOINTS = {
    "configuration_endpoint": "/ssf/streams",
    "status_endpoint": "/ssf/status",
    "add_subject_endpoint": "/ssf/subjects/add",
    "remove_subject_endpoint": "/ssf/subjects/remove",
    "verification_endpoint": "/ssf/verify",
}


@value
class Api:
    """What is told of the stream management API."""

    default_subjects: DefaultSubjects = "ALL"
    """Whom a new stream is about, with most clients."""
    bearer: bool = False
    """Whether some client brings a token that it was given by hand (RFC 6750 alone, without RFC 6749)."""


def metadata(issuer: str, api: Api | None = None) -> dict[str, Any]:
    """The transmitter configuration metadata (SSF 1.0 §7.1); `issuer` is kept to the letter.

    It names only what works. Without `api` nobody may make streams, so there are no endpoints for it, no polling, and
    no `default_subjects`: that tells which subjects a stream that a receiver makes starts with.
    """
    about = {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": jwks_uri(issuer),
        "delivery_methods_supported": [PUSH],
    }
    if api is None:
        return about
    base = issuer.rstrip("/")
    return {
        **about,
        "delivery_methods_supported": [PUSH, POLL],
        **{name: f"{base}{path}" for name, path in ENDPOINTS.items()},
        "authorization_schemes": [{"spec_urn": urn} for urn in (OAUTH, *((BEARER,) if api.bearer else ()))],
        "default_subjects": api.default_subjects,
    }


def jwks_uri(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/.well-known/jwks.json"


def paths(issuer: str, document: Document) -> tuple[str, ...]:
    """Every path, decoded, at which `document` is served.

    The bare path, and for an issuer with a path also the well-known name inserted before it (SSF 1.0 §7.2.1) and
    appended to it: a proxy in front may or may not strip the issuer's path. Of one that ends with / the inserted form
    has that / as well: SSF drops it, RFC 9728 §3.1 does not, and not every client minds.
    """
    return well_known(issuer, document)


def well_known(issuer: str, name: str) -> tuple[str, ...]:
    """As `paths`, for a document of any name."""
    bare, path = f"/.well-known/{name}", unquote(urlsplit(issuer).path)
    prefix = path.rstrip("/")
    ends = [f"{bare}{prefix}/"] if path.endswith("/") else []
    return tuple(dict.fromkeys([bare, f"{bare}{prefix}", f"{prefix}{bare}", *ends]))
