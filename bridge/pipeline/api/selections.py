"""selections: what receivers add to their streams and take off (SSF 1.0 §8.1.3), durable before they are answered.

What differs from the ledger for a subject that was added is told afterwards, by `run`: so the answer and its time are
the same whether anybody knows the subject or not. Until then the store remembers that it is due, whatever dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

import structlog

from bridge.clock import Clock
from bridge.errors import BridgeError, Forbidden, NotFound
from bridge.model import Stream
from bridge.pipeline.api.ownership import NO_STREAM
from bridge.pipeline.api.subject_words import named
from bridge.pipeline.journal import Journal
from bridge.ssf.identifier import Identifier, stored
from bridge.ssf.selection import Default, Selection
from bridge.ssf.words import Statement
from bridge.store.marks import Marks
from bridge.store.records import AuditEntry
from bridge.store.subjects import CHOICES_ERASED, Choice, Subjects

_log = structlog.get_logger("bridge.selections")

POLL: Final = 1.0
"""Seconds until it is sought again what is due, and whether a person was erased."""
PAGE: Final = 1000
AT_ONCE: Final = 100
"""Subjects of one turn: all of one stream that need it share one walk through the fleet."""

Select = Callable[[str, Selection], Awaitable[None]]
"""The stream of this id runs with this selection from now on."""
CatchUp = Callable[[Stream, Sequence[Identifier]], Awaitable[None]]
"""Tells the stream what differs from its ledger, as far as it is about these subjects."""


class Kept(Subjects, Marks, Protocol):
    """What is read and written here."""


async def all_said(store: Subjects) -> dict[str, list[Statement]]:
    """What receivers said of the subjects of their streams, by stream."""
    found: dict[str, list[Statement]] = {}
    after: tuple[str, str] | None = None
    while page := await store.every_choice(after=after, limit=PAGE):
        for choice in page:
            found.setdefault(choice.stream_id, []).append(_statement(choice))
        after = page[-1].key
    return found


class Selections:
    """`journal` writes in a client's name, `running` finds a stream that runs by its id. `defaults` has for each client
    with which subjects its streams begin, `most` is how many a stream may have."""

    def __init__(
        self,
        store: Kept,
        journal: Callable[[str], Journal],
        clock: Clock,
        running: Callable[[str], Stream | None],
        select: Select,
        catch_up: CatchUp,
        trouble: Callable[[str], None],
        *,
        defaults: Mapping[str, Default],
        most: int,
    ) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._running = running
        self._select = select
        self._catch_up = catch_up
        self._trouble = trouble
        self._defaults = defaults
        self._most = most
        self._held: dict[str, Selection] = {}
        self._stale: set[str] = set()
        """Streams of which it is not known what the store has."""
        self._erased: str | None = None
        self._locks: dict[str, asyncio.Lock] = {}
        self._wake = asyncio.Event()

    async def load(self) -> None:
        """Before the first stream runs. Raises what the store raises."""
        self._erased = await self._store.mark(CHOICES_ERASED)
        said = await all_said(self._store)
        self._held = {stream_id: Selection.of("ALL", theirs, stream_id) for stream_id, theirs in said.items()}

    def of(self, stream_id: str, client: str) -> Selection:
        """What this stream of this client is about."""
        held, default = self._held.get(stream_id), self._defaults.get(client, "ALL")
        if held is None:
            return Selection(default, stream_id)
        if held.default != default:
            held = self._held[stream_id] = held.beginning_with(default)
        return held

    def forget(self, stream_id: str) -> None:
        """The stream is deleted; its rows go with it."""
        self._held.pop(stream_id, None)
        self._stale.discard(stream_id)
        self._locks.pop(stream_id, None)

    # -- what a receiver says -------------------------------------------------------------------

    async def add(self, stream: Stream, subject: Identifier, *, verified: bool = True) -> None:
        """Raises Forbidden if the stream has as many subjects as it may, NotFound if it is gone, and what the store
        raises."""
        async with self._lock(stream.id):
            before = await self._current(stream)
            if before.said(subject) is None and before.idle(subject, "added"):
                return
            said = Statement(subject, "added", before.next_seq)
            await self._say(stream, before, said, verified=verified, due=True)
        self._wake.set()

    async def remove(self, stream: Stream, subject: Identifier) -> None:
        """Raises as `add`."""
        async with self._lock(stream.id):
            before = await self._current(stream)
            if not before.idle(subject, "removed"):
                said = Statement(subject, "removed", before.next_seq)
                return await self._say(stream, before, said, verified=True, due=False)
            stood = before.said(subject)
            if stood is not None:
                entry = await self._entry(stream, "subjects.remove", subject)
                await self._drop(stream.id, before, stood, [entry])

    def _lock(self, stream_id: str) -> asyncio.Lock:
        return self._locks.setdefault(stream_id, asyncio.Lock())

    async def _current(self, stream: Stream) -> Selection:
        held = self.of(stream.id, stream.client)
        if stream.id in self._stale:
            await self._reload(stream.id, held.default)
        return self.of(stream.id, stream.client)

    async def _reload(self, stream_id: str, default: Default) -> None:
        choices = await self._store.choices(stream_id)
        await self._now(stream_id, Selection.of(default, map(_statement, choices), stream_id))
        self._stale.discard(stream_id)

    async def _say(self, stream: Stream, before: Selection, said: Statement, *, verified: bool, due: bool) -> None:
        verb = "subjects.add" if said.kind == "added" else "subjects.remove"
        entry = await self._entry(stream, verb, said.subject)
        choice = Choice(
            stream.id, said.subject.text, said.kind, said.seq, self._clock.now(), verified=verified, due=due
        )
        self._stale.add(stream.id)  # until it is known that it was written
        refused = await self._store.put_choice(choice, self._most, [entry])
        self._stale.discard(stream.id)
        if refused == "gone":
            self.forget(stream.id)
            raise NotFound(NO_STREAM)
        if refused == "full":
            raise Forbidden(
                f"{self._most} subjects were added or removed, which is as many as may be: take some of that back first"
            )
        await self._now(stream.id, before.with_statement(said))

    async def _drop(
        self, stream_id: str, before: Selection, stood: Statement, entries: Sequence[AuditEntry] = ()
    ) -> None:
        self._stale.add(stream_id)
        if await self._store.drop_choice(_choice(stream_id, stood), entries):
            self._stale.discard(stream_id)
            await self._now(stream_id, before.without(stood.subject))
        else:
            await self._reload(stream_id, before.default)

    async def _now(self, stream_id: str, selection: Selection) -> None:
        if len(selection):
            self._held[stream_id] = selection
        else:
            self._held.pop(stream_id, None)
        await self._select(stream_id, selection)

    async def _entry(self, stream: Stream, what: str, subject: Identifier) -> AuditEntry:
        journal = self._journal(stream.client)
        return await journal.entry(what, stream.id, after=await named(journal, subject))

    # -- what follows from it -------------------------------------------------------------------

    async def run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.turn()
            except BridgeError as problem:
                self._trouble(f"subjects: {type(problem).__name__}")

    async def turn(self) -> None:
        """Tell what is due, until nothing is. Of what cannot be told now, the last trouble is raised."""
        await self._notice_erasure()
        for stream in [one for stream_id in self._stale if (one := self._running(stream_id)) is not None]:
            async with self._lock(stream.id):
                await self._current(stream)
        trouble: BridgeError | None = None
        while trouble is None and (due := await self._store.due_choices(AT_ONCE)):
            for stream_id in dict.fromkeys(choice.stream_id for choice in due):
                try:
                    await self._tell(stream_id, [choice for choice in due if choice.stream_id == stream_id])
                except BridgeError as problem:
                    trouble = problem
        if trouble is not None:
            raise trouble

    async def _tell(self, stream_id: str, due: Sequence[Choice]) -> None:
        """A stream that does not run, or is held, is compared as a whole before it goes on."""
        stream = self._running(stream_id)
        if stream is not None:
            await self._catch_up(stream, [stored(choice.subject) for choice in due])
        for choice in due:
            await self._told(choice)

    async def _told(self, choice: Choice) -> None:
        """It is due no more; and what says no more than the stream's default is forgotten."""
        async with self._lock(choice.stream_id):
            selection, subject = self._held.get(choice.stream_id), stored(choice.subject)
            stood = selection.said(subject) if selection is not None else None
            if selection is None or stood is None or stood.seq != choice.seq or not selection.idle(subject, "added"):
                return await self._store.told_choice(choice)
            await self._drop(choice.stream_id, selection, stood)

    async def _notice_erasure(self) -> None:
        """A person was erased by a command beside this process."""
        erased = await self._store.mark(CHOICES_ERASED)
        if erased == self._erased:
            return
        for stream_id, held in list(self._held.items()):
            async with self._lock(stream_id):
                await self._reload(stream_id, held.default)
        self._erased = erased
        _log.info("selections.reloaded")


def _statement(choice: Choice) -> Statement:
    return Statement(stored(choice.subject), choice.kind, choice.seq)


def _choice(stream_id: str, said: Statement) -> Choice:
    return Choice(stream_id, said.subject.text, said.kind, said.seq, 0.0)
