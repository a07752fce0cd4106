"""The events about a stream itself: verification and stream-updated."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from bridge.model import ProfileName, Shape, Stream, StreamStatus
from bridge.receiver.rules import check_content
from bridge.ssf.anew import anew, is_stale
from bridge.ssf.profile import Claims, stream_updated, verification
from tests.ssf.given import ISSUER, stream

SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
SSE = "https://schemas.openid.net/secevent/sse/event-type/"
ABOUT = {"format": "opaque", "id": "s1"}
ENVELOPE = {"iss": ISSUER, "aud": "https://rp.example", "jti": "j", "iat": 7, "sub_id": ABOUT}


def verified(to: Stream, state: str | None = None) -> Claims:
    return verification(to, issuer=ISSUER, jti="j", iat=7, state=state)


def updated(to: Stream, status: StreamStatus = "paused", reason: str | None = None) -> Claims:
    return stream_updated(to, issuer=ISSUER, jti="j", iat=7, status=status, reason=reason)


@pytest.mark.parametrize(("state", "said"), [(None, {}), ("n-1", {"state": "n-1"}), ("", {"state": ""})])
def test_the_state_is_echoed_and_never_made_up(state: str | None, said: Claims) -> None:
    assert verified(stream(), state) == {**ENVELOPE, "events": {f"{SSF}verification": said}}
    inside = {"subject": ABOUT, **said}
    assert verified(stream(profile="sse"), state) == {**ENVELOPE, "events": {f"{SSF}verification": inside}}


def test_what_it_comes_of_is_named() -> None:
    """SSF 1.0 §4.1.9: as with all other events; and kept when it is minted anew."""
    made = verification(stream(), issuer=ISSUER, jti="j", iat=7, state=None, txn="t")
    assert made["txn"] == "t"
    assert anew(made, stream(), "t", issuer=ISSUER, jti="j", iat=7) == made
    told = stream_updated(stream(), issuer=ISSUER, jti="j", iat=7, status="paused", txn="t")
    assert told["txn"] == "t" and not is_stale(told, stream(), "t", issuer=ISSUER)
    silent = verification(stream(send_txn=False), issuer=ISSUER, jti="j", iat=7, state=None, txn="t")
    assert "txn" not in silent


@pytest.mark.parametrize("status", get_args(StreamStatus))
@pytest.mark.parametrize("reason", [None, "the receiver took nothing for 72 hours"])
def test_stream_updated(status: StreamStatus, reason: str | None) -> None:
    said = {"status": status} | ({} if reason is None else {"reason": reason})
    assert updated(stream(), status, reason) == {**ENVELOPE, "events": {f"{SSF}stream-updated": said}}
    inside = {"subject": ABOUT, **said}
    assert updated(stream(profile="sse"), status, reason)["events"] == {f"{SSF}stream-updated": inside}


@pytest.mark.parametrize("profile", ["ssf", "sse"])
def test_other_options_leave_them_alone(profile: ProfileName) -> None:
    """SSF 1.0 §3.1.2: an event that CAEP did not know before has its subject in `sub_id` alone."""
    options = Shape(
        subject_format="iss_sub", subject_issuer="https://i", legacy_subject=True, bare_subject=True, tenant="t"
    )
    plain, other = stream(profile=profile), stream(profile=profile, subject="user", shape=options)
    assert verified(other) == verified(plain) and updated(other) == updated(plain)


def test_the_names_of_the_draft() -> None:
    to = stream(profile="sse", shape=Shape(legacy_events=True))
    assert verified(to, "s")["events"] == {f"{SSE}verification": {"subject": ABOUT, "state": "s"}}
    assert updated(to)["events"] == {f"{SSE}stream-updated": {"subject": ABOUT, "status": "paused"}}


@pytest.mark.parametrize("profile", ["ssf", "sse"])
def test_receivers_take_them(profile: Any) -> None:
    for made in (verified(stream(profile=profile), "s"), updated(stream(profile=profile))):
        assert check_content(made, profile, audience="https://rp.example", now=8) is None
    old = stream(profile="sse", shape=Shape(legacy_events=True))
    for made in (verified(old), updated(old)):
        assert check_content(made, "sse", audience="https://rp.example", now=8) is None


@pytest.mark.parametrize("make", [verified, updated])
def test_okta_never_gets_one(make: Any) -> None:
    with pytest.raises(ValueError, match="okta"):
        make(stream(profile="okta"))


SHAPES = [
    stream(), stream(profile="sse"), stream(profile="sse", shape=Shape(legacy_events=True)),
    stream(audience="https://other.example"),
]  # fmt: skip


@pytest.mark.parametrize("before", SHAPES)
@pytest.mark.parametrize("after", SHAPES)
@pytest.mark.parametrize(
    "make",
    [
        lambda to: verified(to), lambda to: verified(to, "n-1"),
        lambda to: updated(to, "disabled"), lambda to: updated(to, "enabled", "well again"),
    ],
)  # fmt: skip
def test_said_anew(before: Stream, after: Stream, make: Any) -> None:
    old, wanted = make(before), make(after)
    assert anew(old, after, "", issuer=ISSUER, jti="j", iat=7) == wanted
    assert is_stale(old, after, "", issuer=ISSUER) is (old != wanted)


def test_said_anew_for_okta_it_keeps_its_form() -> None:
    old = verified(stream(), "s")
    new = anew(old, stream(profile="okta"), "", issuer=ISSUER, jti="new", iat=8)
    assert new == {**old, "jti": "new", "iat": 8}
