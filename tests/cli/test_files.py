"""Files and URLs that the configuration names: `check` and `serve` say what is wrong with them before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import cli

BASE = """
[transmitter]
issuer = "https://signals.acme.example"
[store]
url = "sqlite:///bridge.db"
[connectors.kolide]
type = "kolide"
signing_secret = "whisper-one"
api_key = "whisper-two"
judge = "issues"
[receivers.siem]
profile = "ssf"
audience = "https://siem.example"
endpoint_url = "https://siem.example/events"
"""
HEAD = b"connector,device,person,login\n"
LAST = BASE.count("\n") + 2
"""The line of the first key below a section that is added."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(folder: Path, capsys: pytest.CaptureFixture[str], command: str, config: str) -> list[str]:
    (folder / "config.toml").write_text(config)
    before = sorted(file.name for file in folder.iterdir())
    assert cli.run([command]) == 2
    out, err = capsys.readouterr()
    assert not out and "whisper" not in err
    assert sorted(file.name for file in folder.iterdir()) == before, "nothing is made on the way"
    return err.splitlines()


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ('[identity]\noverrides = "f"', "f:1: the head line must be connector,device,person,login"),
        ('[server]\ntls_cert_file = "f"\ntls_key_file = "f"', f"config.toml:{LAST}: server.tls_cert_file: the cert"),
        ('[delivery]\nca_file = "f"', f"config.toml:{LAST}: delivery.ca_file: not a readable PEM file"),
        ('[keys]\nsigning_key = "file:f"', f"config.toml:{LAST}: keys.signing_key: this is not a private key in PEM"),
        ('[keys]\ndirectory = "f"', f"config.toml:{LAST}: keys.directory: is not a directory"),
    ],
)
def test_a_file_that_is_no_such_thing(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, section: str, expected: str
) -> None:
    (folder / "f").write_text("whisper\n")
    [line] = said(folder, capsys, command, f"{BASE}{section}\n")
    assert line.startswith(expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ["people.csv:1: the head line must be connector,device,person,login"]),
        (HEAD + b"kolide,1,,ada@acme.example\nkolide,\xff,,x@acme.example\n", ["people.csv:3: is not UTF-8 text"]),
        (HEAD + b"kolide,1,,nobody\nkolide,,,a@b\n", ["people.csv:2: login is not", "people.csv:3: fill exactly one"]),
        (HEAD + b"kolide," + b"x" * 200_000 + b",,ada@acme.example\n", ["people.csv:2: this line is not CSV"]),
    ],
)
def test_every_faulty_line_of_the_overrides(
    folder: Path, capsys: pytest.CaptureFixture[str], content: bytes, expected: list[str]
) -> None:
    (folder / "people.csv").write_bytes(content)
    lines = said(folder, capsys, "check", BASE + '[identity]\noverrides = "people.csv"\n')
    assert [line[: len(words)] for line, words in zip(lines, expected, strict=True)] == expected


def test_all_of_them_at_once_with_other_faults(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "f").write_text("whisper\n")
    config = BASE.replace("judge", "jugde") + '[identity]\noverrides = "f"\n[delivery]\nca_file = "f"\nprocsy = 1\n'
    text = "\n".join(said(folder, capsys, "check", config.replace("procsy = 1\n", "")))
    assert all(word in text for word in ("connectors.kolide.jugde", "delivery.ca_file", "f:1: the head line"))


def test_a_key_that_others_may_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bridge.db.keys").mkdir(mode=0o700)
    (folder / "bridge.db.keys" / "some.pem").touch(mode=0o644)
    [line] = said(folder, capsys, "check", BASE)
    assert "bridge.db.keys/some.pem: keys.signing_key: others may read or write this key (mode 0644)" in line


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "siem.example/events",
            "169.254.169.254/events",
            "14: receivers.siem.endpoint_url: is never connected to: a l",
        ),
        ("siem.example/events", "127.0.0.1/events", "14: receivers.siem.endpoint_url: is never connected to: a loopb"),
        ("siem.example/events", "0x7f.1/events", "14: receivers.siem.endpoint_url: is never connected to: the host"),
        (
            "judge",
            'base_url = "http://api.example"\njudge',
            "10: connectors.kolide.base_url: is never connected to: th",
        ),
        ("judge", 'base_url = "https://127.0.0.1"\njudge', "10: connectors.kolide.base_url: is never connected to: a"),
        ("whisper-two", "whisper\\r\\nX: y", "9: connectors.kolide.api_key: must be one line of printable ASCII"),
        ("whisper-two", "whisper-é", "9: connectors.kolide.api_key: must be one line of printable ASCII"),
    ],
)
def test_what_would_never_be_sent(
    folder: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, expected: str
) -> None:
    [line] = said(folder, capsys, "check", BASE.replace(before, after))
    assert line.startswith(f"config.toml:{expected}")


def test_insecure_targets_are_for_tests(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = BASE.replace("https://siem.example/events", "http://127.0.0.1:1/events")
    (folder / "config.toml").write_text(config + "[delivery]\nallow_insecure_targets = true\n")
    assert cli.run(["check"]) == 0, capsys.readouterr().err
