"""/.well-known: the transmitter's metadata and its keys, for anyone, under any Host, with caching headers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.ssf import discovery

METADATA_AGE: Final = 3600
"""Seconds that the metadata may be cached."""

KEYS_AGE: Final = 900
"""Seconds that the keys may be cached, at most: how long a withdrawn key is still believed."""
KEYS_PART: Final = 4
"""The keys may be cached for this part of the time that a next key is published before it signs."""

Document = Callable[[], Mapping[str, Any]]


def keys_age(publish_for: float) -> int:
    """Whole seconds that the keys may be cached: who keeps to it has the next key long before it signs."""
    return int(min(KEYS_AGE, publish_for / KEYS_PART))


def routes(
    issuer: str, jwks: Document, age: int = KEYS_AGE, api: discovery.Api | None = None
) -> list[Route]:  # fmt: skip
    """All paths of the three documents. `jwks` is asked at each request, so a rotation shows at once. `api`: what may
    be told of stream management, if anybody may."""
    about = discovery.metadata(issuer, api)

    def metadata() -> Mapping[str, Any]:
        return about

    return [
        *document(discovery.paths(issuer, "ssf-configuration"), metadata, METADATA_AGE),
        *document(discovery.paths(issuer, "sse-configuration"), metadata, METADATA_AGE),
        *document(discovery.paths(issuer, "jwks.json"), jwks, age),
    ]


def document(paths: tuple[str, ...], content: Document, max_age: int) -> list[Route]:
    """A public document at several paths, with an entity tag (RFC 9110 §8.8.3). `content` is asked at each request."""

    async def endpoint(request: Request) -> Response:
        body = orjson.dumps(content())
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {
            "cache-control": f"public, max-age={max_age}",
            "etag": tag,
            "x-content-type-options": "nosniff",
        }
        if _matches(request.headers.getlist("if-none-match"), tag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/json")

    return [Route(path, endpoint, methods=["GET"]) for path in paths]


def _matches(conditions: list[str], tag: str) -> bool:
    """RFC 9110 §13.1.2, by weak comparison."""
    tags = [one.strip().removeprefix("W/") for condition in conditions for one in condition.split(",")]
    return "*" in tags or tag in tags
