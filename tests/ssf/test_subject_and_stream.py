from __future__ import annotations

import itertools
from typing import Any

import pytest

from bridge.model import DEVICE_COMPLIANCE_CHANGE, WireSubject
from bridge.ssf.stream import wants
from bridge.ssf.subject import wire_subject
from tests.ssf.given import stream


def test_wire_subject_of_a_person() -> None:
    subject = wire_subject(stream(aggregate="user"), "a@x.example", "fleet", "7")
    assert subject == WireSubject("user=a@x.example", "user=a@x.example", "a@x.example", None, None)


def test_wire_subject_of_a_device() -> None:
    subject = wire_subject(stream(aggregate="device"), "a@x.example", "fleet", "7")
    assert subject == WireSubject("user=a@x.example;device=fleet:7", "device=fleet:7", "a@x.example", "fleet", "7")


def test_no_two_subjects_share_a_key() -> None:
    logins = ["a", "a;device=fleet:7", "a%3Bdevice=fleet:7", "a%253Bdevice=fleet:7", "a;device=fleet"]
    devices = ["7", "7;device=fleet:7", "8", ":7"]
    keys = [wire_subject(stream(aggregate="user"), login, "fleet", "7").key for login in logins]
    keys += [
        wire_subject(stream(aggregate="device"), login, "fleet", device).key
        for login, device in itertools.product(logins, devices)
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"enabled": False}, "disabled"),
        ({"orphaned": True}, "disabled"),
        ({"events": frozenset()}, "not_requested"),
        ({"events": frozenset({"https://example/other"})}, "not_requested"),
        ({"connectors": frozenset({"fleet"})}, ""),
        ({"connectors": frozenset({"other"})}, "not_entitled"),
        ({"connectors": frozenset()}, "not_entitled"),
        ({"domains": frozenset({"acme.example"})}, ""),
        ({"domains": frozenset({"ACME.example"})}, ""),
        ({"domains": frozenset({"example"})}, "not_entitled"),
        ({"domains": frozenset({"mail.acme.example"})}, "not_entitled"),
        ({"domains": frozenset()}, "not_entitled"),
        ({"enabled": False, "events": frozenset()}, "disabled"),
    ],
)
def test_wants(changes: dict[str, Any], reason: str) -> None:
    assert wants(stream(**changes), DEVICE_COMPLIANCE_CHANGE, "fleet", "Dana@Acme.Example") == reason


@pytest.mark.parametrize("login", ["acme.example", "@acme.example", "dana@acme.example@evil.example", "", "dana@"])
def test_a_login_outside_the_domain(login: str) -> None:
    entitled = stream(domains=frozenset({"acme.example"}))
    assert wants(entitled, DEVICE_COMPLIANCE_CHANGE, "fleet", login) == "not_entitled"
