"""Where each key of a TOML text stands: tomllib gives no positions."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = re.compile(r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'')
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL
)
_PLAIN = re.compile(r"[^,\]}#\n]+")
_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


def lines(text: str) -> Mapping[Path, int]:
    """The line (from 1) of each table, key and list item, by its path. `text` must be valid TOML."""
    return _Scanner(text).run()


class _Scanner:
    """Walks over valid TOML; it need not judge, only follow."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.found: dict[Path, int] = {}
        self.lists: dict[Path, int] = {}
        """Arrays of tables: how many elements so far."""
        self._counted = 0
        self._line = 1

    def run(self) -> Mapping[Path, int]:
        base: Path = ()
        while True:
            self.skip(_GAP)
            if self.at >= len(self.text):
                return self.found
            if self.text[self.at] == "[":
                base = self.header()
            else:
                self.pair(base)

    def header(self) -> Path:
        line, double = self.line(), self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        keys = self.keys()
        self.at += 2 if double else 1
        base: Path = ()
        for key in keys[:-1]:
            base = self.element((*base, key))
            self.found.setdefault(base, line)
        path: Path = (*base, keys[-1])
        if double:
            self.lists[path] = self.lists.get(path, 0) + 1
            self.found.setdefault(path, line)
        path = self.element(path)
        self.found[path] = line
        return path

    def element(self, path: Path) -> Path:
        return (*path, self.lists[path] - 1) if path in self.lists else path

    def pair(self, base: Path) -> None:
        line, path = self.line(), base
        for key in self.keys():
            path = (*path, key)
            self.found.setdefault(path, line)
        self.at += 1  # =
        self.value(path)

    def keys(self) -> list[str]:
        """A dotted key, up to the `=` or `]` after it."""
        keys = []
        while True:
            self.skip(_SPACE)
            keys.append(self.key())
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def key(self) -> str:
        quoted = _QUOTED.match(self.text, self.at)
        if quoted is not None:
            self.at = quoted.end()
            return str(tomllib.loads(f"k = {quoted[0]}")["k"])
        return self.skip(_BARE)

    def value(self, path: Path) -> None:
        self.skip(_SPACE)
        start = self.text[self.at]
        if start == "[":
            self.sequence(path)
        elif start == "{":
            self.inline(path)
        elif not self.skip(_STRING):
            self.skip(_PLAIN)

    def sequence(self, path: Path) -> None:
        self.at += 1
        index = 0
        while True:
            self.skip(_GAP)
            if self.text[self.at] == "]":
                self.at += 1
                return
            self.found[(*path, index)] = self.line()
            self.value((*path, index))
            index += 1
            self.comma()

    def inline(self, path: Path) -> None:
        self.at += 1
        while True:
            self.skip(_GAP)
            if self.text[self.at] == "}":
                self.at += 1
                return
            self.pair(path)
            self.comma()

    def comma(self) -> None:
        self.skip(_GAP)
        if self.text[self.at] == ",":
            self.at += 1

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]

    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line
