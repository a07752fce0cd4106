"""The usual value of a plain expression, read at once. Whatever else stands there is left to the long way, which says
what is wrong with it: a look reads some twenty expressions, and nearly all of them find what they should. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from bridge.connector.language import functions, times
from bridge.connector.language.mentions import Mention
from bridge.connector.language.plain import Plain, Shortcut

NOTHING: Final = object()
"""A member on the path is absent or null."""
ELSE: Final = object()
"""Only the long way can tell."""
Read = Callable[[Mapping[str, object]], object]
"""The values of a scope → the value that the expression comes to, checked; NOTHING; or ELSE."""


def of_plain(plain: Plain, fits: type) -> Read | None:
    """`fits` is what the expression must yield; a time is yielded in seconds. None: there is no quick way."""
    reach = _reach(plain.mention)
    if reach is None:
        return None
    if plain.function is not None:
        return _called(reach, plain.function, fits)
    if fits is bool and plain.negated:
        return _negated(reach)
    return _as_it_is(reach, fits) if fits in (str, bool) and not plain.negated else None


def of_shortcut(shortcut: Shortcut) -> Read | None:
    reach = _reach(shortcut.mention)
    if reach is None or shortcut.function is not None:
        return None
    wanted, equal, other = shortcut.wanted, shortcut.equal, shortcut.other

    def read(values: Mapping[str, object]) -> object:
        found = reach(values)
        if type(found) is not str:
            return ELSE
        return found if wanted is None else equal if found == wanted else other

    return read


def _reach(mention: Mention) -> Read | None:
    variable, names = mention.variable, mention.path.straight
    if names is None:
        return None

    def reach(values: Mapping[str, object]) -> object:
        found = values.get(variable)
        for name in names:
            if type(found) is not dict:
                return NOTHING if found is None else ELSE
            found = found.get(name)
        return NOTHING if found is None else found

    return reach


def _as_it_is(reach: Read, fits: type) -> Read:
    def read(values: Mapping[str, object]) -> object:
        found = reach(values)
        return found if type(found) is fits or found is NOTHING else ELSE

    return read


def _negated(reach: Read) -> Read:
    def read(values: Mapping[str, object]) -> object:
        found = reach(values)
        return not found if type(found) is bool else found if found is NOTHING else ELSE

    return read


def _called(reach: Read, function: str, fits: type) -> Read:
    call, allowed = functions.OF_ONE[function]

    def read(values: Mapping[str, object]) -> object:
        found = reach(values)
        if type(found) not in allowed:
            return found if found is NOTHING else ELSE
        try:
            value = call(found)
        except ValueError:
            return ELSE
        if type(value) is not fits:
            return ELSE
        return times.seconds(value) if isinstance(value, datetime) else value

    return read
