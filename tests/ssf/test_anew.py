"""A SET said again: what stays, what is new, and how a change of shape is noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.model import Event, ProfileName, Stream
from bridge.ssf.anew import Unreadable, anew, claims_of, is_stale
from bridge.ssf.profile import claims
from tests.ssf.given import EVENT, ISSUER, stream

PROFILES: list[ProfileName] = ["ssf", "okta", "sse"]


def said(profile: ProfileName = "ssf", event: Event = EVENT, **more: Any) -> tuple[dict[str, Any], Stream]:
    whom = replace(stream(), profile=profile, **more)
    return claims(event, whom, issuer=ISSUER, jti="old", iat=1795348800), whom


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("more", [{}, {"subject": "user", "aggregate": "user"}, {"send_txn": True}])
def test_the_same_in_the_same_shape(profile: ProfileName, more: dict[str, Any]) -> None:
    old, whom = said(profile, **more)
    assert not is_stale(old, whom, EVENT.txn, issuer=ISSUER)
    new = anew(old, whom, EVENT.txn, issuer=ISSUER, jti="new", iat=1795350000)
    assert new == {**old, "jti": "new", "iat": 1795350000}


@pytest.mark.parametrize("before", PROFILES)
@pytest.mark.parametrize("after", PROFILES)
def test_another_profile(before: ProfileName, after: ProfileName) -> None:
    old, _ = said(before)
    wanted, whom = said(after)
    assert is_stale(old, whom, EVENT.txn, issuer=ISSUER) is (before != after)
    assert anew(old, whom, EVENT.txn, issuer=ISSUER, jti="old", iat=1795348800) == wanted


def test_another_issuer_or_audience() -> None:
    old, whom = said()
    assert is_stale(old, whom, EVENT.txn, issuer="https://other.example")
    other = replace(whom, audience="https://elsewhere.example")
    assert is_stale(old, other, EVENT.txn, issuer=ISSUER)
    new = anew(old, other, EVENT.txn, issuer="https://other.example", jti="new", iat=1795348800)
    assert (new["iss"], new["aud"]) == ("https://other.example", "https://elsewhere.example")


def test_a_set_for_a_stream_that_is_gone_keeps_its_form() -> None:
    old, _ = said("okta")
    assert anew(old, None, EVENT.txn, issuer=ISSUER, jti="new", iat=7) == {**old, "jti": "new", "iat": 7}


def test_a_device_that_was_not_named_is_not_made_up() -> None:
    old, whom = said(subject="user", aggregate="user")
    new = anew(old, replace(whom, subject="device"), EVENT.txn, issuer=ISSUER, jti="new", iat=7)
    assert new == {**old, "jti": "new", "iat": 7}


def test_another_event_keeps_its_form() -> None:
    old = {"iss": ISSUER, "aud": "x", "jti": "old", "iat": 1, "events": {"urn:other": {"state": "?"}}}
    new = anew(old, stream(), "t", issuer="https://new.example", jti="new", iat=2)
    assert new == {**old, "iss": "https://new.example", "aud": stream().audience, "jti": "new", "iat": 2}


@pytest.mark.parametrize("text", ["", "a.b.c", "e30.e30.", "e30.W10.", "e30.eyJldmVudHMiOnt9fQ."])
def test_what_is_no_set(text: str) -> None:
    with pytest.raises(Unreadable):
        claims_of(text)


@pytest.mark.parametrize("broken", [{}, {"current_status": "compliant"}, []])
def test_a_set_that_does_not_say_enough(broken: object) -> None:
    old, whom = said()
    old["events"] = dict.fromkeys(old["events"], broken)
    with pytest.raises(Unreadable):
        anew(old, whom, EVENT.txn, issuer=ISSUER, jti="new", iat=1)
