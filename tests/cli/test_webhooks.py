"""`webhooks list|show|replay`: what came, what followed, and once more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.store.records import Arrival, LookDone, Quarantined, Ring, Unit
from tests.cli.scene import OKTA, ROWS, SECRET, SINCE, Scene, failing

BODY = {
    "event": "issues.new", "id": "evt-1", "timestamp": "2026-11-22T13:45:10Z",
    "data": {"issue_id": 1, "title": "Disk", "check_id": 1, "device": {"id": 42, "name": "ADA-MAC"}},
}  # fmt: skip
GOOD = json.dumps(BODY).encode()
BAD = json.dumps({**BODY, "data": {"device": {"id": 43}}}).encode()
W1, W2, Q1 = (f"01JDABCDEFGHJKMNPQRSTVWX{n}" for n in ("01", "02", "03"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.streams(*ROWS)
    made.store(lambda store: store.accept(came(W1, "txn-1", "42")))
    made.store(lambda store: store.accept(came(W2, "", ignored="test")))
    return made


def came(id_: str, txn: str, *devices: str, ignored: str = "", body: bytes = GOOD, at: float = SINCE) -> Arrival:
    rings = tuple(Ring("kolide", device, txn, at, at) for device in devices)
    headers = {"content-type": "application/json"}
    return Arrival(id_, "kolide", at, "issues.new", None, body, headers, ignored, rings)


def misfit(scene: Scene, body: bytes) -> None:
    kept = Quarantined(Q1, "kolide", SINCE + 1, body, "data.issue_id: is missing", {"content-type": "application/json"})
    scene.store(lambda store: store.quarantine(kept, []))


def shown(scene: Scene, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert scene.run("webhooks", *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def failed(scene: Scene, capsys: pytest.CaptureFixture[str], code: int, *words: str) -> str:
    capsys.readouterr()
    assert scene.run("webhooks", *words) == code
    return capsys.readouterr().err


def looked(scene: Scene) -> None:
    """The look that the first webhook rang for has ended."""
    done = LookDone("kolide", "42", 1)
    scene.store(lambda store: store.commit([Unit(devices=(failing(looked_at=SINCE + 1),), look=done)]))


class TestList:
    def test_all_of_them_the_newest_first(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        misfit(scene, BAD)
        found = shown(scene, capsys, "list")
        assert [(one["id"], one["outcome"]) for one in found] == [(Q1, "misfit"), (W2, "test"), (W1, "accepted")]
        assert (found[2]["devices"], found[2]["payload"], found[0]["problem"]) == (
            ["42"], "kept", "data.issue_id: is missing",
        )  # fmt: skip
        assert "ADA" not in json.dumps(found)

    @pytest.mark.parametrize(
        ("words", "ids"),
        [
            (["--outcome", "test"], [W2]),
            (["--search", "42"], [W1]),
            (["--connector", "second"], []),
            (["--since", "1h"], []),
            (["--since", "2023-11-14T00:00"], [W2, W1]),
            (["--limit", "1"], [W2]),
        ],
    )
    def test_filters(self, scene: Scene, capsys: pytest.CaptureFixture[str], words: list[str], ids: list[str]) -> None:
        assert [one["id"] for one in shown(scene, capsys, "list", *words)] == ids

    def test_wrong_calls(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        assert "--limit must be at least 1" in failed(scene, capsys, 2, "list", "--limit", "0")
        assert 'a duration such as "2h"' in failed(scene, capsys, 2, "list", "--since", "yesterday")


class TestShow:
    def test_what_followed(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        looked(scene)
        number = scene.tell(failing())
        document = shown(scene, capsys, "show", W1)
        assert [one["id"] for one in document["sets"]] == [number] and document["sets"][0]["stream"] == "okta"
        assert document["looks"][0]["answered"] is True and document["looks"][0]["status"] == "not-compliant"
        assert document["headers"] == {"content-type": "application/json"} and "body" not in document
        assert "ADA-MAC" not in json.dumps(document)

    def test_a_look_that_is_due(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        scene.run("webhooks", "show", W1)
        assert "rang for 42: a look is due 2023-11-14" in capsys.readouterr().out

    def test_the_payload_only_on_demand(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        assert shown(scene, capsys, "show", W1, "--body")["body"] == GOOD.decode()

    def test_one_that_retention_emptied(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        scene.store(lambda store: store.expire("payloads", SINCE + 1))
        scene.run("webhooks", "show", W1, "--body")
        out = capsys.readouterr().out
        assert "deleted by retention" in out and "ADA" not in out

    def test_an_unknown_one(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        words = failed(scene, capsys, 1, "show", W1[:-1] + "9")
        assert f"no webhook {W1[:-1]}9 is known" in words and "did you mean " in words and W1 in words


class TestReplay:
    def test_it_rings_again_and_is_recorded(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        looked(scene)
        assert scene.run("webhooks", "replay", W1, "--reason", "we fixed the judgement") == 0
        assert "rang again: for 1 device" in capsys.readouterr().err
        look = scene.store(lambda store: store.look("kolide", "42"))
        assert look is not None and look.rung_at is not None and look.rung_at > SINCE
        assert next(stated.statement.finding for stated in look.stated) is not None
        (entry,) = scene.store(lambda store: store.audit())
        assert (entry.what, entry.target, entry.why) == ("webhooks.replay", f"webhook {W1}", "we fixed the judgement")

    def test_a_payload_that_is_deleted(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        scene.store(lambda store: store.expire("payloads", SINCE + 1))
        assert "the payload is deleted" in failed(scene, capsys, 1, "replay", W1)
        assert scene.store(lambda store: store.audit()) == []

    def test_a_misfit_that_still_does_not_fit(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        misfit(scene, b"{")
        assert "still does not fit: " in failed(scene, capsys, 1, "replay", Q1)
        assert len(shown(scene, capsys, "list", "--outcome", "misfit")) == 1

    def test_a_misfit_that_fits_now_is_taken(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        misfit(scene, GOOD.replace(b"evt-1", b"evt-2").replace(b"42", b"44"))
        assert scene.run("webhooks", "replay", Q1) == 0
        assert shown(scene, capsys, "show", Q1)["outcome"] == "accepted"
        assert scene.store(lambda store: store.look("kolide", "44")) is not None

    def test_all(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        misfit(scene, b"{")
        counts = shown(scene, capsys, "replay", "--all", "--yes")
        assert counts == {"rung": 2, "misfit": 1}, "the test event's line says test; its body here is an issue"
        (entry,) = scene.store(lambda store: store.audit())
        assert entry.target == "all webhooks" and entry.after == "2 rung, 1 misfit"

    def test_all_asks(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        assert "add --yes" in failed(scene, capsys, 2, "replay", "--all")

    def test_all_of_nothing(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        assert "no webhook like that" in failed(scene, capsys, 0, "replay", "--all", "--connector", "second")

    def test_a_connector_that_is_gone(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        gone = came("01JDABCDEFGHJKMNPQRSTVWX09", "")

        scene.store(lambda store: store.accept(replace(gone, connector="former")))
        assert "not configured any more" in failed(scene, capsys, 1, "replay", gone.id)

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["replay"], "name one webhook, or --all"),
            (["replay", W1, "--all"], "not both"),
            (["replay", W1, "--connector", "kolide"], "go with --all"),
            (["replay", W1, "--since", "1h"], "go with --all"),
        ],
    )
    def test_wrong_calls(self, scene: Scene, capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
        assert says in failed(scene, capsys, 2, *words)

    def test_an_unknown_one(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        assert "did you mean" in failed(scene, capsys, 1, "replay", W1[:-1] + "8")

    def test_secrets_of_serve_are_not_needed(
        self, scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("NOT_SET_HERE", raising=False)
        text = scene.config.read_text().replace(f'signing_secret = "{SECRET}"', 'signing_secret = "env:NOT_SET_HERE"')
        scene.config.write_text(text)
        assert scene.run("webhooks", "replay", W1) == 0


def test_a_set_of_another_device_of_the_person_is_shown_too(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    number = scene.tell(failing("9", "second"), stream=OKTA)
    assert [one["id"] for one in shown(scene, capsys, "show", W1)["sets"]] == [number]
