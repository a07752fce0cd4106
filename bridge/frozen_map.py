"""frozen_map: a map that is never changed, whose copies share with it what they have in common.

A copy of a dict with one member more takes as long as the dict is large. Here the members lie in about as many small
dicts as there are members in each: a copy makes one of them anew, and the list of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Generic, TypeVar

Key = TypeVar("Key")
Kept = TypeVar("Kept")


class FrozenMap(Mapping[Key, Kept], Generic[Key, Kept]):
    """The order of its members means nothing. `put` and `drop` cost the square root of how many there are."""

    __slots__ = ("_count", "_parts")

    def __init__(self, members: Mapping[Key, Kept] | None = None) -> None:
        self._count = len(members or ())
        self._parts = _spread(members or {}, _places(self._count))

    def __getitem__(self, key: Key) -> Kept:
        return self._parts[self._place(key)][key]

    def __iter__(self) -> Iterator[Key]:
        return chain.from_iterable(self._parts)

    def __len__(self) -> int:
        return self._count

    def put(self, key: Key, kept: Kept) -> FrozenMap[Key, Kept]:
        """A copy with this in it."""
        place = self._place(key)
        part = self._parts[place].copy()
        part[key] = kept
        return self._with(place, part)

    def drop(self, key: Key) -> FrozenMap[Key, Kept]:
        """A copy without it. Raises KeyError if it is not there."""
        place = self._place(key)
        part = self._parts[place].copy()
        del part[key]
        return self._with(place, part)

    def _place(self, key: Key) -> int:
        return hash(key) & (len(self._parts) - 1)

    def _with(self, place: int, part: dict[Key, Kept]) -> FrozenMap[Key, Kept]:
        made: FrozenMap[Key, Kept] = FrozenMap.__new__(FrozenMap)
        made._count = self._count + len(part) - len(self._parts[place])
        made._parts = (*self._parts[:place], part, *self._parts[place + 1 :])
        if _places(made._count) > len(made._parts):
            return FrozenMap(dict(made))
        return made


def _places(count: int) -> int:
    """A power of two, and more of them than each has members: to copy a dict costs more than to copy a tuple."""
    return 1 << (count.bit_length() + 1) // 2 if count else 1


def _spread(members: Mapping[Key, Kept], places: int) -> tuple[dict[Key, Kept], ...]:
    parts: tuple[dict[Key, Kept], ...] = tuple({} for _ in range(places))
    for key, kept in members.items():
        parts[hash(key) & (places - 1)][key] = kept
    return parts
