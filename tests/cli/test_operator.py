"""Commands on what is held, and words about a device: wrong calls, unknown names, a store that nobody serves."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from bridge.config.kinds import spoken
from bridge.model import Held, Hold, LedgerRow
from bridge.store.errands import Errand
from bridge.store.protocol import Store
from bridge.store.records import LedgerWrite, Unit
from bridge.value import replace
from tests.cli.scene import OKTA_ROW, ROWS, SINCE, Scene, failing

HOLD = Hold("baseline", "compliant", SINCE, keys=("i1",))
HELD = LedgerRow(
    "s-okta", "user=ada@acme.example", "ada@acme.example", reason="held_by_guard",
    held=Held("not-compliant", "guard", "kolide", SINCE),
)  # fmt: skip


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.streams(*ROWS)
    made.believe(failing(), failing("43", hold=HOLD, login="bob@acme.example"))
    made.store(lambda store: store.commit([Unit(ledger=(LedgerWrite(HELD),))]))
    return made


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.cli.console.errand.TAKEN_WITHIN", 0.3)


def shown(scene: Scene, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert scene.run(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "words",
    [
        ["devices", "override", "42"],
        ["devices", "override", "42", "--status", "compliant"],
        ["devices", "override", "42", "--status", "compliant", "--for", "8h"],
        ["devices", "override", "42", "--status", "compliant", "--for", "8", "--reason", "x"],
        ["devices", "override", "42", "--status", "compliant", "--for", "0s", "--reason", "x"],
        ["devices", "override", "42", "--status", "compliant", "--for", "31d", "--reason", "x"],
        ["devices", "override", "42", "--status", "broken", "--for", "8h", "--reason", "x"],
        ["devices", "override", "42", "--clear", "--for", "8h"],
        ["devices", "retire", "42"],
        ["devices", "retire", "42", "--reason", " ", "--yes"],
        ["devices", "retire", "42", "--reason", "x"],
        ["connectors", "baseline"],
        ["connectors", "baseline", "kolide", "--release", "--discard"],
        ["connectors", "baseline", "kolide", "--discard"],
        ["connectors", "baseline", "kolide", "--limit", "0"],
        ["guard", "discard"],
        ["guard", "dismiss"],
        ["reconcile", "kolide", "second"],
    ],
)
def test_a_wrong_call_is_exit_2_and_changes_nothing(scene: Scene, words: list[str]) -> None:
    before = scene.store(_all)
    assert scene.run(*words) == 2
    assert scene.store(_all) == before


async def _all(store: Store) -> Any:
    return await store.devices(), await store.held(), await store.audit(), await store.errands()


def test_how_long_an_override_lasts_and_what_is_long_are_settings(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["devices", "override", "42", "--status", "compliant", "--reason", "x", "--for"]
    assert scene.run(*words, "31d") == 2
    assert "30 days at most ([policy] longest_override)" in capsys.readouterr().err
    scene.config.write_text(scene.config.read_text() + '\n[policy]\nlongest_override = "40d"\nlong_failing = "365d"\n')
    assert scene.run(*words, "41d") == 2
    assert "40 days at most" in capsys.readouterr().err
    assert scene.run(*words, "31d") == 1, "nobody serves; but it stands"
    found = scene.store(lambda store: store.device("kolide", "42"))
    assert found is not None and found.override is not None and found.override.until > time.time() + 30.9 * 86400


@pytest.mark.parametrize(("long", "count"), [("1h", 1), ("30d", 1), ("365d", 0)])
def test_what_fails_for_long_is_a_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], long: str, count: int
) -> None:
    made = Scene(tmp_path)
    made.believe(failing(since=time.time() - 31 * 86400))
    made.config.write_text(made.config.read_text() + f'\n[policy]\nlong_failing = "{long}"\n')
    found = shown(made, capsys, "devices", "list", "--stuck")
    assert [one["stuck"]["words"] for one in found] == ["it has failed for 31 days: Disk Is Not Encrypted"] * count


@pytest.mark.parametrize("words", [["recheck"], ["retire", "--reason", "x", "--yes"], ["override", "--clear"]])
def test_an_unknown_device_is_exit_1_with_near_ones(
    scene: Scene, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    verb, *rest = words
    assert scene.run("devices", verb, "4200", *rest) == 1
    assert "no device 4200 is known" in (err := capsys.readouterr().err) and "did you mean 42 (kolide: ADA-MAC)" in err


@pytest.mark.parametrize(
    "words",
    [
        ["connectors", "baseline", "kolid"],
        ["guard", "status", "--connector", "kolid"],
        ["guard", "release", "--connector", "kolid"],
        ["guard", "discard", "--connector", "kolid", "--yes"],
        ["reconcile", "--connector", "kolid"],
    ],
)
def test_an_unknown_connector_is_exit_1(scene: Scene, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert scene.run(*words) == 1
    assert "there is no connector kolid (did you mean kolide?)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["reconcile"],
        ["guard", "release"],
        ["connectors", "baseline", "kolide", "--release"],
        ["devices", "recheck", "42"],
    ],
)
def test_where_nobody_serves_it_says_so_and_leaves_no_errand(
    scene: Scene, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert scene.run(*words) == 1
    assert "no `serve` runs on this store" in capsys.readouterr().err
    assert all(one.ended_at is not None for one in scene.store(lambda store: store.errands()))


@pytest.mark.parametrize(
    ("words", "kind", "target"),
    [
        (["devices", "retire", "42", "--reason", "x", "--yes"], "compare", "kolide/42"),
        (
            ["devices", "override", "42", "--status", "compliant", "--for", "8h", "--reason", "x"],
            "compare",
            "kolide/42",
        ),
        (["guard", "release", "--connector", "gone"], "resync", "s-okta"),
    ],
)
def test_where_nobody_serves_what_follows_waits_for_whoever_will(
    scene: Scene, capsys: pytest.CaptureFixture[str], words: list[str], kind: str, target: str
) -> None:
    """What was changed stands, and nothing else would ever tell of it: nobody looks at what is retired, or at somebody
    who owns nothing."""
    left = LedgerRow(
        "s-okta", "user=eve@acme.example", "eve@acme.example", told="not-compliant",
        held=Held("compliant", "guard", "gone", SINCE),
    )  # fmt: skip
    scene.store(lambda store: store.commit([Unit(ledger=(LedgerWrite(left),))]))
    scene.run(*words)
    assert "no `serve` runs on this store" in capsys.readouterr().err
    (waits,) = [one for one in scene.store(lambda store: store.errands()) if one.ended_at is None]
    assert (waits.kind, waits.target, waits.state) == (kind, target, "waiting")


def test_a_word_about_a_device_is_not_taken_for_the_comparison_that_is_under_way(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """That one may have read the device before."""
    earlier = Errand("0" * 26, "compare", "kolide/42", SINCE, "ann")
    scene.store(lambda store: store.ask(earlier))
    scene.store(lambda store: store.lease_errand(time.time(), time.time() + 0.1))
    scene.run("devices", "retire", "42", "--reason", "x", "--yes")
    assert "joining" not in capsys.readouterr().err
    found = scene.store(lambda store: store.errands())
    assert sorted(one.state for one in found) == ["running", "waiting"]


@pytest.mark.parametrize(
    "words", [["reconcile"], ["guard", "status"], ["connectors", "baseline", "kolide"], ["devices", "recheck", "42"]]
)
def test_a_store_of_another_revision_is_refused(
    scene: Scene, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with sqlite3.connect(scene.folder / "bridge.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert scene.run(*words) == 1
    assert "is at revision 9999" in capsys.readouterr().err


def test_the_window_of_the_guard_in_words(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.run("guard", "status") == 0
    assert "losing access within 10 minutes: the rest is held" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (600, "10 minutes"),
        (90, "90 seconds"),
        (5400, "90 minutes"),
        (259200, "3 days"),
        (1, "1 second"),
        (0.25, "0.25 seconds"),
    ],
)
def test_a_length_of_time_in_words(length: float, words: str) -> None:
    assert spoken(length) == words


def test_what_the_guard_holds(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    status = shown(scene, capsys, "guard", "status")
    assert status["limits"] == {"max_users": 25, "max_percent": 5.0, "window_s": 600.0}
    kolide, second = status["connectors"]
    assert (kolide["held"], kolide["since"], kolide["fleet"], kolide["allowed_now"]) == (1, SINCE, 2, 25)
    assert kolide["examples"] == [{"login": "ada@acme.example", "status": "not-compliant", "at": SINCE}]
    assert second["held"] == 0
    assert scene.run("guard", "status") == 0
    out = capsys.readouterr().out
    assert "more than 25 people, or 5 % of a fleet" in out and "ada@acme.example" in out
    device = shown(scene, capsys, "devices", "show", "42")
    okta = next(one for one in device["receivers"] if one["stream"] == "okta")
    assert (okta["why"]["reason"], okta["held"]["connector"]) == ("held_by_guard", "kolide")
    stuck = shown(scene, capsys, "devices", "list", "--stuck")
    assert [(one["id"], one["stuck"]["reason"]) for one in stuck] == [("42", "held_by_guard"), ("43", "baseline")]
    assert scene.run("check") == 1
    assert "the guard holds back people of kolide (1): `caep-bridge guard status" in capsys.readouterr().out


def test_those_whom_the_guard_holds_and_the_table_leaves_out_are_counted(
    scene: Scene, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.cli.guard.EXAMPLES", 0)
    assert scene.run("guard", "status") == 0
    assert "more:" not in capsys.readouterr().err, "nobody is shown, so nobody is left out of a table"
    monkeypatch.setattr("bridge.cli.guard.EXAMPLES", 1)
    bob = replace(HELD, subject="user=bob@acme.example", login="bob@acme.example")
    scene.believe(failing("43", login="bob@acme.example"))
    scene.store(lambda store: store.commit([Unit(ledger=(LedgerWrite(bob),))]))
    assert scene.run("guard", "status") == 0
    assert "and 1 person more:" in capsys.readouterr().err


def test_discarded_once_and_recorded(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("guard", "discard", "--yes", "--reason", "a bug of theirs")
    assert [shown(scene, capsys, *words)["discarded"] for _ in range(2)] == [1, 0]
    (row,) = scene.store(lambda store: store.held())
    assert row.held is not None and row.held.why == "discarded"
    words = ("connectors", "baseline", "kolide", "--discard", "--yes")
    assert [shown(scene, capsys, *words)["discarded"] for _ in range(2)] == [1, 0]
    audit = scene.store(lambda store: store.audit())
    assert [(one.what, one.why, one.before) for one in audit] == [
        ("baseline.discard", "", "held"),
        ("guard.discard", "a bug of theirs", "held"),
    ]
    assert scene.run("check") == 0


def test_a_row_whose_person_has_no_such_device_any_more_is_simply_not_held(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.store(lambda store: _moved(store))
    report = shown(scene, capsys, "guard", "release")
    assert (report["released"], report["recovered"], report["unanswered"]) == (1, 1, 0)
    assert scene.store(lambda store: store.held()) == []


async def _moved(store: Store) -> None:
    device = await store.device("kolide", "42")
    assert device is not None
    assert await store.commit([Unit(devices=(replace(device, login="eve@acme.example"),))]) == []


def test_everything_that_is_stuck_is_named_with_its_reason(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    fine: Any = {"status": "compliant", "failing": (), "login": "fine@acme.example"}
    scene.streams(OKTA_ROW)
    scene.believe(
        failing("50", gone=True),
        failing("51", login=None, login_reason="no_owner"),
        failing("52", login="long@acme.example"),
        failing("53", login="soon@acme.example", since=4_000_000_000.0),
        failing("54", login="prov@acme.example", basis="provisional"),
        failing("55", retired="gone for good"),
        failing("56", **fine),
    )
    stuck = shown(scene, capsys, "devices", "list", "--stuck")
    assert {one["id"]: one["stuck"]["reason"] for one in stuck} == {
        "42": "held_by_guard", "43": "baseline", "50": "gone", "51": "no_owner", "52": "failing", "54": "provisional",
    }  # fmt: skip
    assert scene.run("devices", "list", "--stuck", "--limit", "2") == 0
    printed = capsys.readouterr()
    assert "there are more than 2" in printed.err and "held_by_guard" in printed.out
