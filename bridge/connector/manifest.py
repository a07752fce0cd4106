"""What a connector.toml may say: read whole, every fault with its line, every expression compiled."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.connector import judge
from bridge.connector.asking import lookup, snapshot
from bridge.connector.asking.lookup import ApiSpec, Step
from bridge.connector.asking.snapshot import SnapshotSpec
from bridge.connector.judge import JudgeSpec
from bridge.connector.language import mentions, settings
from bridge.connector.language.reader import Faults, Table
from bridge.connector.language.settings import Setting
from bridge.connector.lists import listing
from bridge.connector.lists.listing import ListSpec
from bridge.connector.webhook import auth, request
from bridge.connector.webhook.auth import Auth
from bridge.connector.webhook.request import On, Request, WebhookScopes
from bridge.errors import ConfigError, Fault

LANGUAGE: Final = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """A connector.toml, understood. `certainty` says how sure we are of the facts: documented, observed or assumed."""

    title: str
    docs: str
    certainty: str
    settings: Mapping[str, Setting]
    auth: Auth
    request: Request
    ons: tuple[On, ...]
    api: ApiSpec | None
    steps: tuple[Step, ...]
    snapshot: SnapshotSpec | None
    listing: ListSpec | None
    judges: Mapping[str, JudgeSpec]

    @property
    def headers(self) -> frozenset[str]:
        """The headers of a webhook that some expression reads."""
        asked = self.request
        sources = [asked.id, asked.at, asked.type, asked.test]
        for on in self.ons:
            sources += [on.when, on.device, on.name, on.owner, on.owner_id, *(on.finding.reads if on.finding else ())]
        return frozenset(name for one in sources if one is not None for name in mentions.headers(one.source))


def read(text: str, file: str) -> Manifest:
    """Raises ConfigError with all faults; `file` is how messages name the file."""
    try:
        data = tomllib.loads(text)
    except ValueError as error:
        raise ConfigError([Fault(file, "", f"is not TOML: {error}")]) from None
    except RecursionError:
        raise ConfigError([Fault(file, "", "is not TOML: nested too deeply")]) from None
    faults = Faults(file, text)
    root = Table(data, "", faults)
    manifest = _read(root)
    root.done()
    if faults.found:
        raise ConfigError(faults.found)
    return manifest


def _read(root: Table) -> Manifest:
    if root.whole("language", 0) != LANGUAGE:
        root.fault("language", f"must be {LANGUAGE}")
    declared = settings.declared(root)
    scoped = {name: setting.scoped for name, setting in declared.items() if not setting.secret}
    scopes = WebhookScopes(scoped)
    asked = request.read_request(root, scopes)
    api = lookup.read_api(root, declared)
    steps = lookup.read_steps(root, api, scoped)
    shown = snapshot.read(root, tuple(step.name for step in steps), scoped)
    return Manifest(
        title=root.text("title", required=True),
        docs=root.text("docs"),
        certainty=root.choice("certainty", ("documented", "observed", "assumed"), "assumed"),
        settings=declared,
        auth=auth.read(root, declared),
        request=asked,
        ons=request.read_ons(root, scopes, asked),
        api=api,
        steps=steps,
        snapshot=shown,
        listing=listing.read(root, api, steps, shown, scoped),
        judges=judge.read(root, declared),
    )
