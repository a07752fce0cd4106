from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bridge.connector import manifest
from bridge.connector.load import describe, list_types, load
from bridge.errors import ConfigError
from tests.connector.scene import Hand, Vendor

GOOD = """\
language = 1
title = "Vendor"
auth = { scheme = "secret-header", header = "x-secret", secret = "secret" }

[settings]
secret = { secret = true, many = true }
api_key = { secret = true, required = false }
base_url = { default = "https://api.vendor.example" }
grace = { choices = ["compliant", "not-compliant"], default = "compliant" }

[request]
type = "body.event"

[[on]]
events = ["a"]
device = "id(body.device)"

[api]
base = "{settings.base_url}"
bearer = "api_key"
page.p = { items = "data", next = "next", param = "cursor" }

[look]
device = { get = "/devices/{device.id}", gone = [404] }
issues = { get = "/devices/{device.id}/issues", page = "p" }

[snapshot]
owner = "look.device.owner"
status = "look.device.state"
finding = { each = "look.issues", key = "id(item.id)" }

[judge.issues]
failing = "!finding.exempt"

[judge.state]
status = { ok = "compliant", bad = "not-compliant", grace = "{settings.grace}" }
"""


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        manifest.read(text, "connector.toml")
    return [str(fault) for fault in caught.value.faults]


def test_a_good_manifest() -> None:
    read = manifest.read(GOOD, "connector.toml")
    assert list(read.judges) == ["issues", "state"] and [step.name for step in read.steps] == ["device", "issues"]


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ('title = "Vendor"', 'titel = "Vendor"', "titel", "unknown key (did you mean title?)"),
        ("language = 1", "language = 2", "language", "must be 1"),
        ('scheme = "secret-header"', 'scheme = "secret-haeder"', "auth.scheme", "did you mean secret-header?"),
        ('scheme = "secret-header"', 'scheme = "ed25519"', "auth.scheme", "does not support ed25519 yet"),
        ('secret = "secret" }', 'secret = "sekret" }', "auth.secret", "names no setting: sekret"),
        ('secret = "secret" }', 'secret = "base_url" }', "auth.secret", "must have secret = true"),
        ('secret = "secret" }', 'secret = "api_key" }', "auth.secret", "must be required"),
        ('secret = "secret" }', 'secret = "secret", tolerance = 5 }', "auth.tolerance", "unknown key"),
        ('default = "https', 'defalt = "https', "settings.base_url.defalt", "did you mean default?"),
        ('default = "compliant" }', 'default = "maybe" }', "settings.grace.default", "must be one of"),
        ("grace = { ", "judge = { ", "settings.judge", "cannot be a setting"),
        ('"body.event"', '"bdoy.event"', "request.type", "did you mean body?"),
        ("[request]", "[request]\nidd = 1", "request.idd", "unknown key"),
        ('events = ["a"]', 'event = ["a"]', "on.0.event", "did you mean events?"),
        ('device = "id(body.device)"', "", "on.0.device", "is required"),
        ('device = "id(body.device)"', 'device = "ident(body.device)"', "on.0.device", "undeclared reference"),
        ("[[on]]", "[[handshake]]\n[[on]]", "handshake", "does not support it yet"),
        ("[look]", "[[event]]\ntype = 'x'\n[look]", "event", "does not support it yet"),
        ('bearer = "api_key"', 'login = "x"', "api.login", "does not support it yet"),
        ('bearer = "api_key"', 'bearer = "key"', "api.bearer", "names no setting: key"),
        ('bearer = "api_key"', 'rate = "fast"', "api.rate", "not a rate"),
        ('bearer = "api_key"', 'timeout = "1 year"', "api.timeout", "not a duration"),
        ('base = "{settings.base_url}"', 'base = "{settings.bas_url}"', "api.base", "did you mean settings.base_url?"),
        ('base = "{settings.base_url}"', 'base = "{settings.api_key}"', "api.base", "is no known name"),
        ('next = "next", ', "", "api.page.p.next", "there must be one of"),
        ('param = "cursor"', 'parm = "cursor"', "api.page.p.parm", "did you mean param?"),
        ('page = "p"', 'page = "q"', "look.issues.page", "names no api.page: q"),
        ('get = "/devices/{device.id}", ', "", "look.device.get", "one of get and post"),
        ('get = "/devices/{device.id}",', 'get = "devices",', "look.device.get", "beginning with one /"),
        ('get = "/devices/{device.id}",', 'get = "https://evil.example/",', "look.device.get", "beginning with one /"),
        ("{device.id}/issues", "{device.idd}/issues", "look.issues.get", "did you mean device.id?"),
        ('get = "/devices/{device.id}",', 'get = "/x/{look.issues.id}",', "look.device.get", "is no known name"),
        ("gone = [404]", "gone = [500]", "look.device.gone", "from 400 to 499"),
        ("gone = [404]", "gone = [401]", "look.device.gone", "something about us"),
        ('owner = "look.device.owner"', 'owner = "look.devcie.owner"', "snapshot.owner", "did you mean look.device"),
        ('each = "look.issues", ', "", "snapshot.finding.each", "is required"),
        ('key = "id(item.id)"', 'key = "id(itm.id)"', "snapshot.finding.key", "did you mean item"),
        ('failing = "!finding.exempt"', 'failing = "!finding.exmpt"', "judge.issues.failing", "finding.exempt?"),
        ('failing = "!finding.exempt"', 'failing = "finding.title"', "judge.issues.failing", "true or false"),
        ('failing = "!finding.exempt"', "", "judge.issues.failing", "one of failing and status"),
        ('bad = "not-compliant"', 'bad = "noncompliant"', "judge.state.status.bad", "must be one of"),
        ('"{settings.grace}"', '"{settings.base_url}"', "judge.state.status.grace", "the choices of"),
        ("[judge.state]", "[judge.state]\nwithout_api = true", "judge.state.without_api", "over findings"),
        ("[judge.state]", "[judge.state]\nhysteresis = 5", "judge.state.hysteresis", "does not support it yet"),
    ],
)
def test_a_fault_has_its_line_and_words(old: str, new: str, place: str, words: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    found = [one for one in faults(text) if f": {place}: " in one]
    assert found and words in found[0], faults(text)
    line = int(re.match(r"connector\.toml:(\d+):", found[0])[1])  # type: ignore[index]  # None fails the test
    here = text.splitlines()[line - 1]
    assert any(part in here for part in place.split(".") if not part.isdecimal()), here


def test_all_faults_are_told_at_once() -> None:
    text = GOOD.replace("title", "titel").replace("!finding.exempt", "!finding.exmpt").replace("id(item.id)", "1 +")
    assert len(faults(text)) >= 4  # title is missing, titel unknown, two expressions


def test_a_file_that_is_no_toml() -> None:
    assert "is not TOML" in faults("language = ")[0]


@pytest.mark.parametrize(
    "junk", ["on = 5", "on = [5]", "judge = 7", "settings = []", "look = 'x'", "api = 1", "auth = 3"]
)
def test_the_wrong_kind_of_value_is_a_fault(junk: str) -> None:
    assert faults(f'language = 1\ntitle = "x"\n{junk}\n')


# -- the admin's table --------------------------------------------------------------------------


def loading(tmp_path: Path, **table: object) -> list[str]:
    (tmp_path / "connector.toml").write_text(GOOD)
    given = {"type": "./connector.toml", "judge": "issues", "secret": "s", **table}
    given = {key: value for key, value in given.items() if value is not None}
    with pytest.raises(ConfigError) as caught:
        load("own", given, outbound=Vendor({}), clock=Hand(), base_dir=tmp_path)
    assert all(fault.where == "" for fault in caught.value.faults)
    return [f"{fault.path}: {fault.message}" for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"secert": "x"}, "connectors.own.secert: unknown key (did you mean secret?)"),
        ({"judge": None}, "connectors.own.judge: is required: one of issues, state"),
        ({"judge": "isues"}, "connectors.own.judge: must be one of issues, state (did you mean issues?)"),
        ({"secret": None}, "connectors.own.secret: is required"),
        ({"secret": ""}, "connectors.own.secret: is required"),
        ({"secret": []}, "connectors.own.secret: must not be an empty list"),
        ({"secret": ["a", ""]}, "connectors.own.secret: must not be empty"),
        ({"secret": 5}, "connectors.own.secret: must be text"),
        ({"api_key": ["a", "b"]}, "connectors.own.api_key: must be one secret, not a list"),
        ({"grace": "never"}, "connectors.own.grace: must be one of compliant, not-compliant"),
        ({"rate_limit": "fast"}, 'connectors.own.rate_limit: not a rate: write "270/min", "1000/20s" or "none"'),
        ({"namespace": "a b"}, "connectors.own.namespace: must be up to 64 letters"),
        ({"base_url": "ftp://x", "api_key": "k"}, "connectors.own.base_url: must make an http or https URL"),
        ({"base_url": "https://u:p@x", "api_key": "k"}, "connectors.own.base_url: must make an http or https URL"),
        ({"base_url": "https://x/?a=1", "api_key": "k"}, "connectors.own.base_url: must make an http or https URL"),
        ({"type": None}, "connectors.own.type: is required: one of"),
        ({"type": "kolid"}, "(did you mean kolide?)"),
        ({"type": "./nothing.toml"}, "connectors.own.type: there is no file ./nothing.toml"),
    ],
)
def test_a_fault_of_the_table(tmp_path: Path, table: dict[str, Any], expected: str) -> None:
    assert any(expected in one for one in loading(tmp_path, **table)), loading(tmp_path, **table)


def test_no_secret_in_a_fault(tmp_path: Path) -> None:
    text = " ".join(loading(tmp_path, secret="TOP-SECRET", api_key=["TOP-SECRET"], grace="x", bogus="TOP-SECRET"))
    assert "TOP-SECRET" not in text and text.count("connectors.own") == 3


def test_half_of_the_credentials_is_a_fault(tmp_path: Path) -> None:
    text = GOOD.replace('bearer = "api_key"', 'basic = { user = "user", secret = "api_key" }').replace(
        "[settings]", "[settings]\nuser = { required = false }"
    )
    (tmp_path / "connector.toml").write_text(text)
    table = {"type": "./connector.toml", "judge": "issues", "secret": "s", "user": "u"}
    with pytest.raises(ConfigError, match=r"connectors\.own\.api_key: is required together with user"):
        load("own", table, outbound=Vendor({}), clock=Hand(), base_dir=tmp_path)


def test_without_credentials_there_is_no_api(tmp_path: Path) -> None:
    (tmp_path / "connector.toml").write_text(GOOD)
    table = {"type": "./connector.toml", "judge": "issues", "secret": "s"}
    assert not load("own", table, outbound=Vendor({}), clock=Hand(), base_dir=tmp_path).has_api
    assert load("own", table | {"api_key": "k"}, outbound=Vendor({}), clock=Hand(), base_dir=tmp_path).has_api


def test_the_faults_of_a_manifest_have_its_place(tmp_path: Path) -> None:
    (tmp_path / "connector.toml").write_text(GOOD.replace("exempt", "exmpt"))
    with pytest.raises(ConfigError) as caught:
        load("own", {"type": str(tmp_path / "connector.toml")}, outbound=Vendor({}), clock=Hand(), base_dir=Path())
    assert re.fullmatch(r".*connector\.toml:\d+", caught.value.faults[0].where)


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5000, "a = \x00"])
def test_what_is_not_toml_is_a_fault(text: str) -> None:
    with pytest.raises(ConfigError, match="own: is not TOML"):
        manifest.read(text, "own")


def test_the_types_that_there_are() -> None:
    assert "kolide" in list_types()
    description = describe("kolide")
    assert [one.name for one in description.judgements] == ["issues", "enforced", "trust", "trust_strict"]
    assert {"signing_secret", "api_key", "base_url"} == {setting.name for setting in description.settings}
    with pytest.raises(ConfigError, match="did you mean kolide"):
        describe("kolied")


def test_the_example_of_the_document_is_good() -> None:
    text = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text()
    example = text.split("```toml\n")[1].split("```")[0]
    assert list(manifest.read(example, "docs").judges) == ["critical", "any"]
