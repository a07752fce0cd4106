from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.model import Stream
from bridge.ssf.profile import Claims, claims
from tests.ssf.given import EVENT, ISSUER, stream

GOLDEN = Path(__file__).parent.parent / "data" / "sets"

OKTA = {"profile": "okta", "audience": "https://acme.okta.com", "aggregate": "user"}
STREAMS: dict[str, Stream] = {
    "ssf-device": stream(),
    "ssf-user": stream(subject="user", aggregate="user"),
    "ssf-device-no-txn": stream(send_txn=False, send_sub_id=False),
    "okta-device": stream(**OKTA),
    "okta-user": stream(**OKTA, subject="user"),
    "okta-device-doubled": stream(**OKTA, send_sub_id=True, send_txn=True),
    "sse-device": stream(profile="sse"),
    "sse-user": stream(profile="sse", subject="user", aggregate="user"),
}


def told(to: Stream, **changes: Any) -> Claims:
    return claims(replace(EVENT, **changes), to, issuer=ISSUER, jti="01JD9Z6W3C5K8N2Q7R4T1V0XYA", iat=1795348800)


@pytest.mark.parametrize("name", STREAMS)
def test_golden(name: str) -> None:
    assert told(STREAMS[name]) == json.loads((GOLDEN / f"{name}.json").read_text())


def test_every_golden_file_is_compared() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(STREAMS)


@pytest.mark.parametrize("name", STREAMS)
def test_what_no_profile_may_carry(name: str) -> None:
    made = told(STREAMS[name])
    assert not {"sub", "exp", "nbf", "toe"} & made.keys()
    assert isinstance(made["aud"], str)
    assert type(made["iat"]) is int
    (payload,) = made["events"].values()
    assert type(payload["event_timestamp"]) is int


@pytest.mark.parametrize(
    ("profile", "given", "sent"),
    [("ssf", None, True), ("ssf", True, True), ("ssf", False, False), ("sse", None, True), ("sse", False, False),
     ("okta", None, False), ("okta", True, True), ("okta", False, False)],
)  # fmt: skip
def test_txn_as_the_stream_says(profile: str, given: bool | None, sent: bool) -> None:
    assert ("txn" in told(stream(profile=profile, send_txn=given))) is sent


@pytest.mark.parametrize(
    ("profile", "given", "sent"),
    [("ssf", None, True), ("ssf", False, True), ("sse", False, True), ("okta", None, False), ("okta", False, False),
     ("okta", True, True)],
)  # fmt: skip
def test_only_okta_can_do_without_sub_id(profile: str, given: bool | None, sent: bool) -> None:
    assert ("sub_id" in told(stream(profile=profile, send_sub_id=given))) is sent


def test_the_event_is_never_after_the_issue() -> None:
    assert told(stream(), at=1795348805)["iat"] == 1795348805
