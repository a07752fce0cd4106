"""Reading a declaration key by key, collecting every fault with its line instead of stopping at the first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from bridge.connector.language.complaint import ExprFault
from bridge.connector.language.expr import Expression, Kind, Scope
from bridge.connector.language.mentions import nearest
from bridge.connector.language.tree import Path
from bridge.errors import Fault
from bridge.lines import lines

T = TypeVar("T")
NOT_YET = re.compile(r"handshake|list\.delta|event|api\.login|judge\.[^.]+\.hysteresis")
"""Words of the language that this version does not carry out: they are refused, never skipped."""


class Faults:
    """The faults of one file, whose `text` is valid TOML."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.found: list[Fault] = []
        self._lines = {".".join(map(str, path)): line for path, line in lines(text).items()}

    def add(self, path: str, message: str) -> None:
        line = self._line(path)
        self.found.append(Fault(f"{self.file}:{line}" if line else self.file, path, message))

    def _line(self, path: str) -> int | None:
        """Of the key, or of the nearest table around it."""
        while path and path not in self._lines:
            path = path.rpartition(".")[0]
        return self._lines.get(path)


class Table:
    """One TOML table being read. `done()` complains of every key that nobody asked for."""

    def __init__(self, data: object, path: str, faults: Faults) -> None:
        self.path, self.faults = path, faults
        self.data: Mapping[str, object] = {}
        self._asked: set[str] = set()
        if isinstance(data, Mapping):
            self.data = data
        else:
            faults.add(path, "must be a table")

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def fault(self, key: str, message: str) -> None:
        self.faults.add(self.at(key), message)

    def has(self, key: str) -> bool:
        return key in self.data

    def get(self, key: str) -> object:
        self._asked.add(key)
        return self.data.get(key)

    def typed(self, key: str, kind: type[T], words: str, default: T) -> T:
        value = self.get(key)
        if value is None:
            return default
        if type(value) is kind:
            return value
        self.fault(key, f"must be {words}")
        return default

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        if required and not self.has(key):
            self.get(key)
            self.fault(key, "is required")
        return self.typed(key, str, "text", default)

    def flag(self, key: str, default: bool = False) -> bool:
        return self.typed(key, bool, "true or false", default)

    def whole(self, key: str, default: int) -> int:
        value = self.typed(key, int, "a whole number", default)
        if value < 0:
            self.fault(key, "must not be negative")
        return value

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        value = self.text(key, default)
        if value not in choices:
            self.fault(key, f"must be one of {', '.join(choices)}{nearest(value, choices)}")
            return default
        return value

    def texts(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        value = self.get(key)
        if value is None:
            return tuple(default)
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            self.fault(key, "must be a list of text")
            return tuple(default)
        return tuple(value)

    def parsed(self, key: str, parse: Callable[[str], T], default: T) -> T:
        """A text read by `parse`, whose ValueError is the fault."""
        value = self.text(key)
        if not self.has(key) or not isinstance(self.data[key], str):
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.fault(key, str(error))
            return default

    def where(self, key: str) -> Path | None:
        return self.parsed(key, Path, None)

    def expression(self, key: str, scope: Scope, kind: Kind, *, required: bool = False) -> Expression | None:
        source = self.text(key, required=required)
        if not source:
            return None
        try:
            return scope.compile(source, kind)
        except ExprFault as fault:
            self.fault(key, str(fault))
            return None

    def table(self, key: str) -> Table | None:
        if not self.has(key):
            return None
        return Table(self.get(key), self.at(key), self.faults)

    def tables(self, key: str) -> list[tuple[str, Table]]:
        """The named tables below a key: `judge.issues`, `judge.trust`."""
        outer = self.table(key)
        if outer is None:
            return []
        return [(name, Table(value, outer.at(name), self.faults)) for name, value in outer.data.items()]

    def rows(self, key: str) -> list[Table]:
        """The elements of an array of tables."""
        value = self.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(key, f"must be tables: write [[{key}]]")
            return []
        return [Table(row, f"{self.at(key)}.{index}", self.faults) for index, row in enumerate(value)]

    def done(self) -> None:
        for key in self.data:
            if key in self._asked:
                continue
            if NOT_YET.fullmatch(self.at(key)):
                self.fault(key, "unknown key: this version does not support it yet")
            else:
                self.fault(key, f"unknown key{nearest(key, self._asked)}")
