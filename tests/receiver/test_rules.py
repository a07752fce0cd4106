from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.receiver.rules import Profile, notes
from tests.receiver.changes import CAEP, COMPLIANCE, NOW, Change, Json, check, drop, event, put


@pytest.mark.parametrize("profile", ["okta", "ssf", "sse"])
@pytest.mark.parametrize(
    ("changed", "err", "says"),
    [
        ({"typ": "JWT"}, "invalid_request", "typ"),
        ({"typ": "application/secevent+jwt"}, "invalid_request", "typ"),
        ({"typ": None}, "invalid_request", "typ"),
        ({"alg": "ES256"}, "invalid_request", "alg"),
        ({"alg": "none"}, "invalid_request", "alg"),
        ({"alg": None}, "invalid_request", "alg"),
        ({"kid": None}, "invalid_request", "kid"),
        ({"kid": ""}, "invalid_request", "kid"),
        ({"kid": 7}, "invalid_request", "kid"),
        ({"kid": "k2"}, "invalid_key", "kid"),
    ],
)
def test_header(header: Json, ssf_claims: Json, profile: Profile, changed: Json, err: str, says: str) -> None:
    error = check({**header, **changed}, ssf_claims, profile)
    assert error is not None and error.err == err and says in error.description


ENVELOPE: list[tuple[Change, str, str]] = [
    (drop("iss"), "invalid_request", "iss"),
    (put("iss", ["https://signals.acme.example"]), "invalid_request", "iss"),
    (put("iss", "https://signals.acme.example/"), "invalid_issuer", "iss"),
    (drop("aud"), "invalid_request", "aud"),
    (put("aud", 1), "invalid_request", "aud"),
    (put("aud", []), "invalid_request", "aud"),
    (put("aud", "https://acme.okta.com/"), "invalid_audience", "aud"),
    (drop("jti"), "invalid_request", "jti"),
    (put("jti", " "), "invalid_request", "jti"),
    (put("jti", 5), "invalid_request", "jti"),
    (drop("iat"), "invalid_request", "iat"),
    (put("iat", "1795348800"), "invalid_request", "iat"),
    (put("iat", 1795348800.0), "invalid_request", "iat"),
    (put("iat", True), "invalid_request", "iat"),
    (drop("events"), "invalid_request", "events"),
    (put("events", {}), "invalid_request", "events"),
    (put("events", []), "invalid_request", "events"),
    (put("events", {COMPLIANCE: None}), "invalid_request", "events"),
    (put("events", {COMPLIANCE: "x"}), "invalid_request", "events"),
    (put("events", {"https://example.com/made-up": {}}), "invalid_request", "made-up"),
]


@pytest.mark.parametrize(("change", "err", "says"), ENVELOPE)
@pytest.mark.parametrize("profile", ["okta", "ssf"])
def test_envelope(
    header: Json, okta_claims: Json, ssf_claims: Json, profile: Profile, change: Change, err: str, says: str
) -> None:
    claims = okta_claims if profile == "okta" else ssf_claims
    assert check(header, claims, profile) is None
    change(claims)
    error = check(header, claims, profile)
    assert error is not None and error.err == err and says in error.description


SUBJECT_FAULTS: list[tuple[Any, str]] = [
    (None, "object"),
    ("dana", "object"),
    ({}, "format"),
    ({"format": "phone", "phone_number": "+1"}, "format"),
    ({"format": "account", "uri": "acct:a@b"}, "format"),
    ({"format": "email"}, "email"),
    ({"format": "email", "email": ""}, "email"),
    ({"format": "email", "email": 7}, "email"),
    ({"format": "email", "email": "a@b.example", "iss": "x"}, "members"),
    ({"format": "iss_sub", "iss": "x"}, "sub"),
    ({"format": "complex"}, "no member"),
    ({"format": "complex", "user": "dana"}, "user"),
    ({"format": "complex", "user": {"format": "complex"}}, "user"),
    ({"format": "complex", "user": {"format": "email", "email": "a@b.example", "x": "y"}}, "user"),
    ({"user": {"format": "email", "email": "a@b.example"}}, "format"),
]


@pytest.mark.parametrize(("subject", "says"), SUBJECT_FAULTS)
def test_ssf_subjects(header: Json, ssf_claims: Json, subject: Any, says: str) -> None:
    for change in (put("sub_id", subject), put("event.subject", subject)):
        claims = copy.deepcopy(ssf_claims)
        change(claims)
        error = check(header, claims, "ssf")
        assert error is not None and error.err == "invalid_request" and says in error.description


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (drop("sub_id"), "sub_id"),
        (put("sub", "dana"), "sub must not"),
        (put("exp", NOW + 60), "exp must not"),
        (put("txn", 7), "txn"),
        (put("iat", NOW + 61), "future"),
        (drop("event.previous_status"), "previous_status"),
        (put("event.current_status", "unknown"), "current_status"),
        (put("event.previous_status", "not-compliant"), "differ"),
        (put("event.event_timestamp", 1795348791.0), "event_timestamp"),
        (put("event.event_timestamp", NOW * 1000), "event_timestamp"),
        (put("event.event_timestamp", -1), "event_timestamp"),
        (put("event.initiating_entity", "robot"), "initiating_entity"),
        (put("event.reason_admin", "x"), "reason_admin"),
        (put("event.reason_admin", {}), "reason_admin"),
        (put("event.reason_user", {"en": 1}), "reason_user"),
        (put("aud", ["https://acme.okta.com", 1]), "aud"),
    ],
)
def test_ssf_refuses(header: Json, ssf_claims: Json, change: Change, says: str) -> None:
    change(ssf_claims)
    error = check(header, ssf_claims, "ssf")
    assert error is not None and error.err == "invalid_request" and says in error.description


def test_ssf_wants_one_event(header: Json, ssf_claims: Json) -> None:
    ssf_claims["events"][CAEP + "session-revoked"] = {}
    error = check(header, ssf_claims, "ssf")
    assert error is not None and "exactly one" in error.description


@pytest.mark.parametrize(
    "change",
    [
        put("sub_id", {"format": "email", "email": "a@b.example"}),
        put("event.subject", {"format": "opaque", "id": "x"}),
        put("aud", ["https://other.example", "https://acme.okta.com"]),
        put("iat", NOW + 59),
        drop("txn"),
        drop("event.event_timestamp"),
        drop("event.reason_admin"),
        put("event.something_new", [1]),
        event(CAEP + "session-revoked"),
        event("https://schemas.openid.net/secevent/ssf/event-type/verification", state="s"),
        event("https://schemas.openid.net/secevent/ssf/event-type/stream-updated", status="paused"),
        event(CAEP + "credential-change", credential_type="password", change_type="update"),
    ],
)
def test_ssf_takes(header: Json, ssf_claims: Json, change: Change) -> None:
    change(ssf_claims)
    assert check(header, ssf_claims, "ssf") is None


def test_sse_wants_the_subject_in_the_event(header: Json, ssf_claims: Json) -> None:
    error = check(header, ssf_claims, "sse")
    assert error is not None and "subject" in error.description
    subject = ssf_claims.pop("sub_id")
    put("event.subject", {name: member for name, member in subject.items() if name != "format"})(ssf_claims)
    assert check(header, ssf_claims, "sse") is None
    assert check(header, {**ssf_claims, "sub_id": subject}, "sse") is None
    error = check(header, {**ssf_claims, "sub_id": {}}, "sse")
    assert error is not None and "sub_id" in error.description


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"change_type": "update"}, "credential_type"),
        ({"credential_type": " ", "change_type": "update"}, "credential_type"),
        ({"credential_type": "password"}, "change_type"),
        ({"credential_type": "password", "change_type": "changed"}, "change_type"),
        ({"credential_type": "password", "change_type": ["update"]}, "change_type"),
    ],
)
def test_credential_change(header: Json, ssf_claims: Json, members: Json, says: str) -> None:
    event(CAEP + "credential-change", **members)(ssf_claims)
    error = check(header, ssf_claims, "ssf")
    assert error is not None and error.err == "invalid_request" and says in error.description


@pytest.mark.parametrize("name", ["verification", "stream-updated"])
def test_the_names_of_the_draft_belong_to_sse(header: Json, ssf_claims: Json, name: str) -> None:
    about = {"format": "opaque", "id": "s1"}
    event(f"https://schemas.openid.net/secevent/sse/event-type/{name}", subject=about)(ssf_claims)
    assert check(header, ssf_claims, "sse") is None
    error = check(header, ssf_claims, "ssf")
    assert error is not None and name in error.description


def test_what_is_not_expected_is_not_checked(header: Json, okta_claims: Json) -> None:
    claims = {**okta_claims, "iss": "https://x.example", "aud": "https://y.example"}
    assert check({**header, "kid": "z"}, claims, "okta", issuer=None, audience=None, kids=None) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLACES = [
    "iss",
    "aud",
    "jti",
    "iat",
    "txn",
    "sub_id",
    "events",
    "event.subject",
    "event.subject.user",
    "event.subject.user.format",
    "event.event_timestamp",
    "event.current_status",
    "event.initiating_entity",
    "event.reason_admin",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(place=st.sampled_from(PLACES), value=JSON, profile=st.sampled_from(["okta", "ssf", "sse"]))
def test_any_value_anywhere_is_a_verdict(
    header: Json, okta_claims: Json, place: str, value: Any, profile: Profile
) -> None:
    claims = copy.deepcopy({**okta_claims, "sub_id": {"format": "opaque", "id": "x"}})
    put(place, value)(claims)
    error = check(header, claims, profile)
    assert error is not None or isinstance(notes(claims, profile), tuple)
