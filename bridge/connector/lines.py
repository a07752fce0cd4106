"""Where in a TOML file a key stands. Pure; good enough to point at a line, never used to read values."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


class Lines:
    """Key paths like `on.1.finding.key` to line numbers, counted from 1."""

    def __init__(self, text: str) -> None:
        self._at: dict[str, int] = {}
        self._tables: dict[str, int] = {}
        prefix, closing = "", ""
        for number, line in enumerate(text.splitlines(), start=1):
            if closing:
                closing = "" if closing in line else closing
                continue
            header = _HEADER.match(line)
            if header:
                prefix = self._enter(header[1] == "[[", _dotted(header[2]), number)
                continue
            key = _KEY.match(line)
            if key:
                self._put(prefix, _dotted(key[1]), number)
            closing = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")

    def of(self, path: str) -> int | None:
        """The line of the key, or of the nearest table around it."""
        while path:
            if path in self._at:
                return self._at[path]
            path = path.rpartition(".")[0]
        return None

    def _enter(self, repeated: bool, path: str, number: int) -> str:
        if repeated:
            index = self._tables[path] = self._tables.get(path, -1) + 1
            path = f"{path}.{index}"
        self._put("", path, number)
        return path

    def _put(self, prefix: str, path: str, number: int) -> None:
        parts = path.split(".")
        for count in range(1, len(parts) + 1):
            whole = ".".join([*([prefix] if prefix else []), *parts[:count]])
            self._at.setdefault(whole, number)


def _dotted(text: str) -> str:
    return ".".join(part.strip("\"'") for part in _PART.findall(text))
