"""Who calls the routes of SSF: asked by the headers alone, before anything of a body is read (RFC 6750)."""

from __future__ import annotations

from typing import Protocol

import orjson
from starlette.responses import Response
from starlette.types import Scope

from bridge.oauth.caller import BearerRefused, Caller, presented
from bridge.web.linger import BODY_HERE, LingeringResponse
from bridge.web.source import UNKNOWN, Source


class Proves(Protocol):
    async def __call__(self, token: str, source: str, /) -> Caller:
        """Whose token this is; `source` is where it comes from, "" if nobody knows.

        Raises BearerRefused for one that is good for nobody, TooMany where too many were tried, Unavailable if nobody
        can say.
        """

    def refused(self, refused: BearerRefused) -> None:
        """Hears of every refusal, to count it."""


class Bearer:
    """`resource_metadata` is the URL of our RFC 9728 document. `source` tells where a request comes from."""

    def __init__(self, proves: Proves, resource_metadata: str, source: Source = lambda scope: UNKNOWN) -> None:
        self._proves = proves
        self._resource_metadata = resource_metadata
        self._source = source

    async def caller(self, scope: Scope) -> Caller:
        """Who calls. Reads nothing but headers and query. Raises BearerRefused, which `answer` makes a response, and
        TooMany."""
        headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        return await self._proves(presented(headers, scope["query_string"].decode("latin-1")), self._source(scope))

    def answer(self, refused: BearerRefused, scope: Scope) -> Response:
        """RFC 6750 §3. Without credentials there is no error code, and no body (§3.1)."""
        self._proves.refused(refused)
        headers = {
            "www-authenticate": refused.challenge(self._resource_metadata),
            "cache-control": "no-store",
        }
        body = orjson.dumps({"error": refused.code, "error_description": refused.description}) if refused.code else b""
        kind = "application/json" if refused.code else None
        response = Response(body, refused.status, headers, kind)
        return response if scope.get(BODY_HERE) else LingeringResponse(response)
