"""`devices list` and `devices show`: one screen answers why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.model import Status
from bridge.store.records import LookDone, StreamRow
from tests.cli.scene import HEADER, OKTA_ROW, ROWS, SECRET, SIEM, SIEM_ROW, SINCE, Scene, failing


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.streams(*ROWS)
    return made


def shown(scene: Scene, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert scene.run("devices", "show", *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def receiver(document: Any, name: str) -> Any:
    return next(one for one in document["receivers"] if one["stream"] == name)


def test_list_filters_and_never_shows_a_secret(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    fine: Status = "compliant"
    scene.believe(failing(), failing("43", status=fine, failing=(), reason="still_compliant"), failing("9", "second"))
    for words, ids in (
        ([], ["42", "43", "9"]),
        (["--status", "compliant"], ["43"]),
        (["--connector", "second"], ["9"]),
        (["--search", "4"], ["42", "43"]),
        (["--limit", "1"], ["42"]),
    ):
        assert scene.run("devices", "list", "--json", *words) == 0
        printed = capsys.readouterr()
        assert [one["id"] for one in json.loads(printed.out)] == ids, words
        assert ("more than 1" in printed.err) == (words == ["--limit", "1"])
    assert scene.run("devices", "list") == 0
    text = capsys.readouterr().out
    assert "ada@acme.example" in text and "still_not_compliant" in text
    assert SECRET not in text and HEADER not in text


def test_a_device_goes_by_its_name_where_only_one_has_it(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.believe(failing(), failing("43", name="BOB-MAC"))
    assert scene.run("devices", "show", "bob-mac", "--json") == 0
    assert json.loads(capsys.readouterr().out)["id"] == "43"
    assert scene.run("devices", "show", "bob-ma") == 1, "a part of a name is none"
    assert "did you mean 43" in capsys.readouterr().err
    scene.believe(failing("44", name="bob-mac"))
    assert scene.run("devices", "show", "BOB-MAC") == 2
    assert "several devices are called BOB-MAC: kolide/43, kolide/44" in capsys.readouterr().err
    assert scene.run("devices", "override", "ADA-MAC", "--clear") == 0
    assert "kolide/42" in (err := capsys.readouterr().err) and "is not overridden" in err


@pytest.mark.parametrize("words", [["--status", "broken"], ["--limit", "0"], ["--limit", "x"], ["extra"]])
def test_a_wrong_call_is_exit_2(scene: Scene, words: list[str]) -> None:
    scene.believe(failing())
    assert scene.run("devices", "list", *words) == 2


def test_without_a_store_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene(tmp_path)
    assert scene.run("devices", "list") == 1
    assert "there is no database" in capsys.readouterr().err
    assert not (tmp_path / "bridge.db").exists()


def test_a_store_in_memory_is_out_of_reach(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene(tmp_path)
    scene.config.write_text(scene.config.read_text().replace(scene.url, "memory:"))
    assert scene.run("devices", "list") == 1
    assert "in the memory of `serve`" in capsys.readouterr().err


def test_an_id_of_two_connectors_needs_the_connector(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.believe(failing(), failing("42", "second", name="OTHER"))
    assert scene.run("devices", "show", "42") == 2
    assert "--connector kolide or second" in capsys.readouterr().err
    assert scene.run("devices", "show", "42", "--connector", "second") == 0
    assert scene.run("devices", "show", "second/42") == 0, "as the deliveries name it"
    assert "OTHER" in capsys.readouterr().out


def test_a_device_of_a_connector_that_is_no_longer_configured_is_found(scene: Scene) -> None:
    scene.believe(failing("7", "former"))
    assert scene.run("devices", "show", "7") == 0


@pytest.mark.parametrize(("asked", "near"), [("4200", "42"), ("ADA-MA", "42"), ("ada@acme", "42")])
def test_an_unknown_id_is_exit_1_with_near_ones(
    scene: Scene, capsys: pytest.CaptureFixture[str], asked: str, near: str
) -> None:
    scene.believe(failing())
    assert scene.run("devices", "show", asked) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and f"did you mean {near} (kolide: ADA-MAC)?" in printed.err


def test_a_device_that_was_only_rung_for_is_shown_with_its_look(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.ring("kolide", "77")
    document = shown(scene, capsys, "77")
    assert document["id"] == "77" and document["look"]["rung_at"] == SINCE
    assert scene.run("devices", "show", "77") == 0
    text = capsys.readouterr().out
    assert "no look has ended yet" in text and "due now" in text


def test_the_look_that_is_due_names_its_last_error(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.believe(failing())
    scene.ring("kolide", "42")
    scene.store(lambda store: store.lease_looks("kolide", 1, SINCE, SINCE + 1))
    done = LookDone("kolide", "42", 1, again_at=4_000_000_000.0, attempts=3, keep_stated=True, last_error="look_denied")
    scene.store(lambda store: _finish(store, done))
    assert scene.run("devices", "show", "42") == 0
    text = capsys.readouterr().out
    assert "due 2096-10-02" in text and "refused our credentials" in text and "tried 3 times" in text


async def _finish(store: Any, done: LookDone) -> None:
    from bridge.store.records import Unit

    assert await store.commit([Unit(look=done)]) == []


def test_pending_delivered_and_dead(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.believe(failing())
    number = scene.tell(failing())
    unwell = replace(OKTA_ROW, failures=3, last_code="503", last_words="over capacity", retry_at=SINCE)
    scene.streams(unwell)
    okta = receiver(shown(scene, capsys, "42"), "okta")
    assert (okta["state"], okta["told"], okta["acknowledged"]) == ("pending", "not-compliant", None)
    assert "over capacity" in okta["unwell"] and okta["delivery"] == number

    scene.delivered(number)
    okta = receiver(shown(scene, capsys, "42"), "okta")
    assert (okta["state"], okta["why"]["reason"]) == ("delivered", "already_told")
    assert (okta["acknowledged"], okta["acknowledged_at"]) == ("not-compliant", SINCE + 3)


def test_dead_with_the_receivers_words_and_what_would_change_it(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.believe(failing())
    number = scene.tell(failing())
    scene.dead(number)
    okta = receiver(shown(scene, capsys, "42"), "okta")
    assert (okta["state"], okta["why"]["reason"], okta["told"]) == ("dead", "dead", "compliant")
    assert okta["words"] == "invalid_request: the user is not known"
    assert scene.run("devices", "show", "42") == 0
    assert f"`caep-bridge deliveries retry {number}`" in capsys.readouterr().out


def test_why_each_stream_is_told_nothing(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.streams(StreamRow("s-old", "old", "https://old.example", SINCE, orphaned=True, enabled=False))
    scene.believe(failing())
    document = shown(scene, capsys, "42")
    reasons = {one["stream"]: one["why"]["reason"] for one in document["receivers"]}
    assert reasons == {"okta": "due", "siem": "not_entitled", "lab": "disabled", "old": "orphaned"}
    assert all(one["why"]["words"] and one["why"]["remedy"] for one in document["receivers"])


def test_the_other_device_of_the_person_is_named(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    fine: Status = "compliant"
    clean = failing(status=fine, failing=(), reason="still_compliant")
    scene.believe(clean, failing("43"))
    scene.delivered(scene.tell(failing("43")))
    okta = receiver(shown(scene, capsys, "42"), "okta")
    assert (okta["truth"], okta["because_of"]) == ("not-compliant", ["kolide/43"])


def test_nobody_to_tell(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.believe(failing("5", "second", owner=None, login=None, login_reason="no_owner", reason="no_owner"))
    document = shown(scene, capsys, "5")
    assert document["owner"]["reason"] == "no_owner"
    assert {receiver(document, name)["why"]["reason"] for name in ("okta", "siem")} == {"no_owner"}


def test_a_per_device_stream_is_compared_with_its_own_row(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    device = failing("9", "second")
    scene.believe(device)
    scene.streams(SIEM_ROW)
    scene.delivered(scene.tell(device, stream=SIEM))
    document = shown(scene, capsys, "9")
    assert receiver(document, "siem")["state"] == "delivered"
    assert receiver(document, "okta")["why"]["reason"] == "due"


def test_json_escapes_what_steers_a_terminal(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.believe(failing(name="\x9b2J\x7f\u202ered"))
    assert scene.run("devices", "show", "42", "--json") == 0
    out = capsys.readouterr().out
    assert "\\u009b2J\\u007f\\u202ered" in out and not set("\x9b\x7f\u202e") & set(out)
    assert "\x9b2J\x7f\u202ered" in json.dumps(json.loads(out), ensure_ascii=False)


def test_control_characters_do_not_reach_the_terminal(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.believe(failing(name="\x1b[31mred\x07"))
    assert scene.run("devices", "show", "42") == 0
    assert "\x1b" not in capsys.readouterr().out
