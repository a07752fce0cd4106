"""Expressions that need no CEL, wholly or for usual values, and mean the same without it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.connector.language import functions, mentions
from bridge.connector.language.complaint import ExprError
from bridge.connector.language.mentions import Mention, resolve
from bridge.connector.language.tree import Gap

_NAMES: Final = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_TEXT: Final = r"""("[^"\\\n]*"|'[^'\\\n]*')"""
_PLAIN = re.compile(rf"\s*(!?)\s*(?:(\w+)\(\s*)?({_NAMES})\s*(\))?\s*")
_COMPARED = re.compile(
    rf"\s*(?:(id|lower)\(\s*)?({_NAMES})\s*(\))?\s*([!=]=)\s*{_TEXT}\s*(?:\?\s*{_TEXT}\s*:\s*{_TEXT}\s*)?"
)
_OR_VALUE = re.compile(rf"\s*({_NAMES})\.\?([A-Za-z_]\w*)\.orValue\((.*)\)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Plain:
    """An expression that is a path, the contrary of a path, or one function of a path."""

    source: str
    wanted: str
    mention: Mention
    function: str | None
    negated: bool

    def value(self, values: Mapping[str, object]) -> object:
        """Raises ExprError."""
        try:
            value = self.mention.value(values)
        except Gap as gap:
            raise led_nowhere(self.source, self.mention, gap) from None
        if self.negated:
            if type(value) is not bool:
                raise ExprError(self.source, f"must be {self.wanted}", path=self.mention.text)
            return not value
        return value if self.function is None else self._called(self.function, value)

    def _called(self, function: str, value: object) -> object:
        call, allowed = functions.OF_ONE[function]
        if type(value) not in allowed:
            raise ExprError(self.source, f"{function}() takes no such value", path=self.mention.text)
        try:
            return call(value)
        except ValueError as error:
            raise ExprError(self.source, str(error), path=self.mention.text) from None


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A path, or `id` or `lower` of it, that is usually text: compared with `wanted`, or with None taken as it is."""

    mention: Mention
    function: str | None = None
    wanted: str | None = None
    equal: object = True
    other: object = False

    def value(self, values: Mapping[str, object]) -> object:
        """What the expression comes to; None where only CEL can tell."""
        try:
            value = self.mention.value(values)
        except Gap:
            return None
        if self.function is not None:
            call, allowed = functions.OF_ONE[self.function]
            value = call(value) if type(value) in allowed else None
        if type(value) is not str:
            return None
        if self.wanted is None:
            return value
        return self.equal if value == self.wanted else self.other


def led_nowhere(source: str, mention: Mention, gap: Gap) -> ExprError:
    return ExprError(
        source,
        "is not an object" if gap.mistyped else "is null" if gap.null else "is missing",
        path=f"{mention.variable}.{gap.path}".rstrip("."),
        absent=not (gap.mistyped or gap.null),
        null=gap.null,
    )


def plain(source: str, wanted: str, variables: Iterable[str]) -> Plain | None:
    """`wanted`: in words, what the expression must yield."""
    match = _PLAIN.fullmatch(source)
    if (
        match is None
        or bool(match[2]) != bool(match[4])
        or (match[2] and (match[1] or match[2] not in functions.OF_ONE))
    ):
        return None
    mention = resolve(match[3], variables)
    return None if mention is None else Plain(source, wanted, mention, match[2], bool(match[1]))


def shortcut(source: str, variables: Iterable[str]) -> Shortcut | None:
    """For `path == "text"`, also of `id(path)` or `lower(path)` and with `? "text" : "text"`, and for
    `path.?name.orValue(…)`, whose second half CEL reads only if the first is missing."""
    compared = _COMPARED.fullmatch(source)
    if compared is not None and bool(compared[1]) == bool(compared[3]):
        mention = resolve(compared[2], variables)
        results = (compared[6][1:-1], compared[7][1:-1]) if compared[6] else (True, False)
        equal, other = results if compared[4] == "==" else results[::-1]
        return None if mention is None else Shortcut(mention, compared[1], compared[5][1:-1], equal, other)
    optional = _OR_VALUE.fullmatch(source)
    if optional is not None and mentions.is_one_group(optional[3]) and not mentions.loops(source):
        mention = resolve(f"{optional[1]}.{optional[2]}", variables)
        return None if mention is None or not mention.path.steps else Shortcut(mention)
    return None
