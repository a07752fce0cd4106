"""What a receiver may ask for, what of it is granted, and what of it is refused by the path (SSF 1.0 §8.1.1)."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.model import DEVICE_COMPLIANCE_CHANGE, Stream, Subscription
from bridge.ssf.configuration import (
    DESCRIPTION_MOST,
    EVENTS_MOST,
    HEADER_MOST,
    OLD_POLL,
    OLD_PUSH,
    POLL,
    PUSH,
    URI_MOST,
    Delivery,
    Unacceptable,
    Wish,
    events_delivered,
    foreign_members,
    wish,
)
from bridge.ssf.described import Terms, configuration

HOOK = "https://hooks.example/ssf"
ISSUER = "https://signals.example/t/"
TERMS = Terms(ISSUER, (DEVICE_COMPLIANCE_CHANGE,), 10)


def push(**more: Any) -> dict[str, Any]:
    return {"delivery": {"method": PUSH, "endpoint_url": HOOK, **more}}


def test_nothing_is_asked_for() -> None:
    assert wish({}) == Wish()
    assert wish({"delivery": None, "events_requested": None, "description": None}) == Wish(), "null is not there"


def test_what_is_ours_and_what_nobody_knows_is_ignored() -> None:
    """What Apple's create request carries, and what comes after SSF 1.0."""
    body = {"aud": ["x"], "iss": "y", "format": "iss_sub", "stream_id": "z", "events_delivered": [], "x": {"y": [1]}}
    assert wish(body) == Wish()


@pytest.mark.parametrize("method", [PUSH, OLD_PUSH])
def test_a_push(method: str) -> None:
    asked = wish({"delivery": {"method": method, "endpoint_url": HOOK, "authorization_header": "Bearer a b"}})
    assert asked.delivery == Delivery(method, HOOK, "Bearer a b") and asked.delivery.pushes


@pytest.mark.parametrize("method", [POLL, OLD_POLL])
def test_where_a_poll_goes_is_ours(method: str) -> None:
    asked = wish({"delivery": {"method": method, "endpoint_url": "https://anything.example", "x": 1}})
    assert asked.delivery == Delivery(method) and not asked.delivery.pushes


def test_events_are_kept_as_they_were_written_once_each() -> None:
    assert wish({"events_requested": ["b", "a", "b", "not a URI"]}).events_requested == ("b", "a", "not a URI")
    assert wish({"events_requested": []}).events_requested == ()


def test_a_long_description_is_cut() -> None:
    assert wish({"description": "x" * 5000}).description == "x" * DESCRIPTION_MOST


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"delivery": []}, "delivery"),
        ({"delivery": "push"}, "delivery"),
        ({"delivery": {}}, "delivery.method"),
        ({"delivery": {"method": 8935}}, "delivery.method"),
        ({"delivery": {"method": "urn:ietf:rfc:8937"}}, "delivery.method"),
        ({"delivery": {"method": PUSH}}, "delivery.endpoint_url"),
        ({"delivery": {"method": PUSH, "endpoint_url": [HOOK]}}, "delivery.endpoint_url"),
        ({"delivery": {"method": PUSH, "endpoint_url": ""}}, "delivery.endpoint_url"),
        (push(endpoint_url=HOOK + "#part"), "delivery.endpoint_url"),
        (push(endpoint_url=HOOK + "x" * URI_MOST), "delivery.endpoint_url"),
        (push(authorization_header=["Bearer x"]), "delivery.authorization_header"),
        (push(authorization_header="Bearer x\r\nX-Other: y"), "delivery.authorization_header"),
        (push(authorization_header="Bearer x\n"), "delivery.authorization_header"),
        (push(authorization_header="Bearer \x00"), "delivery.authorization_header"),
        (push(authorization_header="Bearer é"), "delivery.authorization_header"),
        (push(authorization_header=" Bearer x"), "delivery.authorization_header"),
        (push(authorization_header="x" * (HEADER_MOST + 1)), "delivery.authorization_header"),
        ({"events_requested": {}}, "events_requested"),
        ({"events_requested": DEVICE_COMPLIANCE_CHANGE}, "events_requested"),
        ({"events_requested": ["a", 1]}, "events_requested[1]"),
        ({"events_requested": [""]}, "events_requested[0]"),
        ({"events_requested": ["x" * (URI_MOST + 1)]}, "events_requested[0]"),
        ({"events_requested": ["x"] * (EVENTS_MOST + 1)}, "events_requested"),
        ({"description": 5}, "description"),
    ],
)
def test_what_cannot_be(body: dict[str, Any], path: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        wish(body)
    assert refused.value.path == path
    assert "Bearer" not in str(refused.value), "a secret is not said back"


def test_what_is_delivered() -> None:
    supported = ("a", "b")
    assert events_delivered(supported, None) == ["a", "b"], "nothing named: all that can be had"
    assert events_delivered(supported, ("x", "b")) == ["b"]
    assert events_delivered(supported, ()) == []


def shown(made: Subscription, **terms: Any) -> dict[str, Any]:
    stream = Stream(
        "st_1", "alpha-1", "https://rp.example", "ssf", made.endpoint_url,
        way="push" if made.endpoint_url else "poll", by_api=True,
    )  # fmt: skip
    return configuration(stream, made, Terms(ISSUER, (DEVICE_COMPLIANCE_CHANGE,), 10, **terms))


def test_how_a_push_is_shown() -> None:
    assert shown(Subscription(OLD_PUSH, HOOK, "sealed", ("x",), "North"), inactivity_timeout=60) == {
        "stream_id": "st_1",
        "iss": ISSUER,
        "aud": "https://rp.example",
        "delivery": {"method": OLD_PUSH, "endpoint_url": HOOK},
        "events_supported": [DEVICE_COMPLIANCE_CHANGE],
        "events_requested": ["x"],
        "events_delivered": [],
        "min_verification_interval": 10,
        "inactivity_timeout": 60,
        "description": "North",
    }


def test_an_audience_that_is_shown_as_a_list() -> None:
    listed = shown(Subscription(POLL), audience_list=True)
    assert listed["aud"] == ["https://rp.example"]
    for same in ("https://rp.example", ["https://rp.example"]):
        foreign_members({"aud": same}, listed)
    assert listed == {**shown(Subscription(POLL)), "aud": ["https://rp.example"]}


def test_how_a_poll_is_shown() -> None:
    found = shown(Subscription(POLL))
    assert found["delivery"] == {"method": POLL, "endpoint_url": "https://signals.example/t/ssf/poll/st_1"}
    assert not {"events_requested", "inactivity_timeout", "description"} & found.keys()
    assert found["events_delivered"] == [DEVICE_COMPLIANCE_CHANGE]


KNOWN = shown(Subscription(POLL))


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"iss": ISSUER, "aud": "https://rp.example", "stream_id": "st_1"},
        {"events_supported": [DEVICE_COMPLIANCE_CHANGE, DEVICE_COMPLIANCE_CHANGE], "min_verification_interval": 10},
        {"aud": None},
        {"aud": ["https://rp.example"]},
        {"unknown": 1},
        {"delivery": KNOWN["delivery"]},
        {"delivery": {"method": POLL}},
        {"delivery": {"method": POLL, "endpoint_url": ""}},
        {"delivery": {"method": OLD_POLL, "endpoint_url": KNOWN["delivery"]["endpoint_url"]}},
        {"delivery": {"method": PUSH, "endpoint_url": HOOK}},
        {"delivery": "not an object"},
    ],
)
def test_what_is_ours_may_stand_in_a_change_as_it_is(same: dict[str, Any]) -> None:
    foreign_members(same, KNOWN)


@pytest.mark.parametrize(
    ("other", "path"),
    [
        ({"iss": "https://other.example"}, "iss"),
        ({"aud": "https://other.example"}, "aud"),
        ({"aud": ["https://rp.example", "https://other.example"]}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": {"https://rp.example": 1}}, "aud"),
        ({"events_supported": []}, "events_supported"),
        ({"events_delivered": [DEVICE_COMPLIANCE_CHANGE, "x"]}, "events_delivered"),
        ({"events_delivered": DEVICE_COMPLIANCE_CHANGE}, "events_delivered"),
        ({"min_verification_interval": 11}, "min_verification_interval"),
        ({"min_verification_interval": "10"}, "min_verification_interval"),
        ({"delivery": {"method": POLL, "endpoint_url": "https://mine.example"}}, "delivery.endpoint_url"),
        ({"delivery": {"method": OLD_POLL, "endpoint_url": "https://mine.example"}}, "delivery.endpoint_url"),
    ],
)
def test_what_is_ours_is_not_changed(other: dict[str, Any], path: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        foreign_members(other, KNOWN)
    assert refused.value.path == path


def test_what_the_stream_does_not_have_is_not_given_to_it() -> None:
    with pytest.raises(Unacceptable) as refused:
        foreign_members({"inactivity_timeout": 60}, {"inactivity_timeout": None, **KNOWN})
    assert refused.value.path == "inactivity_timeout"
