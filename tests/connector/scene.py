"""What the connector tests share: a clock that is moved by hand, a scripted vendor, small manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge.connector.connector import Connector
from bridge.connector.load import load
from bridge.model import VerifiedWebhook, Webhook
from bridge.outbound import Answer, ConnectFailed

SECRET = "demo-secret-0123456789abcdef"
BODY = (
    b'{"event":"issues.new","id":"01JX0000000000000000000001","timestamp":"2026-11-01T10:00:00Z","data":{"issue_id":42,'
    b'"title":"Disk Is Not Encrypted","check_id":7,"device":{"id":1001,"name":"lap-a"},'
    b'"check":{"id":7,"name":"Disk Encryption","tags":["Critical"]}}}'
)
NOW = 1793527200.0


class Hand:
    """A clock moved by hand; sleeping moves it."""

    def __init__(self, now: float = NOW) -> None:
        self.at = now
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


class Vendor:
    """Answers by "METHOD path?query"; a value may be JSON, (status, JSON), an Answer, or an exception.

    A list of values is answered one after the other, the last for ever.
    """

    def __init__(self, answers: Mapping[str, Any], base: str = "https://api.vendor.example") -> None:
        self.answers = dict(answers)
        self.base = base
        self.asked: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.bodies: list[bytes | None] = []

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, timeout: float
    ) -> Answer:
        key = f"{method} {url.removeprefix(self.base)}"
        self.asked.append(key)
        self.headers.append(headers)
        self.bodies.append(body)
        value = self.answers.get(key, (404, {"error": "not found"}))
        if isinstance(value, list) and value and isinstance(value[0], Next):
            value = (value.pop(0) if len(value) > 1 else value[0]).value
        if isinstance(value, Exception):
            raise value
        if isinstance(value, Answer):
            return value
        status, tree = value if isinstance(value, tuple) else (200, value)
        return Answer(status, {"content-type": "application/json"}, json.dumps(tree).encode())


class Next:
    """One of several answers to the same request."""

    def __init__(self, value: Any) -> None:
        self.value = value


def failed(code: Any) -> ConnectFailed:
    return ConnectFailed(code, "scripted", certainly_not_sent=True)


def make(
    tmp_path: Path, manifest: str, table: Mapping[str, object], vendor: Vendor | None = None, clock: Hand | None = None
) -> Connector:
    """A connector from an own connector.toml, as an admin would load it."""
    (tmp_path / "connector.toml").write_text(manifest)
    return load(
        "own",
        {"type": "./connector.toml", **table},
        outbound=vendor or Vendor({}),
        clock=clock or Hand(),
        base_dir=tmp_path,
    )


def webhook(body: object, headers: Mapping[str, str] | None = None, query: str = "", at: float = NOW) -> Webhook:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Webhook("own", "POST", headers or {}, content, at, query)


def verified(body: object, headers: Mapping[str, str] | None = None) -> VerifiedWebhook:
    return VerifiedWebhook(webhook(body, headers))
