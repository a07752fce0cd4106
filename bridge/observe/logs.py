"""Structured logs: one wide line for each unit of work that ended, JSON unless a person is watching.

The names of those lines, and the ids by which they join:

| event | written when | joins by |
|---|---|---|
| `webhook.received` | a webhook was answered | connector, webhook_id, txn |
| `look.finished` | a look ended | connector, device, txn |
| `set.delivered` | a try to deliver ended, well or not | stream, jti, txn |
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bridge.clock import Clock
from bridge.observe.redact import Redact
from bridge.observe.seldom import Seldom

WEBHOOK_RECEIVED: Final = "webhook.received"
LOOK_FINISHED: Final = "look.finished"
SET_DELIVERED: Final = "set.delivered"

Format = Literal["auto", "json", "console"]

_SERVER: Final = "uvicorn.error"
_QUIET = ("uvicorn.access", "asyncio", "aiosqlite")


def configure(level: str, form: Format, *, clock: Clock, person_key: bytes, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's loggers (uvicorn's, aiohttp's, warnings) through one chain.

    `level` is a name as in `logging`, in any case. `form` "auto" is "console" on a terminal and "json" elsewhere.
    `person_key` is the random key of the hashes that stand for people. Lines go to `stream`, standard error by default.
    A line that cannot be written, for its disk is full or its reader gone, is lost: no work fails because of it.
    """
    out = _Forgiving(stream or sys.stderr)
    number = logging.getLevelNamesMapping()[level.upper()]
    console = form == "console" or (form == "auto" and out.isatty())
    redact, stamp = Redact(person_key), _Stamp(clock)
    shared: list[Processor] = [structlog.processors.add_log_level, stamp]
    last = _last(redact, console)
    structlog.configure(
        processors=[*shared, *last] if console else [_WideLine(redact, stamp)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, out)) if console else lambda *_: _Lines(out),
        cache_logger_on_first_use=True,
    )
    _route_standard_library(number, shared, last, cast(TextIO, out))
    logging.getLogger(_SERVER).filters[:] = [_Seldom(clock)]


class _Seldom(logging.Filter):
    """Warnings of the HTTP server are about requests that anybody may make as often as they like: each is a line once
    a minute, with how often it was."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._seldom = Seldom(clock)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        times = record.__dict__["times"] = self._seldom(record.getMessage())
        return times > 0


class _Forgiving:
    """A stream whose trouble is nobody's: writing returns, whether or not the line went out."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._later: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        """The one that is to write them; another one takes over what it left as it ended."""
        self._lock = threading.Lock()
        self.isatty = stream.isatty
        atexit.register(self.flush)

    def write(self, text: str) -> int:
        """With all that waits to be written, in the order in which it came."""
        with self._lock:
            waiting, self._later = self._later, []
            with suppress(OSError, ValueError):  # ValueError: it is closed, as the interpreter ends
                self._stream.write("".join([*waiting, text]))
        return len(text)

    def write_soon(self, text: str) -> None:
        """At the end of this pass of the event loop, with all others of it; at once where no loop runs."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.write(text)
            return self.flush()
        with self._lock:
            self._later.append(text)
            first = len(self._later) == 1 or self._loop is not loop
            self._loop = loop
        if first:
            loop.call_soon(self.flush)

    def flush(self) -> None:
        if self._later:
            self.write("")
        with suppress(OSError, ValueError):
            self._stream.flush()


class _Lines:
    """What structlog writes to. To write a line lets another thread have the interpreter, and costs as much as to put
    it together: so all that one pass of the event loop has to say goes out at once, and what went wrong does not wait.
    """

    def __init__(self, out: _Forgiving) -> None:
        self._out = out

    def info(self, line: str) -> None:
        self._out.write_soon(line + "\n")

    debug = info

    def error(self, line: str) -> None:
        self._out.write(line + "\n")
        self._out.flush()

    warning = critical = error


class _Stamp:
    """When, in UTC to the millisecond. All but that is written once a second."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._second: float | None = None
        self._text = ""

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["at"] = self.text()
        return event

    def text(self) -> str:
        now = self._now()
        second = now // 1
        if second != self._second:
            self._second, self._text = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._text}.{int((now - second) * 1000):03d}+00:00"


def _last(redact: Redact, console: bool) -> list[Processor]:
    """Tracebacks become text before redaction, so that it reaches them too."""
    if console:
        return [structlog.processors.format_exc_info, redact, _harmless, structlog.dev.ConsoleRenderer(colors=True)]
    return [structlog.processors.format_exc_info, _JsonLine(redact)]


class _WideLine:
    """All that happens to a line of ours, in one step: three of them are written for each webhook."""

    def __init__(self, redact: Redact, stamp: _Stamp) -> None:
        self._stamp = stamp
        self._json = _JsonLine(redact)

    def __call__(self, logger: WrappedLogger, level: str, event: EventDict) -> str:
        event["level"] = level
        event["at"] = self._stamp.text()
        if "exc_info" in event:
            event = structlog.processors.format_exc_info(logger, level, event)
        return self._json(logger, level, event)


def _harmless(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What a vendor or a receiver said must neither steer the terminal nor look like a line of ours."""
    return {name: _spelled(value, name) if isinstance(value, str) else value for name, value in event.items()}


def _spelled(text: str, name: str) -> str:
    lines = "\n" if name in ("exception", "stack") else ""
    return "".join(
        char if char.isprintable() or char in lines else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


class _JsonLine:
    """The last processor: the event redacted and written as one line of JSON."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact

    def __call__(self, logger: WrappedLogger, level: str, event: EventDict) -> str:
        try:
            line = orjson.dumps(event).decode()
        except TypeError:
            return _json(self._redact(logger, level, event))
        return line if self._redact.needless(event, line) else _json(self._redact(logger, level, event))


def _json(event: Any) -> str:
    try:
        return orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # A lone surrogate or an integer beyond 64 bits: the line must still be written.
        return orjson.dumps({str(name): ascii(value) for name, value in event.items()}).decode()


def _route_standard_library(level: int, shared: list[Processor], last: list[Processor], out: TextIO) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(["times"]), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
    for name in ("uvicorn", _SERVER):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
