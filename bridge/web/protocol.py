"""uvicorn's HTTP protocol with limits that it lacks: how large the head of a request may be, how late, and how many
requests may wait behind the one that is being answered.

Without them anyone who can connect could fill the memory with one endless header or with requests whose answers they
do not read, or the connections with silence.
The trailer fields behind a chunked body (RFC 9112 §7.1.2) are bounded like a head.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bridge.web.errors import problem
from bridge.web.linger import BODY_HERE

HEAD_BYTES: Final = 65_536
"""How much of a request line with its headers may come in pieces; one piece is bounded by the socket's buffer."""

HEAD_SECONDS: Final = 30.0
"""How long a connection may take to send the first head, or any head of which a part came."""

PIPELINED: Final = 100
"""How many requests of one connection may wait for the one before them (RFC 9112 §9.3.2). Each takes some hundred times
its bytes."""


class _TooMany(Exception):
    """Stops the parser."""


class BoundedHead(HttpToolsProtocol):
    _reading_head = False
    _head_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_reading = self._reading_head
        super().data_received(data)
        if not self._reading_head:
            return
        if was_reading:
            self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._reading_head = False
            self.send_400_response("The request head is too large.")
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is refused like all else."""
        if self.transport.is_closing():
            return
        response = problem(400, msg)
        head = b"".join(b"%b: %b\r\n" % pair for pair in [*self.server_state.default_headers, *response.raw_headers])
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"connection: close\r\n\r\n" + response.body)
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """To stay with HTTP/1.1 is an answer (RFC 9110 §7.8), and nothing that an operator could mend."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_begins()

    def on_headers_complete(self) -> None:
        self._head_ends()
        super().on_headers_complete()
        if len(self.pipeline) > PIPELINED:
            self.transport.abort()  # what is answered may never be read, so there is no room for a word
            raise _TooMany

    def on_chunk_header(self) -> None:
        """What follows is the chunk's data, or after the last chunk the trailer fields."""
        self._head_begins()

    def on_body(self, body: bytes) -> None:
        self._head_ends()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_ends()
        self.scope[BODY_HERE] = True  # type: ignore[typeddict-unknown-key]  # ASGI lets servers add keys
        super().on_message_complete()

    def _head_begins(self) -> None:
        self._reading_head = True
        self._head_bytes = 0

    def _head_ends(self) -> None:
        self._reading_head = False
        self._stop_timer()

    def _too_late(self) -> None:
        self._timer = None
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
