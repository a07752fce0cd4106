"""One request to the routes of SSF: the route, who calls, what they may, then the body, then the answer.

An ASGI application. Nothing of a body is read before it is known who calls (SSF 1.0 §7.1.1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bridge.oauth.caller import BearerRefused, require
from bridge.ssf.configuration import Unacceptable
from bridge.text import unfit_member
from bridge.web.bearer import Bearer
from bridge.web.body import is_utf8, length, read, too_large
from bridge.web.linger import BODY_HERE, LingeringResponse
from bridge.web.ssf import errors

BODY_SECONDS: Final = 30.0
"""How long a body may take to come."""
LIMIT: Final = 256 << 10
"""Bytes of a body, at most, unless the route says otherwise."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for, once it is known who calls. `gone` returns when the caller hung up."""

    client: str
    query: QueryParams
    path: str
    """What follows the route's own path: the stream's id of a poll, else ""."""
    body: Mapping[str, Any]
    gone: Callable[[], Awaitable[None]]

    @property
    def stream_id(self) -> str:
        """Of the query. Raises Unacceptable."""
        found = self.query.getlist("stream_id")
        if len(found) != 1 or not found[0]:
            raise Unacceptable("stream_id", "must stand once in the query")
        return found[0]


@dataclass(frozen=True, slots=True)
class Operation:
    """`scopes`: one of them is needed. `limit`: bytes of its body; 0 where it has none."""

    scopes: Sequence[str]
    run: Callable[[Asked], Awaitable[Response]]
    limit: int = LIMIT


Operations = Mapping[str, Mapping[str, Operation]]
"""path below the issuer → method → what is done. A path that ends with / takes one more segment."""


class SsfDoor:
    """`prefixes` are the paths below which the routes stand: "", and the issuer's own."""

    def __init__(self, bearer: Bearer, operations: Operations, prefixes: Iterable[str] = ("",)) -> None:
        self._bearer = bearer
        self._operations = operations
        self._prefixes = tuple(prefixes)

    def takes(self, path: str) -> bool:
        """Whether this path, decoded, is below one of the prefixes and begins as a route does."""
        return any(path.startswith(f"{prefix}/ssf/") for prefix in self._prefixes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answered(scope, receive)
        except BearerRefused as refused:
            response = self._bearer.answer(refused, scope)
        except ConnectionError:
            return
        except Exception as error:
            response = errors.answer(error)
            if not scope.get(BODY_HERE):
                response = LingeringResponse(response)
        await response(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive) -> Response:
        methods, rest = self._route(scope["path"])
        caller = await self._bearer.caller(scope)
        operation = methods.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if operation is None:
            raise HTTPException(405, "this route does not take the method", {"allow": _allowed(methods)})
        require(caller, operation.scopes)
        query = QueryParams(scope["query_string"])
        body = await _object(scope, receive, operation.limit) if operation.limit else {}
        return await operation.run(Asked(caller.client, query, rest, body, _hung_up(receive)))

    def _route(self, path: str) -> tuple[Mapping[str, Operation], str]:
        for prefix in self._prefixes:
            below = path.removeprefix(prefix) if path.startswith(f"{prefix}/") else ""
            if below in self._operations and not below.endswith("/"):
                return self._operations[below], ""
            parent, _, rest = below.rpartition("/")
            if rest and f"{parent}/" in self._operations:
                return self._operations[f"{parent}/"], rest
        raise HTTPException(404, "there is nothing here")


def _allowed(methods: Iterable[str]) -> str:
    """RFC 9110 §10.2.1. HEAD goes wherever GET does (§9.3.2); the server sends no body then."""
    return ", ".join(sorted({*methods, *(("HEAD",) if "GET" in methods else ())}))


async def _object(scope: Scope, receive: Receive, limit: int) -> Mapping[str, Any]:
    """The JSON object of the body. No body at all is an empty one."""
    headers = Headers(scope=scope)
    if length(headers.get("content-length", "")) > limit:
        raise too_large(limit)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await read(scope, receive, limit)
    except TimeoutError:
        raise HTTPException(408, "the body did not arrive in time", {"connection": "close"}) from None
    if raw:
        _check_type(headers)
    try:
        found = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        raise Unacceptable("", "the body is not JSON") from None
    if not isinstance(found, dict):
        raise Unacceptable("", "the body must be a JSON object")
    if b"\\u0000" in raw and (member := unfit_member(found)) is not None:
        raise Unacceptable(member, "must not hold U+0000, also not in what nobody reads")
    return found


def _check_type(headers: Headers) -> None:
    """RFC 9110 §15.5.16. Without a type it is taken for JSON, as some examples of SSF have none."""
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    coded = headers.get("content-encoding", "identity").lower() != "identity"
    if media_type.strip().lower() not in ("", "application/json") or not is_utf8(parameters) or coded:
        raise HTTPException(415, "this route takes application/json in UTF-8, without content coding")


def _hung_up(receive: Receive) -> Callable[[], Awaitable[None]]:
    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    return gone
