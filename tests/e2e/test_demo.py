"""`caep-bridge demo` as a user starts it: a real process, real sockets, nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
COMPLIANCE = "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change"
ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
QUICK = "import bridge.demo.story as story\nstory.GRACE = 0.3"
MAIN = "import sys\nfrom bridge.cli import main\nmain(sys.argv[1:])"
DISK, FIREWALL = "Disk Is Not Encrypted", "Firewall Is Off"


def command(*words: str, patch: str = "") -> list[str]:
    """The console script; with `patch`, after some Python was run in its process."""
    if not patch:
        return [sys.executable, "-P", "-m", "bridge", *words]
    return [
        sys.executable,
        "-P",
        "-c",
        f"import sys\n{QUICK}\n{patch}\nfrom bridge.cli import main\nmain(sys.argv[1:])",
        *words,
    ]


def environment(folder: Path) -> dict[str, str]:
    """A user's environment that must not matter: settings of another bridge, a proxy that is not there."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "TMPDIR": str(scratch),
        "CAEP_BRIDGE_CONFIG": str(folder / "missing.toml"),
        "CAEP_BRIDGE_SERVER__PORT": "1",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }


def run(folder: Path, *words: str, patch: str = "") -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        command(*words, patch=patch), cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60
    )
    assert list((folder / "scratch").iterdir()) == []
    return ended


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return run(tmp_path_factory.mktemp("once"), "demo", "--once", "--json")


@pytest.fixture(scope="module")
def result(once: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(once.stdout)
    return found


def test_it_ends_well_and_prints_nothing_but_its_document(
    once: subprocess.CompletedProcess[str], result: dict[str, Any]
) -> None:
    assert (once.returncode, once.stderr) == (0, "")
    assert list(result) == ["webhooks", "sets", "ok"]
    assert result["ok"] is True


def test_each_webhook_with_its_outcome(result: dict[str, Any]) -> None:
    ids = [webhook.pop("id") for webhook in json.loads(json.dumps(result["webhooks"]))]
    assert all(ULID.fullmatch(one) for one in ids) and len(set(ids)) == 4
    assert [{key: value for key, value in webhook.items() if key != "id"} for webhook in result["webhooks"]] == [
        {"event": "issues.new", "status": 202, "outcome": "told", "reason": "changed"},
        {"event": "issues.new", "status": 202, "outcome": "nothing", "reason": "still_not_compliant"},
        {"event": "issues.resolved", "status": 202, "outcome": "nothing", "reason": "still_not_compliant"},
        {"event": "issues.resolved", "status": 202, "outcome": "told", "reason": "changed"},
    ]


def test_exactly_two_sets_and_every_claim_of_them(result: dict[str, Any]) -> None:
    """The first issue breaks it, the last resolve heals it; the second issue and the first resolve change nothing."""
    first, second = result["sets"]
    assert list(first) == list(second) == ["header", "claims", "status"]
    for one in (first, second):
        claims, event = one["claims"], one["claims"]["events"][COMPLIANCE]
        assert one["status"] == 202
        assert one["header"] == {"alg": "RS256", "typ": "secevent+jwt", "kid": first["header"]["kid"]}
        assert re.fullmatch(r"[\w-]{43}", one["header"]["kid"])
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", claims["iss"])
        assert isinstance(claims["iat"], int) and isinstance(claims["jti"], str)
        assert claims["iat"] - 30 <= event["event_timestamp"] <= claims["iat"]
        assert claims == {
            "iss": first["claims"]["iss"],
            "aud": "https://acme.okta.com",
            "jti": claims["jti"],
            "iat": claims["iat"],
            "events": {COMPLIANCE: event},
        }
        assert event == {
            "subject": {
                "user": {"format": "email", "email": "ada@acme.example"},
                "device": {"format": "opaque", "id": "kolide:1001"},
            },
            "event_timestamp": event["event_timestamp"],
            "previous_status": event["previous_status"],
            "current_status": event["current_status"],
            "initiating_entity": "policy",
            "reason_admin": event["reason_admin"],
        }
    events = [one["claims"]["events"][COMPLIANCE] for one in (first, second)]
    assert [(event["previous_status"], event["current_status"]) for event in events] == [
        ("compliant", "not-compliant"),
        ("not-compliant", "compliant"),
    ]
    assert DISK in events[0]["reason_admin"]["en"] and FIREWALL in events[1]["reason_admin"]["en"]
    assert first["claims"]["jti"] != second["claims"]["jti"]


def test_the_story_in_plain_lines(tmp_path: Path) -> None:
    ended = run(tmp_path, "demo", "--once")
    assert (ended.returncode, ended.stderr) == (0, "")
    story = ended.stdout
    parts = [story.index(f"\n{number}. Kolide says: ") for number in (1, 2, 3, 4)]
    first, second, third, fourth = (story[at:until] for at, until in zip(parts, [*parts[1:], None], strict=True))
    for told in (first, fourth):
        assert COMPLIANCE in told and "Okta: 202" in told and "nothing is sent" not in told
    for untold in (second, third):
        assert "nothing is sent: the last look found it still not compliant" in untold and COMPLIANCE not in untold
    assert "it asked Kolide: GET /devices/1001, GET /devices/1001/open_issues, GET /people/55\n" in first
    assert "\x1b" not in story


REFUSING = """
import bridge.receiver.okta as okta
from bridge.receiver.fault import invalid
okta.check = lambda claims: invalid("broken on purpose")
"""
WRONG_KEY = """
import bridge.receiver.check as check
from bridge.receiver.fault import Error
check._check_signature = lambda text, key: Error("authentication_failed", "broken on purpose")
"""
DENYING = """
from starlette.responses import JSONResponse
from bridge.demo.vendor import Vendor
Vendor._refusal = lambda self, request: JSONResponse({"error": "no"}, 401)
"""
FORGETFUL = """
from bridge.demo.vendor import Vendor
change = Vendor.change
Vendor.change = lambda self, problem, *, opens: self.opened.clear() if not opens else change(self, problem, opens=opens)
"""


@pytest.mark.parametrize("patch", [REFUSING, WRONG_KEY])
def test_a_receiver_that_refuses_is_no_success(tmp_path: Path, patch: str) -> None:
    ended = run(tmp_path, "demo", "--once", "--json", patch=patch)
    result = json.loads(ended.stdout)
    assert (ended.returncode, result["ok"]) == (1, False)
    assert {one["status"] for one in result["sets"]} == {400}


def test_a_vendor_that_answers_nothing_is_no_success(tmp_path: Path) -> None:
    ended = run(tmp_path, "demo", "--once", "--json", patch=DENYING)
    result = json.loads(ended.stdout)
    assert (ended.returncode, result["ok"], result["sets"]) == (1, False, [])
    assert [one["reason"] for one in result["webhooks"]] == ["look_denied"] * 4


def test_the_api_is_the_truth_and_not_the_webhook(tmp_path: Path) -> None:
    """When the API says at the first resolve that nothing is open, the device recovers there and then."""
    ended = run(tmp_path, "demo", "--once", "--json", patch=FORGETFUL)
    result = json.loads(ended.stdout)
    assert [one["outcome"] for one in result["webhooks"]] == ["told", "nothing", "told", "nothing"]


TAKEN = "import bridge.demo.stage as stage\nstage._free_port = lambda: {port}"
NO_ROOM = """
import tempfile
def full(*_, **__):
    raise OSError(28, "No space left on device")
tempfile.TemporaryDirectory = full
"""


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(tmp_path, "demo", "--once", "--json", patch=TAKEN.format(port=port))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_temporary_folder_is_named(tmp_path: Path) -> None:
    ended = run(tmp_path, "demo", "--once", patch=NO_ROOM)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "caep-bridge: no temporary folder can be made: No space left on device\n"


# -- without --once -----------------------------------------------------------------------------


class Running:
    """`demo` that stays up, with what it printed so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            command("demo"), cwd=folder, env=environment(folder), text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._watch = threading.Timer(60, self.process.kill)
        self._watch.start()

    def until(self, text: str) -> str:
        assert self.process.stdout is not None
        seen = ""
        for line in self.process.stdout:
            seen += line
            if text in line:
                return seen
        raise AssertionError(f"it ended before it printed {text!r}: {seen}")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.process.communicate()
        self._watch.cancel()
        assert list((self.folder / "scratch").iterdir()) == []
        return self.process.returncode


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    demo = Running(tmp_path)
    yield demo
    demo.process.kill()
    demo.process.communicate()
    demo._watch.cancel()


def _post(url: str) -> int:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        urllib.request.Request(url, method="POST"), timeout=10
    ) as answer:
        status: int = answer.status
        return status


def test_it_stays_up_and_takes_further_findings(running: Running, tmp_path: Path) -> None:
    told = running.until("curl -X POST")
    url = re.search(r"curl -X POST (\S+)", told)
    config = re.search(r"--config (\S+)", told)
    assert url and config
    assert _post(url[1]) == 202
    more = running.until("Okta: 202")
    assert '"current_status": "not-compliant"' in more and "5. Kolide says: issues.new" in more
    shown = subprocess.run(
        command("devices", "show", "1001", "--json", "--config", config[1]), cwd=tmp_path, capture_output=True,
        text=True, timeout=30, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert json.loads(shown.stdout)["status"] == "not-compliant"
    assert running.end(signal.SIGINT) == 0


def test_ended_within_the_story_it_cleans_up(running: Running) -> None:
    running.until("1. Kolide says")
    assert running.end(signal.SIGTERM) == 130
