"""[oauth]: what is accepted, what is refused, and that no secret of it is ever shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bridge.config import OAuth, load
from bridge.errors import ConfigError

BASE = '[transmitter]\nissuer = "https://signals.acme.example"\n'
CLIENT = '[oauth.clients.siem]\naudience = "https://siem.example"\n'
SECRET = CLIENT + 'secret = "hush-1"\n'
ISSUER = '[oauth.issuer]\nissuer = "https://idp.example/as"\naudience = "api://ssf"\n'


def read(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> OAuth:
    file = tmp_path / "config.toml"
    file.write_text(BASE + text)
    return load(file, environ or {}).config.oauth


def faults(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, environ)
    return [str(fault).replace(f"{tmp_path}/", "") for fault in caught.value.faults]


def test_defaults(tmp_path: Path) -> None:
    found = read(tmp_path, SECRET)
    client = found.clients["siem"]
    assert found.token_lifetime == 3600 and found.issuer is None and found.client_id("siem") == "siem"
    assert client.scopes == ("ssf.read", "ssf.manage")
    assert client.asks_for_tokens and not client.signs and not client.is_external
    assert read(tmp_path, "").clients == {}


def test_all_keys(tmp_path: Path) -> None:
    text = (
        '[oauth]\ntoken_lifetime = "10m"\n' + ISSUER + 'profile = "okta"\njwks_uri = "https://idp.example/keys"\n'
        + CLIENT + 'secret = ["env:NEW", "env:OLD"]\ntoken = "abc"\nclient_id = "the siem"\n'
        '[oauth.clients.ours]\naudience = "x"\njwks_uri = "https://ours.example/jwks"\n'
        '[oauth.clients.theirs]\naudience = "x"\nclient_id = "0oa1"\n'
    )  # fmt: skip
    found = read(tmp_path, text, {"NEW": "hush-2", "OLD": "hush-3"})
    assert found.token_lifetime == 600 and found.issuer is not None and found.issuer.profile == "okta"
    siem, ours, theirs = found.clients["siem"], found.clients["ours"], found.clients["theirs"]
    assert [one.reveal() for one in siem.secret or ()] == ["hush-2", "hush-3"]
    assert found.client_id("siem") == "the siem" and found.client_id("theirs") == "0oa1"
    assert ours.signs and theirs.is_external and not ours.is_external
    assert "hush-" not in repr(found) + str(found)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (CLIENT, "config.toml:3: oauth.clients.siem.secret: is required, or token, public_key or jwks_uri"),
        (CLIENT + "secret = []", "config.toml:5: oauth.clients.siem.secret: must not be empty"),
        (CLIENT + 'secret = ""', "config.toml:5: oauth.clients.siem.secret.0: must not be empty"),
        (CLIENT + "secret = 5", "config.toml:5: oauth.clients.siem.secret.0: must be a text, env:NAME or file:/path"),
        (CLIENT + 'secret = " hush-1"', "config.toml:5: oauth.clients.siem.secret: must be one line"),
        (CLIENT + 'token = "hush 1"', "config.toml:5: oauth.clients.siem.token: must be letters, digits and"),
        (SECRET + 'scopes = ["ssf.raed"]', "config.toml:6: oauth.clients.siem.scopes.0: must be one of"),
        (SECRET + "scopes = []", "config.toml:6: oauth.clients.siem.scopes: must not be empty"),
        (SECRET + 'jwks = "x"', "config.toml:6: oauth.clients.siem.jwks: unknown key (did you mean jwks_uri?)"),
        (
            SECRET + 'jwks_uri = "http://a.example/"',
            "config.toml:6: oauth.clients.siem.jwks_uri: must begin with https",
        ),
        (
            CLIENT + 'public_key = "x"\njwks_uri = "https://a.example/"',
            "config.toml:6: oauth.clients.siem.jwks_uri: has no meaning beside public_key",
        ),
        (SECRET + 'client_id = "h\u00fc"', "config.toml:6: oauth.clients.siem.client_id: must be printable ASCII"),
        (
            SECRET + '[oauth.clients.b]\naudience = "x"\nsecret = "y"\nclient_id = "siem"',
            "config.toml:9: oauth.clients.b.client_id: is that of [oauth.clients.siem] too",
        ),
        (
            CLIENT + 'token = "t"\n[oauth.clients.b]\naudience = "x"\ntoken = ["s", "t"]',
            "config.toml:8: oauth.clients.b.token: is that of [oauth.clients.siem] too",
        ),
        ('[oauth]\ntoken_lifetime = "2h"', "config.toml:4: oauth.token_lifetime: must be at most 3600"),
        ('[oauth]\ntoken_lifetime = "1s"', "config.toml:4: oauth.token_lifetime: must be at least 60"),
        ("[oauth]\ntoken_lifetime = 60", "config.toml:4: oauth.token_lifetime: must be a duration"),
        ('[oauth]\nisuer = "x"', "config.toml:4: oauth.isuer: unknown key (did you mean issuer?)"),
        ('[oauth]\nissuer = "x"', "config.toml:4: oauth.issuer: must be a table"),
        ('[oauth.issuer]\nissuer = "https://a.example"', "config.toml:3: oauth.issuer.audience: is required"),
        (ISSUER.replace("https", "http"), "config.toml:4: oauth.issuer.issuer: must begin with https://"),
        (ISSUER.replace("/as", "/as?x"), "config.toml:4: oauth.issuer.issuer: must not have a query"),
        (ISSUER.replace("idp", "u@idp"), "config.toml:4: oauth.issuer.issuer: must not hold a user name"),
        (ISSUER + 'profile = "ping"', 'config.toml:6: oauth.issuer.profile: must be "rfc9068", "okta" or "entra"'),
    ],
)
def test_a_fault_is_named_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    found = faults(tmp_path, text)
    assert len(found) == 1, found
    assert fault in found[0] and "hush" not in found[0]


def test_the_faults_of_an_issuer_cause_no_second_one(tmp_path: Path) -> None:
    text = "[oauth.issuer]\nprofile = 5\n" + CLIENT
    assert len([one for one in faults(tmp_path, text) if "clients" in one]) == 0


def test_plain_http_is_for_tests(tmp_path: Path) -> None:
    text = "[delivery]\nallow_insecure_targets = true\n" + ISSUER.replace("https", "http") + CLIENT
    assert read(tmp_path, text).clients["siem"].is_external
