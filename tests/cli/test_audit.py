"""`audit list`, and `db status|compact`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.console.changing import operator
from bridge.store import open_store
from bridge.store.records import AuditEntry
from tests.cli.scene import ROWS, SINCE, Scene, failing


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.streams(*ROWS)
    return made


def listed(scene: Scene, capsys: pytest.CaptureFixture[str], *words: str) -> list[Any]:
    capsys.readouterr()
    assert scene.run("audit", "list", "--json", *words) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, list)
    return found


def test_what_an_operator_did_stands_there(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    number = scene.tell(failing())
    assert scene.run("deliveries", "drop", str(number), "--yes", "--reason", "ada@acme.example left") == 0
    (entry,) = listed(scene, capsys)
    assert (entry["who"], entry["what"], entry["before"], entry["after"]) == (
        operator(), "deliveries.drop", "pending", "dead",
    )  # fmt: skip
    assert entry["target"].startswith(f"delivery {number} (jti ")
    assert entry["why"].startswith("person:") and entry["why"].endswith(" left")


def test_filters(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.store(lambda store: store.record(AuditEntry(SINCE, "ada", "guard.release", "kolide")))
    scene.store(lambda store: store.record(AuditEntry(SINCE + 86400, "bob", "keys.rotate", "k2")))
    for words, targets in (
        ([], ["k2", "kolide"]),
        (["--who", "ada"], ["kolide"]),
        (["--what", "guard"], ["kolide"]),
        (["--what", "keys.rotate"], ["k2"]),
        (["--target", "KOL"], ["kolide"]),
        (["--since", "2023-11-15"], ["k2"]),
        (["--limit", "1"], ["k2"]),
        (["--who", "eve"], []),
    ):
        assert [one["target"] for one in listed(scene, capsys, *words)] == targets, words


def test_a_person_is_found_by_their_address(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    from bridge.cli.console.changing import record

    scene.store(lambda store: record(store, "devices.override", "ada@acme.example", "", "", ""))
    scene.store(lambda store: record(store, "devices.override", "bob@acme.example", "", "", ""))
    assert len(listed(scene, capsys, "--target", "ADA@acme.example")) == 1


def test_wrong_calls(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.run("audit", "list", "--limit", "0") == 2
    assert scene.run("audit", "list", "--since", "2026-13-45") == 2
    assert "write a duration" in capsys.readouterr().err


class TestDatabase:
    def test_sizes(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        scene.tell(failing())
        assert scene.run("db", "status", "--json") == 0
        found = json.loads(capsys.readouterr().out)
        tables = {one["name"]: one for one in found["tables"]}
        assert tables["deliveries"] == {"name": "deliveries", "rows": 1, "oldest_at": SINCE + 2}
        assert found["bytes"] > 0 and found["free"] == 0 and found["ok"] is True
        assert scene.run("db", "status") == 0
        assert "deliveries\t1\t2023-11-14" in capsys.readouterr().out

    def test_compacting_gives_space_back(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        file = scene.folder / "bridge.db"
        numbers = [scene.tell(failing(str(n), login=f"p{n}@acme.example")) for n in range(3)]
        scene.store(lambda store: store.put_mark("large", "x" * 500_000, was=None))
        scene.store(lambda store: store.put_mark("large", "", was="x" * 500_000))
        before = file.stat().st_size
        assert scene.run("db", "compact") == 2
        assert "add --yes" in capsys.readouterr().err
        assert scene.run("db", "compact", "--yes") == 0
        assert file.stat().st_size < before - 400_000
        assert len(scene.store(lambda store: store.deliveries())) == len(numbers)
        assert listed(scene, capsys)[0]["what"] == "db.compact"

    async def test_not_while_serve_runs(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        import asyncio

        from bridge.clock import SystemClock

        store = await open_store(scene.url, SystemClock(), exclusive=True)
        try:
            assert await asyncio.to_thread(scene.run, "db", "compact", "--yes") == 1
            assert "already serves" in capsys.readouterr().err
        finally:
            await store.close()
