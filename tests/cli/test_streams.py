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


def test_a_receiver_that_polls(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    poll = '[receivers.idp]\nprofile = "ssf"\naudience = "https://idp.example"\ndelivery = "poll"\nclient = "one"\n'
    client = '[oauth.clients.one]\nsecret = "never-shown"\naudience = "https://idp.example"\n'
    scene.config.write_text(scene.config.read_text() + poll + client)
    assert scene.run("streams", "show", "idp", "--json") == 0
    text = capsys.readouterr().out
    assert json.loads(text)["state"] == "not started" and "never-shown" not in text


def test_of_one_name_the_configured_stream_is_shown(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.streams(replace(OKTA_ROW, id="a-was", audience="https://was.okta.com", orphaned=True, enabled=False))
    assert scene.run("streams", "show", "okta", "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["stream_id"] == "s-okta" and "a-was" in printed.err
    assert scene.run("streams", "show", "a-was", "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "orphaned"


def test_a_receiver_in_dry_run_is_said_to_be_in_dry_run(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.believe(failing())
    scene.config.write_text(
        scene.config.read_text().replace('"https://acme.okta.com"\n', '"https://acme.okta.com"\ndry_run = true\n')
    )
    assert scene.run("streams", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "dry run"
    assert scene.run("streams", "show", "okta") == 0
    assert "(dry run)" in (text := capsys.readouterr().out) and "deliveries list --dry-run" in text
    assert scene.run("check") == 0
    assert "receiver okta (dry run: nothing is sent)" in capsys.readouterr().out
    assert scene.run("devices", "show", failing().device_id) == 0
    text = capsys.readouterr().out
    assert (
        "[dry_run]" in text and "dry_run = false" in text and "enabled = true" not in text.partition("receiver siem")[0]
    )
    assert scene.run("streams", "enable", "okta") == 1
    assert "dry_run = false" in capsys.readouterr().err


def test_a_dry_resync_of_a_paused_stream_says_what_enable_would_tell(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.believe(failing())
    assert scene.run("streams", "resync", "okta", "--dry-run", "--json") == 0
    running = json.loads(capsys.readouterr().out)
    assert len(running) == 1
    assert scene.run("streams", "pause", "okta", "--reason", "restored") == 0
    capsys.readouterr()
    assert scene.run("streams", "resync", "okta", "--dry-run", "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == running and "(paused)" in printed.err
