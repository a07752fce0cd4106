"""The only place where an exception becomes a response: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from bridge.errors import BridgeError, Conflict, Misfit, NotFound, StoreProblem, TooLarge, Unauthenticated, Unavailable
from bridge.web.linger import LingeringResponse

MEDIA_TYPE = "application/problem+json"

_UNPROVED = "the request does not prove where it comes from"

_log = structlog.get_logger("bridge.web")


def problem(
    status: int,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """RFC 9457 §3.1. `type` is `about:blank`: the status says all there is, and `title` is its phrase (§4.2.1)."""
    body: dict[str, Any] = {"type": "about:blank", "title": http.HTTPStatus(status).phrase, "status": status}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = errors
    return Response(orjson.dumps(body), status, {"cache-control": "no-store", **(headers or {})}, MEDIA_TYPE)


def answer(error: Exception) -> Response | None:
    """The response that an exception of a known kind becomes; None for one that nobody expected."""
    match error:
        case Unauthenticated():
            return problem(401, _UNPROVED, headers={"www-authenticate": "Signature"})
        case Misfit():
            return problem(400, str(error), errors=[{"path": error.path, "message": error.message}])
        case TooLarge():
            return LingeringResponse(problem(413, str(error)))
        case NotFound():
            return problem(404, "there is nothing here")
        case Conflict():
            return problem(409, str(error))
        case Unavailable():
            return problem(503, "try again later", headers={"retry-after": str(max(1, error.retry_after))})
        case StoreProblem():
            return problem(503, "try again later", headers={"retry-after": "5"})
        case HTTPException():
            detail = "" if error.detail == http.HTTPStatus(error.status_code).phrase else error.detail
            return problem(error.status_code, detail, headers=error.headers)
    return None


async def _handle(_: Request, error: Exception) -> Response:
    if isinstance(error, StoreProblem):
        _log.error("store.problem", error=str(error))
    response = answer(error)
    if response is None:
        raise error
    return response


def handlers() -> dict[Any, ExceptionHandler]:
    """For Starlette's `exception_handlers`."""
    return {HTTPException: _handle, BridgeError: _handle}


class Answering:
    """Around an application that sends nothing before all has gone well: every exception becomes its response.

    It stands for Starlette's two layers and `LastResort`, each of which wraps what is sent, on the one hot route.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            await _response(error, scope)(scope, receive, send)


def _response(error: Exception, scope: Scope) -> Response:
    if isinstance(error, StoreProblem):
        _log.error("store.problem", error=str(error))
    response = answer(error)
    if response is None:
        _log.exception("request.failed", method=scope.get("method"), started=False)
        return problem(500)
    return response


class LastResort:
    """What nobody expected: one logged traceback and a 500 that says nothing.

    It stands inside Starlette's own outermost handler, which would raise again and have the traceback logged twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            _log.exception("request.failed", method=scope.get("method"), started=started)
            if not started:
                await problem(500)(scope, receive, send)
