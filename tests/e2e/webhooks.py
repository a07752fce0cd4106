"""Kolide's webhooks as they come over the wire: the body, its signature, and one request with it."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.e2e.times import iso

SECRET = "e2e-signing-secret"


@dataclass(frozen=True)
class Hook:
    """One webhook. Sent twice it is the same delivery."""

    event: str
    device: int
    issue: int = 1
    at: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    owner: tuple[int, str] | None = None
    """Id and address of the registered owner, where the event states one."""

    @property
    def body(self) -> bytes:
        device: dict[str, Any] = {"id": self.device, "name": f"lap-{self.device}"}
        data = {"issue_id": self.issue, "title": f"Issue {self.issue}", "check_id": self.issue, "device": device}
        if not self.event.startswith("issues."):
            data = {"device_id": self.device, "device_name": f"lap-{self.device}", "device_status": "blocked"}
            if self.owner is not None:
                data["registered_owner"] = {"id": self.owner[0], "email": self.owner[1]}
        document = {"event": self.event, "id": self.id, "timestamp": iso(self.at), "data": data}
        return json.dumps(document).encode()


def opened(device: int, issue: int = 1, **more: Any) -> Hook:
    return Hook("issues.new", device, issue, **more)


def resolved(device: int, issue: int = 1, **more: Any) -> Hook:
    return Hook("issues.resolved", device, issue, **more)


def changed(device: int) -> Hook:
    """Only a doorbell: it states nothing about an issue."""
    return Hook("device_trust.status_changed", device)


def registered(device: int, owner: int, address: str) -> Hook:
    """A doorbell that names the owner."""
    return Hook("devices.registered", device, owner=(owner, address))


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]


async def post(session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    """`headers` replace those that Kolide sends; one that is "" is left out."""
    sent = {"Content-Type": "application/json", "Authorization": signature(body), **(headers or {})}
    async with session.post(
        url, data=io.BytesIO(body), headers={name: value for name, value in sent.items() if value}
    ) as answer:
        text = await answer.read()
        parsed = json.loads(text) if text else {}
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, parsed)
