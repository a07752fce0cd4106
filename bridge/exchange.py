"""HTTP/1.1 on one kept connection: a request goes out, its answer is read up to a bound (RFC 9112).

The client library opens the connection (address guard, TLS and all) and hands it over; its own reading costs several
times what a short answer is worth (docs/decisions/001).
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Final

import httptools
from aiohttp.connector import Connection

from bridge.answer import ConnectFailed

MAX_BESIDES: Final = 64 * 1024
"""Bytes of an answer that may be no body: its head, interim answers, sizes of chunks, trailers."""
_A_CHUNK: Final = 8
"""Times its length that a body may weigh in chunks: the smallest takes six bytes for one."""
_TICK: Final = 0.001
"""Seconds by which a loop's timers may be early."""
_GZIP: Final = zlib.MAX_WBITS | 16


class Stale(ConnectFailed):
    """A kept connection broke before anything of an answer came: the other side had let go of it, most likely."""

    def __init__(self) -> None:
        super().__init__("reset", "the connection broke before the answer", certainly_not_sent=False)


class Exchange(asyncio.Protocol):
    """Takes `opened` over; one request at a time. Ends with whatever comes that nobody asked for.

    `lost` is called once, when the connection has ended. After `ask`: `status` is 0 until the whole head of the answer
    has come; `headers` (lower case, repeated ones joined by ", ") and `body` are what has come of it.
    """

    def __init__(self, opened: Connection, lost: Callable[[Exchange], None]) -> None:
        library, transport = opened.protocol, opened.transport
        assert library is not None and transport is not None
        self._opened, self._library, self._transport, self._lost = opened, library, transport, lost
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
        self._waiting: asyncio.Future[None] | None = None
        self._until_close = False
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = self._until = 0.0
        self.used = False
        """Whether an answer came on it before."""
        self.fit = not (library.should_close or transport.is_closing())
        """Whether it may carry another request."""
        transport.set_protocol(self)

    async def ask(self, request: bytes, most: int, until: float) -> None:
        """Done when the answer is whole. Raises ConnectFailed: timeout at `until` on the loop's clock, too_large for
        a body over `most` bytes, unpacked, Stale, or reset. Broken off in whatever way, the connection ends."""
        loop = asyncio.get_running_loop()
        self.status, self.headers, self.body = 0, dict[str, str](), bytearray()
        self.begun = False
        """Whether anything of an answer has come."""
        self._most, self._besides, self._until_close = most, 0, False
        self._unpacking: zlib._Decompress | None = None
        waiting = self._waiting = loop.create_future()
        self._set_alarm(loop, until)
        self._transport.write(request)
        try:
            await waiting
        finally:
            if self._waiting is not None:  # cancelled
                self._waiting = None
                self.abort()
        self.used = True

    def close(self) -> None:
        self.fit = False
        self._opened.close()

    def abort(self) -> None:
        """Without a goodbye, which the other side might never answer."""
        self.fit = False
        self._transport.abort()

    # -- time ------------------------------------------------------------------------------------

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, until: float) -> None:
        """One timer serves many requests: setting and cancelling one for each costs a tenth of the request."""
        self._until = until
        if self._alarm is not None:
            if self._alarm_at <= until:
                return
            self._alarm.cancel()
        self._alarm_at, self._alarm = until, loop.call_at(until, self._rung, loop)

    def _rung(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        if self._waiting is None:
            return
        if loop.time() < self._until - _TICK:  # it was set for a request before this one
            self._set_alarm(loop, self._until)
        else:
            self._failed(ConnectFailed("timeout", "no answer in time", certainly_not_sent=False))

    # -- the end of an answer ---------------------------------------------------------------------

    def _whole(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
        self.fit = self.fit and self._keeps and not self._transport.get_write_buffer_size()

    def _failed(self, failure: ConnectFailed) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(failure)
        self.abort()

    def _improper(self) -> None:
        words = "the answer is not proper HTTP or breaks off"
        self._failed(ConnectFailed("reset", words, certainly_not_sent=False))

    # -- asyncio.Protocol -------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:  # nobody asked: it would be taken for the next answer
            self.abort()
            return
        self.begun = True
        self._besides += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fit = False
            if self._waiting is not None:
                self._improper()
        if self._waiting is not None and self._besides > MAX_BESIDES:
            self._improper()

    def eof_received(self) -> None:
        if self._until_close and self._waiting is not None:
            self._complete()

    def connection_lost(self, error: Exception | None) -> None:
        self.fit = False
        if self._alarm is not None:
            self._alarm.cancel()
        self._library.connection_lost(error)
        self._opened.close()
        self._lost(self)
        if self._waiting is None:
            return
        if self.begun:
            self._improper()
        elif self.used:
            self._failed(Stale())
        else:
            words = "the connection broke before the answer"
            self._failed(ConnectFailed("reset", words, certainly_not_sent=False))

    # -- httptools --------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._waiting is None:  # a second answer right behind ours
            self.fit = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status or self._waiting is None:  # a trailer, or of a second answer
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        if self._waiting is None:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()
            return
        self.status, self._keeps = status, self._parser.should_keep_alive()
        self._until_close = not ("content-length" in self.headers or "transfer-encoding" in self.headers)
        self._packed = self.headers.get("content-encoding", "").lower() in ("gzip", "x-gzip")

    def on_body(self, body: bytes) -> None:
        self._besides -= _A_CHUNK * len(body)
        if self._waiting is None:
            return
        try:
            self.body += self._unpacked(body) if self._packed else body
        except zlib.error:
            self._improper()
        if len(self.body) > self._most:
            words = f"the answer is over {self._most} bytes"
            self._failed(ConnectFailed("too_large", words, certainly_not_sent=False))

    def on_message_complete(self) -> None:
        if self.status and self._waiting is not None:
            self._complete()

    def _complete(self) -> None:
        packed = self._unpacking
        if packed is not None and (packed.unused_data or not packed.eof):
            self._improper()
        else:
            self._whole()

    def _unpacked(self, body: bytes) -> bytes:
        """Not more than one byte over the bound, whatever it would unpack to."""
        if self._unpacking is None:
            self._unpacking = zlib.decompressobj(_GZIP)
        if self._unpacking.eof:
            raise zlib.error("data behind the end")
        return self._unpacking.decompress(body, self._most + 1 - len(self.body))
