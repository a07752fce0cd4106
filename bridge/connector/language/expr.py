"""Expressions: CEL, type-checked against named variables when the configuration is read.

The only file that knows cel-expr-python, and the place of every rule that keeps it safe: a result is one scalar
or a list of text, optional values never leave an expression, null members are dropped before evaluation, long
lists are refused where an expression loops. What `plain` can tell does not go through CEL.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Final

from cel_expr_python import cel
from cel_expr_python.ext import ext_optional, ext_strings

from bridge.connector.language import functions, mentions, plain, quick, times
from bridge.connector.language.complaint import ExprError, ExprFault, explained, safe
from bridge.connector.language.tree import Gap, longest_list, without_nulls

MAX_SOURCE: Final = 2000
MAX_LIST: Final = 1000
_T = cel.Type
_TYPES: Final = {
    "text": _T.STRING,
    "int": _T.INT,
    "bool": _T.BOOL,
    "texts": _T.List(_T.STRING),
    "time": _T.TIMESTAMP,
    "duration": _T.DURATION,
    "any": _T.DYN,
    "headers": _T.Map(_T.STRING, _T.STRING),
}
_OF_PYTHON: Final = {str: ("string", _T.STRING), int: ("int", _T.INT), float: ("double", _T.DOUBLE)}


class Kind(Enum):
    """What an expression must yield, with the CEL types that may stand for it."""

    TEXT = "text"
    BOOL = "true or false"
    TIME = "a time"
    TEXTS = "a list of text"

    @property
    def types(self) -> tuple[str, ...]:
        return _CEL_TYPES[self]


_CEL_TYPES: Final = {
    Kind.TEXT: ("STRING",),
    Kind.BOOL: ("BOOL",),
    Kind.TIME: ("TIMESTAMP",),
    Kind.TEXTS: ("LIST<STRING>", "LIST<DYN>"),
}


class Scope:
    """The typed names that expressions of one place may use: `{"body": "any", "settings.region": "text"}`.

    A name in `may_miss` is a time that need not have a value: a comparison with it is then false.
    """

    def __init__(self, variables: Mapping[str, str], may_miss: frozenset[str] = frozenset()) -> None:
        self.variables = dict(variables)
        self.may_miss = may_miss
        self.env = cel.NewEnv(
            variables={name: _TYPES[kind] for name, kind in variables.items()},
            extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional(1)],
            functions=_declared(),
        )

    def compile(self, source: str, kind: Kind) -> Expression:
        """Raises ExprFault."""
        return Expression(self, source, kind)


class Values:
    """The values of a scope's names for one request or answer; they are handed to CEL at most once."""

    def __init__(self, raw: Mapping[str, object]) -> None:
        self.raw = raw
        self._outer: Values | None = None
        self._added = ""
        self._pruned: dict[str, object] = {}
        self._bound: dict[tuple[int, frozenset[str]], cel.Activation] = {}
        self._known: dict[int, object] = {}

    def plus(self, name: str, value: object) -> Values:
        """These values and one more, as for each item of a list. What does not read it is evaluated only once."""
        inner = Values({**self.raw, name: value})
        inner._outer, inner._added = self, name
        return inner

    def known(self, expression: Expression) -> object:
        """The expression's value, from the widest values that hold all it reads."""
        if self._outer is not None and not expression.reads(self._added):
            return self._outer.known(expression)
        if id(expression) not in self._known:
            try:
                self._known[id(expression)] = expression.evaluate(self)
            except ExprError as error:
                self._known[id(expression)] = error
        found = self._known[id(expression)]
        if isinstance(found, ExprError):
            raise found
        return found

    def pruned(self, name: str) -> object:
        if self._outer is not None and name != self._added:
            return self._outer.pruned(name)
        if name not in self._pruned:
            self._pruned[name] = without_nulls(self.raw[name])
        return self._pruned[name]

    def bound(self, scope: Scope, names: frozenset[str]) -> cel.Activation:
        """Only `names` are handed over: an answer that nobody reads with CEL is not gone through."""
        key = (id(scope), names)
        if key not in self._bound:
            known = {name: self.pruned(name) for name in names if self.raw.get(name) is not None}
            self._bound[key] = scope.env.Activation(known)
        return self._bound[key]


class Expression:
    """A compiled expression. `mentions` are the paths that it reads."""

    def __init__(self, scope: Scope, source: str, kind: Kind) -> None:
        self.scope, self.source, self.kind = scope, source, kind
        self._program = _compile(scope, source, kind)
        self.mentions = mentions.of(source, scope.variables)
        self._names = mentions.variables(source, scope.variables)
        self._fits = {Kind.TEXT: str, Kind.BOOL: bool, Kind.TEXTS: list, Kind.TIME: datetime}[kind]
        self._loops = mentions.loops(source)
        self._plain = plain.plain(source, kind.value, scope.variables)
        self._shortcut = plain.shortcut(source, scope.variables)
        self._quick = self._usual()
        self._all_text = None
        if kind is Kind.TEXTS:
            self._all_text = scope.env.compile(f"({source}\n).all(x, type(x) == string)")
        self._without: tuple[str, cel.Expression] | None = None
        for name in scope.may_miss & {mention.variable for mention in self.mentions}:
            try:
                self._without = (name, scope.env.compile(mentions.false_when_missing(source, name)))
            except ValueError as error:
                raise ExprFault(str(error)) from None

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def reads(self, variable: str) -> bool:
        return any(mention.variable == variable for mention in self.mentions)

    def _usual(self) -> quick.Read | None:
        if self._plain is not None:
            return quick.of_plain(self._plain, self._fits)
        return None if self._shortcut is None else quick.of_shortcut(self._shortcut)

    def __call__(self, values: Values) -> object:
        """A str, bool, list of str, or a time as seconds since 1970 (None: never). Raises ExprError."""
        if self._quick is not None:
            value = self._quick(values.raw)
            if value is not quick.ELSE and value is not quick.NOTHING:
                return value
        if self._plain is not None:
            return self._checked(self._plain.value(values.raw))
        if self._shortcut is not None and (value := self._shortcut.value(values.raw)) is not None:
            return self._checked(value)
        return self._checked(values.known(self))

    def optional(self, values: Values) -> object:
        """None where a member that it reads is absent or null."""
        if self._quick is not None:
            value = self._quick(values.raw)
            if value is not quick.ELSE:
                return None if value is quick.NOTHING else value
        try:
            return self(values)
        except ExprError as error:
            if error.absent or error.null:
                return None
            raise

    def text(self, values: Values) -> str:
        value = self(values)
        assert isinstance(value, str)
        return value

    def truth(self, values: Values) -> bool:
        return self(values) is True

    def time(self, values: Values) -> float | None:
        value = self(values)
        assert value is None or isinstance(value, float)
        return value

    def texts(self, values: Values) -> tuple[str, ...]:
        value = self(values)
        assert isinstance(value, list)
        return tuple(value)

    def evaluate(self, values: Values) -> object:
        """By CEL, unchecked: `Values.known` asks."""
        self._refuse_odd_lists(values)
        program = self._program
        if self._without is not None and values.raw.get(self._without[0]) is None:
            program = self._without[1]
        try:
            return self._run(program, values)
        except (RuntimeError, MemoryError) as error:  # out of budget, nested too deep; a text too long
            raise self._failed(values, str(error)) from None

    def _run(self, program: cel.Expression, values: Values) -> object:
        activation = values.bound(self.scope, self._names)
        if self._all_text is not None and not _holds(self._all_text.eval(activation)):
            raise self._failed(values, "must be a list of text")
        result = program.eval(activation)
        kind = result.type().name()
        if kind == "ERROR":
            raise self._failed(values, str(result.plain_value()))
        if kind.partition("<")[0] not in {"STRING", "BOOL", "TIMESTAMP", "LIST"}:
            raise self._mistyped()
        return result.plain_value()

    def _checked(self, value: object) -> object:
        if type(value) is self._fits and self._fits in (str, bool):
            return value
        if self.kind is Kind.TIME and isinstance(value, datetime):
            return times.seconds(value)
        if type(value) is not self._fits:
            raise self._mistyped()
        if isinstance(value, list) and not all(type(part) is str for part in value):
            raise self._mistyped()
        return value

    def _mistyped(self) -> ExprError:
        path = self.mentions[0].text if self.mentions else ""
        return ExprError(self.source, f"must be {self.kind.value}", path=path)

    def _refuse_odd_lists(self, values: Values) -> None:
        for mention in self.mentions if self._loops else ():
            value = mention.reach(values.raw)
            if mention.looped and isinstance(value, dict):
                raise ExprError(self.source, "must be a list", path=mention.text)
            if longest_list(value) > MAX_LIST:
                raise ExprError(self.source, f"holds a list of more than {MAX_LIST} elements", path=mention.text)

    def _failed(self, values: Values, error: str) -> ExprError:
        """The fault named by the first path that leads nowhere, else in CEL's words made safe."""
        for mention in self.mentions:
            if mention.variable in self.scope.may_miss:
                continue
            try:
                mention.value(values.raw)
            except Gap as gap:
                return plain.led_nowhere(self.source, mention, gap)
        path = self.mentions[0].text if self.mentions else ""
        return ExprError(self.source, safe(error), path=path)


def _holds(value: cel.Value) -> bool:
    return value.type().name() == "BOOL" and value.plain_value() is True


def _compile(scope: Scope, source: str, kind: Kind) -> cel.Expression:
    if len(source) > MAX_SOURCE or "\x00" in source:
        raise ExprFault(f"an expression is at most {MAX_SOURCE} characters, without NUL")
    try:
        mentions.refuse_loose_optionals(source)
        mentions.refuse_bad_durations(source)
        program = scope.env.compile(source)
    except ValueError as error:
        raise ExprFault(str(error)) from None
    except RuntimeError as error:
        raise ExprFault(explained(str(error), scope.variables)) from None
    name = program.return_type().name()
    if name != "DYN" and name not in kind.types:
        raise ExprFault(f"must yield {kind.value}, not {name.lower()}\n  {source}\n  ^")
    return program


def _declared() -> list[cel.FunctionDecl]:
    declared = [_of_one(name) for name in functions.OF_ONE if name != "timestamp"]
    rows = _T.List(_T.DYN)
    for name, returns, takes, call in (
        ("time_never", _T.TIMESTAMP, [], functions.time_never),
        ("first", _T.DYN, [rows], functions.first),
        ("pick", _T.STRING, [rows, _T.STRING, rows, _T.STRING], functions.pick),
    ):
        declared.append(cel.FunctionDecl(name, [cel.Overload(name, returns, takes, impl=call)]))
    return declared


def _of_one(name: str) -> cel.FunctionDecl:
    """One overload per type: a parameter of dynamic type would not match. CEL itself has timestamp() of these."""
    call, allowed = functions.OF_ONE[name]
    returns = _T.STRING if name in ("id", "lower") else _T.TIMESTAMP
    overloads = [
        cel.Overload(f"bridge_{name}_{_OF_PYTHON[kind][0]}", returns, [_OF_PYTHON[kind][1]], impl=call)
        for kind in allowed
    ]
    return cel.FunctionDecl(name, overloads)
