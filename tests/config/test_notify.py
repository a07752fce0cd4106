"""[[notify]] and [alarms]: what is accepted, what is refused, and that no URL and no secret is ever shown."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from bridge.config import load
from bridge.config.notify import OCCASIONS, Notify
from bridge.errors import ConfigError

BASE = '[transmitter]\nissuer = "https://signals.acme.example"\n'
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
URL = "https://chat.example:8443/services/T0/B0/hush"
WEBHOOK = f'[[notify]]\nkind = "webhook"\nurl = "{URL}"\nsecret = "{SECRET}"\n'
SLACK = f'[[notify]]\nkind = "slack"\nurl = "{URL}"\n'


def targets(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> tuple[Notify, ...]:
    file = tmp_path / "config.toml"
    file.write_text(BASE + text)
    return load(file, environ or {}).config.notify


def faults(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        targets(tmp_path, text, environ)
    return [str(fault).replace(f"{tmp_path}/", "") for fault in caught.value.faults]


def test_defaults(tmp_path: Path) -> None:
    webhook, slack = targets(tmp_path, WEBHOOK + SLACK)
    assert (webhook.name, slack.name) == ("webhook", "slack")
    assert webhook.on == OCCASIONS and webhook.min_interval == 900 and not webhook.allow_device_names
    assert webhook.place == "https://chat.example:8443"
    assert targets(tmp_path, "") == ()


def test_neither_url_nor_secret_is_shown(tmp_path: Path) -> None:
    (webhook,) = targets(tmp_path, WEBHOOK)
    shown = f"{webhook!r} {webhook} {webhook.model_dump_json()}"
    assert "hush" not in shown and SECRET not in shown


def test_url_and_secrets_by_reference(tmp_path: Path) -> None:
    text = '[[notify]]\nkind = "webhook"\nname = "ops"\nurl = "env:U"\nsecret = ["env:NEW", "env:OLD"]'
    (target,) = targets(tmp_path, text, {"U": URL, "NEW": SECRET, "OLD": SECRET})
    assert target.url.reveal() == URL and [one.origin for one in target.secret] == ["env:NEW", "env:OLD"]
    assert faults(tmp_path, text, {"U": URL, "OLD": SECRET}) == [
        "config.toml:7: notify.0.secret.0: environment variable NEW is not set"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[[notify]]\nurl = "https://a.example"', ["config.toml:3: notify.0.kind: is required"]),
        ('[[notify]]\nkind = "slack"', ["config.toml:3: notify.0.url: is required"]),
        (SLACK.replace("slack", "teams"), ['config.toml:4: notify.0.kind: must be "webhook" or "slack"']),
        (SLACK + "channel = 3", ["config.toml:6: notify.0.channel: unknown key"]),
        (SLACK + "min_intervall = 3", [
            "config.toml:6: notify.0.min_intervall: unknown key (did you mean min_interval?)"]),
        (SLACK + "min_interval = 3", [
            'config.toml:6: notify.0.min_interval: must be a duration such as "30s", "10m", "12h" or "30d"']),
        (SLACK + 'on = ["gard"]', [f"config.toml:6: notify.0.on: must hold occasions: {', '.join(OCCASIONS)}"]),
        (SLACK + "on = []", ["config.toml:6: notify.0.on: must not be empty"]),
        (SLACK + f'secret = "{SECRET}"', ['config.toml:6: notify.0.secret: has a meaning only with kind = "webhook"']),
        (SLACK + SLACK, [
            'config.toml:6: notify.1.name: there are two of the name "slack"; give each a name of its own']),
        (SLACK.replace(URL, "chat.example/hush"), [
            "config.toml:5: notify.0.url: must be an absolute URL beginning with https:// or http://"]),
        (SLACK.replace("https", "http"), [
            "config.toml:5: notify.0.url: must begin with https:// (http only where delivery.allow_insecure_targets "
            "is true)"]),
        (SLACK.replace("chat.", "u:p@chat."), ["config.toml:5: notify.0.url: must not hold a user name"]),
        (WEBHOOK.replace(f'secret = "{SECRET}"', ""), [
            'config.toml:3: notify.0.secret: is required with kind = "webhook": what is not signed proves nothing']),
        (WEBHOOK.replace("whsec_", "sec_"), [
            "config.toml:6: notify.0.secret: must begin with whsec_ (Standard Webhooks)"]),
        (WEBHOOK.replace(SECRET, "whsec_hush!"), ["config.toml:6: notify.0.secret: must be base64 after whsec_"]),
        (WEBHOOK.replace(SECRET, "whsec_aHVzaA=="), [
            "config.toml:6: notify.0.secret: must hold 24 to 64 bytes, base64 after whsec_; this one holds 4"]),
        (WEBHOOK.replace(f'"{SECRET}"', f'["{SECRET}", "hush"]'), [
            "config.toml:6: notify.0.secret: number 2 must begin with whsec_ (Standard Webhooks)"]),
        (WEBHOOK.replace(f'"{SECRET}"', "[]"), [
            'config.toml:6: notify.0.secret: is required with kind = "webhook": what is not signed proves nothing']),
        ('[notify]\nkind = "slack"', [
            "config.toml:3: notify: must be a list of tables, each under [[notify]]; the environment cannot set it"]),
        ('[alarms]\nunwell_after = 5\ndrift_percent = 101', [
            'config.toml:4: alarms.unwell_after: must be a duration such as "30s", "10m", "12h" or "30d"',
            "config.toml:5: alarms.drift_percent: must be at most 100"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_its_place(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = faults(tmp_path, text)
    assert found == expected
    assert "hush" not in "".join(found)


def test_a_fault_of_one_target_does_not_move_the_places_of_others(tmp_path: Path) -> None:
    assert faults(tmp_path, SLACK + "x = 1\n" + WEBHOOK.replace(f'secret = "{SECRET}"\n', "") + SLACK) == [
        "config.toml:6: notify.0.x: unknown key",
        'config.toml:7: notify.1.secret: is required with kind = "webhook": what is not signed proves nothing',
    ]


def test_the_environment_cannot_set_it(tmp_path: Path) -> None:
    assert faults(tmp_path, "", {"CAEP_BRIDGE_NOTIFY__0__KIND": "webhook"}) == [
        "environment CAEP_BRIDGE_NOTIFY__0__KIND: notify: must be a list of tables, each under [[notify]]; the "
        "environment cannot set it"
    ]
