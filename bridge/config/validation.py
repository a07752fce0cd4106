"""From a resolved table to sections and faults: section by section, so that one fault hides no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bridge.config.client import Client, OAuth
from bridge.config.kinds import NAME
from bridge.config.model import Config
from bridge.config.notify import Notify
from bridge.config.receiver import Receiver
from bridge.config.rules import near
from bridge.config.section import Section
from bridge.config.sections import Connector
from bridge.lines import Path

_WORDS = {
    "missing": "is required",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "string_type": "must be a text",
    "path_type": "must be a path",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "too_short": "must not be empty",
}
_NAMING = "a name is made of small letters, digits and _, and begins with a letter"
NAMED: Mapping[str, type[Section]] = {"connectors": Connector, "receivers": Receiver}


@dataclass(slots=True)
class Sections:
    """What is well by itself, and what is not."""

    parts: dict[str, Any] = field(default_factory=dict)
    faults: list[tuple[Path, str]] = field(default_factory=list)

    def check(self, model: type[BaseModel], path: Path, value: Any) -> Any:
        """The section, or None and its faults."""
        try:
            return model.model_validate(value)
        except ValidationError as problem:
            self.faults.extend(
                _fault(model, path, error) for error in problem.errors(include_url=False, include_input=False)
            )
            return None

    def named(self, model: type[BaseModel], path: Path, table: Any) -> dict[str, Any]:
        """A table of tables that the admin names."""
        if not isinstance(table, Mapping):
            self.faults.append((path, "must be a table"))
            return {}
        made = {}
        for name, value in table.items():
            if not NAME.match(name):
                self.faults.append(((*path, name), _NAMING))
            elif (section := self.check(model, (*path, name), value)) is not None:
                made[name] = section
        return made

    def listed(self, model: type[BaseModel], path: Path, tables: Any) -> tuple[Any, ...]:
        """An array of tables; in the place of each one that is not well stands None."""
        if not isinstance(tables, list):
            self.faults.append((path, _LISTED.format(path[-1])))
            return ()
        return tuple([self.check(model, (*path, index), value) for index, value in enumerate(tables)])


_LISTED = "must be a list of tables, each under [[{}]]; the environment cannot set it"


def sections(table: Mapping[str, Any]) -> Sections:
    """Every section of the table that is well, under its name; `clients` are those of `[oauth]`."""
    found = Sections()
    for key in table:
        if key not in Config.model_fields:
            found.faults.append(((key,), f"unknown key{near(key, Config.model_fields)}"))
    for key, field_ in Config.model_fields.items():
        if key in NAMED:
            found.parts[key] = found.named(NAMED[key], (key,), table.get(key, {}))
        elif key == "oauth":
            _oauth(found, table.get(key, {}))
        elif key == "notify":
            found.parts[key] = found.listed(Notify, (key,), table.get(key, []))
        else:
            model = field_.annotation
            if isinstance(model, type) and issubclass(model, Section):
                found.parts[key] = found.check(model, (key,), table.get(key, {}))
    return found


def _oauth(found: Sections, table: Any) -> None:
    """Each client by itself, so that the fault of one hides neither the others nor the rest of the section."""
    if not isinstance(table, Mapping):
        found.faults.append((("oauth",), "must be a table"))
        return
    clients = found.parts["clients"] = found.named(Client, ("oauth", "clients"), table.get("clients", {}))
    rest = found.check(OAuth, ("oauth",), {key: value for key, value in table.items() if key != "clients"})
    found.parts["oauth"] = None if rest is None else rest.model_copy(update={"clients": clients})


def _fault(model: type[BaseModel], path: Path, error: ErrorDetails) -> tuple[Path, str]:
    loc = tuple(step for step in error["loc"] if step != "[key]")
    return (*path, *loc), _message(model, error)


def _message(model: type[BaseModel], error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key{near(str(error['loc'][-1]), model.model_fields)}"
    if kind == "literal_error":
        return "must be " + str(context["expected"]).replace("'", '"')
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']:g}"
    if kind == "greater_than":
        return f"must be more than {context['gt']:g}"
    if kind == "less_than_equal":
        return f"must be at most {context['le']:g}"
    if kind == "value_error":
        return str(context["error"])
    return _WORDS.get(kind, error["msg"])
