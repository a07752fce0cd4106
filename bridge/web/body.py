"""The body of a request: read up to a limit, and what its headers say of it."""

from __future__ import annotations

from starlette.types import Receive, Scope

from bridge.errors import TooLarge
from bridge.web.linger import BODY_READ


async def read(scope: Scope, receive: Receive, limit: int) -> bytes:
    """All of it. Raises TooLarge as soon as `limit` bytes are passed, ConnectionError if the sender goes away."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        scope[BODY_READ] = not message.get("more_body", False)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
        if scope[BODY_READ]:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def too_large(limit: int) -> TooLarge:
    shown = f"{limit >> 20} MiB" if limit % (1 << 20) == 0 else f"{limit >> 10} KiB"
    return TooLarge(f"the body is larger than {shown}")


def length(declared: str) -> int:
    """The declared length, 0 if there is none; the server has refused a malformed one already."""
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 20 else 0


def is_utf8(parameters: str) -> bool:
    """Whether a content type's parameters name no charset, or UTF-8 or its subset."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in ("utf-8", "utf8", "us-ascii"):
            return False
    return True
