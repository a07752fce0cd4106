"""The command line as a user meets it: what it prints where, and its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest

import bridge.cli
from bridge.clock import SystemClock
from bridge.key import KeyRow
from bridge.ssf.keyfiles import KeyFiles
from bridge.store import open_store
from bridge.store.records import StreamRow

ROOT = Path(__file__).parent.parent.parent
SECRETS = {"KOLIDE_SIGNING_SECRET": "hidden-signing", "KOLIDE_API_KEY": "hidden-api"}
CONFIG = """[transmitter]
issuer = "https://signals.acme.example"
[connectors.kolide]
type = "kolide"
signing_secret = "env:KOLIDE_SIGNING_SECRET"
api_key = "env:KOLIDE_API_KEY"
judge = "issues"
[receivers.okta]
profile = "okta"
audience = "https://acme.okta.com"
"""


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(folder: Path, *arguments: str, **environ: str) -> Ended:
    """One command as the console script runs it, in a folder and an environment of its own."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        patch.dict(os.environ, {"PATH": os.environ["PATH"], "HOME": str(folder), **environ}, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code = bridge.cli.run(arguments)
    return Ended(code, out.getvalue(), err.getvalue())


def child(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "bridge", *arguments], cwd=folder, env=environment(folder), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **SECRETS}


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


def test_help_lists_the_commands_and_every_group_has_its_own(tmp_path: Path) -> None:
    shown = run(tmp_path, "--help")
    assert shown.returncode == 0
    assert "--config" in shown.stdout
    for name, _, _ in bridge.cli.COMMANDS:
        assert re.search(rf"^\W*{name} ", shown.stdout, re.MULTILINE)
        assert run(tmp_path, name, "--help").returncode == 0


def test_as_a_process(tmp_path: Path) -> None:
    version, wrong = child(tmp_path, "--version"), child(tmp_path, "check")
    assert version.communicate(timeout=60)[0].strip() == "0.1.0"
    out, err = wrong.communicate(timeout=60)
    assert (wrong.returncode, out) == (2, "")
    assert "caep-bridge init" in err


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["check", "--nonsense"], ["db", "nonsense"], ["--config"], ["check", "--config", "--json"]],
)
def test_a_wrong_call_is_exit_code_2_and_says_so_on_stderr(tmp_path: Path, arguments: list[str]) -> None:
    ended = run(tmp_path, *arguments)
    assert ended.returncode == 2
    assert ended.stderr and not ended.stdout
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments", [["devices", "show", "\udcff"], ["streams", "pause", "okta", "--reason", "half a \ud83d"]]
)
def test_an_argument_that_is_no_utf_8(configured: Path, arguments: list[str]) -> None:
    ended = run(configured, *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"caep-bridge: argument {len(arguments)} is not text in UTF-8\n"


class TestCheck:
    def test_it_says_what_would_run_and_shows_no_secret(self, configured: Path) -> None:
        ended = run(configured, "check", **SECRETS)
        assert ended.returncode == 0, ended.stderr
        for words in (
            "https://signals.acme.example", "http://127.0.0.1:8080", "http://127.0.0.1:8081", "/webhooks/kolide",
            "set (env:KOLIDE_SIGNING_SECRET)", "issues", "https://acme.okta.com/security/api/v1/security-events",
        ):  # fmt: skip
            assert words in ended.stdout
        assert "hidden-" not in ended.stdout + ended.stderr

    def test_json(self, configured: Path) -> None:
        ended = run(configured, "check", "--json", **SECRETS)
        report = json.loads(ended.stdout)
        assert report["ok"] is True
        assert report["connectors"][0]["settings"]["api_key"] == "set (env:KOLIDE_API_KEY)"
        assert report["receivers"][0]["endpoint"] == "https://acme.okta.com/security/api/v1/security-events"
        assert report["no_effect"] == [] and report["orphaned"] == []
        assert "hidden-" not in ended.stdout

    def test_it_names_what_shapes_a_receivers_sets(self, configured: Path) -> None:
        more = '[receivers.lab]\nprofile = "ssf"\naudience = "https://lab.example"\nendpoint_url = "https://lab.example/e"\n'
        (configured / "config.toml").write_text(CONFIG + more + 'subject = "user"\nlegacy_subject = true\n')
        assert "shape: subject, legacy_subject" in run(configured, "check", **SECRETS).stdout
        shapes = {
            one["name"]: one["shape"]
            for one in json.loads(run(configured, "check", "--json", **SECRETS).stdout)["receivers"]
        }
        assert shapes == {"okta": [], "lab": ["subject", "legacy_subject"]}

    @pytest.mark.parametrize("before", [True, False])
    def test_config_stands_before_or_after(self, configured: Path, tmp_path: Path, before: bool) -> None:
        (configured / "config.toml").rename(configured / "other.toml")
        option = ["--config", "other.toml"]
        assert (
            run(tmp_path, *(option if before else []), "check", *([] if before else option), **SECRETS).returncode == 0
        )
        assert run(tmp_path, "check", "--config=other.toml", **SECRETS).returncode == 0
        assert run(tmp_path, "check", CAEP_BRIDGE_CONFIG="other.toml", **SECRETS).returncode == 0

    def test_every_fault_at_once_of_configuration_and_connector(self, tmp_path: Path) -> None:
        text = CONFIG.replace("signing_secret", "signing_secert").replace('"okta"', '"okat"') + "evnets = 1\n"
        (tmp_path / "config.toml").write_text(text)
        ended = run(tmp_path, "check", KOLIDE_SIGNING_SECRET="hidden-1")
        assert ended.returncode == 2
        assert not ended.stdout
        lines = ended.stderr.splitlines()
        assert "config.toml:5: connectors.kolide.signing_secert: unknown key (did you mean signing_secret?)" in lines
        assert "config.toml:6: connectors.kolide.api_key: environment variable KOLIDE_API_KEY is not set" in lines
        assert any(line.startswith("config.toml:3: connectors.kolide.signing_secret: is required") for line in lines)
        assert 'config.toml:9: receivers.okta.profile: must be "ssf", "okta" or "sse"' in lines
        assert "config.toml:11: receivers.okta.evnets: unknown key (did you mean events?)" in lines
        assert "hidden-" not in ended.stderr

    def test_no_configuration_names_init(self, tmp_path: Path) -> None:
        ended = run(tmp_path, "check")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "caep-bridge init" in ended.stderr

    def test_it_names_what_has_no_effect_and_what_folding_cannot_know(self, tmp_path: Path) -> None:
        key = KeyFiles(tmp_path / "keys").make()
        both = f'[keys]\nsigning_key = "file:{tmp_path / "keys" / key.kid}.pem"\nrotate_every = "30d"\n'
        text = re.sub("^api_key.*$", "", CONFIG, flags=re.MULTILINE) + both
        (tmp_path / "config.toml").write_text(text)
        ended = run(tmp_path, "check", **SECRETS)
        assert ended.returncode == 0, ended.stderr
        assert "config.toml:13: keys.rotate_every: has no effect beside signing_key" in ended.stdout
        assert re.search(r"api_key: +missing", ended.stdout)
        assert sum("it cannot see findings" in line for line in ended.stdout.splitlines()) == 1

    def test_it_names_orphaned_streams(self, configured: Path) -> None:
        asyncio.run(_with_rows(configured))
        ended = run(configured, "check", "--json", **SECRETS)
        assert [row["name"] for row in json.loads(ended.stdout)["orphaned"]] == ["gone", "okta"]
        assert "stream gone (s2) is orphaned" in run(configured, "check", **SECRETS).stdout


async def _with_rows(folder: Path) -> None:
    store = await open_store(f"sqlite:///{folder}/caep-bridge.db", SystemClock(), exclusive=True, create=True)
    await store.put_stream(StreamRow("s1", "okta", "https://acme.okta.com", 1.0))
    await store.put_stream(StreamRow("s2", "gone", "https://x", 2.0))
    await store.put_stream(StreamRow("s3", "okta", "https://old.okta.com", 3.0))
    at = 1700000000.0
    assert await store.swap_keys([], [KeyRow("kid-1", "RS256", "active", at, 0.0, at, at)])
    await store.close()


class TestKeys:
    def test_none_yet(self, configured: Path) -> None:
        assert run(configured, "keys", "list", "--json", **SECRETS).stdout.strip() == "[]"
        assert "no signing key yet" in run(configured, "keys", "list", **SECRETS).stderr
        assert not (configured / "caep-bridge.db").exists()

    def test_they_are_listed(self, configured: Path) -> None:
        asyncio.run(_with_rows(configured))
        listed = json.loads(run(configured, "keys", "list", "--json", **SECRETS).stdout)
        at = 1700000000.0
        assert listed == [
            {
                "kid": "kid-1", "algorithm": "RS256", "state": "active", "created_at": at, "publish_for": 0.0,
                "published_at": at, "activates_at": at, "retired_at": None, "named_at": None, "removed_at": None,
                "compromised": False, "published": True, "leaves_at": None,
            }
        ]  # fmt: skip
        line = "kid-1\tactive\t2023-11-14 22:13:20Z\t2023-11-14 22:13:20Z\t2023-11-14 22:13:20Z\t\tsigns"
        assert line in run(configured, "keys", "list", **SECRETS).stdout
        assert "key kid-1 signs since 2023-11-14 22:13:20Z" in run(configured, "check", **SECRETS).stdout


class TestDatabase:
    def test_upgrade_and_status(self, configured: Path) -> None:
        before = run(configured, "db", "status", "--json", **SECRETS)
        assert before.returncode == 1
        assert json.loads(before.stdout)["revision"] is None
        assert run(configured, "db", "upgrade", **SECRETS).returncode == 0
        after = run(configured, "db", "status", "--json", **SECRETS)
        assert after.returncode == 0
        assert json.loads(after.stdout)["ok"] is True
        assert "already" in run(configured, "db", "upgrade", **SECRETS).stderr

    def test_a_file_that_is_no_database_is_one_clear_line(self, configured: Path) -> None:
        (configured / "caep-bridge.db").write_text("this is not a database " * 100)
        ended = run(configured, "db", "status", **SECRETS)
        assert ended.returncode == 1
        assert len(ended.stderr.splitlines()) == 1
        assert "not a database" in ended.stderr


FLAGS = (
    "--issuer",
    "https://a.example",
    "--connector",
    "kolide",
    "--receiver",
    "okta",
    "--audience",
    "https://a.okta.com",
)


class TestInit:
    def test_with_flags_it_writes_what_check_accepts(self, tmp_path: Path) -> None:
        ended = run(tmp_path, "init", *FLAGS, "--set", "kolide.judge=trust")
        assert ended.returncode == 0, ended.stderr
        assert "KOLIDE_SIGNING_SECRET" in ended.stderr
        text = (tmp_path / "config.toml").read_text()
        assert 'judge = "trust"' in text and 'signing_secret = "env:KOLIDE_SIGNING_SECRET"' in text
        assert run(tmp_path, "check", **SECRETS).returncode == 0
        assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]

    def test_it_never_overwrites_unless_told_to(self, tmp_path: Path) -> None:
        (tmp_path / "mine.toml").write_text("precious")
        arguments = ("init", *FLAGS, "--set", "judge=trust", "--output", "mine.toml")
        assert run(tmp_path, *arguments).returncode == 2
        assert (tmp_path / "mine.toml").read_text() == "precious"
        assert run(tmp_path, *arguments, "--force").returncode == 0
        assert run(tmp_path, "check", "--config", "mine.toml", **SECRETS).returncode == 0

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ((), "--issuer"),
            (FLAGS, "--set kolide.judge=… (one of "),
            ((*FLAGS, "--set", "kolide.judge=nonsense"), "connectors.kolide.judge: must be one of"),
            ((*FLAGS, "--set", "kolide.judge=trust", "--set", "kolide.jugde=x"), "there is no such setting"),
            ((*FLAGS, "--set", "kolide"), "--set wants kolide.KEY=VALUE"),
            ((*FLAGS, "--set", "kolide.signing_secret=hidden-1", "--set", "judge=trust"), "is a secret: give env:NAME"),
            ((*FLAGS[:2], "--connector", "kolibe"), "kolide"),
            (("--issuer", "http://a.example"), "transmitter.issuer: must begin with https://"),
            (("--issuer", "https://a.example", "--receiver", "ssf", "--audience", "x"), "--endpoint-url"),
            (("--issuer", "https://a.example", "--output", "no/such/folder.toml"), "cannot be written"),
        ],
    )
    def test_what_it_refuses(self, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
        ended = run(tmp_path, "init", *arguments)
        assert ended.returncode == 2
        assert words in ended.stderr
        assert "hidden-" not in ended.stderr
        assert list(tmp_path.iterdir()) == []

    def test_texts_with_quotes_stay_texts(self, tmp_path: Path) -> None:
        odd = 'https://a.example/"\\x7f]\u00e9'
        ended = run(
            tmp_path,
            "init",
            "--issuer",
            "https://a.example",
            "--receiver",
            "ssf",
            "--audience",
            odd,
            "--endpoint-url",
            "https://b",
        )
        assert ended.returncode == 0, ended.stderr
        assert json.loads(run(tmp_path, "check", "--json").stdout)["receivers"][0]["audience"] == odd

    def test_it_asks_a_person(self, tmp_path: Path) -> None:
        answers = ["https://a.example", "kolide", "", "https://a.okta.com", "", "env:MY_KEY", "", "nonsense", "trust"]
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bridge", "init"], cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        os.write(master, "".join(f"{answer}\n" for answer in answers).encode())
        os.close(slave)
        assert process.wait(60) == 0
        os.close(master)
        text = (tmp_path / "config.toml").read_text()
        assert (
            'api_key = "env:MY_KEY"' in text and 'judge = "trust"' in text and 'audience = "https://a.okta.com"' in text
        )
        assert run(tmp_path, "check", MY_KEY="x", **SECRETS).returncode == 0


def test_a_reader_that_goes_away_is_no_traceback(configured: Path) -> None:
    script = f"{sys.executable} -P -m bridge check | true"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **SECRETS}
    ended = subprocess.run(
        ["bash", "-c", script], cwd=configured, env=environ, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in ended.stderr
