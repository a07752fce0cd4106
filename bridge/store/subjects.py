"""What receivers said about the subjects of their streams: rows of the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import field
from typing import Literal, Protocol

from bridge.store.records import AuditEntry
from bridge.value import value

CHOICES_ERASED = "choices_erased"
"""The mark that changes each time that choices go with a person: what runs is out of date then."""

Refusal = Literal["", "full", "gone"]
"""full: the stream has as many as it may · gone: there is no such stream."""


@value
class Choice:
    """The newest word of a stream's receiver about exactly this subject. `seq` grows with each word on its stream."""

    stream_id: str
    subject: str = field(repr=False)
    """Canonical JSON (`bridge.ssf.identifier`)."""
    kind: Literal["added", "removed"]
    seq: int
    at: float
    verified: bool = True
    """Whether the receiver says that it has verified the subject (SSF 1.0 §8.1.3.2)."""
    due: bool = False
    """Whether what differs from the ledger is yet to be told."""

    @property
    def key(self) -> tuple[str, str]:
        return self.stream_id, key_of(self.subject)


def key_of(subject: str) -> str:
    """Of a fixed length, however long the subject is."""
    return hashlib.sha256(subject.encode()).hexdigest()


@value
class ChoiceCount:
    """How many subjects the receiver of one stream added and removed, by its newest word about each."""

    added: int = 0
    removed: int = 0


class Subjects(Protocol):
    async def put_choice(self, choice: Choice, most: int, entries: Sequence[AuditEntry] = ()) -> Refusal:
        """In the place of the one about the same subject, with the audit entries that tell of it in one commit. Unless
        "", nothing is written: `most` are there about other subjects, or the stream is gone."""

    async def drop_choice(self, choice: Choice, entries: Sequence[AuditEntry] = ()) -> bool:
        """Forget it. False, and nothing is written, if the receiver has said something else about it since."""

    async def told_choice(self, choice: Choice) -> None:
        """It is due no more, unless the receiver has said something since."""

    async def choices(self, stream_id: str) -> list[Choice]:
        """All of a stream, by `seq`."""

    async def count_choices(self, stream_id: str) -> ChoiceCount:
        """Of a stream, without reading them; nothing where there is no such stream."""

    async def due_choices(self, limit: int = 100) -> list[Choice]:
        """Those that are due, the oldest first, then by stream and `seq`."""

    async def every_choice(self, *, after: tuple[str, str] | None = None, limit: int = 1000) -> list[Choice]:
        """Of all streams, by key, beginning after the key `after`."""
