"""From the admin's table and a connector.toml to a Connector; and what types of connectors there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import connectors
from bridge.clock import Clock
from bridge.connector import manifest as manifests
from bridge.connector.asking.api import Api, Outbound
from bridge.connector.asking.limiter import Limiter
from bridge.connector.asking.lookup import ApiSpec
from bridge.connector.connector import Choices, Connector
from bridge.connector.language import settings, times
from bridge.connector.language.mentions import nearest
from bridge.connector.language.settings import ENGINE_KEYS, Given, Setting
from bridge.connector.language.template import Skipped, Unfit
from bridge.connector.manifest import Manifest
from bridge.connector.webhook import signature
from bridge.errors import ConfigError, Fault

FILE = "connector.toml"
_NAMESPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Judgement:
    name: str
    help: str
    without_api: bool


@dataclass(frozen=True, slots=True)
class Description:
    """What an admin wants to know before choosing a type. `events` are those that webhooks are understood for,
    `api_settings` those without which the API cannot be asked.
    """

    type: str
    title: str
    docs: str
    certainty: str
    settings: tuple[Setting, ...]
    judgements: tuple[Judgement, ...]
    events: tuple[str, ...]
    has_api: bool
    has_list: bool
    api_settings: tuple[str, ...]
    rate: str
    folder: Path


def bundled() -> Path:
    """The folder of the connectors that come with the program."""
    assert connectors.__file__ is not None
    return Path(connectors.__file__).parent


def list_types() -> list[str]:
    """The bundled types, by name."""
    return sorted(path.parent.name for path in bundled().glob(f"*/{FILE}"))


def describe(type_name: str, base_dir: Path | None = None) -> Description:
    """Raises ConfigError if there is no such type or its file has faults."""
    file = _file(type_name, base_dir or Path())
    manifest = _manifest(file, file.stat().st_mtime_ns)
    events = sorted({event for on in manifest.ons for event in on.events})
    judgements = [Judgement(judge.name, judge.help, judge.without_api) for judge in manifest.judges.values()]
    return Description(
        type_name,
        manifest.title,
        manifest.docs,
        manifest.certainty,
        tuple(manifest.settings.values()),
        tuple(judgements),
        tuple(events),
        manifest.api is not None,
        manifest.listing is not None,
        manifest.api.login.needs if manifest.api else (),
        _rate_words(manifest.api),
        file.parent,
    )


def load(name: str, table: Mapping[str, object], *, outbound: Outbound, clock: Clock, base_dir: Path) -> Connector:
    """Raises ConfigError with every fault of the table, or of the manifest.

    A fault of the table has the path `connectors.<name>.<key>` and no place; one of the manifest has its place.
    """
    faults: list[Fault] = []

    def complain(key: str, message: str) -> None:
        faults.append(Fault("", f"connectors.{name}.{key}", message))

    type_name = table.get("type")
    if not isinstance(type_name, str) or not type_name:
        complain("type", f"is required: one of {', '.join(list_types())}, or the path of a {FILE}")
        raise ConfigError(faults)
    try:
        file = _file(type_name, base_dir)
        manifest = _manifest(file, file.stat().st_mtime_ns)
    except _NoType as error:
        complain("type", str(error))
        raise ConfigError(faults) from None
    given = settings.given(manifest.settings, table, complain)
    choices = _choices(name, table, manifest, complain)
    _check_keys(table, manifest, complain)
    _check_secret(manifest, given, complain)
    api = _api(manifest, given, choices, table, outbound, clock, complain)
    if faults:
        raise ConfigError(faults)
    return Connector(name, type_name, manifest, given, choices, api, clock)


class _NoType(ConfigError):
    def __init__(self, message: str) -> None:
        super().__init__([Fault("", "type", message)])
        self.message = message

    def __str__(self) -> str:
        return self.message


def _file(type_name: str, base_dir: Path) -> Path:
    if type_name in list_types():
        return bundled() / type_name / FILE
    path = Path(type_name)
    if len(path.parts) == 1 and path.suffix != ".toml" and not (base_dir / path / FILE).is_file():
        known = list_types()
        raise _NoType(f"unknown type {type_name}: there are {', '.join(known)}{nearest(type_name, known)}")
    file = base_dir / path
    file = file / FILE if file.is_dir() else file
    if not file.is_file():
        raise _NoType(f"there is no file {type_name}")
    return file


@lru_cache(maxsize=64)
def _manifest(file: Path, changed: int) -> Manifest:
    ours = file.is_relative_to(bundled())
    shown = f"connectors/{file.parent.name}/{FILE}" if ours else str(file)
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError([Fault(shown, "", "cannot be read as UTF-8 text")]) from None
    return manifests.read(text, shown)


def _check_keys(table: Mapping[str, object], manifest: Manifest, complain: Callable[[str, str], None]) -> None:
    known = [*ENGINE_KEYS, *manifest.settings]
    for key in table:
        if key not in known:
            complain(key, f"unknown key{nearest(key, known)}")


def _choices(
    name: str, table: Mapping[str, object], manifest: Manifest, complain: Callable[[str, str], None]
) -> Choices:
    judge = table.get("judge")
    if not isinstance(judge, str) or judge not in manifest.judges:
        names = ", ".join(manifest.judges)
        hint = nearest(judge, manifest.judges) if isinstance(judge, str) else ""
        complain("judge", f"{'must be' if judge else 'is required:'} one of {names}{hint}")
        judge = next(iter(manifest.judges))
    namespace = table.get("namespace") or name
    if not isinstance(namespace, str) or not _NAMESPACE.fullmatch(namespace):
        complain("namespace", "must be up to 64 letters, digits, dots, hyphens and underscores")
    rate = table.get("rate_limit")
    if rate is not None:
        try:
            times.rate(rate if isinstance(rate, str) else "")
        except ValueError as error:
            complain("rate_limit", str(error))
    return Choices(
        judge=judge,
        namespace=str(namespace),
        fold_recoveries=table.get("fold_recoveries") is True,
        dry_run=table.get("dry_run") is True,
        rate=rate if isinstance(rate, str) else _rate_words(manifest.api),
    )


def _rate_words(api: ApiSpec | None) -> str:
    return "" if api is None else "none" if api.rate is None else f"{api.rate[0]}/{api.rate[1]:g}s"


def _check_secret(manifest: Manifest, given: Given, complain: Callable[[str, str], None]) -> None:
    auth = manifest.auth
    if auth.key == "utf8" or not auth.secret:
        return
    try:
        given.require(auth.secret, lambda text: signature.decode_key(auth.key, text))
    except ValueError as error:
        complain(auth.secret, str(error))


def _check_login(spec: ApiSpec, given: Given, complain: Callable[[str, str], None]) -> None:
    if spec.login.scheme not in ("bearer", "header"):
        return
    for name in spec.login.needs:
        try:
            given.require(name, _sendable)
        except ValueError as error:
            complain(name, str(error))


def _sendable(text: str) -> None:
    if not text.isascii() or not text.isprintable():
        raise ValueError("must be one line of printable ASCII, as it is sent in a header")


def _api(
    manifest: Manifest,
    given: Given,
    choices: Choices,
    table: Mapping[str, object],
    outbound: Outbound,
    clock: Clock,
    complain: Callable[[str, str], None],
) -> Api | None:
    """None without credentials. Half of them are a fault."""
    spec = manifest.api
    if spec is None:
        return None
    missing = [name for name in spec.login.needs if not given.reveal(name)]
    if missing:
        for name in missing if len(missing) < len(spec.login.needs) else ():
            complain(name, f"is required together with {' and '.join(set(spec.login.needs) - set(missing))}")
        return None
    _check_login(spec, given, complain)
    try:
        base = spec.base.base(given.scoped())
    except (Skipped, Unfit):
        base = ""
    if not _is_base(base):
        keys = [mention.variable.removeprefix("settings.") for mention in spec.base.mentions]
        complain(keys[0] if keys else "type", "must make an http or https URL without user, query and fragment")
        return None
    try:
        limiter = Limiter(times.rate(choices.rate) if choices.rate else None, clock)
        return Api(spec, given, base, limiter, outbound, clock)
    except ValueError:
        return None  # the rate limit; complained of already
    except Skipped as skipped:
        complain(skipped.path.removeprefix("settings."), "is required by the API")
        return None


def _is_base(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and port != 0
    return plain and not parts.query and not parts.fragment and url.isprintable() and " " not in url
