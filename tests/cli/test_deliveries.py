"""`deliveries list|show|retry|drop`: what is on its way, and what an operator may do about it."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.model import DeliveryState
from bridge.ssf.anew import claims_of
from bridge.ssf.keyfiles import KeyFiles
from bridge.ssf.ring import signed_by
from bridge.store.protocol import Store
from bridge.store.records import AuditEntry, Delivery, Settlement
from tests.cli.scene import HEADER, OKTA, OKTA_ROW, ROWS, SECRET, SIEM, SINCE, Scene, failing


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.streams(*ROWS)
    return made


def state(scene: Scene, number: int) -> DeliveryState:
    found = scene.store(lambda store: store.delivery(number))
    assert isinstance(found, Delivery)
    return found.state


def audit(scene: Scene) -> list[AuditEntry]:
    return scene.store(lambda store: store.audit())


def listed(scene: Scene, capsys: pytest.CaptureFixture[str], *words: str) -> list[Any]:
    capsys.readouterr()
    assert scene.run("deliveries", "list", "--json", *words) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, list)
    return found


def dead_one(scene: Scene, device_id: str = "42") -> int:
    number = scene.tell(failing(device_id, login=f"p{device_id}@acme.example"))
    scene.dead(number)
    return number


def test_list_filters(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.believe(failing())
    first = scene.tell(failing())
    second = scene.tell(failing("9", "second"), stream=SIEM)
    scene.delivered(first)
    for words, ids in (
        ([], [second, first]),
        (["--state", "delivered"], [first]),
        (["--stream", "siem"], [second]),
        (["--stream", "s-siem"], [second]),
        (["--device", "42"], [first]),
        (["--device", "second/9"], [second]),
        (["--device", "no-such"], []),
        (["--limit", "1"], [second]),
    ):
        assert [one["id"] for one in listed(scene, capsys, *words)] == ids, words
    assert scene.run("deliveries", "list") == 0
    assert "kolide/42" in capsys.readouterr().out
    assert scene.run("deliveries", "list", "--stream", "okt") == 1
    assert "did you mean okta?" in capsys.readouterr().err
    assert scene.run("deliveries", "list", "--state", "lost") == 2


def test_a_test_of_a_stream_has_no_device(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    number = scene.tell(replace(failing(), connector="", device_id=""))
    assert scene.run("deliveries", "list") == 0
    assert "(a test)" in capsys.readouterr().out
    assert scene.run("deliveries", "show", str(number)) == 0
    assert "(a test)" in capsys.readouterr().out


def test_a_limit_over_streams_of_one_name_holds(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.streams(replace(OKTA_ROW, id="s-was", audience="https://was.okta.com", orphaned=True, enabled=False))
    scene.tell(failing(), stream=replace(OKTA, id="s-was"))
    newest = scene.tell(failing())
    assert [one["id"] for one in listed(scene, capsys, "--stream", "okta", "--limit", "1")] == [newest]


def test_show_decodes_and_keeps_the_signature_and_secrets(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    number = scene.tell(failing(), stream=SIEM)
    signed = scene.store(lambda store: store.delivery(number))
    assert signed is not None
    signature = signed.text.rpartition(".")[2]
    for which in (str(number), signed.jti):
        assert scene.run("deliveries", "show", which, "--json") == 0
        text = capsys.readouterr().out
        found = json.loads(text)
        assert found["header"] == {"alg": "RS256", "kid": signed.kid, "typ": "secevent+jwt"}
        assert found["claims"]["jti"] == signed.jti and found["claims"]["aud"] == SIEM.audience
        assert [one["what"] for one in found["timeline"]] == ["the webhook that began it came in", "minted and signed"]
        assert signature not in text and HEADER not in text and SECRET not in text
    scene.dead(number)
    assert scene.run("deliveries", "show", str(number)) == 0
    text = capsys.readouterr().out
    assert "given up after 9 attempts" in text and "the user is not known" in text and signature not in text


@pytest.mark.parametrize("which", ["99", "no-such-jti", "9" * 30, "²"])
def test_an_unknown_one_is_exit_1(scene: Scene, capsys: pytest.CaptureFixture[str], which: str) -> None:
    for command in (["show"], ["retry"], ["drop", "--yes"]):
        assert scene.run("deliveries", *command, which) == 1
        assert f"delivery {which}" in capsys.readouterr().err
    assert audit(scene) == []


def test_retry_sends_the_same_set_again_and_is_recorded(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    number = dead_one(scene)
    before = scene.store(lambda store: store.delivery(number))
    assert scene.run("deliveries", "retry", str(number), "--reason", "the account was made") == 0
    after = scene.store(lambda store: store.delivery(number))
    assert before is not None and after is not None
    assert (after.state, after.attempts, after.text) == ("pending", 0, before.text)
    [entry] = audit(scene)
    assert (entry.what, entry.before, entry.after) == ("deliveries.retry", "dead", "pending")
    assert entry.why == "the account was made" and entry.who and f"delivery {number}" in entry.target


@pytest.mark.parametrize(
    ("old", "new", "member", "value"),
    [
        ("signals.acme.example", "new.acme.example", "iss", "https://new.acme.example"),
        (
            'profile = "okta"',
            'profile = "sse"\naggregate = "user"\nendpoint_url = "https://x.example/e"',
            "txn",
            "txn-1",
        ),
    ],
    ids=["issuer", "profile"],
)
def test_retry_mints_anew_what_has_changed_since(scene: Scene, old: str, new: str, member: str, value: str) -> None:
    number = dead_one(scene)
    before = scene.store(lambda store: store.delivery(number))
    scene.config.write_text(scene.config.read_text().replace(old, new, 1))
    assert scene.run("deliveries", "retry", str(number)) == 0
    after = scene.store(lambda store: store.delivery(number))
    assert before is not None and after is not None
    assert (after.state, after.txn, after.kid) == ("pending", before.txn, before.kid) and after.jti != before.jti
    said = claims_of(after.text)
    assert said[member] == value and said["jti"] == after.jti
    assert audit(scene)[0].after == "pending, minted anew"


def test_retry_mints_anew_what_another_key_signed(scene: Scene) -> None:
    """But not what the receiver may have, as long as the old key is published."""
    numbers = [dead_one(scene), scene.tell(failing("8", login="p8@acme.example"))]
    scene.settle(Settlement(numbers[1], "pending", SINCE + 3, "timeout", attempts=1, maybe_received=True))
    [first] = KeyFiles(scene.folder / "bridge.db.keys").kids()
    other = KeyFiles(scene.folder / "bridge.db.keys").make().kid
    scene.store(lambda store: _another_signs(store, other))
    assert scene.run("deliveries", "retry", str(numbers[0])) == 0
    assert scene.run("deliveries", "retry", str(numbers[1])) == 0
    rows = scene.store(lambda store: store.deliveries())
    kids = [row.kid for row in sorted(rows, key=lambda row: row.id)]
    assert kids == [other, first]


async def _another_signs(store: Store, kid: str) -> None:
    rows = await store.keys()
    assert await store.swap_keys(rows, signed_by(rows, kid, SINCE + 1, SINCE + 1))


def test_retry_without_the_key_says_so_and_changes_nothing(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    number = dead_one(scene)
    files = KeyFiles(scene.folder / "bridge.db.keys")
    files.remove(files.kids()[0])
    assert scene.run("deliveries", "retry", str(number)) == 1
    assert "a start of `caep-bridge serve` makes one" in capsys.readouterr().err
    row = scene.store(lambda store: store.delivery(number))
    assert row is not None and row.state == "dead" and audit(scene) == []


def test_retry_of_one_that_waits_makes_it_due(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    number = scene.tell(failing())
    scene.streams(replace(OKTA_ROW, failures=2, last_code="503", retry_at=4_000_000_000.0))
    assert scene.run("deliveries", "retry", str(number)) == 0
    assert "the next probe goes out 2096-10-02" in capsys.readouterr().err
    assert audit(scene)[0].after == "pending, due now"


def test_refusals_are_explained(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    delivered = scene.tell(failing())
    scene.delivered(delivered)
    overtaken = dead_one(scene, "7")
    scene.delivered(scene.tell(failing("7", login="p7@acme.example")))
    for command, number, words in (
        ("retry", delivered, "cannot be sent again"),
        ("drop", delivered, "cannot be sent again"),
        ("retry", overtaken, "something later about the same subject"),
        ("drop", overtaken, "it is dead already"),
    ):
        yes = ["--yes"] if command == "drop" else []
        assert scene.run("deliveries", command, str(number), *yes) == 1
        assert words in capsys.readouterr().err, (command, number)
    assert audit(scene) == []


def test_one_that_is_being_sent_is_not_dropped(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    number = scene.tell(failing())
    leased = scene.store(lambda store: store.lease_deliveries({OKTA.id: 1}, SINCE + 9, 4_000_000_000.0))
    assert [one.id for one in leased] == [number]
    assert scene.run("deliveries", "drop", str(number), "--yes") == 1
    assert "being sent at this moment" in capsys.readouterr().err


def test_all_dead_of_one_stream(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    okta = [dead_one(scene, str(number)) for number in range(3)]
    siem = scene.tell(failing("9", "second"), stream=SIEM)
    scene.dead(siem)
    overtaken = okta[0]
    scene.delivered(scene.tell(failing("0", login="p0@acme.example")))
    assert scene.run("deliveries", "retry", "--all-dead", "--stream", "okta", "--yes") == 0
    text = capsys.readouterr().err
    assert "2 will be sent" in text and "1 not: the stream was told" in text
    assert [state(scene, one) for one in (*okta, siem)] == ["dead", "pending", "pending", "dead"]
    assert overtaken not in [int(entry.target.split()[1]) for entry in audit(scene)]
    assert len(audit(scene)) == 2


def test_what_was_changed_as_json(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    def ran(code: int, *words: str) -> Any:
        assert scene.run("deliveries", *words, "--json") == code
        return json.loads(capsys.readouterr().out)

    assert ran(0, "drop", "--all", "--yes") == {"changed": 0, "refused": {}}
    number = scene.tell(failing())
    capsys.readouterr()
    assert ran(0, "drop", str(number), "--yes") == {"changed": 1, "refused": {}}
    assert ran(0, "retry", "--all-dead", "--yes") == {"changed": 1, "refused": {}}
    assert ran(1, "retry", "999") == {"changed": 0, "refused": {"not_found": 1}}


def test_all_waiting_are_dropped_the_oldest_first(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    first = scene.tell(failing())
    later = scene.tell(failing(), status="compliant")
    other = scene.tell(failing("8", login="bob@acme.example"))
    assert scene.run("deliveries", "drop", "--all", "--yes", "--reason", "wrong tenant") == 0
    assert [state(scene, one) for one in (first, later, other)] == ["dead", "superseded", "dead"]
    assert "2 given up" in capsys.readouterr().err
    assert {entry.why for entry in audit(scene)} == {"wrong tenant"}
    assert scene.run("deliveries", "drop", "--all", "--yes") == 0
    assert "there is no pending delivery" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["drop", "1"], ["drop", "--all"], ["retry", "--all-dead"]])
def test_without_a_terminal_yes_is_needed(scene: Scene, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    number = scene.tell(failing())
    other = dead_one(scene, "7")
    assert scene.run("deliveries", *words) == 2
    assert "--yes" in capsys.readouterr().err
    assert (state(scene, number), state(scene, other)) == ("pending", "dead")


@pytest.mark.parametrize(
    "words",
    [["retry"], ["drop"], ["retry", "1", "--all-dead"], ["drop", "1", "--all"], ["retry", "1", "--stream", "x"]],
)
def test_one_or_all(scene: Scene, words: list[str]) -> None:
    assert scene.run("deliveries", *words, "--yes") == 2


@pytest.mark.parametrize(("typed", "code", "after"), [("y\n", 0, "dead"), ("n\n", 1, "pending"), ("", 1, "pending")])
def test_at_a_terminal_it_asks(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, after: DeliveryState
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    number = scene.tell(failing())
    asked = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", asked)
    assert scene.run("deliveries", "drop", str(number)) == code
    assert state(scene, number) == after
    assert f"Give up delivery {number}? [y/N]" in asked.getvalue()
