"""A refusal that reaches a sender who is still sending.

To close a connection while request bytes are unread makes the kernel reset it, and the sender sees the reset and not
the answer. So the answer goes out whole first, then what still comes is thrown away for a moment, then it closes.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

BODY_READ: Final = "bridge.body_read"
"""Scope key: True once the last piece of the request's body was seen."""

BODY_HERE: Final = "bridge.body_here"
"""Scope key: there, and True, if the whole body had come when the request was handed on or soon after."""

_BYTES: Final = 16 << 20
_SECONDS: Final = 2.0


class LingeringResponse(Response):
    """`response`, after which the connection closes; at most 16 MiB or 2 s of the request are thrown away before."""

    def __init__(self, response: Response) -> None:
        headers = dict(response.headers) | {"connection": "close"}
        super().__init__(response.body, response.status_code, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        if not scope.get(BODY_READ, False) and not _waits_for_leave(scope):
            await _throw_away(receive)
        await send({"type": "http.response.body", "body": b""})


def _waits_for_leave(scope: Scope) -> bool:
    """Whether the sender holds its body back until `100 Continue`; after this answer none comes (RFC 9110 §10.1.1)."""
    return any(name == b"expect" for name, _ in scope["headers"])


async def _throw_away(receive: Receive) -> None:
    size = 0
    try:
        async with asyncio.timeout(_SECONDS):
            while size < _BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
