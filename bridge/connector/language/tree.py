"""JSON as vendors send it: read strictly, walked by path.

A path is `data.device.id`: names joined by dots. `?name` is a name that may be absent, `*` means every
element of a list, `["odd.name"]` is a name that is no identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

MAX_DEPTH: Final = 64
MAX_INT: Final = 2**63 - 1
_STEP = re.compile(r"""\s*(?:\.?(?P<optional>\?)?(?P<name>[A-Za-z_@$][\w@$-]*|\*)|\["(?P<quoted>[^"\\]+)"\])""")


class NotJson(ValueError):
    """The bytes are not JSON that we take. `path` is the field ("" for the whole); no message holds the bytes."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


class Gap(LookupError):
    """A path leads nowhere. `null`: the member is there and null; `mistyped`: something on the way is no object."""

    def __init__(self, path: str, *, null: bool = False, mistyped: bool = False) -> None:
        super().__init__(path)
        self.path = path
        self.null = null
        self.mistyped = mistyped


class Path:
    """A parsed path; `ValueError` with admin-readable words if the text is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.steps: tuple[tuple[str, bool], ...] = tuple(_steps(text))
        bent = any(optional or name == "*" for name, optional in self.steps)
        self.straight = None if bent else tuple(name for name, _ in self.steps)
        """The names on the way, if all of them must be there and none stands for each element of a list."""

    def __call__(self, tree: object) -> object:
        """The value at the path; `None` if an optional name is absent or null. Raises Gap."""
        if self.straight is None:
            return _walk(self.steps, tree, 0)
        found = tree
        for name in self.straight:
            found = found.get(name) if type(found) is dict else None
            if found is None:
                return _walk(self.steps, tree, 0)  # which says where and why
        return found


def _walk(steps: tuple[tuple[str, bool], ...], tree: object, start: int) -> object:
    for index in range(start, len(steps)):
        name, optional = steps[index]
        if name == "*":
            if not isinstance(tree, list):
                raise Gap(_upto(steps, index), mistyped=True)
            return [_walk(steps, part, index + 1) for part in tree]
        if not isinstance(tree, dict):
            raise Gap(_upto(steps, index + 1), mistyped=True)
        value = tree.get(name, _ABSENT)
        if value is _ABSENT or value is None:
            if optional:
                return None
            raise Gap(_upto(steps, index + 1), null=value is None)
        tree = value
    return tree


def _upto(steps: tuple[tuple[str, bool], ...], count: int) -> str:
    return ".".join(name for name, _ in steps[:count])


def _steps(text: str) -> Iterator[tuple[str, bool]]:
    if text in ("", "."):
        return
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or match.end() == at or (at > 0 and text[at] not in ".["):
            raise ValueError(f"not a path: {text!r}")
        at = match.end()
        yield match["name"] or match["quoted"], bool(match["optional"])


_ABSENT: Final = object()
_HARMLESS: Final = frozenset({str, bool, type(None)})


def read_json(body: bytes) -> object:
    """Parse, refusing what a vendor never means: see `NotJson`."""
    try:
        tree: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotJson("", _in_our_words(error)) from None
    if b"\\u0000" in body or not _sound([tree], 0):
        inspect(tree)
    return tree


def _in_our_words(error: orjson.JSONDecodeError) -> str:
    text = str(error)
    for sign, words in (
        ("UTF-8", "not valid UTF-8"),
        ("surrogate", "a lone surrogate"),
        ("infinity", "a number is too large"),
        ("depth", f"nested deeper than {MAX_DEPTH} levels"),
    ):
        if sign in text:
            return words
    return f"not JSON (line {error.lineno}, column {error.colno})"


def _sound(members: Iterable[Any], depth: int) -> bool:
    """Whether `inspect` would find nothing but perhaps NUL, which JSON can only hold as an escape.

    `members` stand `depth` levels deep. Every body and answer is gone through here, so it takes the short ways.
    """
    for one in members:
        kind = type(one)
        if kind in _HARMLESS:
            continue
        if kind is dict or kind is list:
            if depth == MAX_DEPTH or not _sound(one.values() if kind is dict else one, depth + 1):
                return False
        elif not -MAX_INT - 1 <= one <= MAX_INT:
            return False
    return True


def inspect(tree: object) -> None:
    """Refuse depth over 64, NUL, and numbers beyond 64 bits. Iterative: depth cannot exhaust the stack."""
    stack: list[tuple[object, int, tuple[object, ...]]] = [(tree, 1, ())]
    while stack:
        value, depth, path = stack.pop()
        if type(value) is str:
            if "\x00" in value:
                raise NotJson(spell(path), "contains NUL")
        elif type(value) is int or type(value) is float:
            if not -MAX_INT - 1 <= value <= MAX_INT:
                raise NotJson(spell(path), "a number is too large")
        elif type(value) is dict or type(value) is list:
            if depth > MAX_DEPTH:
                raise NotJson(spell(path), f"nested deeper than {MAX_DEPTH} levels")
            _descend(value, depth, path, stack)


def _descend(
    value: dict[str, object] | list[object],
    depth: int,
    path: tuple[object, ...],
    stack: list[tuple[object, int, tuple[object, ...]]],
) -> None:
    """Puts on the stack what must be looked at further."""
    if isinstance(value, dict):
        for key, member in value.items():
            if "\x00" in key:
                raise NotJson(spell(path), "a key contains NUL")
            if type(member) is not str or "\x00" in member:
                stack.append((member, depth + 1, (path, key)))
    else:
        for index, member in enumerate(value):
            if type(member) is not str or "\x00" in member:
                stack.append((member, depth + 1, (path, index)))


def spell(path: tuple[object, ...]) -> str:
    """A field's path fit for a message; the names are the sender's, so only harmless ones are shown."""
    parts: list[str] = []
    while path:
        outer, name = path
        parts.append(str(name) if isinstance(name, int) or re.fullmatch(r"[A-Za-z_]\w{0,40}", str(name)) else "*")
        assert isinstance(outer, tuple)
        path = outer
    return ".".join(reversed(parts))


def without_nulls(tree: object) -> object:
    """The same tree with null members of objects dropped: null is missing."""
    kind = type(tree)
    if kind is str or kind is int or kind is bool:
        return tree
    if isinstance(tree, dict) or isinstance(tree, Mapping):  # noqa: SIM101  the usual first: an ABC is asked slowly
        return {
            key: value if type(value) is str else without_nulls(value)
            for key, value in tree.items()
            if value is not None
        }
    if isinstance(tree, list):
        return [without_nulls(value) for value in tree]
    return tree


def longest_list(tree: object) -> int:
    """The length of the longest list anywhere in the tree."""
    if isinstance(tree, Mapping):
        return max(map(longest_list, tree.values()), default=0)
    if isinstance(tree, list):
        return max(len(tree), max(map(longest_list, tree), default=0))
    return 0
