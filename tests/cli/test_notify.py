"""`notify list` and `notify test`, and the channels in `check`: hosts only, and the right exit codes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bridge.store.notices import Notice
from tests.cli.scene import SINCE, Scene

SECRET = "whsec_aHVzaC1odXNoLWh1c2gtaHVzaC1odXNoLWh1c2g="
WEBHOOK = f'\n[[notify]]\nkind = "webhook"\nname = "oncall"\nurl = "URL"\nsecret = "{SECRET}"\non = ["guard", "dead"]\n'
SLACK = '\n[[notify]]\nkind = "slack"\nurl = "URL"\n'
INSECURE = "\n[delivery]\nallow_insecure_targets = true\n"


class Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(410 if "gone" in self.path else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not on stderr."""


@contextmanager
def server() -> Iterator[str]:
    made = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{made.server_port}"
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def configure(scene: Scene, text: str) -> None:
    scene.config.write_text(scene.config.read_text() + text)


def test_list_shows_what_waits_and_hides_all_but_the_host(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    configure(scene, WEBHOOK.replace("URL", "https://pager.example:8443/hush/hush"))
    rows = [
        Notice("oncall", "dead:okta", standing=True, sent_at=SINCE, last_code="200"),
        Notice("oncall", "guard:kolide", standing=True, fresh=2, due_at=SINCE),
        Notice("other", "guard:kolide", fresh=1),
    ]
    scene.store(lambda store: store.put_notices(rows))
    assert scene.run("notify", "list", "--json") == 0
    out = capsys.readouterr().out
    (found,) = json.loads(out)
    assert (found["url"], found["secret"], found["waiting"]) == ("https://pager.example:8443/…", "set", 1)
    assert (found["sent_at"], found["last_code"], found["standing"]) == (SINCE, "200", ["dead:okta", "guard:kolide"])
    assert scene.run("notify", "list") == 0
    out += capsys.readouterr().out
    assert "oncall" in out and "hush" not in out and SECRET not in out


def test_list_before_the_first_start_and_without_channels(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.run("notify", "list") == 0
    assert "there is no [[notify]]" in capsys.readouterr().err
    configure(scene, SLACK.replace("URL", "https://chat.example/hush"))
    assert scene.run("notify", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["waiting"] == 0


def test_test_sends_to_all_or_to_one(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    with server() as url:
        configure(scene, INSECURE + WEBHOOK.replace("URL", f"{url}/hush") + SLACK.replace("URL", f"{url}/gone"))
        assert scene.run("notify", "test", "oncall", "--json") == 0
        assert json.loads(capsys.readouterr().out) == [{"name": "oncall", "url": url, "taken": True, "answer": "200"}]
        assert scene.run("notify", "test") == 1
        assert "slack" in (out := capsys.readouterr().out) and "410" in out and "hush" not in out


def test_test_of_nobody_is_a_wrong_call(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    assert scene.run("notify", "test") == 2
    assert "there is no [[notify]]" in capsys.readouterr().err
    configure(scene, SLACK.replace("URL", "https://chat.example/hush"))
    assert scene.run("notify", "test", "slak") == 2
    assert capsys.readouterr().err == "caep-bridge: no [[notify]] has the name slak (did you mean slack?)\n"
    assert scene.run("notify", "test", "zz") == 2
    assert capsys.readouterr().err == "caep-bridge: no [[notify]] has the name zz; there is slack\n"


def test_what_is_not_set_here_is_said_and_hinders_no_other_command(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(scene, WEBHOOK.replace("URL", "env:NOT_SET").replace(f'"{SECRET}"', '["env:NOR_THIS"]'))
    assert scene.run("notify", "test") == 2
    assert capsys.readouterr().err == "caep-bridge: env:NOT_SET is not set where this command runs\n"
    scene.streams()
    assert scene.run("devices", "list") == 0
    assert scene.run("check") == 2
    said = [line.partition(": ")[2] for line in capsys.readouterr().err.splitlines()]
    assert said == [
        "notify.0.url: environment variable NOT_SET is not set",
        "notify.0.secret.0: environment variable NOR_THIS is not set",
    ]


def test_check_lists_the_channels(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    configure(scene, WEBHOOK.replace("URL", "https://pager.example/hush"))
    assert scene.run("check") == 0
    out = capsys.readouterr().out
    assert "notify oncall" in out and "https://pager.example/…" in out and "guard, dead" in out
    assert "hush" not in out and SECRET not in out
    assert scene.run("check", "--json") == 0
    assert json.loads(capsys.readouterr().out)["notify"][0]["name"] == "oncall"


def test_check_refuses_what_would_never_be_connected_to(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    configure(scene, SLACK.replace("URL", "https://169.254.169.254/hush"))
    assert scene.run("check") == 2
    err = capsys.readouterr().err
    assert "notify.0.url: is never connected to: a link-local address" in err and "hush" not in err


def test_check_says_what_lets_a_rehearsal_call_loopback(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    configure(scene, SLACK.replace("URL", "https://127.0.0.1/hook"))
    assert scene.run("check") == 2
    assert "(only where delivery.allow_insecure_targets is true, for tests)" in capsys.readouterr().err


def test_check_shows_two_secrets_as_words(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    text = scene.config.read_text().replace('signing_secret = "', 'signing_secret = ["another-one", "', 1)
    scene.config.write_text(text.replace('"\njudge', '"]\njudge', 1))
    assert scene.run("check") == 0
    assert "signing_secret: set, set" in capsys.readouterr().out
