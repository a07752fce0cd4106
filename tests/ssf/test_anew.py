"""A SET said again: what stays, what is new, and how a change of shape is noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.model import CredentialChange, Event, ProfileName, SessionRevoked, Shape, Stream
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


COMMON = {
    "login": EVENT.login, "namespace": EVENT.namespace, "at": EVENT.at, "reason_admin": "The session ended",
    "txn": EVENT.txn, "initiating_entity": "admin",
}  # fmt: skip
EVENTS: dict[str, Event] = {
    "compliance": EVENT,
    "session": SessionRevoked(**COMMON, device_id="48213"),
    "sessions": SessionRevoked(**COMMON, device_id=""),
    "credential": CredentialChange(**COMMON, device_id="", credential_type="pin", change_type="delete"),
    "named": CredentialChange(
        **COMMON, device_id="", credential_type="x509", change_type="create",
        friendly_name="card", x509_issuer="CN=A", x509_serial="12", fido2_aaguid="f8a011f3",
    ),
}  # fmt: skip
IDP = {"subject_format": "iss_sub", "subject_issuer": "https://idp.acme.example"}
SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "twice": {"shape": Shape(legacy_subject=True)},
    "tenant": {"shape": Shape(tenant="acme", legacy_subject=True)},
    "iss_sub": {"shape": Shape(**IDP)},
    "sse": {"profile": "sse"},
    "bare": {"profile": "sse", "shape": Shape(**IDP, bare_subject=True)},
    "okta": {"profile": "okta"},
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("before", SHAPES)
@pytest.mark.parametrize("after", SHAPES)
def test_from_any_shape_to_any_other(event: str, before: str, after: str) -> None:
    old, _ = said(event=EVENTS[event], **SHAPES[before])
    wanted, whom = said(event=EVENTS[event], **SHAPES[after])
    assert anew(old, whom, EVENT.txn, issuer=ISSUER, jti="old", iat=1795348800) == wanted
    assert is_stale(old, whom, EVENT.txn, issuer=ISSUER) is (old != wanted)


@pytest.mark.parametrize("event", EVENTS)
def test_from_a_shape_that_names_only_people(event: str) -> None:
    """What ended somebody's sessions said so without a device, and says the same with more room for one."""
    old, whom = said(event=EVENTS[event], subject="user", shape=Shape(**IDP))
    new = anew(old, replace(whom, subject="device"), EVENT.txn, issuer=ISSUER, jti="old", iat=1795348800)
    wider = {"format": "complex", "user": old["sub_id"]}
    assert new == (old if event == "compliance" else {**old, "sub_id": wider})


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
@pytest.mark.parametrize("event", EVENTS)
def test_a_set_that_does_not_say_enough(broken: object, event: str) -> None:
    old, whom = said(event=EVENTS[event])
    old["events"] = dict.fromkeys(old["events"], broken)
    with pytest.raises(Unreadable):
        anew(old, whom, EVENT.txn, issuer=ISSUER, jti="new", iat=1)


@pytest.mark.parametrize("user", [{"format": "email", "email": 7}, {"format": "iss_sub", "iss": "x"}, "dana", None])
def test_a_set_that_does_not_say_about_whom(user: object) -> None:
    old, whom = said()
    old["sub_id"] = {"format": "complex", "user": user}
    with pytest.raises(Unreadable):
        anew(old, whom, EVENT.txn, issuer=ISSUER, jti="new", iat=1)
