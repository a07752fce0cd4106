from __future__ import annotations

import pytest

from bridge.receiver.rules import notes
from tests.receiver.changes import CAEP, NOW, OKTA, Change, Json, check, drop, event, put

WHERE = "events.mediationDeviceComplianceChangeEvent"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (drop("event.previous_status"), f"{WHERE}.previousStatus: cannot be blank"),
        (put("event.previous_status", ""), f"{WHERE}.previousStatus: cannot be blank"),
        (drop("event.current_status"), f"{WHERE}.currentStatus: cannot be blank"),
        (put("event.current_status", "non-compliant"), f"{WHERE}.currentStatus"),
        (put("event.current_status", "Compliant"), f"{WHERE}.currentStatus"),
        (put("event.current_status", ["compliant"]), f"{WHERE}.currentStatus"),
        (drop("event.event_timestamp"), f"{WHERE}.eventTimestamp: cannot be blank"),
        (put("event.event_timestamp", 1795348791.0), f"{WHERE}.eventTimestamp"),
        (put("event.event_timestamp", "1795348791"), f"{WHERE}.eventTimestamp"),
        (put("event.event_timestamp", True), f"{WHERE}.eventTimestamp"),
        (drop("event.reason_admin"), "reasonAdmin and reasonUser"),
        (put("event.reason_admin", None), "reasonAdmin and reasonUser"),
        (put("event.reason_admin", "text"), f"{WHERE}.reasonAdmin"),
        (put("event.reason_admin", {}), f"{WHERE}.reasonAdmin.en: cannot be blank"),
        (put("event.reason_admin", {"de": "aus"}), f"{WHERE}.reasonAdmin.en: cannot be blank"),
        (put("event.reason_admin", {"en": " "}), f"{WHERE}.reasonAdmin.en: cannot be blank"),
        (put("event.reason_user", {"de": "aus"}), f"{WHERE}.reasonUser.en: cannot be blank"),
        (put("event.initiating_entity", "system2"), f"{WHERE}.initiatingEntity"),
        (drop("event.subject"), f"{WHERE}.subject: cannot be blank"),
        (put("event.subject", {}), f"{WHERE}.subject"),
        (put("event.subject", "dana"), f"{WHERE}.subject"),
        (put("event.subject", {"format": "email", "email": "a@b.example"}), f"{WHERE}.subject"),
        (put("event.subject.format", "complex"), f"{WHERE}.subject"),
        (put("event.subject.tenant", {"format": "opaque", "id": "t"}), f"{WHERE}.subject"),
        (put("event.subject.user", "dana"), f"{WHERE}.subject.user"),
        (put("event.subject.user", {"email": "a@b.example"}), f"{WHERE}.subject.user"),
        (put("event.subject.user.format", "emali"), f"{WHERE}.subject.user"),
        (put("event.subject.user.format", ["email"]), f"{WHERE}.subject.user"),
        (put("event.subject.user.email", ""), f"{WHERE}.subject.user.email: cannot be blank"),
        (put("event.subject.device.id", None), f"{WHERE}.subject.device.id: cannot be blank"),
        (put("aud", ["https://acme.okta.com"]), "aud must be a string"),
        (event(CAEP + "credential-change", reason_admin={"en": "x"}), "credential-change"),
        (event(CAEP + "risk-level-change", reason_admin={"en": "x"}), "risk-level-change"),
        (event("https://schemas.openid.net/secevent/ssf/event-type/verification"), "verification"),
        (event(OKTA + "user-risk-change", reason_admin={"en": "x"}, previous_level="low"), "currentRiskLevel"),
        (
            event(OKTA + "user-risk-change", reason_admin={"en": "x"}, previous_level="low", current_level="HIGH"),
            "currentRiskLevel",
        ),
        (event(OKTA + "ip-change", reason_admin={"en": "x"}, current_ip_address="1.2.3.4"), "previousIpAddress"),
        (event(CAEP + "session-revoked"), "reasonAdmin"),
        (event(CAEP + "session-revoked", reason_user={"en": "x"}, current_ip=7), "currentIp"),
    ],
)
def test_okta_refuses(header: Json, okta_claims: Json, change: Change, says: str) -> None:
    change(okta_claims)
    error = check(header, okta_claims, "okta")
    assert error is not None and error.err == "invalid_request" and says in error.description


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (put("event.event_timestamp", NOW), None),
        (drop("event.initiating_entity"), None),
        (drop("event.subject.device"), None),
        (drop("event.subject.user"), "no user"),
        (put("event.reason_user", {"en": "x", "de": "y"}), None),
        (put("event.previous_status", "not-compliant"), "equals"),
        (put("event.event_timestamp", NOW * 1000), "milliseconds"),
        (put("sub_id", {"format": "email", "email": "a@b.example"}), "sub_id"),
        (put("txn", "t"), "txn"),
        (put("iat", NOW + 10_000), None),
        (put("event.subject.user", {"format": "iss_sub", "iss": "https://acme.okta.com", "sub": "00u1"}), None),
        (event(CAEP + "session-revoked", reason_user={"en": "x"}, current_ip="1.2.3.4"), None),
        (event("https://schemas.openid.net/secevent/risc/event-type/identifier-changed"), None),
        (
            event(OKTA + "device-risk-change", reason_user={"en": "x"}, current_level="high", previous_level="none"),
            None,
        ),
        (event(OKTA + "ip-change", reason_user={"en": "x"}, current_ip_address="1", previous_ip_address="2"), None),
    ],
)
def test_okta_takes_what_its_schema_leaves_open(
    header: Json, okta_claims: Json, change: Change, note: str | None
) -> None:
    change(okta_claims)
    assert check(header, okta_claims, "okta") is None
    said = notes(okta_claims, "okta")
    assert (note is None and said == ()) or (note is not None and len(said) == 1 and note in said[0])


def test_okta_checks_every_event_of_a_set(header: Json, okta_claims: Json) -> None:
    okta_claims["events"][CAEP + "session-revoked"] = {}
    error = check(header, okta_claims, "okta")
    assert error is not None and "mediationSessionRevokedEvent.eventTimestamp" in error.description
