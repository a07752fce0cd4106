"""What a receiver said about its subjects, the newest word about each, and where a word is found. Pure, immutable.

Found by the one member that singles it out most, a word costs a look-up however many there are; and words with one more
or less share all others with those that they were made of.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, Self

from rpds import HashTrieMap

from bridge.ssf.identifier import WHOLE, Identifier
from bridge.ssf.matching import Demand, Parts, demand_of, meets
from bridge.value import value

Kind = Literal["added", "removed"]

_SELECTIVE: Final = ("user", "device", "tenant")
"""The members of our own events, those first of which there are many."""
_DEMANDED: Final[Mapping[Demand, tuple[str, ...]]] = {"person": ("user",), "device": ("device",), "else": ()}
_Key = tuple[str, str]


@value
class Statement:
    """One word of the receiver. `seq` grows with each of a stream."""

    subject: Identifier
    kind: Kind
    seq: int

    @property
    def demands(self) -> tuple[Kind, Demand]:
        return self.kind, demand_of(self.subject)


class Words:
    """Of each subject, by its canonical text, the last that was said."""

    __slots__ = ("_counts", "_index", "_said", "last")

    def __init__(self) -> None:
        self._said: HashTrieMap[str, Statement] = HashTrieMap()
        self._index: HashTrieMap[_Key, tuple[Statement, ...]] = HashTrieMap()
        """Newest first."""
        self._counts: Mapping[tuple[Kind, Demand], int] = {}
        self.last = 0
        """The highest `seq` so far, also of what was forgotten since."""

    @classmethod
    def of(cls, statements: Iterable[Statement]) -> Self:
        """In any order."""
        made, ordered = cls(), sorted(statements, key=lambda one: one.seq)
        said = {one.subject.text: one for one in ordered}
        made._said, made._index = HashTrieMap(said), HashTrieMap(_indexed(said.values()))
        made._counts = Counter(one.demands for one in said.values())
        made.last = ordered[-1].seq if ordered else 0
        return made

    def __len__(self) -> int:
        return len(self._said)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Words) and self._said == other._said)

    def __hash__(self) -> int:
        return hash(len(self._said))

    def about(self, subject: Identifier) -> Statement | None:
        """What was said about exactly this subject."""
        return self._said.get(subject.text)

    def plus(self, statement: Statement) -> Words:
        """With this one, newer than all others, in the place of the one about the same subject."""
        made = self.minus(statement.subject)
        made._said = made._said.insert(statement.subject.text, statement)
        made._count(statement, 1)
        made.last = max(made.last, statement.seq)
        for key in _keys_of(statement.subject):
            made._index = made._index.insert(key, (statement, *made._index.get(key, ())))
        return made

    def minus(self, subject: Identifier) -> Words:
        """Without what was said about exactly this subject."""
        made, gone = self._copy(), self.about(subject)
        if gone is not None:
            made._said = made._said.remove(subject.text)
            made._count(gone, -1)
            for key in _keys_of(subject):
                left = _without(made._index[key], gone)
                made._index = made._index.insert(key, left) if left else made._index.remove(key)
        return made

    def newest(self, event: Parts) -> Statement | None:
        """The newest that is about this event, whatever the others say."""
        found = [one for key in _keys(event) if (one := _first_about(self._index.get(key, ()), event)) is not None]
        if _may_hide(event):
            others = (one for one in self._said.values() if _first(one.subject) not in event)
            found += [one for one in others if _about(one, event)]
        return max(found, key=lambda one: one.seq, default=None)

    def count(self, kind: Kind) -> int:
        return sum(count for (said, _), count in self._counts.items() if said == kind)

    def may_meet(self, subject: Identifier, kind: Kind) -> bool:
        """Whether a word of this kind, about another subject, may be about an event that this subject is about as well.
        What surely is not, by what it demands, is counted and not looked at: False is certain, True is not."""
        known, demand = self.about(subject), demand_of(subject)
        others = self.count(kind) - (known is not None and known.kind == kind)
        if demand == "else" or self.count(kind) > self._counts.get((kind, demand), 0):
            return others > 0
        return others > 0 and any(one.kind == kind and one is not known for one in self._near(subject, demand))

    def _near(self, subject: Identifier, demand: Demand) -> Iterator[Statement]:
        """Of those of one demand, all that have the person, or the device, in common with this subject."""
        names = (WHOLE, *_DEMANDED[demand])
        ((_, texts),) = [member for member in subject.members if member[0] in names]
        return (one for name in names for text in texts for one in self._index.get((name, text), ()))

    def _copy(self) -> Words:
        made = Words()
        made._said, made._index, made._counts, made.last = self._said, self._index, self._counts, self.last
        return made

    def _count(self, statement: Statement, by: int) -> None:
        demands = statement.demands
        self._counts = {**self._counts, demands: self._counts.get(demands, 0) + by}


def _indexed(statements: Iterable[Statement]) -> dict[_Key, tuple[Statement, ...]]:
    found: dict[_Key, list[Statement]] = {}
    for statement in sorted(statements, key=lambda one: -one.seq):
        for key in _keys_of(statement.subject):
            found.setdefault(key, []).append(statement)
    return {key: tuple(newest_first) for key, newest_first in found.items()}


def _without(newest_first: tuple[Statement, ...], gone: Statement) -> tuple[Statement, ...]:
    place = bisect_left(newest_first, -gone.seq, key=lambda one: -one.seq)
    return newest_first[:place] + newest_first[place + 1 :]


def _about(statement: Statement, event: Parts) -> bool:
    return meets(statement.subject, event, removes=statement.kind == "removed")


def _first_about(newest_first: Iterable[Statement], event: Parts) -> Statement | None:
    return next((one for one in newest_first if _about(one, event)), None)


def _may_hide(event: Parts) -> bool:
    """Whether a statement may be about the event and stand in the index under a name that the event does not have.
    Never so for our own events: no name of theirs comes after one that they lack."""
    return WHOLE not in event and event.keys() != set(_SELECTIVE[: len(event)])


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
