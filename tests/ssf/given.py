"""A device, a stream and an event to begin from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridge.model import ComplianceChange, Device, Finding, Owner, Stream

LOGIN = "dana.reyes@acme.example"
ISSUER = "https://signals.acme.example"

EVENT = ComplianceChange(
    login=LOGIN,
    namespace="fleet",
    device_id="48213",
    previous="compliant",
    current="not-compliant",
    at=1795348791,
    reason_admin="Fleet Watch: Disk Is Not Encrypted",
    txn="b7e23ec29af22b0b4e41da31e868d572",
    initiating_entity="policy",
)


def stream(**changes: Any) -> Stream:
    plain = Stream(
        id="s1", name="rp", audience="https://rp.example", profile="ssf", endpoint_url="https://rp.example/events"
    )
    return replace(plain, **changes)


def finding(key: str, title: str = "", **changes: Any) -> Finding:
    return replace(Finding(key=key, state="failing", at=1.0, title=title), **changes)


def device(*findings: Finding, **changes: Any) -> Device:
    plain = Device(
        connector="fleet_eu",
        device_id="48213",
        name="Danas-MacBook.local",
        owner=Owner("p1", LOGIN),
        login=LOGIN,
        status="not-compliant",
        findings=findings,
        failing=tuple(one.key for one in findings),
    )
    return replace(plain, **changes)
