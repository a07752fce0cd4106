"""Devices and their people: the webhooks that they cause, what the vendor's API says, what the receiver is told."""

from __future__ import annotations

import base64
import hmac
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from tests.bench.service import SECRET
from tests.bench.wire import Reply, answer

LOOKUP = 0.020
"""Seconds after which the vendor's API answers."""
_TAKEN = answer(202)
_SAMPLES = 50


@dataclass(slots=True)
class Tally:
    """One round, by the device's id in SETs: when its webhook went out, when that was answered, when its SET came.

    Seconds of one clock. `asked` counts requests to the vendor's API.
    """

    sent: dict[str, float] = field(default_factory=dict)
    acked: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    asked: int = 0
    wrong: list[str] = field(default_factory=list)


class Fleet:
    """Every device has an owner of its own. `round` begins a round; each device may be used once in it."""

    def __init__(self, scenario: str, port: int = 0) -> None:
        self.scenario = scenario
        self.port = port
        self.tally = Tally()
        self.samples: list[str] = []
        self._failing = True
        self._rounds = 0
        self._began = time.time()

    def begin(self, *, failing: bool) -> Tally:
        self._rounds += 1
        self._failing = failing
        self.tally = Tally()
        return self.tally

    def name(self, device: int) -> str:
        return f"{self.scenario}:{device}"

    # -- the vendor -------------------------------------------------------------------------------

    def webhook(self, device: int, domain: str = "bench.example") -> bytes:
        """A whole signed request. `domain` is that of the owner where the webhook names one."""
        body = orjson.dumps(self._carried(device, domain) if self.scenario == "carried" else self._kolide(device))
        signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
        header = "x-signature" if self.scenario == "carried" else "authorization"
        head = (
            f"POST /webhooks/{self.scenario} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\nuser-agent: Ruby\r\n"
            f"accept: application/json\r\ncontent-type: application/json\r\n{header}: {signature}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _stated_at(self) -> str:
        """A second for each round, so that folding never sees two statements of one second."""
        return _text(self._began - 250 + self._rounds)

    def _carried(self, device: int, domain: str) -> dict[str, object]:
        owner = {"id": str(10_000_000 + device), "email": f"person{device}@{domain}"}
        status = "failing" if self._failing else "compliant"
        return {
            "event": "device.status", "id": f"01JX{self._rounds:06d}{device:016d}", "timestamp": self._stated_at(),
            "device": {"id": device, "name": f"laptop-{device}", "status": status, "owner": owner},
            "check": {"key": f"disk-{device}", "title": "Disk Is Not Encrypted", "tags": ["Critical"]},
        }  # fmt: skip

    def _kolide(self, device: int) -> dict[str, object]:
        check = {"id": 7, "name": "Disk Encryption", "tags": ["Critical"]}
        data = {
            "issue_id": device + 50_000_000, "title": "Disk Is Not Encrypted", "check_id": 7,
            "device": {"id": device, "name": f"laptop-{device}"}, "check": check,
        }  # fmt: skip
        event = "issues.new" if self._failing else "issues.resolved"
        return {
            "event": event, "id": f"01JX{self._rounds:06d}{device:016d}", "timestamp": self._stated_at(), "data": data
        }  # fmt: skip

    def ask(self, url: str, _: bytes) -> Reply:
        """The vendor's API."""
        parts = url.partition("?")[0].split("/")
        if len(parts) == 2:  # a list: the bench is about single looks
            return LOOKUP, answer(404)
        self.tally.asked += 1
        if parts[1] == "people":
            return LOOKUP, answer(200, orjson.dumps(_person(parts[2])))
        device = int(parts[2])
        document = self._device(device) if len(parts) == 3 else self._open_issues(device)
        return LOOKUP, answer(200, orjson.dumps(document))

    def _device(self, device: int) -> dict[str, object]:
        now, soon = _text(time.time()), _text(self._began + 3 * 86400)
        return {
            "id": str(device), "name": f"laptop-{device}", "registered_at": "2026-10-01T08:00:00Z",
            "last_authenticated_at": None, "last_seen_at": now,
            "registered_owner_info": {
                "identifier": str(10_000_000 + device), "link": f"https://api.kolide.com/people/{10_000_000 + device}"
            },
            "operating_system": "macOS 26.1", "hardware_model": "MacBook Pro", "serial": f"C02B{device:08d}",
            "hardware_uuid": f"00000000-0000-0000-0000-{device:012d}", "note": None,
            "auth_state": "Will Block" if self._failing else "Good", "will_block_at": soon if self._failing else None,
            "product_image_url": None, "device_type": "Mac", "form_factor": "computer",
            "auth_configuration": {
                "device_id": str(device), "authentication_mode": "only_registered_owner", "person_groups": []
            },
        }  # fmt: skip

    def _open_issues(self, device: int) -> dict[str, object]:
        found = [_issue(device, _text(self._began - 300), _text(self._began + 3 * 86400))] if self._failing else []
        page = {"next": "", "current_cursor": "", "next_cursor": "", "count": len(found)}
        return {"data": found, "pagination": page}

    # -- the receiver -----------------------------------------------------------------------------

    def tell(self, _: str, body: bytes) -> Reply:
        """Takes a SET at once. Its signature is looked at later, in a sample."""
        came = time.perf_counter()
        text = body.decode()
        payload = orjson.loads(_decoded(text.split(".")[1]))
        ((_, event),) = payload["events"].items()
        device = event["subject"]["device"]["id"]
        wanted = "not-compliant" if self._failing else "compliant"
        if device in self.tally.told or event["current_status"] != wanted:
            self.tally.wrong.append(f"{device}: {event['current_status']}, not {wanted} or told twice")
        self.tally.told[device] = came
        if len(self.samples) < _SAMPLES:
            self.samples.append(text)
        return 0.0, _TAKEN


def _person(owner: str) -> dict[str, object]:
    device = int(owner) - 10_000_000
    return {
        "id": owner, "name": f"Person {device}", "email": f"person{device}@bench.example",
        "created_at": "2026-01-05T08:00:00Z", "last_authenticated_at": "2026-11-01T08:00:00Z",
        "has_registered_device": True, "usernames": [f"person{device}"],
    }  # fmt: skip


def _issue(device: int, detected: str, blocks: str) -> dict[str, object]:
    return {
        "id": str(device + 50_000_000), "issue_key": "", "issue_value": "", "title": "Disk Is Not Encrypted",
        "value": {}, "exempted": False, "resolved_at": None, "detected_at": detected, "blocks_device_at": blocks,
        "device_information": {"identifier": str(device), "link": f"https://api.kolide.com/devices/{device}"},
        "check_information": {"identifier": "7", "link": "https://api.kolide.com/checks/7"},
        "last_rechecked_at": detected,
    }  # fmt: skip


def _text(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
