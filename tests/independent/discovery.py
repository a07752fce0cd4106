"""Discovery: the transmitter's metadata, and where tokens for it are had (SSF 1.0 §7; RFC 9728; RFC 8414)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2 as httpx
from joserfc.jwk import RSAKey

from tests.independent import keys


def well_known(issuer: str, name: str) -> str:
    """The well-known string stands between host and path (SSF §7.2.1, RFC 8414 §3.1, RFC 9728 §3.1)."""
    parts = urlsplit(issuer)
    return urlunsplit((parts.scheme, parts.netloc, f"/.well-known/{name}{parts.path.rstrip('/')}", "", ""))


@dataclass(frozen=True)
class Discovered:
    """The three documents, and the keys of SETs by `kid`."""

    issuer: str
    metadata: dict[str, Any]
    resource: dict[str, Any]
    server: dict[str, Any]
    set_keys: dict[str, RSAKey]

    @property
    def token_endpoint(self) -> str:
        return str(self.server["token_endpoint"])


async def discover(http: httpx.AsyncClient, issuer: str) -> Discovered:
    metadata = await document(http, well_known(issuer, "ssf-configuration"))
    assert metadata["issuer"] == issuer, metadata
    resource = await document(http, well_known(issuer, "oauth-protected-resource"))
    server = await document(http, well_known(resource["authorization_servers"][0], "oauth-authorization-server"))
    assert server["issuer"] == resource["authorization_servers"][0], server
    return Discovered(issuer, metadata, resource, server, keys.read(await document(http, metadata["jwks_uri"])))


async def document(http: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """A JSON object that anybody may read."""
    answer = await http.get(url)
    assert answer.status_code == 200, (url, answer.status_code, answer.text)
    assert media_type(answer) in ("application/json", "application/jwk-set+json"), (url, answer.headers)
    found = answer.json()
    assert isinstance(found, dict)
    return found


def media_type(answer: httpx.Response) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()
