"""Alive, and ready. The public routes are terse; the admin listener shows each check."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

LONGEST: Final = 2.0
"""Seconds that the checks may take together; after that we are not ready."""

_log = structlog.get_logger("bridge.web")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold for us to be ready. `detail` is for the operator and holds no secret."""

    name: str
    ok: bool
    detail: str = ""


Readiness = Callable[[], Awaitable[Sequence[Check]]]
"""Runs the checks. It is asked at every request to /readyz, so it should be cheap."""

Scrape = Callable[[], Awaitable[bytes]]
"""The metrics in Prometheus' text format, fresh."""


def public_routes(readiness: Readiness) -> list[Route]:
    async def readyz(_: Request) -> Response:
        checks = await _run(readiness)
        return _status(_is_ready(checks), {})

    return [Route("/healthz", _healthz, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]


def admin_routes(readiness: Readiness, scrape: Scrape) -> list[Route]:
    async def readyz(_: Request) -> Response:
        checks = await _run(readiness)
        details = [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks]
        return _status(_is_ready(checks), {"checks": details})

    async def metrics(_: Request) -> Response:
        return Response(await scrape(), headers={"content-type": CONTENT_TYPE_LATEST, "cache-control": "no-store"})

    return [
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


async def _healthz(_: Request) -> Response:
    return _json(200, {"status": "ok"})


async def _run(readiness: Readiness) -> Sequence[Check]:
    """The checks; one that hangs or breaks is itself a check that failed."""
    try:
        async with asyncio.timeout(LONGEST):
            return await readiness()
    except TimeoutError:
        return [Check("checks", False, f"no answer within {LONGEST:g} s")]
    except Exception as error:
        _log.exception("readiness.failed")
        return [Check("checks", False, type(error).__name__)]


def _is_ready(checks: Sequence[Check]) -> bool:
    return all(check.ok for check in checks)


def _status(ready: bool, more: dict[str, Any]) -> Response:
    return _json(200 if ready else 503, {"status": "ready" if ready else "unavailable", **more})


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), status, {"cache-control": "no-store"}, "application/json")
