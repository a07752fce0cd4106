"""Streams that receivers made, as commands show and change them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.model import Stream, Subscription
from bridge.store.lock import FileLock
from bridge.store.oauth import OAuthClient
from bridge.store.protocol import Store
from bridge.store.records import NewDelivery, Rank, StreamRow, Unit
from bridge.store.subjects import Choice
from tests.cli.scene import SINCE, Scene, failing

PUSH = "urn:ietf:rfc:8935"
MADE = Subscription(PUSH, "https://r.example/hook?key=hush", "sealed", since=SINCE, verified=False, description="ours")
ROW = StreamRow("st_1", "tool-1", "https://tool.example", SINCE, client="tool", active_at=SINCE, subscription=MADE)
CLIENT = """
[oauth.clients.tool]
secret = "a-secret-of-the-test-0123456789"
audience = "https://tool.example"
"""


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.config.write_text(made.config.read_text() + CLIENT)
    keep(made, ROW)
    return made


def keep(scene: Scene, row: StreamRow) -> None:
    async def make(store: Store) -> None:
        assert await store.make_stream(row, 99)

    scene.store(make)


def change(scene: Scene, **more: Any) -> None:
    async def changed(store: Store) -> None:
        assert await store.change_subscription("st_1", 0, replace(MADE, **more))

    scene.store(changed)


def stored(scene: Scene) -> StreamRow:
    row = scene.store(lambda store: store.stream("st_1"))
    assert row is not None
    return row


def shown(scene: Scene, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert scene.run("streams", "show", "st_1", "--json") == 0
    return dict(json.loads(capsys.readouterr().out))


def test_it_stands_beside_the_configured_ones(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.run("streams", "list", "--json") == 0
    text = capsys.readouterr().out
    found = {one["name"]: one for one in json.loads(text)}
    assert list(found) == ["okta", "siem", "lab", "tool-1"]
    assert "hush" not in text and "sealed" not in text
    one = found["tool-1"]
    assert (one["state"], one["status"], one["status_by"], one["verified"]) == ("enabled", "enabled", "receiver", False)
    assert (one["client"], one["delivery"], one["profile"]) == ("tool", "push", "ssf")
    assert (one["endpoint"], one["last_used_at"]) == ("https://r.example/hook", SINCE)
    assert scene.run("streams", "list") == 0
    assert "tool, unverified" in capsys.readouterr().out


def test_show_says_it_in_words(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    change(scene, status="paused", by="service", reason="nobody used it")
    assert scene.run("streams", "show", "tool-1") == 0
    text = capsys.readouterr().out
    for words in ("(paused)", "client tool", "paused by the service: nobody used it", "events wait", "last used"):
        assert words in text


def test_show_counts_the_subjects_of_one_stream(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(scene, capsys)["subjects"] == {"added": 0, "removed": 0}
    assert scene.run("streams", "show", "tool-1") == 0
    assert "  subjects:       the receiver added and removed none\n" in capsys.readouterr().out

    async def said(store: Store) -> None:
        for seq, kind in enumerate(("added", "added", "removed")):
            subject = f'{{"format":"email","email":"u{seq}@acme.example"}}'
            assert await store.put_choice(Choice("st_1", subject, kind, seq, SINCE), 9) == ""

    scene.store(said)
    assert shown(scene, capsys)["subjects"] == {"added": 2, "removed": 1}
    assert scene.run("streams", "show", "tool-1") == 0
    assert "  subjects:       the receiver added 2 and removed 1\n" in capsys.readouterr().out


def test_what_a_receiver_wrote_is_one_line(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """It must not look as if it were ours."""
    change(scene, status="paused", reason="x\n  status:  enabled by the operator", description="ours\n  verified: yes")
    assert scene.run("streams", "show", "tool-1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("  verified:")] == [
        "  verified:       no: events wait until the receiver accepts a verification event"
    ]
    assert len([line for line in lines if line.startswith("  status:")]) == 1
    assert "  description:    ours verified: yes" in lines


def test_one_that_is_deleted_is_none(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    change(scene, deleted_at=SINCE)
    assert scene.run("streams", "show", "tool-1") == 1


def test_without_its_client_it_is_orphaned_and_may_be_pruned(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.run("streams", "prune", "tool-1", "--yes") == 1
    assert "its receiver deletes it" in capsys.readouterr().err
    scene.config.write_text(scene.config.read_text().replace(CLIENT, ""))
    assert shown(scene, capsys)["state"] == "orphaned"
    assert scene.run("streams", "enable", "tool-1") == 1
    assert scene.run("check", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["made_streams"], report["orphaned"]) == ({"tool": 1}, [])
    known = OAuthClient("tool", 1, "ab", ("a hash",), SINCE)
    scene.store(lambda store: store.put_oauth_client(known))
    serves = FileLock(scene.folder / "bridge.db")  # since before the client went
    assert scene.run("streams", "prune", "tool-1", "--yes") == 1
    assert "the `serve` that runs still carries tool-1" in capsys.readouterr().err
    serves.release()
    assert scene.run("streams", "prune", "tool-1", "--yes") == 0
    assert scene.store(lambda store: store.streams()) == []


def test_check_counts_them(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.run("check") == 0
    text = capsys.readouterr().out
    assert "client tool made 1 of the streams" in text
    assert "default_subjects: ALL" in text and "max_streams:      100" in text


def test_check_does_not_say_that_nobody_is_told_where_clients_are(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scene.run("check", "--json") == 0
    loaded = scene.config.read_text()
    tables = re.split(r"(?m)^(?=\[)", loaded)
    scene.config.write_text("".join(table for table in tables if not table.startswith("[receivers")))
    capsys.readouterr()
    assert scene.run("check") == 0
    assert "only streams that clients make are told anything" in capsys.readouterr().out


def test_an_operators_pause(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.run("streams", "pause", "st_1", "--reason", "moving") == 0
    one = shown(scene, capsys)
    assert (one["state"], one["status"], one["status_by"], one["reason"]) == ("paused", "paused", "operator", "moving")
    assert scene.run("streams", "enable", "tool-1") == 0
    assert (stored(scene).paused, shown(scene, capsys)["state"]) == ("", "enabled")


def test_what_the_service_paused_goes_on(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    change(scene, status="paused", by="service", reason="nobody used it")
    assert scene.run("streams", "enable", "tool-1", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"stream": "tool-1", "state": "enabled"}
    made = stored(scene).subscription
    assert made is not None
    assert (made.status, made.by, made.reason, made.version) == ("enabled", "service", "", 2)
    assert made.since > SINCE
    (entry,) = scene.store(lambda store: store.audit())
    assert (entry.what, entry.target, entry.before) == ("streams.enable", "tool-1", "paused: nobody used it")


@pytest.mark.parametrize("status", ["paused", "disabled"])
def test_what_its_receiver_set_stays(scene: Scene, capsys: pytest.CaptureFixture[str], status: str) -> None:
    change(scene, status=status, reason="our window")
    assert scene.run("streams", "enable", "tool-1") == 1
    assert f"was {status} by its receiver (our window)" in capsys.readouterr().err
    assert scene.run("streams", "pause", "tool-1") == 0
    assert scene.run("streams", "enable", "tool-1") == 0
    row = stored(scene)
    assert row.subscription is not None
    assert (row.paused, row.subscription.status, row.subscription.by) == ("", status, "receiver")


def test_what_waits_for_a_verification_says_so(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    event = NewDelivery("st_1", "ann", "ann", "j1", "txn", "kid", "e30.e30.", "not-compliant", connector="kolide",
                        device_id="42", created_at=SINCE)  # fmt: skip
    asking = NewDelivery("st_1", "verification", "v", "j2", "txn", "kid", "e30.e30.", rank=Rank.VERIFICATION)
    scene.store(lambda store: store.commit([Unit(sets=(event, asking))]))
    assert scene.run("deliveries", "list", "--json") == 0
    found = {one["jti"]: one for one in json.loads(capsys.readouterr().out)}
    assert {jti: (one["kind"], one["waiting"]) for jti, one in found.items()} == {
        "j1": ("event", "unverified"), "j2": ("verification", "due")
    }  # fmt: skip
    assert {jti: one["status"] for jti, one in found.items()} == {"j1": "not-compliant", "j2": None}
    assert scene.run("deliveries", "show", "j2") == 0
    assert "status" not in capsys.readouterr().out
    assert scene.run("deliveries", "list") == 0
    text = capsys.readouterr().out
    assert "unverified" in text and "(verification)" in text
    assert scene.run("deliveries", "show", "j1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["waiting"] == "unverified"


@pytest.mark.parametrize(("default", "why"), [("ALL", "due"), ("NONE", "subject_not_added")])
def test_a_device_says_what_the_stream_is_about(
    scene: Scene, capsys: pytest.CaptureFixture[str], default: str, why: str
) -> None:
    scene.config.write_text(scene.config.read_text() + f'default_subjects = "{default}"\n')
    scene.believe(failing())
    assert scene.run("devices", "show", "42", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {one["stream"]: one["why"]["reason"] for one in found["receivers"]}["tool-1"] == why


def test_a_device_says_that_its_set_waits_for_a_verification(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.believe(failing())
    scene.tell(failing(), stream=Stream("st_1", "tool-1", "https://tool.example", "ssf", "https://r.example/hook"))
    assert scene.run("devices", "show", "42", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    (line,) = [one for one in found["receivers"] if one["stream"] == "tool-1"]
    assert (line["state"], line["why"]["reason"]) == ("pending", "unverified")


def test_what_is_polled_says_who_fetches_it(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    change(scene, method="urn:ietf:rfc:8936", endpoint_url="", verified=True)
    news = [
        NewDelivery("st_1", name, name, f"j-{name}", "txn", "kid", "e30.e30.", created_at=SINCE)
        for name in ("ann", "bob")
    ]
    scene.store(lambda store: store.commit([Unit(sets=tuple(news))]))
    scene.store(lambda store: store.lease_deliveries({"st_1": 1}, SINCE, 4e9))
    assert scene.run("deliveries", "list", "--json") == 0
    found = {one["jti"]: (one["waiting"], one["leased_until"]) for one in json.loads(capsys.readouterr().out)}
    assert found == {"j-ann": ("handed out", 4e9), "j-bob": ("to be fetched", None)}
    assert scene.run("deliveries", "list") == 0
    text = capsys.readouterr().out
    assert "handed out until 2096-10-02" in text and "to be fetched" in text
    assert scene.run("deliveries", "show", "j-ann") == 0
    assert "handed out until 2096-10-02" in capsys.readouterr().out


def test_what_was_asked_for_and_the_terms_of_its_client(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    one = shown(scene, capsys)
    assert one["events_requested"] == "all" and one["default_subjects"] == "ALL"
    assert one["inactivity_timeout"] is None and one["min_verification_interval"] > 0
    change(scene, events_requested=("urn:unknown",))
    assert shown(scene, capsys)["events_requested"] == ["urn:unknown"] and shown(scene, capsys)["events"] == []
    assert scene.run("streams", "show", "st_1") == 0
    screen = capsys.readouterr().out
    for words in ("asked for", "urn:unknown", "begins with", "all subjects", "once in", "never"):
        assert words in screen
