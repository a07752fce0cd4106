"""Which subjects a stream is about: what its receiver added and took off, on top of all or of none. Pure, immutable.

The newest word that is about an event counts (docs/decisions/013-subjects.md), so each call keeps its promise: what was
just added is told, what was just taken off is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, Self

from bridge.ssf.identifier import WHOLE, Identifier, canonical
from bridge.ssf.matching import Parts, apart, meets, parts
from bridge.value import value

Default = Literal["ALL", "NONE"]
"""`default_subjects` (SSF 1.0 §7.1): with which subjects a stream begins."""
Kind = Literal["added", "removed"]
Unselected = Literal["", "subject_removed", "subject_not_added"]

_SELECTIVE: Final = ("user", "device", "tenant")
"""The members of our own events, those first of which there are many."""
_Key = tuple[str, str]


@value
class Statement:
    """One word of the receiver. `seq` grows with each of a stream."""

    subject: Identifier
    kind: Kind
    seq: int


class Selection:
    """Found by the one member that singles it out most, a statement costs a look-up however many there are."""

    __slots__ = ("_firsts", "_index", "_last", "_opposed", "_own", "_said", "default")

    def __init__(self, default: Default = "ALL", own: str = "") -> None:
        """`own` is the stream's id: as a subject it is always in (SSF 1.0 §8.1.4.1, §8.1.5)."""
        self.default: Default = default
        self._own = canonical({"format": "opaque", "id": own}) if own else ""
        self._said: dict[str, Statement] = {}
        self._index: dict[_Key, tuple[Statement, ...]] = {}
        """Newest first."""
        self._firsts: frozenset[str] = frozenset()
        self._opposed = 0
        """How many statements say something else than the default."""
        self._last = 0

    @classmethod
    def of(cls, default: Default, statements: Iterable[Statement], own: str = "") -> Self:
        made = cls(default, own)
        for statement in sorted(statements, key=lambda one: one.seq):
            made._put(statement)
        return made

    def beginning_with(self, default: Default) -> Selection:
        """The same words on top of another default."""
        made = Selection.of(default, self._said.values())
        made._own = self._own
        return made

    def __len__(self) -> int:
        return len(self._said)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selection):
            return NotImplemented
        mine, theirs = (self.default, self._own, self._said), (other.default, other._own, other._said)
        return self is other or mine == theirs

    def __hash__(self) -> int:
        return hash((self.default, self._own, len(self._said)))

    @property
    def everything(self) -> bool:
        """Whether nothing is left out: then no event needs to be asked about."""
        return self.default == "ALL" and not self._opposed

    @property
    def next_seq(self) -> int:
        return self._last + 1

    def said(self, subject: Identifier) -> Statement | None:
        """What was said last about exactly this subject, if it is kept."""
        return self._said.get(subject.text)

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
        made = self._copy()
        made._put(statement)
        return made

    def without(self, subject: Identifier) -> Selection:
        """As if nothing had been said about exactly this subject."""
        made = self._copy()
        made._drop(subject.text)
        return made

    def idle(self, subject: Identifier, kind: Kind) -> bool:
        """Whether saying this is surely the same as saying nothing about exactly this subject: it is the default, and
        nothing else that was said could be about the same events."""
        if self.is_own(subject):
            return True
        if kind != self._by_default:
            return False
        opposed = self._opposed - self._is_opposed(self._said.get(subject.text))
        return not opposed or all(
            one.kind == kind or one.subject.text == subject.text or apart(one.subject, subject)
            for one in self._said.values()
        )

    def why_not(self, sub_id: Mapping[str, Any]) -> Unselected:
        """Empty if the stream is to be told of an event with this `sub_id`."""
        if self.everything:
            return ""
        event = parts(sub_id)
        if self._own and event.get(WHOLE) == self._own:
            return ""
        newest = self._newest(event)
        if newest is None:
            return "" if self.default == "ALL" else "subject_not_added"
        return "" if newest.kind == "added" else "subject_removed"

    def _newest(self, event: Parts) -> Statement | None:
        found = [one for key in _keys(event) if (one := _first_about(self._index.get(key, ()), event)) is not None]
        if WHOLE not in event and self._hidden(event):
            others = (one for one in self._said.values() if _first(one.subject) not in event)
            found += [one for one in others if _about(one, event)]
        return max(found, key=lambda one: one.seq, default=None)

    def _hidden(self, event: Parts) -> bool:
        """Whether a statement may be about the event and stand in the index under a name that the event does not have.
        Never so for our own events: no name of theirs comes after one that they lack."""
        lacking = [_rank(name) for name in self._firsts if name not in event and name != WHOLE]
        return bool(lacking) and max(_rank(name) for name in event) > min(lacking)

    @property
    def _by_default(self) -> Kind:
        return "added" if self.default == "ALL" else "removed"

    def _is_opposed(self, statement: Statement | None) -> bool:
        return statement is not None and statement.kind != self._by_default

    def _copy(self) -> Selection:
        made = Selection(self.default)
        made._own, made._firsts, made._opposed, made._last = self._own, self._firsts, self._opposed, self._last
        made._said, made._index = self._said.copy(), self._index.copy()
        return made

    def _put(self, statement: Statement) -> None:
        self._drop(statement.subject.text)
        self._said[statement.subject.text] = statement
        self._opposed += self._is_opposed(statement)
        self._firsts |= {_first(statement.subject)}
        self._last = max(self._last, statement.seq)
        for key in _keys_of(statement.subject):
            self._index[key] = (statement, *self._index.get(key, ()))

    def _drop(self, text: str) -> None:
        gone = self._said.pop(text, None)
        if gone is None:
            return
        self._opposed -= self._is_opposed(gone)
        for key in _keys_of(gone.subject):
            left = tuple(one for one in self._index[key] if one is not gone)
            if left:
                self._index[key] = left
            else:
                del self._index[key]


def _about(statement: Statement, event: Parts) -> bool:
    return meets(statement.subject, event, removes=statement.kind == "removed")


def _first_about(newest_first: Iterable[Statement], event: Parts) -> Statement | None:
    return next((one for one in newest_first if _about(one, event)), None)


def _rank(name: str) -> tuple[int, str]:
    return (_SELECTIVE.index(name), "") if name in _SELECTIVE else (len(_SELECTIVE), name)


def _first(subject: Identifier) -> str:
    """The name of the member that singles the subject out most."""
    return min((name for name, _ in subject.members), key=_rank)


def _keys_of(subject: Identifier) -> list[_Key]:
    """Where a statement stands in the index."""
    first = _first(subject)
    return [(first, text) for text in dict(subject.members)[first]]


def _keys(event: Parts) -> list[_Key]:
    """Where what may be about an event stands in the index."""
    if WHOLE in event:
        return [(WHOLE, event[WHOLE]), ("user", event[WHOLE])]
    whole = [(WHOLE, event[role]) for role in ("user", "device") if role in event]
    return [*whole, *event.items()]
