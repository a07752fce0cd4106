"""The settings of a connector: what the manifest declares, and what the admin's table says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, cast

from bridge.connector.language import times
from bridge.connector.language.reader import Table
from bridge.model import Reveals

ENGINE_KEYS = ("type", "judge", "rate_limit", "dry_run", "namespace", "fold_recoveries")
"""Keys of every `[connectors.<name>]` table; a manifest cannot declare settings of these names."""
_TYPES = ("text", "list", "int", "bool", "duration")
_SCOPED = {"text": "text", "list": "texts", "int": "int", "bool": "bool", "duration": "duration"}


class Guarded(Reveals, Protocol):
    """A secret whose text may change while the bridge runs, to one that passes the same checks."""

    def require(self, check: Callable[[str], object]) -> None:
        """`check` raises ValueError for a text that will not do, now and whenever the text changes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One declared setting. `many`: the admin may give a list of values, all in force at once."""

    name: str
    type: str
    secret: bool
    many: bool
    required: bool
    default: object
    choices: tuple[str, ...]
    help: str

    @property
    def scoped(self) -> str:
        """Its type in expressions."""
        return "texts" if self.many else _SCOPED[self.type]


@dataclass(frozen=True, slots=True)
class Given:
    """The admin's values: `plain` for expressions and templates, `secrets` by name, never shown."""

    plain: Mapping[str, object]
    secrets: Mapping[str, Sequence[Guarded]] = field(repr=False)

    def reveal(self, name: str) -> list[str]:
        """The non-empty values of a secret (or of a plain text used as one), read anew each time."""
        if name in self.secrets:
            return [value for value in (secret.reveal() for secret in self.secrets[name]) if value]
        value = self.plain.get(name, "")
        values = value if isinstance(value, list) else [value]
        return [part for part in values if isinstance(part, str) and part]

    def require(self, name: str, check: Callable[[str], object]) -> None:
        """Every value of this setting passes `check`, and so must what takes its place later. Raises ValueError."""
        for secret in self.secrets.get(name, ()):
            secret.require(check)
        if name not in self.secrets:
            for text in self.reveal(name):
                check(text)

    def scoped(self) -> dict[str, object]:
        return {f"settings.{name}": value for name, value in self.plain.items()}


def declared(root: Table) -> dict[str, Setting]:
    """The `[settings]` of a manifest."""
    settings: dict[str, Setting] = {}
    for name, table in root.tables("settings"):
        if name in ENGINE_KEYS:
            root.faults.add(table.path, "is a key of every connector and cannot be a setting")
        if not name.isidentifier() or name != name.lower():
            root.faults.add(table.path, "must be named in lower case letters, digits and _")
        settings[name] = _declared(name, table)
        table.done()
    return settings


def _declared(name: str, table: Table) -> Setting:
    kind = table.choice("type", _TYPES, "text")
    default = table.get("default")
    setting = Setting(
        name=name,
        type=kind,
        secret=table.flag("secret"),
        many=table.flag("many"),
        required=table.flag("required", not table.has("default")),
        default=default,
        choices=table.texts("choices"),
        help=table.text("help"),
    )
    if setting.secret and (default is not None or setting.choices or kind != "text"):
        table.fault("secret", "a secret is text, without default and choices")
    if setting.many and kind != "text":
        table.fault("many", "only text can be many; a list is one value")
    if default is not None and not setting.secret:
        try:
            value(setting, default)
        except ValueError as error:
            table.fault("default", str(error))
    if not setting.required and default is None and kind in ("int", "duration", "bool"):
        table.fault("required", f"an optional {kind} needs a default")
    return setting


def given(settings: Mapping[str, Setting], table: Mapping[str, object], complain: Callable[[str, str], None]) -> Given:
    """Read the admin's table. Faults go to `complain(key, message)`; no message holds a value of a secret."""
    plain: dict[str, object] = {}
    secrets: dict[str, Sequence[Guarded]] = {}
    for name, setting in settings.items():
        raw = table.get(name, setting.default)
        if raw is None or raw == "":
            if setting.required:
                complain(name, "is required" + (f": {setting.help}" if setting.help else ""))
            if not setting.secret:
                plain[name] = [] if setting.scoped == "texts" else ""
            continue
        try:
            if setting.secret:
                secrets[name] = secret_values(setting, raw)
            else:
                plain[name] = value(setting, raw)
        except ValueError as error:
            complain(name, str(error))
    return Given(plain, secrets)


def secret_values(setting: Setting, raw: object) -> list[Guarded]:
    values = raw if isinstance(raw, list) else [raw]
    if isinstance(raw, list) and not setting.many:
        raise ValueError("must be one secret, not a list")
    if not values:
        raise ValueError("must not be an empty list")
    secrets = [part if hasattr(part, "reveal") else _Bare(part) if isinstance(part, str) else None for part in values]
    if None in secrets:
        raise ValueError("must be text")
    found = cast(list[Guarded], secrets)
    if any(not secret.reveal() for secret in found):
        raise ValueError("must not be empty")
    return found


def value(setting: Setting, raw: object) -> object:
    """One plain value as expressions see it. Raises ValueError."""
    if hasattr(raw, "reveal"):
        raw = raw.reveal()
    if setting.many:
        return [_text(setting, part) for part in (raw if isinstance(raw, list) else [raw])]
    if setting.type == "list":
        return [_text(setting, part) for part in _listed(raw)]
    if setting.type == "int":
        return _whole(raw)
    if setting.type == "bool":
        return _flag(raw)
    if setting.type == "duration":
        if not isinstance(raw, str):
            raise ValueError("must be a duration, as in 14d")
        return timedelta(seconds=times.duration(raw))
    return _text(setting, raw)


def _listed(raw: object) -> list[object]:
    if not isinstance(raw, list):
        raise ValueError("must be a list of text")
    return raw


def _text(setting: Setting, raw: object) -> str:
    if not isinstance(raw, str) or "\x00" in raw:
        raise ValueError("must be text")
    if setting.choices and raw not in setting.choices:
        raise ValueError(f"must be one of {', '.join(setting.choices)}")
    return raw


def _whole(raw: object) -> int:
    if isinstance(raw, str) and raw.strip().lstrip("-").isdecimal():
        return int(raw)
    if type(raw) is not int:
        raise ValueError("must be a whole number")
    return raw


def _flag(raw: object) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(raw, str) and raw.lower() in words:
        return words[raw.lower()]
    if type(raw) is not bool:
        raise ValueError("must be true or false")
    return raw


class _Bare:
    """A secret given as text, wrapped so that it is not shown by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def require(self, check: Callable[[str], object]) -> None:
        check(self._text)

    def __repr__(self) -> str:
        return "Secret(set)"
