"""The clients of the API as `check` shows them, and what --online asks about them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.cli.online.keys_of_others import keys_of_others
from bridge.cli.online.line import Line
from bridge.config import load
from bridge.outbound import Outbound
from bridge.parts import Ports
from tests.cli.test_commands import run
from tests.oauth.given import public, rsa
from tests.oauth.standin import standing_in

BASE = '[transmitter]\nissuer = "https://signals.acme.example"\n'
CLIENTS = """[oauth.issuer]
profile = "okta"
issuer = "env:ISSUER"
audience = "api://ssf"
[oauth.clients.siem]
secret = ["env:SIEM", "hush-in-the-file-and-long"]
audience = "https://siem.example"
scopes = ["ssf.read"]
[oauth.clients.guessed]
token = "hush"
audience = "x"
[oauth.clients.signer]
public_key = "file:key.pem"
audience = "x"
[oauth.clients.theirs]
audience = "x"
client_id = "0oa1"
"""
ENVIRON = {"SIEM": "hush-in-the-environment", "ISSUER": "https://idp.example/as"}


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(BASE + CLIENTS)
    (tmp_path / "key.pem").write_bytes(rsa("signer").as_pem(private=False))
    return tmp_path


def test_how_each_proves_itself_and_never_with_what(configured: Path) -> None:
    ended = run(configured, "check", **ENVIRON)
    assert ended.returncode == 0 and "hush" not in ended.stdout + ended.stderr
    for words in (
        "client siem",
        "2 set (env:SIEM)",
        "set (file:key.pem)",
        "none: it brings tokens of [oauth.issuer]",
        "issuer of access tokens",
        "set (env:ISSUER)",
        "oauth.clients.guessed.token has fewer than 16",
    ):
        assert words in ended.stdout
    assert "oauth.clients.siem.secret has fewer" not in ended.stdout
    assert "server.trusted_proxies is not set" in ended.stdout
    with (configured / "config.toml").open("a") as file:
        file.write("\n[server]\ntrusted_proxies = []\n")
    assert "trusted_proxies is not set" not in run(configured, "check", **ENVIRON).stdout


def test_json(configured: Path) -> None:
    report = json.loads(run(configured, "check", "--json", **ENVIRON).stdout)
    assert [(one["name"], one["client_id"], one["secret"], one["token"]) for one in report["clients"]] == [
        ("siem", "siem", "2 set (env:SIEM)", None),
        ("guessed", "guessed", None, "set"),
        ("signer", "signer", None, None),
        ("theirs", "0oa1", "none: it brings tokens of [oauth.issuer]", None),
    ]
    assert report["clients"][0]["scopes"] == ["ssf.read"]
    assert report["oauth_issuer"]["issuer"] == "set (env:ISSUER)" and report["oauth_issuer"]["jwks_uri"] is None
    assert report["no_effect"] == []


def test_a_public_key_that_is_none(configured: Path) -> None:
    (configured / "key.pem").write_bytes(rsa("signer").as_pem(private=True))
    ended = run(configured, "check", **ENVIRON)
    assert ended.returncode == 2 and "PRIVATE KEY" not in ended.stderr
    assert "config.toml:15: oauth.clients.signer.public_key: is a private key, which is the client" in ended.stderr


def test_a_key_set_where_nothing_is_ever_connected_to(tmp_path: Path) -> None:
    text = '[oauth.clients.a]\njwks_uri = "https://169.254.169.254/keys"\naudience = "x"\n'
    (tmp_path / "config.toml").write_text(BASE + text)
    ended = run(tmp_path, "check")
    assert ended.returncode == 2
    assert "config.toml:4: oauth.clients.a.jwks_uri: is never connected to" in ended.stderr


def test_commands_that_use_no_secret_do_without_those_of_clients(tmp_path: Path) -> None:
    text = "".join(
        f'[oauth.clients.{name}]\naudience = "x"\nsecret = ["env:A_{name}"]\ntoken = "env:B_{name}"\n' for name in "ab"
    )
    (tmp_path / "config.toml").write_text(BASE + text)
    ended = run(tmp_path, "streams", "list")
    assert ended.returncode != 2, ended.stderr


async def test_online(tmp_path: Path) -> None:
    async with standing_in(public(rsa("idp"), rsa("other"))) as there:
        text = f"""[delivery]
allow_insecure_targets = true
[oauth.issuer]
issuer = "{there.issuer}"
audience = "x"
[oauth.clients.theirs]
audience = "x"
[oauth.clients.signer]
audience = "x"
jwks_uri = "{there.url}/none"
"""
        (tmp_path / "config.toml").write_text(BASE + text)
        outbound = Outbound(insecure=True, user_agent="test", limit_per_host=4)
        config = load(tmp_path / "config.toml", {}).config
        found = [(await ask()).lines for _, ask in keys_of_others(config, outbound, Ports())]
        await outbound.close()
    (issuer,), (signer,) = found
    assert issuer == Line("issuer of access tokens", "ok", "its key set holds 2 keys that we can use, kept for 600 s")
    assert (signer.about, signer.outcome, signer.words) == ("client signer", "failed", "the key set: answered 404")
    assert signer.remedy
