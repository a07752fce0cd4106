"""The two applications, built from ports: what the world sees, and what only the operator sees."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.clock import Clock
from bridge.ssf.discovery import Api
from bridge.web import errors, health, oauth, wellknown
from bridge.web.health import Readiness, Scrape
from bridge.web.oauth import OAuthPorts
from bridge.web.openapi.document import PATH, document
from bridge.web.ssf.door import SsfDoor
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
    oauth: OAuthPorts | None = None
    """None: nobody calls our API, and its routes do not exist."""
    ssf: SsfDoor | None = None
    """The routes of SSF; there if `oauth` is."""
    api: Api | None = None
    """What the metadata tell of them."""


def public_app(ports: PublicPorts) -> ASGIApp:
    """Webhooks, discovery, tokens and streams for those who call our API, and terse health."""
    door = WebhookDoor(ports.intake, ports.connectors, ports.clock, ports.count)
    rest = _app(
        [
            *wellknown.routes(ports.issuer, ports.jwks, ports.keys_age, ports.api),
            *(oauth.routes(ports.oauth) if ports.oauth is not None else ()),
            *health.public_routes(ports.readiness),
            *wellknown.document(oauth.below(ports.issuer, PATH), _described(ports), wellknown.METADATA_AGE),
        ]
    )
    return _Fork(errors.Answering(door), ports.ssf, rest)


def _described(ports: PublicPorts) -> wellknown.Document:
    accepted = {kind for kinds in ports.connectors.values() for kind in kinds}
    tokens = ports.oauth is not None and ports.oauth.tokens is not None
    made = document(ports.issuer, accepted, calls=ports.oauth is not None, tokens=tokens)
    return lambda: made


class _Fork:
    """`/webhooks/{connector}` and `/ssf/…` go straight to their doors, all else through Starlette, whose layers and
    routing cost as much as to verify a webhook."""

    def __init__(self, door: ASGIApp, ssf: SsfDoor | None, rest: ASGIApp) -> None:
        self._door = door
        self._ssf = ssf
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            root, parent, name = scope["path"].rpartition("/webhooks/")
            if parent and name and not root and "/" not in name:
                scope["path_params"] = {"connector": name}
                return await self._door(scope, receive, send)
            if self._ssf is not None and self._ssf.takes(scope["path"]):
                return await self._ssf(scope, receive, send)
        await self._rest(scope, receive, send)


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
