"""`env:NAME` and `file:/path`: values that stand somewhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from bridge.config.kinds import looks_secret
from bridge.config.secret import Secret
from bridge.lines import Path

LARGEST = 64 * 1024
"""Bytes of a file that a reference may name."""


@dataclass(slots=True)
class Resolver:
    """Replaces references by what they name. After a run, `faults` tells what could not be read, and `origins` the
    path of each reference. A resolved value is a `Secret` until a section asks for plain text."""

    environ: Mapping[str, str] = field(repr=False)
    base: FilePath
    """Where a relative `file:` begins: the folder of the configuration file."""
    faults: list[tuple[Path, str]] = field(default_factory=list)
    origins: dict[Path, str] = field(default_factory=dict)

    def table(self, table: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._value((key,), value) for key, value in table.items()}

    def _value(self, path: Path, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._value((*path, key), inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._value((*path, index), inner) for index, inner in enumerate(value)]
        if isinstance(value, str):
            return self._text(path, value)
        return value

    def _text(self, path: Path, value: str) -> Any:
        if not _is_text(value):
            self.faults.append((path, "is not UTF-8 text"))
            return ""
        if value.startswith("env:"):
            return self._found(path, value, *self._variable(value[4:]))
        if value.startswith("file:"):
            return self._found(path, value, *read_text(self.base / value[5:], value[5:]))
        return value

    def _found(self, path: Path, origin: str, text: str, fault: str) -> Any:
        self.origins[path] = origin
        if fault:
            self.faults.append((path, fault))
        return Secret(text, origin)

    def _variable(self, name: str) -> tuple[str, str]:
        text = self.environ.get(name, "")
        if not _is_text(text):
            return "", f"environment variable {name} is not UTF-8 text"
        if text:
            return text, ""
        return "", f"environment variable {name} is {'empty' if name in self.environ else 'not set'}"


def read_text(file: FilePath, name: str) -> tuple[str, str]:
    """The text of a file without its last line ends, or "" and what is wrong with the file of that name."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
        text = raw.decode().rstrip("\r\n")
    except (OSError, ValueError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        return "", f"file {name} cannot be read: {why}"
    if len(raw) > LARGEST:
        return "", f"file {name} is larger than {LARGEST // 1024} KiB"
    return (text, "") if text.strip() else ("", f"file {name} is empty")


def _is_text(value: str) -> bool:
    """Not so where the environment holds bytes that are no UTF-8."""
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def as_written(value: Any, secret: bool) -> Any:
    """For a section's field: secrets stay secrets, all other references become the plain text they name."""
    if isinstance(value, Secret):
        return value if secret else value.reveal()
    if isinstance(value, list):
        return [as_written(item, secret) for item in value]
    if isinstance(value, dict):
        return {key: as_written(item, secret) for key, item in value.items()}
    return value


def concealed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """For a connector: what came from a reference or has a secret's name is a `Secret`, all else as written."""
    return {key: _conceal(value) if looks_secret(key) else value for key, value in settings.items()}


def _conceal(value: Any) -> Any:
    if isinstance(value, str):
        return Secret(value)
    return [_conceal(item) for item in value] if isinstance(value, list) else value
