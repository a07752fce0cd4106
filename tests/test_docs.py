"""What the repository says of itself is true: every key, every command, every file that it names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from bridge.cli import COMMANDS
from bridge.config import Config, load
from bridge.config.section import Section

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config.example.toml"
NAMES = {"connectors": "kolide", "receivers": "okta", "clients": "sailpoint"}
SETTINGS = {"connectors.kolide.signing_secret", "connectors.kolide.api_key", "connectors.kolide.base_url"}
"""Declared by the connector, not by the configuration."""
ENVIRON = dict.fromkeys(("KOLIDE_SIGNING_SECRET", "KOLIDE_API_KEY", "RECEIVER_AUTHORIZATION"), "x")
ENVIRON |= dict.fromkeys(("SAILPOINT_SECRET", "SAILPOINT_TOKEN"), "x")
ENVIRON |= dict.fromkeys(("ONCALL_URL", "SLACK_URL"), "https://chat.example/hook")
ENVIRON["ONCALL_SECRET"] = "whsec_c3RhbmQtaW4tc3RhbmQtaW4tc3RhbmQtaW4t"


def section_in(annotation: Any) -> type[Section] | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := section_in(part)) is not None), None)


def keys_of(model: type[BaseModel], base: str = "") -> Iterator[str]:
    for key, field in model.model_fields.items():
        inner = section_in(field.annotation)
        if inner is None:
            yield base + key
        else:
            yield from keys_of(inner, f"{base}{key}.{NAMES[key]}." if key in NAMES else f"{base}{key}.")


def uncommented() -> str:
    """The sample with every `# key = …` and `# [table]` switched on."""
    return re.sub(r'^# (?=(\[\[?[a-z_.]+\]\]?|[a-z_]+ = |"[a-z.]+" = ))', "", EXAMPLE.read_text(), flags=re.MULTILINE)


def leaves(table: dict[str, Any], base: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict) and key != "rewrite_domains":
            yield from leaves(value, f"{base}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for one in value:
                yield from leaves(one, f"{base}{key}.")
        else:
            yield base + key


def test_the_sample_has_every_key_and_no_other() -> None:
    assert set(leaves(tomllib.loads(uncommented()))) == set(keys_of(Config)) | SETTINGS


def test_the_sample_loads_as_it_stands() -> None:
    config = load(EXAMPLE, ENVIRON).config
    assert config.receivers["okta"].endpoint_url == "https://acme.okta.com/security/api/v1/security-events"
    assert config.connectors["kolide"].judge == "issues"


def test_every_commented_key_of_the_sample_is_accepted(tmp_path: Path) -> None:
    """All of them at once, but for those that need a file, or that only stand with poll delivery or without others."""
    for name in ("tls.crt", "tls.key", "ca.pem", "people.csv", "set.pem", "okta-client.pem", "sailpoint.pem"):
        (tmp_path / name).write_text("x")
    text = re.sub(
        r'"(file:)?[a-z/-]*/?(tls\.crt|tls\.key|ca\.pem|people\.csv|set\.pem|okta-client\.pem|sailpoint\.pem)"',
        rf'"\1{tmp_path}/\2"',
        uncommented(),
    )
    file = tmp_path / "config.toml"
    file.write_text(re.sub(r"^(client|jwks_uri|api_token|subject_issuer|tenant) = .*$", "", text, flags=re.MULTILINE))
    config = load(file, ENVIRON).config
    assert config.oauth.clients["sailpoint"].scopes == ("ssf.read", "ssf.manage")
    assert config.identity.rewrite_domains == {"corp.acme.example": "acme.example"}


def test_the_defaults_that_the_sample_shows_are_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[transmitter]\nissuer = "https://signals.acme.example"\n')
    bare = load(tmp_path / "config.toml", {}).config
    shown = load(EXAMPLE, ENVIRON).config
    for section in (
        "server",
        "admin",
        "store",
        "delivery",
        "policy",
        "guard",
        "identity",
        "keys",
        "log",
        "alarms",
        "retention",
    ):
        assert getattr(bare, section) == getattr(shown, section), section


def documents() -> list[Path]:
    return sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("connectors/*/*.md")})


def test_links_between_documents_lead_somewhere() -> None:
    dead = []
    for document in documents():
        text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
        links = re.findall(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)", text)
        dead += [f"{document.name}: {link}" for link in links if not (document.parent / link).exists()]
    assert dead == []


def test_commands_in_documents_exist() -> None:
    known = {name for name, _, _ in COMMANDS} | {"test", "check", "bench", "chaos"}
    unknown = []
    for document in documents():
        code = " ".join(re.findall(r"`([^`]*)`", document.read_text()))
        named = set(re.findall(r"(?:caep-bridge|\./run) ([a-z]+)\b", code))
        unknown += [f"{document.name}: {name}" for name in sorted(named - known)]
    assert unknown == []
