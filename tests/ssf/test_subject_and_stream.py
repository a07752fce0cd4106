from __future__ import annotations

import itertools
from typing import Any

import pytest

from bridge.model import DEVICE_COMPLIANCE_CHANGE, Shape, WireSubject
from bridge.ssf.identifier import parse
from bridge.ssf.selection import Selection
from bridge.ssf.stream import heard_of, wants
from bridge.ssf.subject import email, opaque, wire_subject
from tests.ssf.given import device, stream


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


ANN, SHAPES = "ann@acme.example", {"fleet": "fleet-prod"}


def about_them(kind: str, **members: object) -> Selection:
    subject = parse({"format": "complex", **members})
    return Selection("NONE").added(subject) if kind == "added" else Selection("ALL").removed(subject)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"selection": Selection("ALL")}, ""),
        ({"selection": Selection("NONE")}, "subject_not_added"),
        ({"selection": about_them("removed", user=email(ANN))}, "subject_removed"),
        ({"selection": about_them("removed", device=opaque("fleet-prod:7"))}, "subject_removed"),
        ({"selection": about_them("removed", device=opaque("fleet:7"))}, ""),
        ({"selection": about_them("added", user=email(ANN))}, ""),
        ({"selection": about_them("added", user=email(ANN.title()))}, "subject_not_added"),
        ({"selection": about_them("added", tenant=opaque("blue"))}, "subject_not_added"),
        ({"selection": about_them("added", tenant=opaque("blue")), "shape": Shape(tenant="blue")}, ""),
        ({"selection": about_them("added", tenant=opaque("red")), "shape": Shape(tenant="blue")}, "subject_not_added"),
        ({"selection": Selection("NONE"), "connectors": frozenset({"other"})}, "not_entitled"),
        ({"selection": about_them("added", user=email(ANN)), "domains": frozenset({"other.example"})}, "not_entitled"),
        ({"selection": Selection("NONE"), "events": frozenset()}, "not_requested"),
        ({"selection": Selection("NONE"), "paused": True}, "paused"),
    ],
)  # fmt: skip
def test_what_it_may_hear_comes_before_what_it_wants_to(changes: dict[str, Any], reason: str) -> None:
    assert wants(stream(**changes), DEVICE_COMPLIANCE_CHANGE, "fleet", ANN, "7", SHAPES) == reason


def test_only_devices_that_it_wants_to_hear_of_count_for_a_person() -> None:
    first, second = device(device_id="7"), device(device_id="8", connector="fleet")
    apart = about_them("removed", device=opaque("fleet-prod:8"))
    assert heard_of(stream(selection=apart), ANN, (first, second), SHAPES) == [first]
    assert heard_of(stream(selection=about_them("added", device=opaque("fleet_eu:7"))), ANN, [first], {}) == [first]


def test_a_stream_that_leaves_nobody_out_asks_nothing() -> None:
    class Unasked:
        everything = True

        def why_not(self, sub_id: object) -> Any:
            raise AssertionError("asked")

    devices = (device(),)
    for selection in (None, Unasked()):
        open_ = stream(selection=selection)
        assert wants(open_, DEVICE_COMPLIANCE_CHANGE, "fleet", ANN, "7", SHAPES) == ""
        assert heard_of(open_, ANN, devices, SHAPES) is devices
