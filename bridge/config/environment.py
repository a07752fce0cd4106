"""`CAEP_BRIDGE_SERVER__PORT=9000`: what the environment says over the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.lines import Path

PREFIX = "CAEP_BRIDGE_"
RESERVED = frozenset({"CAEP_BRIDGE_CONFIG", "CAEP_BRIDGE_TEST_POSTGRES"})


@dataclass(frozen=True, slots=True)
class Overlay:
    """Values by path, and the variable that each came from."""

    values: Mapping[Path, Any] = field(repr=False)
    variables: Mapping[Path, str]


def overlay(environ: Mapping[str, str]) -> Overlay:
    """Every variable that names a key of a section.

    A name without `__` after the prefix names no key and is left alone: Kubernetes sets `CAEP_BRIDGE_PORT` and the
    like by itself for a Service of our name.
    """
    values: dict[Path, Any] = {}
    variables: dict[Path, str] = {}
    for variable in sorted(environ):
        name = variable.upper().removeprefix(PREFIX)
        if name == variable.upper() or "__" not in name or variable in RESERVED:
            continue
        path: Path = tuple(name.lower().split("__"))
        values[path] = _value(environ[variable])
        variables[path] = variable
    return Overlay(values, variables)


def _value(text: str) -> Any:
    """A JSON list is a list; everything else stays text, and its key decides."""
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def laid_over(table: Mapping[str, Any], over: Overlay) -> dict[str, Any]:
    """The file's table with the environment's values in it. Nothing given is changed."""
    result = _copy(table)
    for path, value in over.values.items():
        place = result
        for key in path[:-1]:
            inner = place.get(str(key))
            if not isinstance(inner, dict):
                inner = place[str(key)] = {}
            place = inner
        place[str(path[-1])] = value
    return result


def _copy(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in table.items()}
