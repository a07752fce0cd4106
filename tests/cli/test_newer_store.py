"""A store that a newer version wrote, or that has no file; and a device on which nothing stands."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.scene import ROWS, Scene, failing


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path)
    made.streams(*ROWS)
    made.believe(failing())
    return made


def newer(scene: Scene) -> None:
    raw = sqlite3.connect(scene.folder / "bridge.db")
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.commit()
    raw.close()


def test_status_does_not_send_to_an_upgrade_that_is_refused(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    newer(scene)
    assert scene.run("db", "status") == 1
    said = capsys.readouterr().err
    assert "install the version that wrote it" in said and "brings it there" not in said


def test_check_says_so_once(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    newer(scene)
    assert scene.run("check") == 1
    assert capsys.readouterr().err.count("the store cannot be used") == 1


def test_an_override_that_does_not_stand_is_a_document(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.run("devices", "override", "42", "--clear", "--json") == 0
    printed = capsys.readouterr()
    assert "is not overridden" in printed.err
    document = json.loads(printed.out)
    assert (document["changed"], document["problem"]) == (False, None)


@pytest.mark.parametrize("verb", ["status", "upgrade"])
def test_memory_is_no_unknown_scheme(scene: Scene, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    scene.config.write_text(scene.config.read_text().replace(scene.url, "memory:"))
    assert scene.run("db", verb) == 1
    said = capsys.readouterr().err
    assert "memory: has no file" in said and "unknown" not in said
