"""Bytes that are no configuration at all: one clear fault, never a traceback, never a piece of the file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from bridge.config import read
from bridge.errors import ConfigError

BASE = '[transmitter]\nissuer = "https://signals.acme.example"\n'


def test_a_number_that_no_one_can_read(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"{BASE}[server]\nport = {'9' * 5000}\n")
    with pytest.raises(ConfigError) as caught:
        read(file, {})
    assert str(caught.value) == f"{file}:4: not valid TOML: a number is too long"


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        (
            "",
            {"CAEP_BRIDGE_SERVER__HOST": os.fsdecode(b"whisper\xff")},
            "environment CAEP_BRIDGE_SERVER__HOST: server.host: is not UTF-8 text",
        ),
        (
            '[oauth.clients.siem]\naudience = "x"\nsecret = "env:SIEM"\n',
            {"SIEM": os.fsdecode(b"whisper\xff")},
            "config.toml:5: oauth.clients.siem.secret: environment variable SIEM is not UTF-8 text",
        ),
    ],
)
def test_an_environment_that_is_no_text(tmp_path: Path, text: str, environ: dict[str, str], expected: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(BASE + text)
    [fault] = read(file, environ).faults
    assert str(fault).replace(f"{tmp_path}/", "") == expected


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="gives up root for a moment")
def test_a_folder_that_may_not_be_entered() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, closed = Path(name), Path(name) / "closed"
        folder.chmod(0o755)
        closed.mkdir(mode=0o700)
        file = folder / "config.toml"
        file.write_text(f'{BASE}[delivery]\nca_file = "{closed}/ca.pem"\n')
        os.seteuid(65534)
        try:
            [fault] = read(file, {}).faults
            with pytest.raises(ConfigError, match="there is no such file"):
                read(closed / "config.toml", {})
        finally:
            os.seteuid(0)
    assert fault.path == "delivery.ca_file"
