"""`caep-bridge receiver` as a process: what it prints of what comes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from bridge.cli import run

ROOT = Path(__file__).parent.parent.parent
ISSUER, AUDIENCE = "https://signals.acme.example", "https://acme.okta.com"
COMPLIANCE = "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change"
NOW = 1_795_348_800
KEY = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256", "use": "sig"})
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "SET_AUTH": "Bearer s3"}
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def signed(jti: str = "j1", key: RSAKey = KEY, **changed: Any) -> str:
    event = {
        "subject": {"user": {"format": "email", "email": "ada@acme.example"}},
        "event_timestamp": NOW,
        "current_status": "not-compliant",
        "previous_status": "compliant",
        "reason_admin": {"en": "\x1b[31mdisk\x07"},
    }
    claims = {"iss": ISSUER, "aud": AUDIENCE, "jti": jti, "iat": NOW, "events": {COMPLIANCE: event}, **changed}
    header = {"alg": "RS256", "kid": "k1", "typ": "secevent+jwt"}
    return jws.serialize_compact(header, json.dumps(claims), key)


@pytest.fixture(scope="module")
def transmitter() -> Iterator[str]:
    """The URL of a server that publishes metadata and key set."""

    class Documents(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = f"http://127.0.0.1:{server.server_address[1]}"
            metadata = {"issuer": ISSUER, "jwks_uri": f"{url}/jwks"}
            found = {"/metadata": metadata, "/jwks": {"keys": [KEY.as_dict(private=False)]}}[self.path]
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Documents) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Receiver:
    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bridge", "receiver", "--port", "0", *words], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
        )  # fmt: skip
        self._watch = threading.Timer(45, self.process.kill)
        self._watch.start()
        assert self.process.stderr is not None
        self.said = self.process.stderr.readline()
        while "listening on" not in self.said and self.process.poll() is None:
            self.said += self.process.stderr.readline()
        found = re.search(r"listening on (http://\S+),", self.said)
        assert found is not None, self.said
        self.url = found[1]

    def post(self, text: str, **headers: str) -> tuple[int, dict[str, Any]]:
        request = urllib.request.Request(
            f"{self.url}/events", text.encode(), {"Content-Type": "application/secevent+jwt", **headers}
        )
        try:
            with DIRECT.open(request, timeout=10) as answer:
                return answer.status, {}
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.loads(refusal.read())

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate()
        self._watch.cancel()
        assert err == ""
        return self.process.returncode, out


@pytest.fixture
def start() -> Iterator[Callable[..., Receiver]]:
    started: list[Receiver] = []

    def make(*words: str) -> Receiver:
        started.append(Receiver(*words))
        return started[-1]

    yield make
    for receiver in started:
        if receiver.process.poll() is None:
            receiver.process.kill()
            receiver.process.communicate()
        receiver._watch.cancel()


def test_one_json_object_a_line(start: Any, transmitter: str) -> None:
    receiver = start("--json", "--metadata", f"{transmitter}/metadata", "--audience", AUDIENCE, "--duplicates", "409")
    assert receiver.post(signed()) == (202, {})
    assert receiver.post(signed())[0] == 409
    refusals = [
        (signed("j2", OTHER), "authentication_failed"),
        (signed("j3", iss="https://other.example"), "invalid_issuer"),
        (signed("j4", aud="https://other.example"), "invalid_audience"),
        (signed("j5", events={}), "invalid_request"),
        ("nonsense", "invalid_request"),
    ]
    for text, err in refusals:
        status, body = receiver.post(text)
        assert (status, body["err"]) == (400, err)
    code, out = receiver.end()
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["status"] for line in lines] == [202, 409, 400, 400, 400, 400, 400]
    assert [line["err"] for line in lines[2:]] == [err for _, err in refusals]
    assert lines[0]["header"] == {"alg": "RS256", "kid": "k1", "typ": "secevent+jwt"}
    assert lines[0]["claims"]["events"][COMPLIANCE]["current_status"] == "not-compliant"


def test_for_people_and_with_a_header_that_must_come(start: Any, transmitter: str) -> None:
    receiver = start("--jwks", f"{transmitter}/jwks", "--issuer", ISSUER, "--authorization", "env:SET_AUTH")
    assert receiver.post(signed())[1]["err"] == "authentication_failed"
    assert receiver.post(signed(), Authorization="Bearer s3") == (202, {})
    assert receiver.post(signed(), Authorization="Bearer s3") == (202, {})
    code, out = receiver.end(signal.SIGINT)
    refused, accepted, *claims = out.splitlines()
    assert code == 0
    assert " 400 authentication_failed: " in refused
    assert accepted.endswith(" 202 accepted  device-compliance-change compliant → not-compliant")
    assert claims[-1].endswith(" 202 accepted before  device-compliance-change compliant → not-compliant")
    assert json.loads("\n".join(claims[:-1]))["jti"] == "j1"
    assert "\x1b" not in out and "\x07" not in out


def test_without_keys_it_says_that_no_signature_is_checked(start: Any) -> None:
    receiver = start("--profile", "okta")
    assert "no signature is checked" in receiver.said
    assert receiver.post(signed(key=OTHER)) == (202, {})
    assert "note: the signature was not checked" in receiver.end()[1]


def test_the_profile_decides(start: Any) -> None:
    assert start("--profile", "ssf").post(signed())[1]["err"] == "invalid_request"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "70000"], "--port must be from 0 to 65535"),
        (["--port", "0", "--jwks", "http://x.example/jwks"], "--issuer and --jwks go together, or --metadata alone"),
        (["--port", "0", "--issuer", ISSUER], "--issuer and --jwks go together, or --metadata alone"),
        (["--port", "0", "--authorization", "env:NOT_THERE"], "environment variable NOT_THERE is not set"),
        ([], "--port"),
        (["--port", "0", "--profile", "other"], "profile"),
    ],
)
def test_a_wrong_call(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["receiver", *words]) == 2
    out, err = capsys.readouterr()
    assert message in out + err


def test_a_taken_port(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["receiver", "--port", str(port)]) == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in capsys.readouterr().err
