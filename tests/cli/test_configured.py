"""What a command needs of the configuration, and how its tables look on a narrow terminal."""

from __future__ import annotations

import json
import os
import pty
import sys
from pathlib import Path

import pytest

from bridge import cli
from bridge.cli.console.output import table
from bridge.store.migrations import HEAD

CONFIG = """
[transmitter]
issuer = "https://signals.acme.example"

[store]
url = "{store}"

[connectors.kolide]
type = "kolide"
signing_secret = "env:KOLIDE_SIGNING_SECRET"
api_key = "env:KOLIDE_API_KEY"
judge = "issues"

[receivers.siem]
profile = "ssf"
audience = "https://siem.example"
endpoint_url = "https://siem.example/events"
authorization_header = "env:SIEM_AUTHORIZATION"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("KOLIDE_SIGNING_SECRET", "KOLIDE_API_KEY", "SIEM_AUTHORIZATION", "NAMED"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config.toml").write_text(CONFIG.format(store="sqlite:///bridge.db"))
    return tmp_path


@pytest.mark.parametrize("words", ["devices list", "deliveries list", "streams list", "keys list", "db status"])
def test_commands_that_use_no_secret_miss_none(folder: Path, capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert cli.run(["db", "upgrade"]) == 0
    assert cli.run(words.split()) == 0
    assert "not set" not in capsys.readouterr().err


def test_an_upgrade_says_what_it_did_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for before in (None, HEAD):
        assert cli.run(["db", "upgrade", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"before": before, "revision": HEAD}


@pytest.mark.parametrize("words", ["check", "serve"])
def test_what_would_use_them_names_each(folder: Path, capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert cli.run(words.split()) == 2
    said = capsys.readouterr().err
    assert all(name in said for name in ("KOLIDE_SIGNING_SECRET", "KOLIDE_API_KEY", "SIEM_AUTHORIZATION"))


@pytest.mark.parametrize("store", ["env:NAMED", "env:KOLIDE_API_KEY"])
def test_no_other_reference_is_guessed(folder: Path, capsys: pytest.CaptureFixture[str], store: str) -> None:
    (folder / "config.toml").write_text(CONFIG.format(store=store))
    assert cli.run(["db", "upgrade"]) == 2
    assert f"store.url: environment variable {store[4:]} is not set" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["config.toml"]


def test_other_faults_are_told_beside_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "config.toml").write_text(CONFIG.format(store="sqlite:///bridge.db").replace("audience", "audeince"))
    assert cli.run(["devices", "list"]) == 2
    said = capsys.readouterr().err
    assert "did you mean audience?" in said and "KOLIDE_API_KEY" in said


def test_a_table_tears_no_cell_apart_but_those_of_its_last_column(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setenv("COLUMNS", "40")
    with open(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        table(["device", "made", "answer"], [["kolide/1001", "2026-11-22 14:08:18Z", "word " * 20]])
        terminal.flush()
        shown = os.read(ours, 65536).decode()
    os.close(ours)
    lines = shown.splitlines()
    assert any("kolide/1001" in line and "2026-11-22 14:08:18Z" in line for line in lines)
    assert shown.count("word") == 20 and len(lines) > 4
