"""The configuration as flat lines, key by key: for telling what changed between two starts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from bridge.config.load import Loaded, dotted
from bridge.config.secret import Secret
from bridge.config.section import Section
from bridge.config.sections import Connector, without_password
from bridge.lines import Path

_WITH_PASSWORD = {("store", "url"), ("delivery", "proxy")}


def summary(loaded: Loaded, secrets: Mapping[str, Collection[str]]) -> dict[str, str | Secret]:
    """Every key with its effective value as text, times in seconds. What must not be shown is a `Secret`, also what
    came from a reference. `secrets`: for each connector, the settings that its manifest calls so."""
    found: dict[str, str | Secret] = {}
    for path, value in _walk((), loaded.config):
        hidden = len(path) == 3 and path[0] == "connectors" and path[2] in secrets.get(str(path[1]), ())
        if hidden or _secret(value) or _referred(path, loaded):
            found[dotted(path)] = Secret(_text(value, reveal=True))
        elif path in _WITH_PASSWORD and value is not None:
            found[dotted(path)] = without_password(value)
        else:
            found[dotted(path)] = _text(value)
    return found


def _walk(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Section) or not path:
        keys = type(value).model_fields
        for key in keys:
            yield from _walk((*path, key), getattr(value, key))
        if isinstance(value, Connector):
            yield from (((*path, key), setting) for key, setting in value.settings.items())
    elif isinstance(value, tuple) and value and isinstance(value[0], Section):
        for index, inner in enumerate(value):
            yield from _walk((*path, index), inner)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk((*path, str(key)), inner)
    else:
        yield path, value


def _referred(path: Path, loaded: Loaded) -> bool:
    if path[-1] == "endpoint_url" and path not in loaded.written:
        path = (*path[:-1], "audience")  # what it was made from
    return any(origin[: len(path)] == path for origin in loaded.origins)


def _secret(value: Any) -> bool:
    return isinstance(value, Secret) or (isinstance(value, list | tuple) and any(map(_secret, value)))


def _text(value: Any, *, reveal: bool = False) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Secret):
        return value.reveal() if reveal else str(value)
    if isinstance(value, float):
        return f"{value:g}" if value < 1e6 else str(int(value))
    if isinstance(value, list | tuple | frozenset):
        return ", ".join(_text(one, reveal=reveal) for one in value)
    return str(value)
