"""The two applications, built from ports: what the world sees, and what only the operator sees."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from bridge.clock import Clock
from bridge.web import errors, health, wellknown
from bridge.web.health import Readiness, Scrape
from bridge.web.webhooks import Count, Intake, WebhookDoor


@dataclass(frozen=True, slots=True)
class PublicPorts:
    """What the public listener needs. `connectors` maps each connector's name to the media types that it takes."""

    issuer: str
    jwks: Callable[[], Mapping[str, Any]]
    keys_age: int
    """Seconds that receivers may cache the keys."""
    intake: Intake
    connectors: Mapping[str, Collection[str]]
    readiness: Readiness
    clock: Clock
    count: Count = lambda connector, outcome: None


def public_app(ports: PublicPorts) -> Starlette:
    """Webhooks, discovery and terse health."""
    door = WebhookDoor(ports.intake, ports.connectors, ports.clock, ports.count)
    return _app(
        [
            Route("/webhooks/{connector}", door),
            *wellknown.routes(ports.issuer, ports.jwks, ports.keys_age),
            *health.public_routes(ports.readiness),
        ]
    )


def admin_app(readiness: Readiness, scrape: Scrape) -> Starlette:
    """Metrics and health in detail. It trusts whoever reaches it: the listener is on loopback unless set otherwise."""
    return _app(health.admin_routes(readiness, scrape))


def _app(routes: Sequence[BaseRoute]) -> Starlette:
    app = Starlette(
        routes=routes,
        middleware=[Middleware(errors.LastResort)],
        exception_handlers=errors.handlers(),
    )
    # A redirect to the path with or without a slash would be built from the Host header, which anyone may set.
    app.router.redirect_slashes = False
    return app
