"""`people show|forget`: what is stored about a person, and how it goes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from bridge.model import Owner
from bridge.pipeline.operator.person import names
from bridge.ssf.identifier import canonical
from bridge.ssf.subject import login_of
from bridge.store.archive import Wanted
from bridge.store.protocol import Store
from bridge.store.records import Arrival, AuditEntry, Quarantined, Ring
from bridge.store.subjects import Choice
from tests.cli.scene import OKTA, ROWS, SIEM, SINCE, Scene, failing

ADA = "ada@acme.example"
BOB = failing("7", login="bob@acme.example", owner=Owner("8", "bob@acme.example"), name="BOB-MAC")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.streams(*ROWS)
    made.believe(failing(), BOB)
    return made


def webhook(scene: Scene, id_: str, body: str, *devices: str) -> None:
    rings = tuple(Ring("kolide", device, f"txn-{id_}", SINCE, SINCE) for device in devices)
    arrival = Arrival(id_, "kolide", SINCE, "issues.new", None, body.encode(), {}, "", rings)
    scene.store(lambda store: store.accept(arrival))


def told_and_undone(scene: Scene) -> None:
    """Both streams were told that she fails, and that she does not any more."""
    for status in ("not-compliant", "compliant"):
        for device, stream in ((failing(), OKTA), (failing("9", "second"), SIEM)):
            scene.delivered(scene.tell(device, status, stream))


def shown(scene: Scene, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert scene.run("people", "show", *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def chosen(scene: Scene, kind: Literal["added", "removed"], subject: dict[str, Any], seq: int) -> Choice:
    """A receiver's word about a subject of the stream `siem`."""
    choice = Choice("s-siem", canonical(subject), kind, seq, SINCE)
    assert scene.store(lambda store: store.put_choice(choice, 100)) == ""
    return choice


def everything(scene: Scene) -> str:
    """Whatever the files of the database hold, as far as it is text."""
    found = b"".join(path.read_bytes() for path in scene.folder.glob("bridge.db*") if path.is_file())
    return found.decode("latin-1").casefold()


class TestShow:
    def test_an_audit_entry_is_found_behind_a_thousand_others(
        self, scene: Scene, capsys: pytest.CaptureFixture[str]
    ) -> None:
        hashed = shown(scene, capsys, ADA)["addresses"][ADA]

        async def recorded(store: Store) -> None:
            await store.record(AuditEntry(SINCE, "root", "devices.override", "device kolide/42", hashed))
            await asyncio.gather(*(store.record(AuditEntry(SINCE, "root", "drop", str(n))) for n in range(1001)))

        scene.store(recorded)
        assert [one["what"] for one in shown(scene, capsys, ADA)["audit"]] == ["devices.override"]

    def test_everything_that_is_stored(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        told_and_undone(scene)
        webhook(scene, "w1", "{}", "42")
        webhook(scene, "w2", '{"x": "ADA\\u0040acme.example"}')
        webhook(scene, "w3", '{"x": "bob@acme.example"}', "7")
        found = shown(scene, capsys, "Ada@ACME.example")
        assert [one["device_id"] for one in found["devices"]] == ["42"]
        assert sorted(one["stream"] for one in found["told"]) == ["okta", "siem"]
        assert len(found["deliveries"]) == 4 and found["deliveries"][0]["claims"]
        assert [one["id"] for one in found["webhooks"]] == ["w1", "w2"]
        assert "bob" not in json.dumps(found)

    def test_what_receivers_said_about_them(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        chosen(scene, "removed", {"format": "email", "email": "Ada@acme.example"}, 1)
        chosen(scene, "added", {"format": "email", "email": "bobada@acme.example"}, 2)
        (found,) = shown(scene, capsys, ADA)["subjects"]
        assert (found["stream"], found["kind"], found["subject"]["email"]) == ("siem", "removed", "Ada@acme.example")
        assert scene.run("people", "show", ADA) == 0
        assert "subject removed by the receiver of stream siem" in capsys.readouterr().out

    def test_the_screen(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        told_and_undone(scene)
        assert scene.run("people", "show", ADA) == 0
        out = capsys.readouterr().out
        assert "device kolide/42 (ADA-MAC): not-compliant" in out and "failing: Disk Is Not Encrypted" in out
        assert "stream okta was told compliant" in out

    def test_by_the_vendors_address_and_with_all_devices_of_that_person(
        self, scene: Scene, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Today's login differs from the address, and an older device still has the former login."""
        scene.believe(
            failing("50", login="ada@new.example", owner=Owner("9", "ada@corp.example")),
            failing("51", login="ada@old.example", owner=Owner("9", "ada@corp.example")),
        )
        for asked in ("ada@corp.example", "ada@new.example", "ada@old.example"):
            found = shown(scene, capsys, asked)
            assert [one["device_id"] for one in found["devices"]] == ["50", "51"], asked
            assert sorted(found["addresses"]) == ["ada@corp.example", "ada@new.example", "ada@old.example"]

    def test_a_former_login_is_named_and_not_taken_for_hers(
        self, scene: Scene, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """SETs under another login about her device: her own former one, or a former owner's."""
        number = scene.tell(failing(login="before@acme.example"), "not-compliant", SIEM)
        found = shown(scene, capsys, ADA)
        assert found["others"] == ["before@acme.example"] and found["deliveries"] == []
        found = shown(scene, capsys, ADA, "--also", "before@acme.example")
        assert [one["id"] for one in found["deliveries"]] == [number]
        assert [one["id"] for one in shown(scene, capsys, "before@acme.example")["deliveries"]] == [number]

    def test_nobody(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        assert scene.run("people", "show", "nobody@acme.example") == 1
        assert "nothing is stored" in capsys.readouterr().err
        assert scene.run("people", "show", " ") == 2


class TestForget:
    def test_nothing_of_them_stays(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        told_and_undone(scene)
        webhook(scene, "w1", '{"device": "ADA-MAC"}', "42")
        webhook(scene, "w2", f'{{"who": "{ADA}"}}')
        scene.store(lambda store: store.quarantine(Quarantined("w3", "kolide", SINCE, ADA.encode(), "body"), []))
        scene.ring("kolide", "42")
        assert scene.run("people", "forget", "ADA@acme.example", "--yes", "--reason", f"request of {ADA}") == 0
        out = capsys.readouterr().out
        assert "removed: 1 device, 1 look, 2 lines of what was told, 4 SETs, 3 payloads" in out
        assert out.count("kept: ") == 5
        assert ADA not in everything(scene) and "ada-mac" not in everything(scene)
        assert scene.run("people", "show", ADA) == 0, "the audit log still tells of the request"
        (entry,) = scene.store(lambda store: store.audit())
        assert entry.what == "people.forget" and entry.target.startswith("person:") and entry.target in entry.why
        left = scene.store(lambda store: store.webhooks(Wanted(bodies=True)))
        assert [(one.id, one.body) for one in left] == [("w2", None), ("w1", None)]

    def test_others_are_not_touched(self, scene: Scene) -> None:
        told_and_undone(scene)
        number = scene.tell(BOB)
        webhook(scene, "w1", '{"x": "bob@acme.example"}', "7")
        assert scene.run("people", "forget", ADA, "--yes") == 0
        assert [one.device_id for one in scene.store(lambda store: store.devices())] == ["7"]
        assert [one.id for one in scene.store(lambda store: store.deliveries())] == [number]
        kept = scene.store(lambda store: store.webhook("w1"))
        assert kept is not None and kept.body is not None

    def test_what_receivers_said_about_them_goes_and_all_else_stays(
        self, scene: Scene, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def opaque(id_: str) -> dict[str, Any]:
            return {"format": "opaque", "id": id_}

        def whole(**members: Any) -> dict[str, Any]:
            return {"format": "complex", **members}

        aliases = {"format": "aliases", "identifiers": [opaque("x"), {"format": "account", "uri": f"acct:{ADA}"}]}
        theirs: list[dict[str, Any]] = [
            {"format": "email", "email": ADA}, aliases, whole(device=opaque("kolide:42")),
            whole(tenant=opaque("blue"), user={"format": "iss_sub", "iss": "https://idp.example", "sub": ADA.upper()}),
        ]  # fmt: skip
        others = [{"format": "email", "email": f"b{ADA}"}, opaque("kolide:7"), opaque("jamf:42"), opaque("kolide:421")]
        for number, subject in enumerate([*theirs, *others]):
            chosen(scene, "added", subject, number)
        assert scene.run("people", "forget", ADA, "--yes") == 0
        assert "4 words of receivers about them" in capsys.readouterr().out
        left = scene.store(lambda store: store.choices("s-siem"))
        assert [one.subject for one in left] == [canonical(one) for one in others]

    def test_a_device_that_rings_again_starts_afresh(self, scene: Scene) -> None:
        told_and_undone(scene)
        assert scene.run("people", "forget", ADA, "--yes") == 0
        scene.ring("kolide", "42")
        scene.believe(failing())
        assert scene.tell(failing()) > 4

    @pytest.mark.parametrize("settled", [False, True])
    def test_not_while_a_receiver_believes_it(
        self, scene: Scene, capsys: pytest.CaptureFixture[str], settled: bool
    ) -> None:
        number = scene.tell(failing())
        if settled:
            scene.delivered(number)
        before = scene.store(lambda store: store.deliveries())
        assert scene.run("people", "forget", ADA, "--yes", "--json") == 1
        captured = capsys.readouterr()
        assert "nothing was removed" in captured.err and "okta was told not compliant" in captured.err
        assert "it is kolide/42 (ADA-MAC): have it repaired, or `caep-bridge devices retire kolide/42" in captured.err
        assert (f"delivery {number} to okta waits" in captured.err) is not settled
        assert ADA not in captured.out
        assert scene.store(lambda store: store.deliveries()) == before
        assert scene.store(lambda store: store.device("kolide", "42")) is not None

    def test_abandoned_on_purpose(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        scene.delivered(scene.tell(failing()))
        scene.tell(failing("9", "second"), stream=SIEM)
        assert scene.run("people", "forget", ADA, "--yes", "--abandon") == 0
        assert scene.store(lambda store: store.deliveries()) == []
        (entry,) = scene.store(lambda store: store.audit())
        assert entry.before == "2 streams were told not compliant"

    def test_a_receiver_that_is_gone_hinders_nobody(self, scene: Scene) -> None:
        gone = replace(SIEM, id="s-gone", name="gone")
        scene.streams(replace(ROWS[1], id="s-gone", name="gone", audience="https://gone.example", orphaned=True))
        scene.delivered(scene.tell(failing("9", "second"), stream=gone))
        assert scene.run("people", "forget", ADA, "--yes") == 0

    def test_not_while_it_is_being_sent_or_looked_at(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        number = scene.tell(failing())
        scene.ring("kolide", "42")
        scene.store(lambda store: store.lease_deliveries({"s-okta": 1}, SINCE + 9, 1e11))
        scene.store(lambda store: store.lease_looks("kolide", 1, SINCE + 9, 1e11))
        assert scene.run("people", "forget", ADA, "--yes", "--abandon") == 1
        words = capsys.readouterr().err
        assert f"delivery {number} to okta is being sent" in words and "asked about kolide/42" in words

    def test_it_asks(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        assert scene.run("people", "forget", ADA) == 2
        assert "add --yes" in capsys.readouterr().err
        assert scene.store(lambda store: store.device("kolide", "42")) is not None

    def test_nobody_and_twice(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        told_and_undone(scene)
        assert scene.run("people", "forget", "nobody@acme.example", "--yes") == 1
        assert scene.run("people", "forget", ADA, "--yes") == 0
        assert scene.run("people", "forget", ADA, "--yes") == 1
        assert "nothing is stored about that address" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"a": "ada@acme.example"}', True),
        (b'{"a": "ADA@Acme.Example"}', True),
        (b'{"a": "ada\\u0040acme.example"}', True),
        (b"a=ada%40acme.example&b", True),
        (b'{"a": "ada@acme"}', False),
        (b"\xff\xfe ada@acme.example \xff", True),
        (b"", False),
    ],
)
def test_payloads_that_name_somebody(body: bytes, found: bool) -> None:
    assert names(body, {ADA}) is found


def test_names_beyond_ascii() -> None:
    assert names('{"a": "JÖRG@acme.example"}'.encode(), {"jörg@acme.example"})
    assert names(b'{"a": "J\\u00d6RG@acme.example"}', {"jörg@acme.example"})


@pytest.mark.parametrize("login", ["a@b", "a;b@c", "a%3Bb", "user=x", "%25;"])
def test_the_login_of_a_subject(login: str) -> None:
    from bridge.ssf.subject import wire_subject

    for stream in (OKTA, SIEM):
        assert login_of(wire_subject(stream, login, "k", "1;x").key) == login
    assert login_of("device=k:1") == ""
