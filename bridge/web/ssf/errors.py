"""How the routes of SSF refuse: `{"err", "description"}`, as the delivery RFCs have it (RFC 8935 §2.3)."""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Final

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bridge.errors import ConfigError, Conflict, Forbidden, NotFound, StoreProblem, TooLarge, TooMany, Unavailable
from bridge.ssf.configuration import Unacceptable

_log = structlog.get_logger("bridge.web")

NO_STORE: Final = {"cache-control": "no-store"}


def refusal(status: int, err: str, description: str, headers: Mapping[str, str] | None = None) -> Response:
    """`err` is a stable word, `description` is for people."""
    body = orjson.dumps({"err": err, "description": description})
    return Response(body, status, {**NO_STORE, **(headers or {})}, "application/json")


def answer(error: Exception) -> Response:
    """The response that an exception becomes; one that nobody expected is a logged 500 that says nothing."""
    match error:
        case Unacceptable():
            return refusal(400, "invalid_request", str(error))
        case Forbidden():
            return refusal(403, "access_denied", str(error))
        case NotFound():
            return refusal(404, "not_found", str(error))
        case Conflict():
            return refusal(409, "conflict", str(error))
        case TooLarge():
            return refusal(413, "too_large", str(error))
        case TooMany():
            return refusal(429, "too_many_requests", str(error), {"retry-after": str(error.retry_after)})
        case Unavailable():
            return refusal(503, "unavailable", "try again later", {"retry-after": str(max(1, error.retry_after))})
        case StoreProblem() | ConfigError():
            _log.error("store.problem", error=str(error))
            return refusal(503, "unavailable", "try again later", {"retry-after": "5"})
        case HTTPException():
            phrase = http.HTTPStatus(error.status_code).phrase
            return refusal(error.status_code, phrase.lower().replace(" ", "_"), error.detail, error.headers)
    _log.error("request.failed", exc_info=error)
    return refusal(500, "internal_error", "this is a fault of the transmitter")
