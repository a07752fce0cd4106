"""value: how the plain values are made. They are frozen to the type checker, and cheap to make and to copy.

`dataclass(frozen=True)` sets each member of each new value through a call of `object.__setattr__`, and
`dataclasses.replace` asks each field what it is. A webhook becomes about sixty values on its way to a SET, among them
nine devices of 22 members: both together were 9 % of an event. Nothing here enforces at run time that nobody writes to
a value; `./run check` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

Value = TypeVar("Value")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[Value]) -> type[Value]:
    """A dataclass with slots, compared and hashed by its members, all of which `__init__` takes in their order."""
    return dataclass(slots=True, unsafe_hash=True)(cls)


if TYPE_CHECKING:
    from dataclasses import replace as replace  # the same, and the checker knows its arguments
else:

    def replace(old: Value, /, **changes: Any) -> Value:
        """A copy of a value of two members at least, with these changed."""
        members, places = _members(type(old))
        copied = list(members(old))
        for name, new in changes.items():
            copied[places[name]] = new
        return type(old)(*copied)


@cache
def _members(cls: type[Any]) -> tuple[Callable[[Any], tuple[Any, ...]], dict[str, int]]:
    names = tuple(member.name for member in fields(cls))
    return attrgetter(*names), {name: place for place, name in enumerate(names)}
