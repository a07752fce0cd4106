"""POST /webhooks/{connector}: read the body up to its limit, hand it on, answer 202 once it is durable.

A plain ASGI application, for this is the route whose speed matters. It knows nothing of signatures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol

import orjson
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from bridge.clock import Clock
from bridge.errors import NotFound, TooLarge
from bridge.model import Webhook
from bridge.store.records import Accepted
from bridge.web.body import is_utf8, length, read, too_large
from bridge.web.linger import BODY_HERE

LIMIT: Final = 1 << 20
"""Bytes of a body, at most."""

BODY_SECONDS: Final = 30.0
"""How long a sender may take for its body."""

NOBODY: Final = "-"
"""Stands in counters for every connector that does not exist."""


class Intake(Protocol):
    async def __call__(self, connector: str, webhook: Webhook) -> Accepted:
        """Verify, understand and make durable.

        Raises Unauthenticated, Misfit or Unavailable; nothing else is expected.
        """


Count = Callable[[str, str], None]
"""(connector, outcome) of what the door itself refused: `unknown`, `method`, `content_type`, `too_large`, `timeout`,
`disconnected`. What the intake refuses, the intake counts."""


class WebhookDoor:
    """The ASGI application behind the route. `connectors` maps each name to the media types that it takes."""

    def __init__(
        self,
        intake: Intake,
        connectors: Mapping[str, Collection[str]],
        clock: Clock,
        count: Count = lambda connector, outcome: None,
        *,
        limit: int = LIMIT,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._intake = intake
        self._accepts = {name: frozenset(kind.lower() for kind in kinds) for name, kinds in connectors.items()}
        self._clock = clock
        self._count = count
        self._limit = limit
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connector = self._connector(scope)
        headers = _headers(scope)
        self._check_content(connector, headers)
        body = await self._body(connector, headers, scope, receive)
        if body is None:
            return
        webhook = Webhook(
            connector=connector,
            method="POST",
            headers=headers,
            body=body,
            received_at=self._clock.now(),
            query=scope["query_string"].decode("latin-1"),
        )
        accepted = await self._intake(connector, webhook)
        await _respond(send, accepted)

    def _connector(self, scope: Scope) -> str:
        name: str = scope["path_params"]["connector"]
        if name not in self._accepts:
            self._count(NOBODY, "unknown")
            raise NotFound("no such connector")
        if scope["method"] != "POST":
            self._count(name, "method")
            raise HTTPException(405, headers={"allow": "POST"})
        return name

    def _check_content(self, connector: str, headers: Mapping[str, str]) -> None:
        """RFC 9110 §15.5.16, for the type as for the coding."""
        media_type, _, parameters = headers.get("content-type", "").partition(";")
        if (
            media_type.strip().lower() not in self._accepts[connector]
            or not is_utf8(parameters)
            or headers.get("content-encoding", "identity").lower() != "identity"
        ):
            self._count(connector, "content_type")
            accepts = ", ".join(sorted(self._accepts[connector]))
            raise HTTPException(415, f"this route takes {accepts} in UTF-8, without content coding")

    async def _body(self, connector: str, headers: Mapping[str, str], scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, or None if the sender went away. Raises TooLarge as soon as the limit is passed."""
        if length(headers.get("content-length", "")) > self._limit:
            self._count(connector, "too_large")
            raise too_large(self._limit)
        try:
            if scope.get(BODY_HERE):  # nearly always: a timer would cost more than the reading
                return await read(scope, receive, self._limit)
            async with asyncio.timeout(self._body_seconds):
                return await read(scope, receive, self._limit)
        except TimeoutError:
            self._count(connector, "timeout")
            raise HTTPException(408, "the body did not arrive in time", {"connection": "close"}) from None
        except TooLarge:
            self._count(connector, "too_large")
            raise
        except ConnectionError:
            self._count(connector, "disconnected")
            return None


async def _respond(send: Send, accepted: Accepted) -> None:
    body = orjson.dumps({"id": accepted.id, "duplicate": True} if accepted.duplicate else {"id": accepted.id})
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _headers(scope: Scope) -> dict[str, str]:
    """Lower-case names; a repeated header is joined by ", " (RFC 9110 §5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
