"""What a stream wants otherwise than its profile has it, and events beside device-compliance-change."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

import pytest

from bridge.model import ChangeType, ComplianceChange, CredentialChange, Event, SessionRevoked, Shape, Stream
from bridge.receiver.rules import Profile, check_content
from bridge.ssf.payload import payload
from bridge.ssf.profile import Claims, claims
from bridge.value import replace
from tests.ssf.given import EVENT, ISSUER, LOGIN, stream

IDP = "https://idp.acme.example"
DANA = {"format": "email", "email": LOGIN}
DANA_AT_IDP = {"format": "iss_sub", "iss": IDP, "sub": LOGIN}
LAPTOP = {"format": "opaque", "id": "fleet:48213"}
ACME = {"format": "opaque", "id": "acme"}
BOTH = {"user": DANA, "device": LAPTOP}
AT_IDP: dict[str, Any] = {"subject_format": "iss_sub", "subject_issuer": IDP}
WHO: dict[str, Any] = {
    "login": LOGIN, "namespace": "fleet", "device_id": "48213", "at": 1795348791, "reason_admin": "why", "txn": "t",
    "initiating_entity": "policy",
}  # fmt: skip
REVOKED = SessionRevoked(**WHO)
CHANGED = CredentialChange(**{**WHO, "device_id": ""}, credential_type="password", change_type="update")


def shaped(profile: Profile = "ssf", form: str = "device", **options: Any) -> Stream:
    return stream(profile=profile, subject=form, shape=Shape(**options))


def told(to: Stream, event: Event = EVENT) -> Claims:
    return claims(event, to, issuer=ISSUER, jti="j", iat=1795348800)


def inside(made: Claims) -> Any:
    (said,) = made["events"].values()
    return said.get("subject")


@pytest.mark.parametrize(
    ("to", "sub_id", "subject"),
    [
        (shaped(), {"format": "complex", **BOTH}, None),
        (shaped(form="user"), DANA, None),
        (shaped(form="user", legacy_subject=True), DANA, DANA),
        (shaped(legacy_subject=True), {"format": "complex", **BOTH}, "sub_id"),
        (shaped(tenant="acme"), {"format": "complex", **BOTH, "tenant": ACME}, None),
        (shaped(tenant="acme", legacy_subject=True), {"format": "complex", **BOTH, "tenant": ACME}, "sub_id"),
        (shaped(form="user", **AT_IDP), DANA_AT_IDP, None),
        (shaped(**AT_IDP), {"format": "complex", **BOTH, "user": DANA_AT_IDP}, None),
        (shaped("sse"), {"format": "complex", **BOTH}, "sub_id"),
        (shaped("sse", "user"), DANA, DANA),
        (shaped("sse", bare_subject=True), {"format": "complex", **BOTH}, BOTH),
        (shaped("sse", "user", bare_subject=True, **AT_IDP), DANA_AT_IDP, {"user": DANA_AT_IDP}),
    ],
)
def test_where_the_subject_stands_and_what_it_is(to: Stream, sub_id: Claims, subject: Any) -> None:
    made = told(to)
    assert made["sub_id"] == sub_id
    assert inside(made) == (sub_id if subject == "sub_id" else subject)
    assert check_content(made, to.profile, audience=to.audience, now=1795348800) is None


@pytest.mark.parametrize("profile", ["ssf", "sse", "okta"])
@pytest.mark.parametrize("event", [REVOKED, CHANGED], ids=["session-revoked", "credential-change"])
def test_other_events_stand_in_the_same_envelope(profile: Profile, event: Event) -> None:
    made = told(shaped(profile), event)
    assert list(made["events"]) == [event.type]
    (said,) = made["events"].values()
    assert (said["event_timestamp"], said["initiating_entity"]) == (1795348791, "policy")
    assert said["reason_admin"] == {"en": "why"}
    assert {"iss", "aud", "jti", "iat", "events"} <= made.keys() and not {"sub", "exp", "nbf"} & made.keys()


def test_an_event_about_no_device_names_none() -> None:
    assert told(shaped(), CHANGED)["sub_id"] == {"format": "complex", "user": DANA}
    assert told(shaped(), REVOKED)["sub_id"] == {"format": "complex", "user": DANA, "device": LAPTOP}
    assert inside(told(shaped("okta"), CHANGED)) == {"user": DANA}


def test_session_revoked_says_no_more_than_the_common_members() -> None:
    assert payload(REVOKED).keys() == {"event_timestamp", "initiating_entity", "reason_admin"}


@pytest.mark.parametrize("change", get_args(ChangeType))
def test_a_credential_change(change: ChangeType) -> None:
    said = payload(replace(CHANGED, change_type=change))
    assert (said["credential_type"], said["change_type"]) == ("password", change)
    assert not {"friendly_name", "x509_issuer", "x509_serial", "fido2_aaguid"} & said.keys()


def test_what_is_known_of_a_credential_is_told() -> None:
    optional = {"friendly_name": "blue", "x509_issuer": "CN=A", "x509_serial": "1", "fido2_aaguid": "f8a011f3"}
    said = payload(replace(CHANGED, **optional))
    assert {name: said[name] for name in optional} == optional


@pytest.mark.parametrize("reason", ["", "  "])
@pytest.mark.parametrize("event", [REVOKED, CHANGED])
def test_an_event_without_a_reason_is_not_told(event: Event, reason: str) -> None:
    with pytest.raises(ValueError, match="reason_admin"):
        payload(replace(event, reason_admin=reason))


def test_what_is_no_kind_of_event_is_not_told() -> None:
    with pytest.raises(TypeError, match="no event"):
        payload(Event(**WHO))


def test_a_kind_of_event_is_copied_like_any_value() -> None:
    """Its type belongs to its class and is no member."""
    assert replace(EVENT, current="compliant").type == ComplianceChange.type
    assert "type" not in {member.name for member in fields(ComplianceChange)}
    assert len({REVOKED, replace(REVOKED, txn="t"), replace(REVOKED, txn="u")}) == 2
