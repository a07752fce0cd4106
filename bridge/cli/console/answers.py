"""What `caep-bridge init` needs to know, and the config.toml that it makes of it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.connector.language.settings import Setting
    from bridge.connector.load import Description

Value = str | int | bool | list[str]


@dataclass(slots=True)
class Answers:
    issuer: str = ""
    connector: str = ""
    """The connector's name; empty: none."""
    type: str = ""
    judge: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    """As given: a reference for a secret, "" for one that is left out."""
    profile: str = ""
    """The receiver's; empty: no receiver."""
    audience: str = ""
    endpoint_url: str = ""


def reference(connector: str, setting: str) -> str:
    """`env:ACME_API_KEY`."""
    return f"env:{connector}_{setting}".upper().replace("ENV:", "env:", 1)


def variables(text: str) -> list[str]:
    """The environment variables that a written configuration asks for."""
    return sorted(set(re.findall(r'^[^#\n]*"env:([^"]+)"', text, re.MULTILINE)))


def config_text(answers: Answers, description: Description | None) -> str:
    """A commented config.toml."""
    parts = [
        "# Written by `caep-bridge init`. `caep-bridge check` says what would run; config.example.toml has every key.\n"
        "# A text may be env:NAME or file:/path; it is then read from there, and never printed.\n",
        f"[transmitter]\nissuer = {quoted(answers.issuer)}   # public https URL of this service: `iss` of every SET\n",
        "[server]               # behind a proxy that ends TLS; or set tls_cert_file and tls_key_file\n"
        'host = "127.0.0.1"\nport = 8080\n',
        '[admin]                # /metrics and readiness details; keep it private\nhost = "127.0.0.1"\nport = 8081\n',
        '[store]\nurl = "sqlite:///caep-bridge.db"\n',
    ]
    if description is not None:
        parts.append("\n".join(_connector(answers, description)) + "\n")
    if answers.profile:
        parts.append("\n".join(_receiver(answers)) + "\n")
    return "\n".join(parts)


def _connector(answers: Answers, description: Description) -> Iterator[str]:
    name = answers.connector
    yield f"[connectors.{name}]   # {_comment(description.title)}; takes POST /webhooks/{name}"
    yield f"type = {quoted(answers.type)}"
    for setting in description.settings:
        if setting.help:
            yield f"# {_comment(setting.help)}"
        yield _setting(setting, answers)
    for judgement in description.judgements:
        yield f"# judge {judgement.name}: {_comment(judgement.help) or 'see the README of the connector'}"
    yield f"judge = {quoted(answers.judge)}"


def _setting(setting: Setting, answers: Answers) -> str:
    given = answers.settings.get(setting.name)
    if given:
        return f"{setting.name} = {quoted(typed(setting, given))}"
    if setting.secret:
        return f"# {setting.name} = {quoted(reference(answers.connector, setting.name))}"
    return f"# {setting.name} = {quoted('' if setting.default is None else setting.default)}"


def _receiver(answers: Answers) -> Iterator[str]:
    yield f"[receivers.{answers.profile}]   # who is told"
    yield f"profile = {quoted(answers.profile)}"
    yield f"audience = {quoted(answers.audience)}   # `aud` of every SET"
    if answers.endpoint_url:
        yield f"endpoint_url = {quoted(answers.endpoint_url)}"
    elif answers.profile == "okta":
        yield "# endpoint_url: <audience>/security/api/v1/security-events"


def typed(setting: Setting, given: str) -> Value:
    """The text of an answer as its setting wants it."""
    if setting.type == "int" and re.fullmatch(r"-?\d{1,18}", given):
        return int(given)
    if setting.type == "bool" and given.lower() in ("true", "false"):
        return given.lower() == "true"
    if setting.type == "list" or (setting.many and "," in given):
        return [part.strip() for part in given.split(",") if part.strip()]
    return given


def quoted(value: object) -> str:
    """A TOML value."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(quoted(item) for item in value)}]"
    return json.dumps(value)


def _comment(text: str) -> str:
    return " ".join(text.split())


def from_flags(pairs: list[str], connector: str) -> Mapping[str, str]:
    """`acme.judge=strict` or `judge=strict` → {"judge": "strict"}. Raises ValueError for anything else."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        owner, dot, name = key.rpartition(".")
        if not equals or not name or (dot and owner != connector):
            raise ValueError(f"--set wants {connector or 'CONNECTOR'}.KEY=VALUE, not {key}")
        found[name] = value
    return found
