"""The routes of OAuth: the token endpoint, the keys of tokens, and the documents by which clients find both.

Errors of the token endpoint are those of RFC 6749 §5.2. Without clients none of the routes exists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

import orjson
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bridge.errors import TooLarge, TooMany, Unavailable
from bridge.oauth import metadata
from bridge.ssf import discovery
from bridge.web.body import read
from bridge.web.linger import BODY_HERE, LingeringResponse
from bridge.web.source import UNKNOWN, Source
from bridge.web.wellknown import KEYS_AGE, METADATA_AGE, document

LARGEST: Final = 32_768
"""Bytes of a request for a token, at most."""
SECONDS: Final = 10.0
"""How long its body may take."""
_NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}
_NOBODY: Final = "-"


class Tokens(Protocol):
    async def __call__(
        self, content_type: str, authorization: Sequence[str], query: str, body: bytes, source: str
    ) -> Mapping[str, Any]:
        """The answer of RFC 6749 §5.1; `source` is where the request comes from, "" if nobody knows.

        Raises OAuth2Error, TooMany where too many secrets were tried, or Unavailable if nobody can say now.
        """

    def refused(self, name: str, refused: OAuth2Error) -> None:
        """Hears of what the door itself refused; `name` is the client's, or "-"."""


@dataclass(frozen=True, slots=True)
class OAuthPorts:
    """`tokens` and `jwks` are None where no client asks us for tokens: all bring static ones, or another issuer's.

    `servers`: the authorization servers whose tokens are good here.
    """

    issuer: str
    servers: Sequence[str]
    tokens: Tokens | None
    jwks: Callable[[], Mapping[str, Any]] | None
    source: Source = lambda scope: UNKNOWN


def routes(ports: OAuthPorts) -> list[Route]:
    """All paths of the documents and the token endpoint; each also below the issuer's own path, which a proxy in front
    may or may not strip."""
    issuer = ports.issuer
    resource = metadata.protected_resource(issuer, ports.servers)
    found = document(discovery.well_known(issuer, metadata.RESOURCE), lambda: resource, METADATA_AGE)
    if ports.tokens is None or ports.jwks is None:
        return found
    server = metadata.authorization_server(issuer)
    return [
        *found,
        *document(discovery.well_known(issuer, metadata.SERVER), lambda: server, METADATA_AGE),
        *document(below(issuer, metadata.KEYS_PATH), ports.jwks, KEYS_AGE),
        *(Route(path, TokenDoor(ports.tokens, ports.source)) for path in below(issuer, metadata.TOKEN_PATH)),
    ]


def below(issuer: str, path: str) -> tuple[str, ...]:
    prefix = _prefix(issuer)
    return (path, prefix + path) if prefix else (path,)


def _prefix(issuer: str) -> str:
    return unquote(urlsplit(issuer).path).rstrip("/")


class TokenDoor:
    """`POST /oauth/token`, as an ASGI application, so that every method and every body gets an answer of OAuth's."""

    def __init__(self, tokens: Tokens, source: Source) -> None:
        self._tokens = tokens
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(scope, receive)
        except ConnectionError:
            return
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        if scope["method"] != "POST":
            refused = InvalidRequestError("only POST is served", status_code=405)
            return self._refusal(scope, refused, {"allow": "POST"})
        body = await _body(scope, receive)
        if isinstance(body, OAuth2Error):
            return self._refusal(scope, body)
        headers, query = Headers(scope=scope), scope["query_string"].decode("latin-1")
        try:
            answer = await self._tokens(
                headers.get("content-type", ""), headers.getlist("authorization"), query, body, self._source(scope)
            )  # fmt: skip
        except OAuth2Error as refused:
            return _error(refused)
        except TooMany as problem:
            return _error(_limited(str(problem)), {"retry-after": str(problem.retry_after)})
        except Unavailable as problem:
            return _error(_later(), {"retry-after": str(max(1, problem.retry_after))})
        return Response(orjson.dumps(answer), 200, _NO_STORE, "application/json")

    def _refusal(self, scope: Scope, refused: OAuth2Error, more: Mapping[str, str] | None = None) -> Response:
        """What the door refuses by itself, before the body is read to its end."""
        self._tokens.refused(_NOBODY, refused)
        response = _error(refused, more)
        return response if scope.get(BODY_HERE) else LingeringResponse(response)


async def _body(scope: Scope, receive: Receive) -> bytes | OAuth2Error:
    """The whole body, or what is wrong with it. Raises ConnectionError if the client went away."""
    try:
        async with asyncio.timeout(SECONDS):
            return await read(scope, receive, LARGEST)
    except TooLarge:
        return InvalidRequestError(f"the body is larger than {LARGEST} bytes", status_code=413)
    except TimeoutError:
        return InvalidRequestError("the body did not arrive in time", status_code=408)


def _later() -> OAuth2Error:
    return OAuth2Error("try again later", error="temporarily_unavailable", status_code=503)


def _limited(why: str) -> OAuth2Error:
    return OAuth2Error(why, error="temporarily_unavailable", status_code=429)


def _error(refused: OAuth2Error, more: Mapping[str, str] | None = None) -> Response:
    """RFC 6749 §5.2."""
    headers = dict(_NO_STORE) | dict(more or {})
    if refused.status_code == 401:
        headers["www-authenticate"] = 'Basic realm="oauth", charset="UTF-8"'
    body = {"error": refused.error, "error_description": refused.get_error_description()}
    return Response(orjson.dumps(body), refused.status_code, headers, "application/json")
