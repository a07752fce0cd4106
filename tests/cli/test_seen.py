"""`deliveries show`: accepted is one thing, seen in Okta's System Log another."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge.store.records import Settlement
from tests.cli.scene import ROWS, SIEM, Scene, failing
from tests.okta.standin import READ_TOKEN, Org, running

ADA = "ada@acme.example"


@pytest.fixture
def org() -> Iterator[Org]:
    with running(Org()) as started:
        yield started


@pytest.fixture
def scene(tmp_path: Path, org: Org) -> Scene:
    made = Scene(tmp_path)
    made.streams(*ROWS)
    asked(made, org, f'api_token = "{READ_TOKEN}"')
    return made


def asked(scene: Scene, org: Org, *lines: str) -> None:
    """The okta receiver may be asked at the stand-in."""
    text = scene.config.read_text().replace("[store]", "[delivery]\nallow_insecure_targets = true\n\n[store]")
    okta = 'audience = "https://acme.okta.com"\n'
    scene.config.write_text(text.replace(okta, okta + f'api_url = "{org.base}"\n' + "\n".join(lines) + "\n"))


def sent(scene: Scene, ago: float = 3600.0, **more: Any) -> int:
    number = scene.tell(failing(), **more)
    scene.settle(Settlement(number, "delivered", time.time() - ago, "202", attempts=1))
    return number


def shown(scene: Scene, capsys: pytest.CaptureFixture[str], number: int) -> Any:
    capsys.readouterr()
    assert scene.run("deliveries", "show", str(number), "--json") == 0
    out, err = capsys.readouterr()
    assert READ_TOKEN not in out + err
    return json.loads(out)["seen"]


def test_seen_by_jti(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    number = sent(scene)
    org.log("jti-1", ADA, time.time() - 3590)
    found = shown(scene, capsys, number)
    assert (found["state"], found["by"], found["event"]) == ("seen", "jti", "uuid-1")
    assert scene.run("deliveries", "show", str(number)) == 0
    assert "accepted; seen in the System Log, by its jti (20" in capsys.readouterr().out


def test_not_seen(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    number = sent(scene)
    org.log("another", ADA, time.time() - 3590)
    assert shown(scene, capsys, number)["state"] == "not_seen"
    assert scene.run("deliveries", "show", str(number)) == 0
    assert "accepted; not in the System Log: the login is unknown there" in capsys.readouterr().out


def test_not_yet(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(scene, capsys, sent(scene, ago=2))
    assert (found["state"], "ask again in a few minutes" in found["words"]) == ("not_seen", True)


def test_person_and_time_alone(scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    org.hides_jti = True
    org.log("", ADA, time.time() - 3590)
    found = shown(scene, capsys, sent(scene))
    assert (found["by"], "does not show the jti" in found["words"]) == ("person", True)


def test_too_old(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    found = shown(scene, capsys, sent(scene, ago=91 * 86400))
    assert found == {"state": "not_looked_up", "words": "not looked up: the System Log does not go back so far"}


@pytest.mark.parametrize("trouble", ["429", "html", "denied"])
def test_trouble_is_said_and_fails_nothing(
    scene: Scene, org: Org, capsys: pytest.CaptureFixture[str], trouble: str
) -> None:
    if trouble == "429":
        org.remaining = 0
    elif trouble == "html":
        org.broken = 200, "<html>"
    else:
        org.scopes = {}
    found = shown(scene, capsys, sent(scene))
    assert found["state"] == "not_looked_up"
    assert "the System Log (GET /api/v1/logs): " in found["words"]


def test_without_a_credential(tmp_path: Path, org: Org, capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene(tmp_path)
    scene.streams(*ROWS)
    found = shown(scene, capsys, sent(scene))
    assert (found["state"], "api_token" in found["words"]) == ("not_looked_up", True)
    assert org.asked == []


def test_a_credential_that_this_shell_does_not_have(
    tmp_path: Path, org: Org, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path)
    scene.streams(*ROWS)
    asked(scene, org, 'api_token = "env:OKTA_READ_TOKEN_UNSET"')
    assert shown(scene, capsys, sent(scene))["words"] == "not looked up: OKTA_READ_TOKEN_UNSET is not set here"
    assert org.asked == []


def test_what_is_not_delivered_or_not_oktas_is_not_looked_up(
    scene: Scene, org: Org, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(scene, capsys, scene.tell(failing())) is None
    assert shown(scene, capsys, sent(scene, stream=SIEM)) is None
    assert org.asked == []
