"""`connectors list|show|test`: what there is, what each wants to know, and a recorded request tried out."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import run
from bridge.connector.load import bundled
from bridge.pipeline.operator.rehearse import NOBODY
from tests.cli.scene import CONFIG, HEADER

SAMPLES = bundled() / "kolide" / "samples"
SECRET = "demo-secret-0123456789abcdef"
KEY = 'api_key = "demo-api-key"'
EVENT = "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("offline commands must not open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Kolide with its API and three receivers."""
    return written(tmp_path, KEY)


def written(folder: Path, api: str) -> Path:
    text = CONFIG.replace("sqlite:///STORE", f"sqlite:///{folder / 'none.db'}")
    first, _, rest = text.partition("[connectors.second]")
    first = first.replace("never-to-be-shown-anywhere", SECRET) + f"{api}\n"
    file = folder / "config.toml"
    file.write_text(f"{first}\n[connectors.second]{rest}")
    return file


def tried(capsys: pytest.CaptureFixture[str], config: Path, *words: object, code: int = 0) -> Any:
    capsys.readouterr()
    assert run(["connectors", "test", *map(str, words), "--json", "--config", str(config)]) == code
    text = capsys.readouterr().out
    assert SECRET not in text and "demo-api-key" not in text and HEADER not in text
    return json.loads(text)["requests"]


def test_list(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["connectors", "list", "--json", "--config", str(config)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["api"]) for one in found["configured"]] == [("kolide", True), ("second", False)]
    assert "kolide" in [one["type"] for one in found["types"]]
    assert run(["connectors", "list", "--config", str(config)]) == 0
    assert "/webhooks/second" in capsys.readouterr().out


def test_types_are_listed_without_a_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAEP_BRIDGE_CONFIG", raising=False)
    assert run(["connectors", "list", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["configured"] == [] and "caep-bridge init" in printed.err
    assert run(["connectors", "show", "kolide"]) == 0
    assert "signing_secret" in capsys.readouterr().out
    (tmp_path / "config.toml").write_text("nonsense = 1\n")
    assert run(["connectors", "list"]) == 2


def test_show_says_what_is_set_and_whom_each_judgement_blocks(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["connectors", "show", "second", "--json", "--config", str(config)]) == 0
    text = capsys.readouterr().out
    found = json.loads(text)
    states = {one["name"]: one["state"] for one in found["settings"]}
    assert states["signing_secret"].startswith("set (") and states["api_key"] == "missing"
    assert found["webhook_url"] == "https://signals.acme.example/webhooks/second"
    assert found["judge"] == "issues" and all(one["blocks"] for one in found["judgements"])
    assert "never-to-be-shown-anywhere" not in text
    assert run(["connectors", "show", "second", "--config", str(config)]) == 0
    text = capsys.readouterr().out
    assert "issues (chosen)" in text and "never-to-be-shown-anywhere" not in text
    assert run(["connectors", "show", "kolide", "--config", str(config)]) == 0
    assert SECRET not in capsys.readouterr().out


def test_show_of_an_unknown_one_is_exit_1(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["connectors", "show", "nothing", "--config", str(config)]) == 1
    assert "kolide" in capsys.readouterr().err


def test_the_set_that_would_be_sent(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [one] = tried(capsys, config, "kolide", SAMPLES / "issues.new.http")
    assert one["verified"] and one["outcome"] == "accepted"
    assert [(f["device"], f["state"], f["title"]) for f in one["findings"]] == [
        ("1001", "failing", "Disk Is Not Encrypted")
    ]
    [made] = one["sets"]
    assert made["receiver"] == "okta" and made["owner_known"] and made["assumed"] == []
    claims = made["claims"]
    assert claims["iss"] == "https://signals.acme.example" and claims["aud"] == "https://acme.okta.com"
    event = claims["events"][EVENT]
    assert (event["previous_status"], event["current_status"]) == ("compliant", "not-compliant")
    assert event["subject"]["user"]["email"] == "ada@example.com"
    assert "Disk Is Not Encrypted" in event["reason_admin"]["en"]
    assert {n["receiver"]: n["reason"] for n in one["not_told"]} == {"siem": "not_entitled", "lab": "disabled"}
    assert not (config.parent / "none.db").exists()


def test_a_recovery_is_told_to_who_was_told_the_failure(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [one] = tried(capsys, config, "kolide", SAMPLES / "issues.resolved.last.http")
    [made] = one["sets"]
    event = made["claims"]["events"][EVENT]
    assert (event["previous_status"], event["current_status"]) == ("not-compliant", "compliant")
    assert made["assumed"] == ["the device was not compliant before, and each receiver was told so"]
    [one] = tried(capsys, config, "kolide", SAMPLES / "issues.resolved.another_open.http")
    assert one["sets"][0]["claims"]["events"][EVENT]["current_status"] == "not-compliant"


@pytest.mark.parametrize(
    ("sample", "reason"),
    [("devices.destroyed", "gone"), ("devices.created.unregistered", "unregistered"),
     ("owner_gone", "owner_without_email"), ("issues.new.exempted", "first_sight")],
)  # fmt: skip
def test_nothing_would_be_sent(config: Path, capsys: pytest.CaptureFixture[str], sample: str, reason: str) -> None:
    [one] = tried(capsys, config, "kolide", SAMPLES / f"{sample}.http")
    assert one["sets"] == [] and one["decisions"][0]["reason"] == reason
    assert {none["receiver"] for none in one["not_told"]} == {"okta", "siem", "lab"}


@pytest.mark.parametrize(("sample", "why"), [("unknown_event", "unknown_event"), ("webhook.test", "test")])
def test_an_ignored_one_is_no_failure(config: Path, capsys: pytest.CaptureFixture[str], sample: str, why: str) -> None:
    [one] = tried(capsys, config, "kolide", SAMPLES / f"{sample}.http")
    assert (one["outcome"], one["detail"], one["sets"]) == ("ignored", why, [])


def test_without_answers_of_the_api(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failing finding is shown as it would be told with the API down; everything else waits for the API."""
    for name in ("issues.new", "issues.resolved.last", "devices.registered"):
        shutil.copy(SAMPLES / f"{name}.http", tmp_path / f"{name}.http")
    files = [tmp_path / f"{name}.http" for name in ("issues.new", "issues.resolved.last", "devices.registered")]
    failing, resolved, rung = tried(capsys, config, "kolide", *files)
    [made] = failing["sets"]
    assert not made["owner_known"] and made["claims"]["events"][EVENT]["subject"]["user"]["email"] == NOBODY
    assert any("whose device" in words for words in made["assumed"])
    for one in (resolved, rung):
        assert one["sets"] == []
        assert {n["reason"] for n in one["not_told"] if n["receiver"] == "okta"} == {"not_asked"}


def test_answers_may_stand_elsewhere(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(SAMPLES / "issues.new.http", tmp_path / "copy.http")
    [one] = tried(capsys, config, "kolide", tmp_path / "copy.http", "--api", SAMPLES / "issues.new.api.json")
    assert one["decisions"][0]["login"] == "ada@example.com"


def test_an_api_that_answers_badly_is_exit_1(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.json").write_text('{"GET /devices/1001": {"status": 401, "body": {}}}')
    words = ["kolide", SAMPLES / "issues.new.http", "--api", tmp_path / "bad.json"]
    [one] = tried(capsys, config, *words, code=1)
    assert one["sets"] == [] and one["decisions"][0]["reason"] == "look_denied"


def test_without_api_credentials_webhooks_are_folded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = written(tmp_path, "")
    [one] = tried(capsys, config, "kolide", SAMPLES / "issues.new.http")
    assert one["api"] is None
    assert one["sets"][0]["claims"]["events"][EVENT]["reason_admin"]["en"].endswith("(from webhooks alone)")
    [one] = tried(capsys, config, "kolide", SAMPLES / "issues.resolved.last.http")
    assert one["sets"][0]["claims"]["events"][EVENT]["current_status"] == "compliant"


def test_a_request_of_somebody_else_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [one] = tried(capsys, config, "second", SAMPLES / "issues.new.http", code=1)
    assert (one["verified"], one["outcome"], one["findings"], one["sets"]) == (False, "unauthenticated", [], [])


@pytest.mark.parametrize(
    "words", [["kolide"], ["kolide", "no-such.http"], ["nobody", str(SAMPLES / "issues.new.http")], []]
)
def test_a_wrong_call_is_exit_2(config: Path, words: list[str]) -> None:
    assert run(["connectors", "test", *words, "--config", str(config)]) == 2


def test_a_file_that_is_no_request_is_exit_1(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.http").write_bytes(b"\xff\x00 not a request")
    assert run(["connectors", "test", "kolide", str(tmp_path / "x.http"), "--config", str(config)]) == 1
    assert "x.http" in capsys.readouterr().err


def test_in_words(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(str(file) for file in SAMPLES.glob("*.http"))
    assert run(["connectors", "test", "kolide", *files, "--config", str(config)]) == 0
    text = capsys.readouterr().out
    assert "SET to okta, before it is signed" in text and "owner unknown" in text and "nothing to siem" in text
    assert SECRET not in text and "demo-api-key" not in text
