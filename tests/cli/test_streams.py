"""`streams list` and `streams show`: the configuration and the store side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.store.records import StreamRow
from tests.cli.scene import HEADER, OKTA_ROW, ROWS, SINCE, Scene, failing

OLD = StreamRow("s-old", "old", "https://old.example", SINCE, enabled=False, orphaned=True)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.streams(*ROWS, OLD)
    return made


def test_list_counts_and_names_orphans(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.dead(scene.tell(failing()))
    scene.tell(failing(), status="compliant")
    assert scene.run("streams", "list", "--json") == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert {name: one["state"] for name, one in found.items()} == {
        "okta": "enabled", "siem": "enabled", "lab": "disabled", "old": "orphaned"
    }  # fmt: skip
    okta = found["okta"]
    assert (okta["pending"], okta["dead"], okta["oldest_pending_at"]) == (1, 1, SINCE + 2)
    assert okta["endpoint"] == "https://acme.okta.com/security/api/v1/security-events"
    assert scene.run("streams", "list") == 0
    assert "https://old.example" in capsys.readouterr().out


def test_show_has_the_receivers_words_and_no_header(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.streams(
        replace(OKTA_ROW, failures=4, unwell_since=SINCE, retry_at=SINCE + 60, last_code="503", last_words="busy")
    )
    assert scene.run("streams", "show", "okta") == 0
    text = capsys.readouterr().out
    assert "4 failures in a row: 503: busy; next probe 2023-11-14 22:14:20Z" in text and "s-okta" in text
    for words in (["show", "siem"], ["show", "siem", "--json"], ["list", "--json"]):
        assert scene.run("streams", *words) == 0
        text = capsys.readouterr().out
        assert "staple" not in text and HEADER not in text
    assert scene.run("streams", "show", "s-old") == 0
    assert "no receiver of this name" in capsys.readouterr().out


def test_what_came_from_a_reference_stays_there(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERE", "https://siem.example/events?token=hush-hush")
    scene.config.write_text(scene.config.read_text().replace('"https://siem.example/events"', '"env:WHERE"'))
    assert scene.run("streams", "show", "siem", "--json") == 0
    text = capsys.readouterr().out
    assert "hush" not in text and json.loads(text)["endpoint"] == "set (env:WHERE)"


def test_an_unknown_stream_is_exit_1(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.run("streams", "show", "oktta") == 1
    assert "did you mean okta?" in capsys.readouterr().err


def test_before_the_first_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene(tmp_path)
    assert scene.run("streams", "list", "--json") == 0
    printed = capsys.readouterr()
    assert {one["state"] for one in json.loads(printed.out)} == {"not started"}
    assert "no store yet" in printed.err and not (tmp_path / "bridge.db").exists()


def test_a_poll_receiver_is_named_as_such(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    poll = '[receivers.idp]\nprofile = "ssf"\naudience = "https://idp.example"\ndelivery = "poll"\nclient = "one"\n'
    client = '[oauth.clients.one]\nsecret = "never-shown"\naudience = "https://idp.example"\n'
    scene.config.write_text(scene.config.read_text() + poll + client)
    assert scene.run("streams", "show", "idp", "--json") == 0
    text = capsys.readouterr().out
    assert json.loads(text)["state"] == "poll" and "never-shown" not in text


def test_of_one_name_the_configured_stream_is_shown(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.streams(replace(OKTA_ROW, id="a-was", audience="https://was.okta.com", orphaned=True, enabled=False))
    assert scene.run("streams", "show", "okta", "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["stream_id"] == "s-okta" and "a-was" in printed.err
    assert scene.run("streams", "show", "a-was", "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "orphaned"
