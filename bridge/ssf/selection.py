"""Which subjects a stream is about: what its receiver added and took off, on top of all or of none. Pure, immutable.

The newest word that is about an event counts (docs/decisions/013-subjects.md), so each call keeps its promise: what was
just added is told, what was just taken off is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

from bridge.ssf.identifier import WHOLE, Identifier, canonical
from bridge.ssf.matching import parts
from bridge.ssf.words import Kind, Statement, Words

Default = Literal["ALL", "NONE"]
"""`default_subjects` (SSF 1.0 §7.1): with which subjects a stream begins."""
Unselected = Literal["", "subject_removed", "subject_not_added"]


class Selection:
    """To ask about an event, or to change it by one statement, takes next to nothing however many there are."""

    __slots__ = ("_own", "_words", "default")

    def __init__(self, default: Default = "ALL", own: str = "") -> None:
        """`own` is the stream's id: as a subject it is always in (SSF 1.0 §8.1.4.1, §8.1.5)."""
        self.default: Default = default
        self._own = canonical({"format": "opaque", "id": own}) if own else ""
        self._words = Words()

    @classmethod
    def of(cls, default: Default, statements: Iterable[Statement], own: str = "") -> Self:
        made = cls(default, own)
        made._words = Words.of(statements)
        return made

    def beginning_with(self, default: Default) -> Selection:
        """The same words on top of another default."""
        made = self._saying(self._words)
        made.default = default
        return made

    def __len__(self) -> int:
        return len(self._words)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selection):
            return NotImplemented
        mine, theirs = (self.default, self._own, self._words), (other.default, other._own, other._words)
        return self is other or mine == theirs

    def __hash__(self) -> int:
        return hash((self.default, self._own, len(self)))

    @property
    def everything(self) -> bool:
        """Whether nothing is left out: then no event needs to be asked about."""
        return self.default == "ALL" and not self._words.count("removed")

    @property
    def next_seq(self) -> int:
        return self._words.last + 1

    def said(self, subject: Identifier) -> Statement | None:
        """What was said last about exactly this subject, if it is kept."""
        return self._words.about(subject)

    def is_own(self, subject: Identifier) -> bool:
        return subject.text == self._own

    def added(self, subject: Identifier) -> Selection:
        return self.with_statement(Statement(subject, "added", self.next_seq))

    def removed(self, subject: Identifier) -> Selection:
        return self.with_statement(Statement(subject, "removed", self.next_seq))

    def with_statement(self, statement: Statement) -> Selection:
        """With this one in the place of the one about the same subject. The stream's own subject stays as it is."""
        if self.is_own(statement.subject):
            return self
        return self._saying(self._words.plus(statement))

    def without(self, subject: Identifier) -> Selection:
        """As if nothing had been said about exactly this subject."""
        return self._saying(self._words.minus(subject))

    def idle(self, subject: Identifier, kind: Kind) -> bool:
        """Whether saying this is surely the same as saying nothing about exactly this subject: it is the default, and
        nothing else that was said could be about the same events."""
        if self.is_own(subject):
            return True
        by_default: Kind = "added" if self.default == "ALL" else "removed"
        return kind == by_default and not self._words.may_meet(subject, _OPPOSITE[kind])

    def why_not(self, sub_id: Mapping[str, Any]) -> Unselected:
        """Empty if the stream is to be told of an event with this `sub_id`."""
        if self.everything:
            return ""
        event = parts(sub_id)
        if self._own and event.get(WHOLE) == self._own:
            return ""
        newest = self._words.newest(event)
        if newest is None:
            return "" if self.default == "ALL" else "subject_not_added"
        return "" if newest.kind == "added" else "subject_removed"

    def _saying(self, words: Words) -> Selection:
        made = Selection(self.default)
        made._own, made._words = self._own, words
        return made


_OPPOSITE: Mapping[Kind, Kind] = {"added": "removed", "removed": "added"}
