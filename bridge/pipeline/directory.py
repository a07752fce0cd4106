"""directory: whom a receiver knows, remembered for a while. What is not known is told: nobody waits for this.

Somebody whom the receiver does not know is not told of (`unknown_at_receiver`), for the SET would be taken and dropped
without a word. Only a clear "no" counts. While the receiver cannot be asked, is slow or refuses, everybody counts as
known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError
from bridge.model import Stream

_log = structlog.get_logger("bridge.directory")

KNOWN_FOR: Final = 4 * 3600.0
UNKNOWN_FOR: Final = 600.0
"""Seconds that an answer is believed: a person who is made at the receiver is seen ten minutes later at most."""
PATIENCE: Final = 2.0
"""Seconds that telling waits for an answer."""
REST: Final = 60.0
"""Seconds without questions after one that went wrong or took too long."""
MOST: Final = 200_000
"""Answers that are remembered."""

Lookup = Callable[[Sequence[str]], Awaitable[Mapping[str, bool]]]
"""login → whether the receiver knows it, without those that it gave no clear answer about. Raises BridgeError."""


class Directory:
    """The people of one receiver."""

    def __init__(self, name: str, lookup: Lookup, clock: Clock, *, patience: float = PATIENCE) -> None:
        self._name = name
        self._lookup = lookup
        self._clock = clock
        self._patience = patience
        self._known: dict[str, tuple[bool, float]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._closed_until = 0.0

    def knows(self, login: str) -> bool | None:
        """None: not known, or too long ago."""
        answer, until = self._known.get(login.casefold(), (None, 0.0))
        return answer if self._clock.monotonic() < until else None

    async def prefetch(self, logins: Iterable[str]) -> None:
        """Ask for those not known now. Returns when all are answered, or after `patience` seconds; never raises."""
        if self._clock.monotonic() < self._closed_until:
            return
        wanted = {login.casefold(): login for login in logins if self.knows(login) is None}
        new = [login for key, login in wanted.items() if key not in self._asking]
        if new:
            task = asyncio.create_task(self._ask(new), name=f"directory:{self._name}")
            self._asking.update((login.casefold(), task) for login in new)
        running = {self._asking[key] for key in wanted}
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=self._patience)
        if late:
            self._rest("no answer in time", REST)

    async def close(self) -> None:
        tasks = set(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, logins: Sequence[str]) -> None:
        try:
            answers = await self._lookup(logins)
        except BridgeError as problem:
            self._rest(str(problem), getattr(problem, "wait", None) or REST)
        except Exception:
            self._rest("a fault of our own", REST)
            _log.exception("receiver.lookup_broke", stream=self._name)
        else:
            self._remember(answers)
        finally:
            for login in logins:
                self._asking.pop(login.casefold(), None)

    def _remember(self, answers: Mapping[str, bool]) -> None:
        now = self._clock.monotonic()
        if len(self._known) + len(answers) > MOST:
            self._known = {login: kept for login, kept in self._known.items() if kept[1] > now}
        if len(self._known) + len(answers) > MOST:
            self._known.clear()
        for login, answer in answers.items():
            self._known[login.casefold()] = answer, now + (KNOWN_FOR if answer else UNKNOWN_FOR)

    def _rest(self, why: str, seconds: float) -> None:
        self._closed_until = max(self._closed_until, self._clock.monotonic() + seconds)
        _log.warning("receiver.not_asked", stream=self._name, problem=why, again_in=round(seconds))


class Directories:
    """The directories of the streams that have one, by the stream's name."""

    def __init__(self, by_stream: Mapping[str, Directory] | None = None) -> None:
        self._by_stream = by_stream or {}

    def unknown(self, stream: Stream, login: str) -> bool:
        """Whether this stream's receiver clearly said that it does not know the login."""
        directory = self._by_stream.get(stream.name)
        return directory is not None and directory.knows(login) is False

    async def prefetch(self, wanted: Iterable[tuple[Stream, str]]) -> bool:
        """Ask for all that is not known now, each directory for its patience at most. False: there is nobody to ask."""
        asked: dict[str, list[str]] = {}
        for stream, login in wanted:
            if stream.name in self._by_stream:
                asked.setdefault(stream.name, []).append(login)
        if not asked:
            return False
        await asyncio.gather(*(self._by_stream[name].prefetch(logins) for name, logins in asked.items()))
        return True

    async def close(self) -> None:
        await asyncio.gather(*(directory.close() for directory in self._by_stream.values()))
