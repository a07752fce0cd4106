"""What a connector's folder says for the demo, in `demo.toml`: one device, two findings, webhooks and API answers."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bridge.connector.load import bundled
from bridge.errors import BridgeError

FILE = "demo.toml"


class BadScript(BridgeError):
    """A `demo.toml` that cannot be played."""


Values = Mapping[str, object]
"""What `$name` stands for, by name without the `$`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding that the device may have. `values` are its own names in the templates."""

    key: str
    title: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Script:
    """`body`, `answers` and `finding` are JSON with `$name` in place of what differs from time to time."""

    type: str
    vendor: str
    device: str
    name: str
    login: str
    settings: Mapping[str, str]
    problems: tuple[Problem, ...]
    opened: str
    resolved: str
    headers: Mapping[str, str]
    body: Any
    bearer: str
    required: Mapping[str, str]
    clean: str
    failing: str
    finding: Any
    answers: Mapping[str, Any]

    def problem(self, key: str) -> Problem | None:
        return next((problem for problem in self.problems if problem.key == key), None)


def find() -> Script:
    """The script of the first connector, by name, that has one."""
    files = sorted(bundled().glob(f"*/{FILE}"))
    if not files:
        raise BadScript(f"no connector has a {FILE}, so there is nothing to play")
    return read(files[0].read_text("utf-8"), files[0])


def read(text: str, file: Path) -> Script:
    """Raises BadScript, with the key."""
    shown = f"{file.parent.name}/{file.name}"
    try:
        return _script(file.parent.name, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadScript(f"{shown}: {error}") from None
    except KeyError as error:
        raise BadScript(f"{shown}: {error.args[0]} is missing") from None
    except orjson.JSONDecodeError as error:
        raise BadScript(f"{shown}: a text is not JSON: {error}") from None


def _script(type_name: str, table: Mapping[str, Any]) -> Script:
    webhook, api = table["webhook"], table["api"]
    return Script(
        type=type_name,
        vendor=table["vendor"],
        device=table["device"],
        name=table["name"],
        login=table["login"],
        settings=table["settings"],
        problems=tuple(Problem(one["key"], one["title"], one) for one in table["findings"]),
        opened=webhook["opened"],
        resolved=webhook["resolved"],
        headers=webhook["headers"],
        body=orjson.loads(webhook["body"]),
        bearer=api["bearer"],
        required=api["headers"],
        clean=api["status"]["clean"],
        failing=api["status"]["failing"],
        finding=orjson.loads(api["finding"]),
        answers={path: orjson.loads(answer) for path, answer in api["answers"].items()},
    )


def filled(template: Any, values: Values) -> Any:
    """The JSON with every string that is `$name` replaced by its value, of whatever type. Raises BadScript."""
    if isinstance(template, dict):
        return {key: filled(member, values) for key, member in template.items()}
    if isinstance(template, list):
        return [filled(member, values) for member in template]
    return _value(template, values) if isinstance(template, str) else template


def texts(table: Mapping[str, str], values: Values) -> dict[str, str]:
    """The same for a table of texts."""
    return {key: str(_value(text, values)) for key, text in table.items()}


def of_problem(problem: Problem, **more: object) -> dict[str, object]:
    """A finding's values under the names that templates use."""
    return {f"finding.{name}": value for name, value in {**problem.values, **more}.items()}


def _value(text: str, values: Values) -> object:
    if not text.startswith("$"):
        return text
    name = text.removeprefix("$")
    if name not in values:
        raise BadScript(f"{FILE}: {text} means nothing here; there are {_names(values)}")
    return values[name]


def _names(values: Values) -> str:
    return ", ".join(f"${name}" for name in sorted(values))
