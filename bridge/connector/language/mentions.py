"""What can be told from the text of an expression: the paths that it reads, whether it loops. Pure, without CEL."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bridge.connector.language.tree import Gap, Path

_TEXT = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_PATH = re.compile(r"(?<![\w.\"'\]?])[A-Za-z_]\w*(?:\.\??[A-Za-z_]\w*)*")
_HEADER = re.compile(r"""\bheaders\s*(?:\[\s*["']([A-Za-z0-9_-]+)["']\s*\]|\.\??([A-Za-z_]\w*))""")
_MACROS = ("exists", "exists_one", "all", "map", "filter")
_LOOP = re.compile(rf"\.(?:{'|'.join(_MACROS)})\s*\(|\bin\b|\b(?:pick|first)\s*\(")
_CHAIN = re.compile(r"(?:\.\??[A-Za-z_]\w*(?!\w*\s*\()|\[\s*(?:\d+|\"\s*\")\s*\])*")
_FAR, _EARLY = 'timestamp("9999-12-31T23:59:59Z")', 'timestamp("0001-01-01T00:00:00Z")'


@dataclass(frozen=True, slots=True)
class Mention:
    """A path below a variable: `look.device` and `auth_state` of `look.device.auth_state`."""

    variable: str
    path: Path
    looped: bool = False
    """Something is done with each element of it."""

    @property
    def text(self) -> str:
        return f"{self.variable}.{self.path.text.replace('?', '')}".rstrip(".")

    def value(self, values: Mapping[str, object]) -> object:
        """Raises Gap."""
        value = values.get(self.variable)
        if value is None:
            raise Gap("", null=self.variable in values)
        return self.path(value)

    def reach(self, values: Mapping[str, object]) -> object:
        try:
            return self.value(values)
        except Gap:
            return None


def _blank(source: str) -> str:
    """The source with every text literal emptied, the same length."""
    return _TEXT.sub(lambda match: match[0][0] + " " * (len(match[0]) - 2) + match[0][-1], source)


def resolve(path: str, variables: Iterable[str]) -> Mention | None:
    """The longest variable that the path begins with."""
    bare = path.replace("?", "")
    fits = [name for name in variables if bare == name or bare.startswith(name + ".")]
    if not fits:
        return None
    variable = max(fits, key=len)
    rest = path.split(".")[variable.count(".") + 1 :]
    return Mention(variable, Path(".".join(rest)))


def of(source: str, variables: Iterable[str]) -> tuple[Mention, ...]:
    """Every path of the source that begins with a variable, in order."""
    blank, found = _blank(source), []
    names = list(variables)
    for match in _PATH.finditer(blank):
        path, method = match[0], ""
        if blank[match.end() :].lstrip().startswith("("):
            path, _, method = path.rpartition(".")
        mention = resolve(path, names) if path else None
        if mention is not None:
            found.append(replace(mention, looped=method in _MACROS))
    return tuple(found)


def headers(source: str) -> frozenset[str]:
    """The names of the headers that are read, in lower case."""
    return frozenset((match[1] or match[2]).lower() for match in _HEADER.finditer(source))


def variables(source: str, names: Iterable[str]) -> frozenset[str]:
    """The variables that may stand in the source, however it is spaced: rather one too many than one too few."""
    blank = _blank(source)
    spelt = {name: r"\s*\.\s*\??\s*".join(map(re.escape, name.split("."))) for name in names}
    return frozenset(name for name, pattern in spelt.items() if re.search(rf"\b{pattern}\b", blank))


def loops(source: str) -> bool:
    return _LOOP.search(_blank(source)) is not None


def is_one_group(source: str) -> bool:
    """Whether no parenthesis in the source closes one that stands before it."""
    depth = 0
    for char in _blank(source):
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0


def refuse_loose_optionals(source: str) -> None:
    """An optional must end where it begins: `a.?b.orValue(c)` or `a.?b.hasValue()`. Anything else is a ValueError,
    since an empty optional that leaves an expression, also inside a list, ends the whole process."""
    blank = _blank(source)
    for match in re.finditer(r"\boptional\b|\boptMap\b|\boptFlatMap\b|\[\s*\?|\{\s*\?|,\s*\?", blank):
        raise ValueError(_pointed("optional values may only be read as a.?b.orValue(c)", source, match.start()))
    for match in re.finditer(r"\.\s*\?", blank):
        chain = _CHAIN.match(blank, match.start())
        end = chain.end() if chain else match.start()
        if not re.match(r"\s*\.\s*(?:orValue|hasValue)\s*\(", blank[end:]):
            raise ValueError(_pointed("a path with .? must end in .orValue(…) or .hasValue()", source, match.start()))


def refuse_bad_durations(source: str) -> None:
    """CEL knows h, m, s and smaller units, and would say so only when it meets the text."""
    for match in re.finditer(r"""\bduration\(\s*(["'])(.*?)\1""", source):
        if not re.fullmatch(r"-?(?:\d+(?:\.\d+)?(?:h|ms|us|ns|m|s))+", match[2]):
            raise ValueError(_pointed('not a duration: write "36h", "90m" or "30s"', source, match.start(2)))


def false_when_missing(source: str, name: str) -> str:
    """The source for the case that the time `name` has no value: each comparison with it is made false.

    Raises ValueError if it is used in any other way.
    """
    blank, parts, at = _blank(source), [], 0
    for match in re.finditer(rf"(?<![\w.]){re.escape(name)}(?![\w.])", blank):
        before, after = blank[: match.start()].rstrip(), blank[match.end() :].lstrip()
        left = re.match(r"(<=|>=|==|<|>)", after)
        right = re.search(r"(<=|>=|==|<|>)$", before)
        free = re.search(r"(^|[(?:,]|&&|\|\|)$", before) if left else re.match(r"$|[)?:,]|&&|\|\|", after)
        if not (left or right) or not free:
            words = f"{name} may be missing: compare it alone with <, <=, >, >= or =="
            raise ValueError(_pointed(words, source, match.start()))
        operator = left[1] if left else right[1] if right else ""
        far = operator in (("<", "<=", "==") if left else (">", ">=", "=="))
        parts += [source[at : match.start()], _FAR if far else _EARLY]
        at = match.end()
    return "".join([*parts, source[at:]])


def _pointed(words: str, source: str, at: int) -> str:
    line_start = source.rfind("\n", 0, at) + 1
    line = source[line_start:].partition("\n")[0]
    return f"{words}\n  {line}\n  {'.' * (at - line_start)}^"


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean X?)`, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""
