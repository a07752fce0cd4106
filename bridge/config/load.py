"""Reading the configuration: file, environment, references, rules; every fault at once, each with its place."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from bridge.config.environment import Overlay, laid_over, overlay
from bridge.config.model import Config
from bridge.config.references import Resolver
from bridge.config.rules import cross_faults
from bridge.config.validation import Sections, sections
from bridge.errors import ConfigError, Fault
from bridge.lines import Path, lines

DEFAULT = FilePath("config.toml")
VARIABLE = "CAEP_BRIDGE_CONFIG"
LARGEST = 8 << 20
"""Bytes of a configuration file, at most."""
_TOO_LONG = re.compile(r"[0-9][0-9_]{4000,}")
_FILES = (("server", "tls_cert_file"), ("server", "tls_key_file"), ("delivery", "ca_file"), ("identity", "overrides"))


@dataclass(frozen=True, slots=True)
class Locator:
    """Tells where a key was written. `file` is the configuration file as the operator names it."""

    file: str
    found: Mapping[Path, int] = field(default_factory=dict)
    variables: Mapping[Path, str] = field(default_factory=dict)

    def place(self, path: str | Path) -> str:
        """`config.toml:12`, `environment CAEP_BRIDGE_X`; for a missing key that of the table it belongs in."""
        steps = tuple(_steps(path)) if isinstance(path, str) else path
        for length in range(len(steps), 0, -1):
            prefix = steps[:length]
            if (variable := self.variables.get(prefix)) is not None:
                return f"environment {variable}"
            if (line := self.found.get(prefix)) is not None:
                return f"{self.file}:{line}"
            for path, variable in self.variables.items():
                if path[:length] == prefix:
                    return f"environment {variable}"
        return self.file

    def locate(self, faults: Sequence[Fault]) -> list[Fault]:
        """The same faults in the order of the file, those without a place given theirs."""
        placed = [
            fault if fault.where else Fault(self.place(fault.path), fault.path, fault.message) for fault in faults
        ]
        return sorted(dict.fromkeys(placed), key=self._order)

    def _order(self, fault: Fault) -> tuple[int, int, str, str]:
        name, _, line = fault.where.rpartition(":")
        if name == self.file and line.isdecimal():
            return (0, int(line), fault.path, fault.message)
        return (1, 0, fault.where, fault.path)


@dataclass(frozen=True, slots=True)
class Draft:
    """A configuration as far as it could be read; `config` is None when there are faults."""

    config: Config | None
    faults: tuple[Fault, ...]
    locator: Locator
    path: FilePath | None
    connectors: Mapping[str, Mapping[str, Any]] = field(repr=False, default_factory=dict)
    """The tables for the connector wing to judge, of the connectors whose engine keys are well. Where a reference
    could not be read, an empty `Secret` stands in its place."""
    written: frozenset[Path] = frozenset()
    """Every key that was given, in file or environment."""
    origins: Mapping[Path, str] = field(default_factory=dict)
    sections: Mapping[str, Any] = field(repr=False, default_factory=dict)
    """Those that are well by themselves, whatever else is at fault."""

    @property
    def base(self) -> FilePath:
        """Where relative paths in it begin."""
        return FilePath(".") if self.path is None else self.path.parent


@dataclass(frozen=True, slots=True)
class Loaded:
    config: Config
    locator: Locator
    path: FilePath | None
    """None where everything came from the environment."""
    written: frozenset[Path] = frozenset()
    origins: Mapping[Path, str] = field(default_factory=dict)
    """The reference (`env:NAME`, `file:/path`) behind each path that has one: its value is not to be shown."""

    @property
    def base(self) -> FilePath:
        return FilePath(".") if self.path is None else self.path.parent

    def place(self, path: str) -> str:
        return self.locator.place(path)

    def locate(self, faults: Sequence[Fault]) -> list[Fault]:
        return self.locator.locate(faults)


def load(path: FilePath | None, environ: Mapping[str, str]) -> Loaded:
    """The configuration, or `ConfigError` with every fault.

    `path` is what `--config` says; else `CAEP_BRIDGE_CONFIG` does, else `config.toml` in the working directory.
    """
    draft = read(path, environ)
    if draft.config is None:
        raise ConfigError(draft.faults)
    return Loaded(draft.config, draft.locator, draft.path, draft.written, draft.origins)


def read(path: FilePath | None, environ: Mapping[str, str]) -> Draft:
    """As `load`, but faults are a value, so that the connectors' own can be added to them.

    Raises `ConfigError` where nothing can be read at all: no file, or a file that is not TOML.
    """
    over = overlay(environ)
    file = _file(path, environ, over)
    text = _text(file) if file is not None else ""
    table = _toml(file, text)
    locator = Locator(str(file or "configuration"), lines(text), over.variables)
    merged = laid_over(table, over)
    resolver = Resolver(environ, FilePath(".") if file is None else file.parent)
    resolved = resolver.table(merged)
    found = sections(resolved)
    _across(found, resolved)
    faults = [*resolver.faults, *_unresolved_once(found.faults, resolver)]
    placed = locator.locate([Fault(locator.place(path), dotted(path), message) for path, message in faults])
    config = None if placed else Config(**{key: found.parts[key] for key in Config.model_fields})
    tables = {name: connector.table() for name, connector in found.parts["connectors"].items()}
    return Draft(config, tuple(placed), locator, file, tables, frozenset(_paths(merged)), resolver.origins, found.parts)


def dotted(path: Path) -> str:
    return ".".join(str(step) for step in path)


def _file(path: FilePath | None, environ: Mapping[str, str], over: Overlay) -> FilePath | None:
    """The file to read; None if there is none and the environment alone configures."""
    given = path or (FilePath(environ[VARIABLE]) if environ.get(VARIABLE) else None)
    file = given or DEFAULT
    if os.path.isfile(file) or (given is not None and os.path.exists(file) and not os.path.isdir(file)):
        return file
    if given is None and ("transmitter", "issuer") in over.variables:
        return None
    why = "is a directory" if os.path.isdir(file) else "there is no such file"
    advice = "`caep-bridge init` makes a config.toml, --config names another file"
    raise ConfigError([Fault(str(file), "", f"{why}; {advice}")])


def _text(file: FilePath) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise ConfigError([Fault(str(file), "", f"is larger than {LARGEST >> 20} MiB")])
        return raw.decode("utf-8-sig")
    except OSError as problem:
        raise ConfigError([Fault(str(file), "", f"cannot be read: {problem.strerror}")]) from None
    except UnicodeDecodeError as problem:
        line = problem.object[: problem.start].count(b"\n") + 1
        raise ConfigError([Fault(f"{file}:{line}", "", "is not UTF-8 text")]) from None


def _toml(file: FilePath | None, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        message, _, place = str(problem).partition(" (at ")
        line = place.removeprefix("line ").partition(",")[0]
        line = line if line.isdecimal() else str(len(text.splitlines()) or 1)
        raise ConfigError([Fault(f"{file}:{line}", "", f"not valid TOML: {_unquoted(message)}")]) from None
    except ValueError:  # an integer so long that Python does not read it
        before = text[: found.start()] if (found := _TOO_LONG.search(text)) else ""
        place = f"{file}:{before.count(chr(10)) + 1}"
        raise ConfigError([Fault(place, "", "not valid TOML: a number is too long")]) from None
    except RecursionError:
        raise ConfigError([Fault(str(file), "", "not valid TOML: nested too deeply")]) from None


def _unquoted(message: str) -> str:
    """Without the piece of the file that tomllib may quote: it could be a secret."""
    return message.partition(":")[0].partition(" '")[0].partition(' "')[0]


def _across(found: Sections, resolved: Mapping[str, Any]) -> None:
    oauth = resolved.get("oauth", {})
    named = {
        "connectors": _names(resolved.get("connectors")),
        "clients": _names(oauth.get("clients") if isinstance(oauth, Mapping) else None),
        "oauth": _names(oauth),
    }
    found.faults.extend(cross_faults(found.parts, named))
    for section, key in _FILES:
        file = getattr(found.parts.get(section), key, None)
        if file is not None and not os.path.isfile(file):
            found.faults.append(((section, key), "there is no such file"))
    store = getattr(found.parts.get("store"), "file", None)
    if store is not None and not store.parent.is_dir():
        found.faults.append(
            (("store", "url"), "there is no such folder; make it, and let only the user of `serve` read it")
        )


def _names(table: Any) -> frozenset[str]:
    return frozenset(table) if isinstance(table, Mapping) else frozenset()


def _unresolved_once(faults: Sequence[tuple[Path, str]], resolver: Resolver) -> list[tuple[Path, str]]:
    """Without what only follows from a reference that could not be read."""
    broken = {path for path, _ in resolver.faults}
    return [
        (path, message)
        for path, message in faults
        if not any(path[:length] in broken for length in range(1, len(path) + 1))
    ]


def _paths(table: Mapping[str, Any], base: Path = ()) -> list[Path]:
    paths: list[Path] = []
    for key, value in table.items():
        paths.append((*base, key))
        if isinstance(value, Mapping):
            paths.extend(_paths(value, (*base, key)))
    return paths


def _steps(path: str) -> list[str | int]:
    return [int(step) if step.isdecimal() else step for step in path.split(".")]
