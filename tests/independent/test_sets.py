"""The validator refuses what the specifications forbid, rule by rule: one that took all would prove nothing."""

from __future__ import annotations

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.independent import keys
from tests.independent.events import DEVICE_COMPLIANCE_CHANGE, STREAM_UPDATED, VERIFICATION
from tests.independent.refusal import Refused
from tests.independent.sets import Expected, SecurityEvent, validate

KEY = RSAKey.generate_key(2048, {"kid": "k1"}, auto_kid=False)
OTHER = RSAKey.generate_key(2048, {"kid": "k1"}, auto_kid=False)
EXPECTED = Expected("https://t.example", "https://r.example", "s-1")
NOW = time.time()
MISSING: Any = object()

EVENT = {
    "previous_status": "compliant",
    "current_status": "not-compliant",
    "initiating_entity": "policy",
    "reason_admin": {"en": "Disk encryption is off"},
    "event_timestamp": int(NOW) - 5,
}
CLAIMS: dict[str, Any] = {
    "iss": "https://t.example",
    "aud": "https://r.example",
    "jti": "j-1",
    "iat": int(NOW),
    "txn": "t-1",
    "sub_id": {
        "format": "complex",
        "user": {"format": "email", "email": "ada@acme.example"},
        "device": {"format": "opaque", "id": "kolide:1"},
    },
    "events": {DEVICE_COMPLIANCE_CHANGE: EVENT},
}
STREAM = {"format": "opaque", "id": "s-1"}


def changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (base | changes).items() if value is not MISSING}


def judged(claims: dict[str, Any], header: dict[str, Any] | None = None, key: RSAKey | OctKey = KEY) -> SecurityEvent:
    head = changed({"typ": "secevent+jwt", "alg": "RS256", "kid": "k1"}, header or {})
    text = jwt.encode(head, claims, key, algorithms=["RS256", "RS512", "HS256"], default_type=None)
    return validate(text, keys.read(public()), EXPECTED, NOW)


def public(**changes: Any) -> dict[str, Any]:
    return {"keys": [KEY.as_dict(private=False) | {"use": "sig", "alg": "RS256"} | changes]}


def test_what_keeps_to_the_rules_is_taken() -> None:
    event = judged(CLAIMS)
    assert (event.jti, event.type, event.payload["current_status"]) == (
        "j-1",
        DEVICE_COMPLIANCE_CHANGE,
        "not-compliant",
    )
    verification = {"sub_id": STREAM, "events": {VERIFICATION: {"state": "x"}}}
    assert judged(CLAIMS | verification).payload == {"state": "x"}
    updated = {"sub_id": STREAM, "events": {STREAM_UPDATED: {"status": "paused", "reason": "by hand"}}}
    assert judged(CLAIMS | updated).type == STREAM_UPDATED


@pytest.mark.parametrize(
    ("header", "err"),
    [
        ({"typ": "JWT"}, "invalid_request"),
        ({"typ": MISSING}, "invalid_request"),
        ({"typ": "application/secevent+jwt"}, "invalid_request"),
        ({"alg": "RS512"}, "invalid_key"),
        ({"kid": "k2"}, "invalid_key"),
        ({"kid": MISSING}, "invalid_key"),
        ({"jku": "https://t.example/keys"}, "invalid_request"),
    ],
)
def test_header(header: dict[str, Any], err: str) -> None:
    with pytest.raises(Refused) as caught:
        judged(CLAIMS, header)
    assert caught.value.err == err


def test_signatures() -> None:
    with pytest.raises(Refused, match="signature"):
        judged(CLAIMS, key=OTHER)
    with pytest.raises(Refused, match="alg"):
        judged(CLAIMS, {"alg": "HS256"}, key=OctKey.generate_key(256))
    for text in ("", "a.b", "a.b.c.d", "é.b.c", "e30.e30.", "eyJ=.e30.x"):
        with pytest.raises(Refused):
            validate(text, keys.read(public()), EXPECTED, NOW)


@pytest.mark.parametrize(
    ("claims", "err"),
    [
        ({"iss": "https://t.example/"}, "invalid_issuer"),
        ({"aud": "https://other.example"}, "invalid_audience"),
        ({"aud": ["https://r.example"]}, "invalid_audience"),
        ({"aud": MISSING}, "invalid_audience"),
        ({"sub": "ada"}, "invalid_request"),
        ({"exp": int(NOW) + 60}, "invalid_request"),
        ({"nbf": int(NOW)}, "invalid_request"),
        ({"jti": 7}, "invalid_request"),
        ({"jti": MISSING}, "invalid_request"),
        ({"iat": int(NOW) + 60}, "invalid_request"),
        ({"iat": NOW}, "invalid_request"),
        ({"iat": str(int(NOW))}, "invalid_request"),
        ({"txn": 17}, "invalid_request"),
        ({"events": {}}, "invalid_request"),
        ({"events": {DEVICE_COMPLIANCE_CHANGE: EVENT, VERIFICATION: {}}}, "invalid_request"),
        ({"events": {DEVICE_COMPLIANCE_CHANGE: []}}, "invalid_request"),
        ({"events": MISSING}, "invalid_request"),
        ({"sub_id": MISSING}, "invalid_request"),
        ({"sub_id": {"format": "email"}}, "invalid_request"),
        ({"sub_id": {"format": "email", "email": "ada@acme.example", "name": "Ada"}}, "invalid_request"),
        ({"sub_id": {"user": {"format": "email", "email": "ada@acme.example"}}}, "invalid_request"),
        ({"sub_id": {"format": "complex"}}, "invalid_request"),
        ({"sub_id": {"format": "complex", "user": {"format": "complex", "user": STREAM}}}, "invalid_request"),
        ({"sub_id": {"format": "phone", "phone": "+1"}}, "invalid_request"),
        ({"sub_id": {"format": "opaque", "id": "kolide:1"}}, "invalid_request"),
    ],
)
def test_claims(claims: dict[str, Any], err: str) -> None:
    with pytest.raises(Refused) as caught:
        judged(changed(CLAIMS, claims))
    assert caught.value.err == err


@pytest.mark.parametrize(
    "event",
    [
        {"previous_status": MISSING},
        {"current_status": "compliant"},
        {"current_status": "unknown"},
        {"event_timestamp": int(NOW * 1000)},
        {"event_timestamp": "2026-11-01T00:00:00Z"},
        {"initiating_entity": "robot"},
        {"reason_admin": MISSING},
        {"reason_admin": {}},
        {"reason_admin": "disk"},
        {"reason_user": {}},
    ],
)
def test_device_compliance_change(event: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        judged(CLAIMS | {"events": {DEVICE_COMPLIANCE_CHANGE: changed(EVENT, event)}})


@pytest.mark.parametrize(
    ("subject", "event"),
    [
        (CLAIMS["sub_id"], {VERIFICATION: {}}),
        ({"format": "opaque", "id": "s-2"}, {VERIFICATION: {}}),
        (STREAM, {VERIFICATION: {"state": None}}),
        (STREAM, {VERIFICATION: {"subject": STREAM}}),
        ({"format": "opaque", "id": "s-2"}, {STREAM_UPDATED: {"status": "paused"}}),
        (STREAM, {STREAM_UPDATED: {}}),
        (STREAM, {STREAM_UPDATED: {"status": "gone"}}),
        (STREAM, {STREAM_UPDATED: {"status": "paused", "reason": {"en": "by hand"}}}),
    ],
)
def test_framework_events(subject: dict[str, Any], event: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        judged(CLAIMS | {"sub_id": subject, "events": event})


def test_key_sets() -> None:
    small = RSAKey.generate_key(2048, {"kid": "small"}, auto_kid=False).as_dict(private=False)
    documents: tuple[dict[str, Any], ...] = (
        {"keys": []},
        {"keys": {}},
        {"keys": [KEY.as_dict(private=True) | {"use": "sig", "alg": "RS256"}]},
        public(use="enc"),
        public(alg="RS512"),
        public(kid=""),
        {"keys": [*public()["keys"], *public()["keys"]]},
        {"keys": [small]},
    )
    for document in documents:
        with pytest.raises(Refused):
            keys.read(document)
    assert keys.bits(keys.read(public())["k1"]) == 2048
