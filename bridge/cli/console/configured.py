"""The configuration as commands use it, with the faults of the connectors added to its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.cli.console.files import file_faults
from bridge.cli.console.targets import target_faults
from bridge.clock import Clock, SystemClock
from bridge.errors import ConfigError, Fault

if TYPE_CHECKING:
    from bridge.config import Draft, Loaded
    from bridge.connector.connector import Connector

STAND_IN = "cGxhY2Vob2xkZXI="
"""For secrets that are not set here, so that the rest can be judged; also valid base64."""

URL_STAND_IN = "https://stand-in.invalid"
SIGNING_STAND_IN = "whsec_c3RhbmQtaW4tc3RhbmQtaW4tc3RhbmQtaW4t"
_SPARED = ("authorization_header", "secret", "api_token", "api_private_key")
"""Keys outside of connectors whose values most commands do without."""

_chosen: Path | None = None


class WrongCall(Exception):
    """The command line cannot be understood; exit code 2."""


def without_config(arguments: Sequence[str]) -> tuple[list[str], Path | None]:
    """The arguments without `--config PATH`, wherever it stands before a `--`; of several the last one wins."""
    tokens: list[str] = []
    path: Path | None = None
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            return [*tokens, word, *rest], path
        if word == "--config":
            path = Path(_value(next(rest, "")))
        elif word.startswith("--config="):
            path = Path(_value(word.removeprefix("--config=")))
        else:
            tokens.append(word)
    return tokens, path


def _value(text: str) -> str:
    if not text or text.startswith("--"):
        raise WrongCall("--config needs a path")
    return text


def use(path: Path | None) -> None:
    """What `--config` said, for the command that runs now."""
    global _chosen
    _chosen = path


def load_config() -> Loaded:
    """The configuration; raises `ConfigError` with every fault of its own, connectors' settings not judged.

    For commands that use no secret: those that stand in the environment of `serve` and not in this one are not missed.
    """
    from bridge.config import Loaded, load, read

    draft = read(_chosen, os.environ)
    if draft.config is None:
        with suppress(ConfigError):
            return load(_chosen, {**os.environ, **_stand_ins(draft)})
        raise ConfigError(draft.faults)
    return Loaded(draft.config, draft.locator, draft.path, draft.written, draft.origins)


def _stand_ins(draft: Draft) -> dict[str, str]:
    """The variables that are not set, and that connectors, receivers, clients or notices alone refer to."""
    named: dict[str, str] = {}
    needed: set[str] = set()
    for path, origin in draft.origins.items():
        variable = origin.removeprefix("env:") if origin.startswith("env:") else ""
        if path[0] == "notify" and path[2] in ("url", "secret"):
            named[variable] = URL_STAND_IN if path[2] == "url" else SIGNING_STAND_IN
        elif path[0] == "oauth" and len(path) > 3 and path[3] == "token":
            named[variable] = f"stand-in-{len(named)}"  # no two clients have the same
        elif path[0] == "connectors" or path[-1] in _SPARED or path[-2] == "secret":
            named[variable] = STAND_IN
        else:
            needed.add(variable)
    return {name: text for name, text in named.items() if name and name not in needed and not os.environ.get(name)}


@dataclass(frozen=True, slots=True)
class Everything:
    loaded: Loaded
    connectors: Mapping[str, Connector]


def load_everything(outbound: Any, clock: Clock) -> Everything:
    """Configuration and connectors; raises `ConfigError` with all faults at once, those of the files they name too."""
    return judged(_chosen, os.environ, outbound, clock)


def judged(path: Path | None, environ: Mapping[str, str], outbound: Any, clock: Clock) -> Everything:
    """As `load_everything`, of a file and an environment that are given."""
    from bridge.config import Loaded, read

    draft = read(path, environ)
    faults = list(draft.faults)
    connectors: dict[str, Connector] = {}
    for name, table in draft.connectors.items():
        try:
            connectors[name] = _connector(name, table, draft, outbound, clock)
        except ConfigError as problem:
            faults.extend(_news(draft.faults, problem.faults))
    faults.extend(file_faults(draft.sections, draft.config.key_directory if draft.config else None))
    faults.extend(_news(draft.faults, target_faults(draft.sections, connectors, draft.written)))
    if faults or draft.config is None:
        raise ConfigError(draft.locator.locate(faults))
    return Everything(Loaded(draft.config, draft.locator, draft.path, draft.written, draft.origins), connectors)


def load_offline() -> Everything:
    """As `load_everything`, with connectors that can do everything but ask their API."""
    return load_everything(Offline(), SystemClock())


def load_without_secrets() -> Everything:
    """As `load_offline`; secrets that stand in the environment of `serve` and not in this one are not missed."""
    from bridge.config import read

    missing = _stand_ins(read(_chosen, os.environ))
    return judged(_chosen, {**os.environ, **missing}, Offline(), SystemClock())


class Offline:
    """An outbound port for commands that must not send anything."""

    async def request(self, method: str, url: str, **_: Any) -> Any:
        raise RuntimeError("this command does not use the network")


def _connector(name: str, table: Mapping[str, Any], draft: Draft, outbound: Any, clock: Clock) -> Connector:
    from bridge.connector.load import load as load_connector

    return load_connector(name, table, outbound=outbound, clock=clock, base_dir=draft.base)


def _news(known: Sequence[Fault], found: Sequence[Fault]) -> list[Fault]:
    """Without what only follows from a fault that is known (a reference that could not be read)."""
    paths = {fault.path for fault in known if fault.path}
    return [
        fault for fault in found if not any(_within(fault.path, path) or _within(path, fault.path) for path in paths)
    ]


def _within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(outer + ".")
