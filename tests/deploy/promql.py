"""What a PromQL expression names: metrics with the labels that are asked of each, and the labels that it groups by.

Not a parser: a scanner that knows which words of the language stand where. What it does not know, it refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|\#[^\n]*)
  | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
  | (?P<range>\[[^\]]*\])
  | (?P<number>(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?:ms|[smhdwy])?|0x[0-9a-fA-F]+)
  | (?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){},@])
    """,
    re.VERBOSE,
)
_GROUPING = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_OPERATORS = frozenset({"and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "start", "end"})


class NotUnderstood(Exception):
    pass


@dataclass
class Named:
    matchers: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """metric → (label, operator, text)"""
    labels: set[str] = field(default_factory=set)
    """What is grouped by or matched on."""
    functions: set[str] = field(default_factory=set)


def named(expression: str) -> Named:
    tokens = _tokens(expression)
    found = Named()
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        at += 1
        if kind != "word":
            if text in ("{", "}"):
                raise NotUnderstood("a selector without a metric's name")
            continue
        word = text.lower()
        if word in _GROUPING:
            names, at = _until(tokens, at + 1, ")") if following == "(" else ([], at)
            if any(kind != "word" and text != "," for kind, text in names):
                raise NotUnderstood("what is grouped by are labels")
            found.labels |= {name for kind, name in names if kind == "word"}
        elif word in _OPERATORS:
            continue
        elif following == "(" or (following.lower() in _GROUPING and following):
            found.functions.add(word)
        else:
            inner, at = _until(tokens, at + 1, "}") if following == "{" else ([], at)
            found.matchers.setdefault(text, []).extend(_matchers(inner))
    return found


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None:
            raise NotUnderstood(expression[at:])
        if match.lastgroup != "skip":
            tokens.append((str(match.lastgroup), match[0]))
        at = match.end()
    return tokens


def _until(tokens: list[tuple[str, str]], at: int, end: str) -> tuple[list[tuple[str, str]], int]:
    for stop in range(at, len(tokens)):
        if tokens[stop][1] == end:
            return tokens[at:stop], stop + 1
    raise NotUnderstood(f"no {end}")


def _matchers(tokens: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    parts = [token for token in tokens if token[1] != ","]
    if len(parts) % 3 or any(kind != "word" for kind, _ in parts[::3]):
        raise NotUnderstood("a matcher is label, operator, text")
    return [(parts[i][1], parts[i + 1][1], parts[i + 2][1][1:-1]) for i in range(0, len(parts), 3)]
