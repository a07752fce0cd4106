"""journal: the one way to the audit log: who, what, before, after, why. No address of a person gets into it."""

from __future__ import annotations

from typing import Final, Protocol

from bridge.clock import Clock, Ids
from bridge.observe.redact import Redact
from bridge.store.marks import Marks
from bridge.store.protocol import Audit
from bridge.store.records import AuditEntry

PERSON_KEY: Final = "person_key"
"""The mark that holds the key of the hashes that stand for people in the log. It is made once, and stays."""


class Recorder(Audit, Marks, Protocol):
    """What keeps the log."""


class Journal:
    """`who` does what is written: the user of the machine, a client of the API, or "serve" for what it does itself."""

    def __init__(self, store: Recorder, clock: Clock, ids: Ids, who: str) -> None:
        self.store = store
        self._clock = clock
        self._ids = ids
        self._who = who
        self._redact: Redact | None = None

    async def write(self, what: str, target: str, *, why: str = "", before: str = "", after: str = "") -> None:
        """`what` is `group.verb`, such as `guard.release`. Durable when it returns.

        The log is added to and never changed, also not when somebody is to be forgotten: so an e-mail address in any of
        the texts stands as a keyed hash from the beginning, and a credential is taken out.
        """
        await self.store.record(await self.entry(what, target, why=why, before=before, after=after))

    async def entry(self, what: str, target: str, *, why: str = "", before: str = "", after: str = "") -> AuditEntry:
        """As `write`, not written yet."""
        texts = [await self.redacted(text) for text in (target, why, before, after)]
        return AuditEntry(self._clock.now(), self._who, what, *texts)

    async def person(self, address: str) -> str:
        """What stands for this person in the log."""
        return (await self._redaction()).person(address)

    async def redacted(self, text: str) -> str:
        """As it may stand in the log."""
        return text if text.replace(" ", "").isalnum() else (await self._redaction()).text(text)

    async def key(self) -> str:
        """Hexadecimal; of this store alone."""
        while (found := await self.store.mark(PERSON_KEY)) is None:
            await self.store.put_mark(PERSON_KEY, self._ids.token(), was=None)
        return found

    async def _redaction(self) -> Redact:
        if self._redact is None:
            self._redact = Redact(bytes.fromhex(await self.key()))
        return self._redact
